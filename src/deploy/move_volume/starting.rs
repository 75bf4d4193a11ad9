//! What stopped for a volume's sake starts where the volume is, each service after those that it depends on.

use super::super::error::DeployError;
use super::super::services;
use super::{Way, from};
use crate::engine::observation::ObservedService;
use crate::engine::transfer::transfer;
use crate::engine::{Observation, labels};
use crate::plan::{ServicePlan, UpOptions, images, volume_move};

impl Way<'_> {
    /// Has every service run at the host, each after those that it depends on.
    pub(super) async fn start(&self, host: &str) -> Result<(), DeployError> {
        let observed = self.site.look().await?;
        self.bring_images(&observed, host).await?;
        for name in &self.planned.services {
            let own = |service: &&ObservedService| service.labels.get(labels::SERVICE) == Some(name);
            let started = match observed.services.iter().find(own) {
                Some(service) => self.start_service(name, service, host).await,
                None => self.start_containers(name, &observed, host).await,
            };
            match started {
                // Nobody waits for them any more; that they start is asked of all nevertheless.
                Err(DeployError::Interrupted { .. }) => {}
                other => other?,
            }
        }
        match self.deployment.interrupt.is_cancelled() {
            true => Err(self.interrupted()),
            false => Ok(()),
        }
    }

    async fn start_service(&self, name: &str, service: &ObservedService, host: &str) -> Result<(), DeployError> {
        let planned = ServicePlan::of_what_ran(name, volume_move::started(service, host));
        let up = services::update(self.deployment, &planned, &service.id).await;
        up.map_err(|error| self.failure(name, error))
    }

    async fn start_containers(&self, name: &str, observed: &Observation, host: &str) -> Result<(), DeployError> {
        let own = observed
            .containers
            .iter()
            .filter(|found| found.labels.get(labels::SERVICE).is_some_and(|own| own == name));
        let numbers = own.filter_map(|found| found.labels.get(labels::CONTAINER_NUMBER)?.parse().ok());
        let moves: std::collections::BTreeMap<(String, u64), String> = numbers
            .map(|number| ((name.to_owned(), number), host.to_owned()))
            .collect();
        if moves.is_empty() {
            return Ok(());
        }
        let keys = self
            .planned
            .volumes
            .iter()
            .map(|transit| (transit.key.clone(), host.to_owned()));
        let options = UpOptions {
            services: vec![name.to_owned()],
            no_deps: true,
            only_scale: true,
            moves,
            volumes_at: keys.collect(),
            ..UpOptions::default()
        };
        self.site.bring(&self.site.look().await?, &options).await.map(drop)
    }

    /// The new host lacks images that were sent from the operator's machine; the other one has them. What is not there
    /// either, the hosts get as they always do.
    async fn bring_images(&self, observed: &Observation, host: &str) -> Result<(), DeployError> {
        let others = self.planned.volumes.iter().filter_map(|transit| from(&transit.stage));
        let Some(from) = others
            .filter(|from| *from != host)
            .find_map(|from| self.deployment.engine(from).ok())
        else {
            return Ok(());
        };
        let onto = self.deployment.engine(host)?;
        for name in &self.planned.services {
            let own = |service: &&ObservedService| service.labels.get(labels::SERVICE) == Some(name);
            let running = observed
                .services
                .iter()
                .find(own)
                .map(|service| images::image_of(service).unwrap_or_default());
            let image = match running {
                Some(image) if image.starts_with("sha256:") => image.to_owned(),
                Some(_) => continue,
                None => self.site.project.services[name.as_str()].image_name(&self.site.project.name),
            };
            if from.image(&image).await?.is_none() {
                continue;
            }
            for arrived in transfer(from, std::slice::from_ref(onto), &image, |_, _| ())
                .await?
                .into_values()
            {
                arrived?;
            }
        }
        Ok(())
    }
}
