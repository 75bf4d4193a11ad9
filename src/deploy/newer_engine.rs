//! What a request asks for that an older engine would pass over in silence: it is an error instead.
//!
//! Knows with which version of the Engine API each such field came (its version history). Never changes a request.

use super::error::StepError;
use crate::engine::{Engine, models};
use crate::plan::ContainerPlan;

/// An attribute, and the version of the API and of Docker that it came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Need {
    attribute: &'static str,
    api: (u32, u32),
    docker: &'static str,
}

/// Makes sure that an engine knows all that a container is to be made with. Asks only where there is something to ask.
///
/// # Errors
///
/// [`StepError::EngineTooOld`]; the engine does not answer.
pub(super) async fn for_container(engine: &Engine, planned: &ContainerPlan) -> Result<(), StepError> {
    check(engine, &needs_of_container(planned)).await
}

/// The same for a network.
///
/// # Errors
///
/// As above.
pub(super) async fn for_network(engine: &Engine, request: &models::NetworkCreateRequest) -> Result<(), StepError> {
    let need = Need {
        attribute: "enable_ipv4",
        api: (1, 48),
        docker: "28.0",
    };
    let needs: Vec<Need> = (request.enable_ipv4 == Some(false))
        .then_some(need)
        .into_iter()
        .collect();
    check(engine, &needs).await
}

async fn check(engine: &Engine, needs: &[Need]) -> Result<(), StepError> {
    if needs.is_empty() {
        return Ok(());
    }
    let version = engine.version().await?;
    match needs.iter().find(|need| !version.speaks(need.api.0, need.api.1)) {
        None => Ok(()),
        Some(need) => Err(StepError::EngineTooOld {
            engine: engine.name.clone(),
            attribute: need.attribute,
            needs: need.docker,
            has: version.version,
        }),
    }
}

fn needs_of_container(planned: &ContainerPlan) -> Vec<Need> {
    let host_config = planned.body.host_config.as_ref();
    let mounts = host_config.and_then(|host_config| host_config.mounts.as_ref());
    let read_only_inside = mounts.into_iter().flatten().any(|mount| {
        let options = mount.bind_options.as_ref();
        options.is_some_and(|options| {
            options.read_only_force_recursive == Some(true) || options.read_only_non_recursive == Some(true)
        })
    });
    let first = planned.body.networking_config.as_ref();
    let first = first.and_then(|networking| networking.endpoints_config.as_ref());
    let later = || planned.networks.iter().map(|(_, endpoint)| endpoint);
    let endpoints = || first.into_iter().flat_map(|first| first.values()).chain(later());
    let named = |endpoint: &models::EndpointSettings| {
        let options = endpoint.driver_opts.as_ref();
        options.is_some_and(|options| options.contains_key(crate::plan::INTERFACE_NAME))
    };
    let uses = [
        (read_only_inside, "bind.recursive", (1, 44), "25.0"),
        // That of the first network is the container's own, which every engine knows.
        (
            later().any(|endpoint| endpoint.mac_address.is_some()),
            "mac_address of more than one network",
            (1, 44),
            "25.0",
        ),
        (
            endpoints().any(|endpoint| endpoint.gw_priority.is_some_and(|priority| priority != 0)),
            "gw_priority",
            (1, 48),
            "28.0",
        ),
        (endpoints().any(named), "interface_name", (1, 49), "28.1"),
    ];
    uses.into_iter()
        .filter(|(used, ..)| *used)
        .map(|(_, attribute, api, docker)| Need { attribute, api, docker })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Readiness;

    fn planned(later: models::EndpointSettings) -> ContainerPlan {
        let first = models::EndpointSettings {
            mac_address: Some("02:42:ac:11:00:05".to_owned()),
            ..Default::default()
        };
        ContainerPlan {
            service: "web".to_owned(),
            number: 1,
            host: "lab-1".to_owned(),
            name: "shop-web-1".to_owned(),
            image: "nginx".to_owned(),
            platform: None,
            body: models::ContainerCreateBody {
                networking_config: Some(models::NetworkingConfig {
                    endpoints_config: Some([("front".to_owned(), first)].into()),
                }),
                ..Default::default()
            },
            networks: vec![("back".to_owned(), later)],
            files: Vec::new(),
            must_be: Readiness::Running,
            starts_first: false,
        }
    }

    fn asked(later: models::EndpointSettings) -> Vec<&'static str> {
        let needs = needs_of_container(&planned(later));
        needs.iter().map(|need| need.attribute).collect()
    }

    #[test]
    fn only_what_an_older_engine_would_drop_is_asked_for() {
        assert_eq!(asked(models::EndpointSettings::default()), [""; 0]);
        let named = models::EndpointSettings {
            driver_opts: Some([(crate::plan::INTERFACE_NAME.to_owned(), "eth7".to_owned())].into()),
            gw_priority: Some(3),
            ..Default::default()
        };
        assert_eq!(asked(named), ["gw_priority", "interface_name"]);
        let second_address = models::EndpointSettings {
            mac_address: Some("02:42:ac:11:00:06".to_owned()),
            ..Default::default()
        };
        assert_eq!(asked(second_address), ["mac_address of more than one network"]);
    }
}
