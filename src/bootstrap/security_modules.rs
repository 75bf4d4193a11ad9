//! What the engine needs of a host whose kernel has a security module switched on. Pure.
//!
//! An engine confines each container by the module's profile or policy, and no container starts where the program that loads
//! the profile, or the policy itself, is missing. Both are packages of their own, which minimal installations leave out and
//! which Docker's packages only recommend.

use super::facts::Survey;

/// The packages that are missing on the host, by the names of its distribution.
pub(super) fn missing_packages(survey: &Survey) -> Vec<&'static str> {
    let manager = survey.facts.package_manager.as_deref().unwrap_or_default();
    let mut packages = Vec::new();
    if survey.facts.apparmor && !survey.state.apparmor_parser {
        match manager {
            "apt" => packages.push("apparmor"),
            "zypper" => packages.push("apparmor-parser"),
            // No distribution with dnf has AppArmor: the first container tells what such a host is missing.
            _ => {}
        }
    }
    if survey.facts.selinux.is_some() && !survey.state.container_selinux && matches!(manager, "dnf" | "zypper") {
        packages.push("container-selinux");
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::super::test_survey;
    use super::*;

    fn missing(manager: &str, change: impl FnOnce(&mut Survey)) -> Vec<&'static str> {
        let mut survey = test_survey();
        survey.facts.package_manager = Some(manager.to_string());
        change(&mut survey);
        missing_packages(&survey)
    }

    #[test]
    fn each_family_has_its_own_package_of_the_parser() {
        let apparmor = |survey: &mut Survey| survey.facts.apparmor = true;
        assert_eq!(missing("apt", apparmor), ["apparmor"]);
        assert_eq!(missing("zypper", apparmor), ["apparmor-parser"]);
        assert!(missing("dnf", apparmor).is_empty());
    }

    #[test]
    fn selinux_needs_the_policy_for_containers() {
        for mode in ["enforcing", "permissive"] {
            let selinux = |survey: &mut Survey| survey.facts.selinux = Some(mode.to_string());
            assert_eq!(missing("dnf", selinux), ["container-selinux"]);
            assert_eq!(missing("zypper", selinux), ["container-selinux"]);
            assert!(missing("apt", selinux).is_empty());
        }
    }

    #[test]
    fn what_is_installed_or_switched_off_needs_nothing() {
        assert!(missing("apt", |_| ()).is_empty());
        let both = |survey: &mut Survey| {
            survey.facts.apparmor = true;
            survey.facts.selinux = Some("enforcing".to_string());
            survey.state.apparmor_parser = true;
            survey.state.container_selinux = true;
        };
        for manager in ["apt", "dnf", "zypper"] {
            assert!(missing(manager, both).is_empty());
        }
    }
}
