//! One look at everything that engines report about a project.
//!
//! Knows which calls make an [`Observation`], and makes them all at once. Draws no conclusion, except to leave out a host
//! that its cluster holds for lost as well.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::connection::{Engine, Engines};
use super::error::EngineError;
use super::observation::{
    Cluster, Observation, ObservedContainer, ObservedImage, ObservedIngress, ObservedNetwork, ObservedNode,
    ObservedObject, ObservedService, ObservedTask, ObservedVolume, SetAside,
};
use super::{labels, models};

/// After this a host of a cluster counts as one that does not answer: the others go on without it.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// An engine that nothing stands in for is waited for longer: a busy machine's may be slow for a while.
const LONE_ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// On a container: the Swarm task that it is.
const TASK_ID: &str = "com.docker.swarm.task.id";

/// Asks every engine for what it knows of `project`, and for which of `images` it has; `builder` only for its images.
///
/// # Errors
///
/// Where the manager does not answer, and where a host does not while its node is ready.
pub async fn observe(
    engines: &Engines,
    project: &str,
    images: &[String],
    builder: Option<&Engine>,
) -> Result<Observation, EngineError> {
    let (observation, mut silent) = gather(engines, project, images, builder).await?;
    match silent.is_empty() {
        true => Ok(observation),
        false => Err(silent.remove(0)),
    }
}

/// The same for one who only looks: what could be asked, and the errors of hosts that did not answer while their nodes are
/// ready. A cluster's own replicas on such hosts are known all the same; containers and volumes on them are not.
///
/// # Errors
///
/// Where the manager does not answer; without a cluster, where the engine does not.
pub async fn observe_what_answers(
    engines: &Engines,
    project: &str,
) -> Result<(Observation, Vec<EngineError>), EngineError> {
    gather(engines, project, &[], None).await
}

async fn gather(
    engines: &Engines,
    project: &str,
    images: &[String],
    builder: Option<&Engine>,
) -> Result<(Observation, Vec<EngineError>), EngineError> {
    let label = &format!("{}={project}", labels::PROJECT);
    let builder = builder.filter(|builder| !engines.hosts.contains_key(&builder.name));
    let host_limit = match engines.manager {
        Some(_) => ANSWER_LIMIT,
        None => LONE_ANSWER_LIMIT,
    };
    let (cluster, hosts, built) = tokio::join!(
        async {
            match &engines.manager {
                Some(manager) => within(ANSWER_LIMIT, manager, observe_cluster(manager, project))
                    .await
                    .map(Some),
                None => Ok(None),
            }
        },
        join_all(engines.hosts.iter().map(|(name, engine)| async move {
            (
                name,
                within(host_limit, engine, observe_host(engine, label, images)).await,
            )
        })),
        async {
            match builder {
                Some(builder) => {
                    let found = within(LONE_ANSWER_LIMIT, builder, builder.images(images)).await;
                    Some((builder, found))
                }
                None => None,
            }
        },
    );
    let mut observation = Observation {
        engine: engines
            .hosts
            .keys()
            .next()
            .cloned()
            .filter(|_| engines.manager.is_none()),
        ..Observation::default()
    };
    if let Some(found) = cluster? {
        observation.services = found.services;
        observation.tasks = found.tasks;
        observation.networks = found.networks;
        observation.configs = found.configs;
        observation.secrets = found.secrets;
        observation.revisions = found.revisions;
        observation.ingress = found.ingress;
        observation.cluster = Some(found.cluster);
    }
    let mut silent = Vec::new();
    for (name, outcome) in hosts {
        match outcome {
            Ok(found) => {
                let (aside, in_use): (Vec<_>, Vec<_>) =
                    (found.containers.into_iter()).partition(|found| SetAside::read(&found.name).is_some());
                observation.containers.extend(in_use);
                observation.set_aside.extend(aside);
                observation.volumes.extend(found.volumes);
                observation.networks.extend(found.networks);
                observation.images.insert(name.clone(), found.images);
            }
            Err(error) if error.is_unreachable() && held_for_lost(&observation, name) => {
                observation
                    .unreachable
                    .push((name.clone(), super::error::cause_chain(&error)));
            }
            Err(error) if error.is_unreachable() && observation.cluster.is_some() => silent.push(error),
            Err(error) => return Err(error),
        }
    }
    if let Some((builder, found)) = built {
        observation.images.insert(builder.name.clone(), found?);
    }
    Ok((observation, silent))
}

