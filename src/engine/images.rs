//! Images of one engine: which it has, pulling, naming and removing them.
//!
//! Knows the image calls of the Engine API. Never decides where an image should come from.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::query_parameters::{CreateImageOptions, ListImagesOptions, RemoveImageOptions, TagImageOptions};
use futures_util::StreamExt;

use super::connection::Engine;
use super::credentials::Credentials;
use super::error::EngineError;
use super::image_name::ImageName;
use super::models;
use super::observation::ObservedImage;
use super::request::filters;

/// A registry may take long before the first word of a pull.
const PULL_TIMEOUT: Duration = Duration::from_secs(600);

/// One word of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullProgress {
    /// The layer that it is about; `None`: the whole image.
    pub layer: Option<String>,
    /// `Downloading`, `Pull complete`, …
    pub status: String,
    /// Bytes.
    pub current: Option<u64>,
    pub total: Option<u64>,
}

impl Engine {
    /// The image of that name or id, if the engine has it. Shortened ids are understood as the engine does.
    pub async fn image(&self, name: &str) -> Result<Option<ObservedImage>, EngineError> {
        match self.inspect_image(name).await {
            Ok(found) => Ok(Some(ObservedImage {
                id: found.id.unwrap_or_default(),
                digest: real_digests(found.repo_digests.as_deref().unwrap_or_default())
                    .next()
                    .map(str::to_owned),
            })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All that the engine says of an image: its configuration, exposed ports, volumes, user and healthcheck.
    pub async fn inspect_image(&self, name: &str) -> Result<models::ImageInspect, EngineError> {
        self.docker
            .inspect_image(name)
            .await
            .map_err(self.failed(format!("inspect image `{name}`")))
    }

    /// Which of the names the engine has, keyed as they were asked for: one call, however many names.
    pub async fn images<S: AsRef<str>>(&self, names: &[S]) -> Result<BTreeMap<String, ObservedImage>, EngineError> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let wanted: Vec<(&str, ImageName)> = names
            .iter()
            .map(|name| (name.as_ref(), ImageName::parse(name.as_ref())))
            .collect();
        // The engine cannot filter by id, so that one id among the names makes it list everything.
        let any_id = wanted.iter().any(|(_, name)| matches!(name, ImageName::Id(_)));
        let references: Vec<String> = wanted.iter().map(|(_, name)| pattern(&name.reference())).collect();
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        let options = ListImagesOptions {
            filters: (!any_id).then(|| filters(&[("reference", &references)])),
            digests: true,
            ..ListImagesOptions::default()
        };
        let listed = self
            .docker
            .list_images(Some(options))
            .await
            .map_err(self.failed("list images"))?;
        Ok(match_images(&wanted, &listed))
    }

    /// Pulls one image and returns it.
    ///
    /// # Errors
    ///
    /// [`EngineError::Image`] with the registry's reason.
    pub async fn pull(
        &self,
        name: &str,
        platform: Option<&str>,
        credentials: &Credentials,
        mut progress: impl FnMut(PullProgress),
    ) -> Result<ObservedImage, EngineError> {
        let cannot = |reason: String| EngineError::Image {
            engine: self.name.clone(),
            image: name.to_owned(),
            reason,
        };
        let parsed = ImageName::parse(name);
        let Some(repository) = parsed.repository() else {
            return Err(cannot("an image id names no registry to pull from".into()));
        };
        let options = CreateImageOptions {
            from_image: Some(repository),
            tag: Some(parsed.tag_or_digest().to_owned()),
            platform: platform.unwrap_or_default().to_owned(),
            ..CreateImageOptions::default()
        };
        let patient = self.with_timeout(PULL_TIMEOUT);
        let mut words = patient
            .docker
            .create_image(Some(options), None, credentials.for_image(name));
        while let Some(word) = words.next().await {
            let word = word.map_err(|error| match self.failed("pull")(error) {
                EngineError::Call { message, .. } => cannot(message),
                other => other,
            })?;
            if let Some(message) = word.error_detail.and_then(|detail| detail.message) {
                return Err(cannot(message));
            }
            let detail = word.progress_detail.unwrap_or_default();
            progress(PullProgress {
                layer: word.id,
                status: word.status.unwrap_or_default(),
                current: detail.current.and_then(|bytes| u64::try_from(bytes).ok()),
                total: detail.total.and_then(|bytes| u64::try_from(bytes).ok()),
            });
        }
        self.image(name)
            .await?
            .ok_or_else(|| cannot("the pull ended, and it is not there".into()))
    }

    /// The digest that a registry has for the name now, asked for by the engine. Nothing is pulled.
    pub async fn registry_digest(&self, name: &str, credentials: &Credentials) -> Result<String, EngineError> {
        let cannot = |reason: String| EngineError::Image {
            engine: self.name.clone(),
            image: name.to_owned(),
            reason,
        };
        let found = self
            .docker
            .inspect_registry_image(name, credentials.for_image(name))
            .await
            .map_err(|error| match self.failed("ask the registry")(error) {
                EngineError::Call { message, .. } => cannot(message),
                other => other,
            })?;
        found
            .descriptor
            .digest
            .ok_or_else(|| cannot("the registry names no digest".into()))
    }

    /// Makes an image of one layer from a tar archive, without a registry. `name` has its tag.
    pub async fn import_image(&self, name: &str, archive: Vec<u8>) -> Result<(), EngineError> {
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        let options = CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(repository.to_owned()),
            tag: Some(tag.to_owned()),
            ..CreateImageOptions::default()
        };
        let body = bollard::body_full(archive.into());
        let mut words = self.docker.create_image(Some(options), Some(body), None);
        while let Some(word) = words.next().await {
            word.map_err(self.failed(format!("import image `{name}`")))?;
        }
        Ok(())
    }

    /// Gives an image a further name.
    pub async fn tag(&self, image: &str, name: &str) -> Result<(), EngineError> {
        let parsed = ImageName::parse(name);
        let options = TagImageOptions {
            repo: parsed.repository(),
            tag: Some(parsed.tag_or_digest().to_owned()),
        };
        self.docker
            .tag_image(image, Some(options))
            .await
            .map_err(self.failed(format!("tag `{image}` as `{name}`")))
    }

    /// Takes the name away, and the image with its last name. `force`: even if a stopped container uses it.
    pub async fn remove_image(&self, name: &str, force: bool) -> Result<(), EngineError> {
        let options = RemoveImageOptions {
            force,
            ..RemoveImageOptions::default()
        };
        self.docker
            .remove_image(name, Some(options), None)
            .await
            .map_err(self.failed(format!("remove image `{name}`")))?;
        Ok(())
    }
}

/// Go's `path.Match`, by which the engine filters, takes brackets (an IPv6 registry has them) for a set.
fn pattern(reference: &str) -> String {
    reference.replace('[', "\\[")
}

/// Images that were loaded, not pulled, are listed with `<none>@<none>`.
fn real_digests(digests: &[String]) -> impl Iterator<Item = &str> {
    digests
        .iter()
        .map(String::as_str)
        .filter(|digest| !digest.starts_with("<none>"))
}

fn match_images(wanted: &[(&str, ImageName)], listed: &[models::ImageSummary]) -> BTreeMap<String, ObservedImage> {
    let mut by_reference: BTreeMap<&str, &models::ImageSummary> = BTreeMap::new();
    for summary in listed {
        by_reference.insert(&summary.id, summary);
        for reference in summary
            .repo_tags
            .iter()
            .map(String::as_str)
            .chain(real_digests(&summary.repo_digests))
        {
            by_reference.insert(reference, summary);
        }
    }
    let mut found = BTreeMap::new();
    for (name, parsed) in wanted {
        let Some(summary) = by_reference.get(parsed.reference().as_str()) else {
            continue;
        };
        let own_repository = parsed.repository().map(|repository| repository + "@");
        let own = real_digests(&summary.repo_digests)
            .find(|digest| own_repository.as_deref().is_some_and(|own| digest.starts_with(own)));
        let image = ObservedImage {
            id: summary.id.clone(),
            digest: own
                .or_else(|| real_digests(&summary.repo_digests).next())
                .map(str::to_owned),
        };
        found.insert((*name).to_owned(), image);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_images_are_found_under_the_names_asked_for() {
        let id = |digit: &str| format!("sha256:{}", digit.repeat(64));
        let summary = |digit: &str, tags: &[&str], digests: &[String]| models::ImageSummary {
            id: id(digit),
            repo_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            repo_digests: digests.to_vec(),
            ..models::ImageSummary::default()
        };
        let listed = [
            summary(
                "1",
                &["nginx:latest"],
                &[format!("other@{}", id("8")), format!("nginx@{}", id("9"))],
            ),
            summary("2", &["localhost:5000/a/b:1"], &["<none>@<none>".into()]),
        ];
        let pinned = format!("nginx:1.27@{}", id("9"));
        let two = id("2");
        let names = [
            "nginx",
            "docker.io/library/nginx:latest",
            "localhost:5000/a/b:1",
            &pinned,
            &two,
            "absent",
        ];
        let wanted: Vec<_> = names.iter().map(|name| (*name, ImageName::parse(name))).collect();
        let found = match_images(&wanted, &listed);
        assert_eq!(found.len(), 5);
        assert_eq!(found["nginx"].digest, Some(format!("nginx@{}", id("9"))));
        assert_eq!(found["docker.io/library/nginx:latest"].id, id("1"));
        assert_eq!(found[&pinned].id, id("1"));
        assert_eq!(
            found["localhost:5000/a/b:1"],
            ObservedImage {
                id: two.clone(),
                digest: None
            }
        );
        assert_eq!(found[&two].id, two);
    }
}
