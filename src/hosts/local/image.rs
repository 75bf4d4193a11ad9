//! The host image: what a local host boots from. Built once per base image, by the operator's own engine.
//!
//! Knows the template in `provision/local-host`. Never changes an image that is there: another template or another base
//! image gives another name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bollard::query_parameters::BuildImageOptions;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::engine::{Credentials, Engine, EngineError};
use crate::hosts::{HostError, MakeProgress, OnProgress};

const TEMPLATE: &str = include_str!("../../../provision/local-host/Dockerfile.j2");
const BOOT: &str = include_str!("../../../provision/local-host/boot");
const REPOSITORY: &str = "hoist-host";
/// On a host image, and so on the containers of it: the base image that it was built from.
pub(super) const BASE: &str = "dev.hoist.base";
/// How much of a failed build's output is kept.
const KEPT_LINES: usize = 20;

/// The host images that this run has asked for, by base image.
#[derive(Debug, Default)]
pub struct HostImages {
    by_base: Mutex<HashMap<String, Arc<OnceCell<String>>>>,
}

impl HostImages {
    /// The name of the host image on `base`. Several may ask at once; it is built once.
    pub async fn ensure(
        &self,
        engine: &Engine,
        host: &str,
        base: &str,
        progress: OnProgress<'_>,
    ) -> Result<String, HostError> {
        let cell = {
            let mut by_base = self.by_base.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            Arc::clone(by_base.entry(base.to_owned()).or_default())
        };
        let building = || progress(MakeProgress::Preparing(format!("host image on {base}")));
        cell.get_or_try_init(|| ensure(engine, host, base, &building))
            .await
            .cloned()
    }
}

/// Whether the host image on `base` has to be built, or even its base image fetched, before a host can be made.
pub async fn is_missing(engine: &Engine, base: &str) -> Result<bool, EngineError> {
    let Some(found) = engine.image(base).await? else {
        return Ok(true);
    };
    Ok(engine.image(&image_name(&render(base), &found.id)).await?.is_none())
}

async fn ensure(engine: &Engine, host: &str, base: &str, building: &(dyn Fn() + Sync)) -> Result<String, HostError> {
    let failed = |source| HostError::Local {
        host: host.to_owned(),
        action: "building the host image".into(),
        source: Box::new(source),
    };
    let base_id = base_image(engine, base).await?;
    let dockerfile = render(base);
    let name = image_name(&dockerfile, &base_id);
    if engine.image(&name).await.map_err(failed)?.is_none() {
        building();
        build(engine, &name, base, &dockerfile).await.map_err(failed)?;
    }
    Ok(name)
}

/// The base image's id; pulled where it is missing.
async fn base_image(engine: &Engine, base: &str) -> Result<String, HostError> {
    let cannot = |source| HostError::BaseImage {
        image: base.to_owned(),
        source: Box::new(source),
    };
    if !is_reference(base) {
        return Err(cannot(EngineError::Image {
            engine: engine.name.clone(),
            image: base.to_owned(),
            reason: "it is not the name of an image".into(),
        }));
    }
    if let Some(image) = engine.image(base).await.map_err(cannot)? {
        return Ok(image.id);
    }
    let pulled = engine.pull(base, None, &Credentials::default(), |_| {}).await;
    Ok(pulled.map_err(cannot)?.id)
}

/// The characters that image references are made of; above all, no white space: the name becomes a line of a Dockerfile.
fn is_reference(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c))
}

fn render(base: &str) -> String {
    let mut environment = minijinja::Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment
        .render_str(TEMPLATE, minijinja::context! { base })
        .expect("the template is part of the program and a test renders it")
}

fn image_name(dockerfile: &str, base_id: &str) -> String {
    let mut digest = Sha256::new();
    for part in [dockerfile, BOOT, base_id] {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    let hex: String = digest
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{REPOSITORY}:{hex}")
}

fn context(dockerfile: &str) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content, mode) in [("Dockerfile", dockerfile, 0o644), ("boot", BOOT, 0o755)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        archive.append_data(&mut header, name, content.as_bytes())?;
    }
    archive.into_inner()
}

async fn build(engine: &Engine, name: &str, base: &str, dockerfile: &str) -> Result<(), EngineError> {
    let mut output = Vec::new();
    let failed = |reason: String, output: &[String]| EngineError::Build {
        image: name.to_owned(),
        reason,
        output: output[output.len().saturating_sub(KEPT_LINES)..].to_vec(),
    };
    let context = context(dockerfile).map_err(|error| failed(error.to_string(), &[]))?;
    let options = BuildImageOptions {
        dockerfile: "Dockerfile".into(),
        t: Some(name.to_owned()),
        labels: Some([(BASE.to_owned(), base.to_owned())].into()),
        rm: true,
        forcerm: true,
        ..BuildImageOptions::default()
    };
    let mut words = engine
        .docker
        .build_image(options, None, Some(bollard::body_full(context.into())));
    while let Some(word) = words.next().await {
        let word = word.map_err(|error| match error {
            bollard::errors::Error::DockerStreamError { error } => failed(error, &output),
            other => failed(other.to_string(), &output),
        })?;
        if let Some(message) = word.error_detail.and_then(|detail| detail.message) {
            return Err(failed(message, &output));
        }
        let text = word.stream.unwrap_or_default();
        output.extend(text.lines().filter(|line| !line.is_empty()).map(str::to_owned));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_starts_from_the_base_image() {
        assert!(render("debian:12").contains("\nFROM debian:12\n"));
    }

    #[test]
    fn another_base_image_or_template_gives_another_name() {
        let name = image_name("FROM a", "sha256:1");
        assert_eq!(name, image_name("FROM a", "sha256:1"));
        assert_ne!(name, image_name("FROM a", "sha256:2"));
        assert_ne!(name, image_name("FROM b", "sha256:1"));
        assert!(name.starts_with("hoist-host:") && name.len() == "hoist-host:".len() + 16);
    }

    #[test]
    fn what_would_add_a_line_to_the_dockerfile_is_no_image_name() {
        assert!(is_reference("registry.example.org:5000/base/debian@sha256:ab"));
        for name in ["", "debian:12\nRUN true", "debian 12", "debian:12#"] {
            assert!(!is_reference(name), "{name:?}");
        }
    }
}