struct ClusterSide {
    cluster: Cluster,
    services: Vec<ObservedService>,
    tasks: Vec<ObservedTask>,
    networks: Vec<ObservedNetwork>,
    configs: Vec<ObservedObject>,
    secrets: Vec<ObservedObject>,
    revisions: Vec<ObservedObject>,
    ingress: ObservedIngress,
}

async fn observe_cluster(manager: &Engine, project: &str) -> Result<ClusterSide, EngineError> {
    let own = format!("{}={project}", labels::PROJECT);
    let filter = [own.as_str()];
    let revision = format!("{}={project}", labels::REVISION);
    let revision_filter = [revision.as_str()];
    let system = format!("{}={}", labels::SYSTEM, labels::SYSTEM_INGRESS);
    let system_filter = [system.as_str()];
    let (id, nodes, services, tasks, networks, configs, secrets, revisions, all_services, system_tasks) = tokio::try_join!(
        manager.cluster_id(),
        manager.nodes(),
        manager.services(&filter),
        manager.tasks(&filter),
        // All of them: an external network carries no label of the project.
        manager.networks(&[]),
        manager.configs(&filter),
        manager.secrets(&filter),
        manager.configs(&revision_filter),
        manager.services(&[]),
        manager.tasks(&system_filter),
    )?;
    Ok(ClusterSide {
        cluster: Cluster { id, nodes },
        services,
        tasks,
        networks: networks.into_iter().filter(|network| network.host.is_none()).collect(),
        configs,
        secrets,
        revisions,
        ingress: ingress_among(all_services, system_tasks),
    })
}

/// What of a cluster's services concerns its ingress.
fn ingress_among(services: Vec<ObservedService>, tasks: Vec<ObservedTask>) -> ObservedIngress {
    let mut ingress = ObservedIngress {
        tasks,
        ..ObservedIngress::default()
    };
    for service in services {
        if service.labels.get(labels::SYSTEM).map(String::as_str) == Some(labels::SYSTEM_INGRESS) {
            ingress.system.push(service);
            continue;
        }
        let endpoint = service.spec.endpoint_spec.as_ref();
        for port in endpoint
            .and_then(|endpoint| endpoint.ports.as_ref())
            .into_iter()
            .flatten()
        {
            let tcp = port
                .protocol
                .is_none_or(|protocol| protocol == models::EndpointPortConfigProtocolEnum::TCP);
            if let (true, Some(number)) = (tcp, port.published_port.and_then(|port| u16::try_from(port).ok())) {
                ingress.published.insert(number, service.name.clone());
            }
        }
        if service.labels.contains_key(labels::INGRESS) {
            ingress.services.push(service);
        }
    }
    ingress
}

struct HostSide {
    containers: Vec<ObservedContainer>,
    volumes: Vec<ObservedVolume>,
    networks: Vec<ObservedNetwork>,
    images: BTreeMap<String, ObservedImage>,
}

async fn observe_host(engine: &Engine, label: &str, images: &[String]) -> Result<HostSide, EngineError> {
    let filter = [label];
    let (containers, volumes, networks, images) = tokio::try_join!(
        engine.containers(&filter),
        // All of them: an external volume or network carries no label of the project.
        engine.volumes(&[]),
        engine.networks(&[]),
        engine.images(images),
    )?;
    Ok(HostSide {
        containers: containers
            .into_iter()
            .filter(|container| !container.labels.contains_key(TASK_ID))
            .collect(),
        volumes,
        networks: networks.into_iter().filter(|network| network.host.is_some()).collect(),
        images,
    })
}

async fn within<T>(
    limit: Duration,
    engine: &Engine,
    asking: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    match tokio::time::timeout(limit, asking).await {
        Ok(outcome) => outcome,
        Err(_) => Err(engine.silent(limit)),
    }
}

/// Whether the cluster has no ready node of that name. Without a cluster no host is expendable.
fn held_for_lost(observation: &Observation, host: &str) -> bool {
    // A machine that exists already has a name of its own beside Hoist's.
    let ready = |node: &ObservedNode| node.labels.get(labels::HOST).unwrap_or(&node.name) == host && node.ready;
    observation
        .cluster
        .as_ref()
        .is_some_and(|cluster| !cluster.nodes.iter().any(ready))
}
