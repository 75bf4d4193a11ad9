//! Rancher's scheduling labels (`io.rancher.scheduler.*`), read from the labels of a service.
//!
//! What `deploy` has a word for becomes that; the rest becomes the service's affinity. Labels of the scheduler's that mean
//! nothing are a warning: the file is a good one all the same.

use super::read::entries;
use crate::compose::findings::Findings;
use crate::compose::model::{DeployMode, Neighbour, Service, Who};
use crate::compose::source::Place;
use crate::compose::tree::Node;

const GLOBAL: &str = "io.rancher.scheduler.global";
const AFFINITY: &str = "io.rancher.scheduler.affinity:";
/// Labels that Rancher gives to containers, with the stack's and the service's name.
const OF_SERVICE: [&str; 2] = ["io.rancher.stack_service.name", "io.rancher.project_service.name"];

/// Applies the labels of `node`, the service as the file has it.
pub fn apply(service: &mut Service, node: &Node, findings: &mut Findings) {
    for (key, entry) in entries(node, "labels") {
        let value = entry.value.scalar_text().unwrap_or_default();
        if key == GLOBAL && value == "true" && service.deploy.mode == DeployMode::Replicated {
            service.deploy.mode = DeployMode::Global;
        }
        if let Some(rule) = key.strip_prefix(AFFINITY) {
            let pairs = value.split(',').map(str::trim).filter(|pair| !pair.is_empty());
            for pair in pairs {
                one_rule(service, rule, pair, &entry.value.place, findings);
            }
        }
    }
}

fn one_rule(service: &mut Service, rule: &str, pair: &str, place: &Place, findings: &mut Findings) {
    let (rule, near) = rule.strip_suffix("_ne").map_or((rule, true), |rule| (rule, false));
    let (subject, hard) = rule
        .strip_suffix("_soft")
        .map_or((rule, true), |subject| (subject, false));
    let (key, value) = pair
        .split_once('=')
        .map_or((pair, ""), |(key, value)| (key.trim(), value.trim()));
    let who = match subject {
        "host_label" => {
            let constraint = format!("node.labels.{key} {} {value}", if near { "==" } else { "!=" });
            match hard {
                true => service.deploy.constraints.push(constraint),
                false => service.affinity.preferred.push(constraint),
            }
            return;
        }
        "container" => Who::Name(pair.to_owned()),
        "container_label" if OF_SERVICE.contains(&key) => {
            let name = value.rsplit('/').next().unwrap_or(value);
            let own = name == service.name || name == "${service_name}" || name == "$${service_name}";
            Who::Service(if own { service.name.clone() } else { name.to_owned() })
        }
        "container_label" => Who::Label {
            key: key.to_owned(),
            value: value.to_owned(),
        },
        _ => {
            let message = format!("no rule of Rancher's scheduler is called `{subject}`: it has no effect");
            findings.warning_hint(
                message,
                place,
                "there are `host_label`, `container_label` and `container`",
            );
            return;
        }
    };
    if who != Who::Service(service.name.clone()) {
        service.affinity.containers.push(Neighbour { who, near, hard });
        return;
    }
    match (near, hard) {
        // A service that shuns its own kind runs once on a host.
        (false, true) => {
            let most = service.deploy.max_replicas_per_node.unwrap_or(1);
            service.deploy.max_replicas_per_node = Some(most.min(1));
        }
        // Replicas are spread over the hosts anyway.
        (false, false) => {}
        (true, _) => findings.warning("a service is not kept near itself: the rule has no effect", place),
    }
}

#[cfg(test)]
mod tests {
    use crate::compose::model::{DeployMode, Neighbour, Service, Who};
    use crate::compose::testing::loaded;

    fn service(labels: &str) -> Service {
        let text = format!("services:\n  db: {{image: x}}\n  web: {{image: x, labels: {{{labels}}}}}\n");
        loaded(&text).project.services["web"].clone()
    }

    fn affinity(rule: &str, value: &str) -> Service {
        service(&format!("'io.rancher.scheduler.affinity:{rule}': '{value}'"))
    }

    #[test]
    fn what_deploy_has_a_word_for_becomes_that() {
        let labels = affinity("host_label", "disk=ssd, zone=a").deploy.constraints;
        assert_eq!(labels, ["node.labels.disk == ssd", "node.labels.zone == a"]);
        let labels = affinity("host_label_ne", "role=db").deploy.constraints;
        assert_eq!(labels, ["node.labels.role != db"]);
        assert_eq!(
            service("io.rancher.scheduler.global: 'true'").deploy.mode,
            DeployMode::Global
        );
        assert_eq!(
            service("io.rancher.scheduler.global: 'false'").deploy.mode,
            DeployMode::Replicated
        );
        for own in ["shop/web", "$${stack_name}/$${service_name}"] {
            let alone = affinity("container_label_ne", &format!("io.rancher.stack_service.name={own}"));
            assert_eq!(alone.deploy.max_replicas_per_node, Some(1), "{own}");
            assert!(alone.affinity.containers.is_empty());
        }
    }

    #[test]
    fn the_rest_is_kept_as_wishes_about_hosts_and_neighbours() {
        assert_eq!(
            affinity("host_label_soft_ne", "disk=hdd").affinity.preferred,
            ["node.labels.disk != hdd"]
        );
        let db = Who::Service("db".into());
        let label = Who::Label {
            key: "tier".into(),
            value: "data".into(),
        };
        for (rule, value, who, near, hard) in [
            (
                "container_label",
                "io.rancher.stack_service.name=shop/db",
                &db,
                true,
                true,
            ),
            (
                "container_label_ne",
                "io.rancher.stack_service.name=shop/db",
                &db,
                false,
                true,
            ),
            ("container_label_soft", "tier=data", &label, true, false),
            ("container_label_soft_ne", "tier=data", &label, false, false),
            ("container_ne", "cache", &Who::Name("cache".into()), false, true),
        ] {
            let expected = Neighbour {
                who: who.clone(),
                near,
                hard,
            };
            assert_eq!(affinity(rule, value).affinity.containers, [expected], "{rule}");
        }
    }
}
