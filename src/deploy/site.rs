//! A project at its hosts: looked at, and brought to what is asked. What `up`, `scale` and `upgrade` share.

use std::sync::Arc;

use super::contents::Contents;
use super::deployment::Deployment;
use super::error::{DeployError, Misfit};
use super::event::Event;
use super::operator::Operator;
use super::pool::Pool;
use super::{execute, published, up};
use crate::compose::Project;
use crate::engine::{Engine, Observation, observe};
use crate::plan::revision::Digests;
use crate::plan::{self, Plan, UpOptions};

/// A project, the hosts that are ready for it, and the contents that it brings.
pub(super) struct Site<'a> {
    pub project: &'a Arc<Project>,
    pub operator: &'a Operator,
    pub pool: &'a Pool,
    /// The operator's own engine, where one answers.
    pub builder: Option<&'a Engine>,
    contents: Arc<Contents>,
    /// Images to look for beside those that the file names.
    exact_images: Vec<String>,
}

impl<'a> Site<'a> {
    /// # Errors
    ///
    /// The key of the contents' digests cannot be had.
    pub(super) fn new(
        project: &'a Arc<Project>,
        operator: &'a Operator,
        pool: &'a Pool,
        builder: Option<&'a Engine>,
        contents: Contents,
    ) -> Result<Self, DeployError> {
        // The key comes from the pool's authority, which a new pool has only now.
        let contents = Arc::new(contents.with_digests(&up::digest_key(project, operator)?));
        Ok(Site {
            project,
            operator,
            pool,
            builder,
            contents,
            exact_images: Vec::new(),
        })
    }

    /// The same, with these images looked for, too.
    pub(super) fn with_images<'i>(mut self, images: impl IntoIterator<Item = &'i String>) -> Self {
        self.exact_images = images.into_iter().cloned().collect();
        self
    }

    /// The digests of the contents that the project brings.
    pub(super) fn digests(&self) -> Digests<'_> {
        Digests {
            configs: &self.contents.config_digests,
            secrets: &self.contents.secret_digests,
        }
    }

    /// What runs now.
    pub(super) async fn look(&self) -> Result<Observation, DeployError> {
        let mut images = up::image_names(self.project);
        images.extend(self.exact_images.iter().cloned());
        let engines = &self.pool.engines;
        Ok(observe::observe(engines, &self.project.name, &images, self.builder).await?)
    }

    /// What carrying out a step needs.
    pub(super) fn deployment(&self) -> Deployment {
        Deployment::new(
            Arc::clone(self.project),
            self.operator,
            self.pool.engines.clone(),
            self.builder.cloned(),
            Arc::clone(&self.contents),
        )
    }

    /// The plan from what was seen to what is asked. Images are built already.
    pub(super) fn plan(&self, observed: &Observation, options: &UpOptions) -> Result<Plan, DeployError> {
        let settled = UpOptions {
            images: plan::images::ImageOptions {
                build: false,
                ..options.images
            },
            ..options.clone()
        };
        plan::up(
            self.project,
            up::situation(observed, self.builder, &self.contents),
            &settled,
        )
        .map_err(|errors| Misfit::all(self.project, errors))
    }

    /// Brings the services to what is asked, and gives the number of steps done.
    pub(super) async fn bring(&self, observed: &Observation, options: &UpOptions) -> Result<usize, DeployError> {
        let plan = self.plan(observed, options)?;
        for note in &plan.notes {
            self.operator.events.emit(Event::Note {
                message: note.message.clone(),
                place: note.place.clone(),
            });
        }
        execute::execute(&plan, &self.deployment()).await
    }

    /// Tells where the project's published ports answer.
    pub(super) fn tell_addresses(&self, observed: &Observation) {
        for (service, addresses) in published::addresses(self.project, observed, &self.pool.hosts) {
            self.operator.events.emit(Event::Published { service, addresses });
        }
    }
}
