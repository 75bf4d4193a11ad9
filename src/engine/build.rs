//! Builds an image on one engine, with its classic builder.
//!
//! Knows the build call of the Engine API and what of a Compose `build` it takes. Never decides where to build.
//!
//! BuildKit is left out on purpose: its session needs a gRPC server in the client, and engines without the plugin lack it;
//! a Dockerfile with `RUN --mount` fails here with the engine's own words.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::BytesMut;
use futures_util::stream;
use http::Method;
use http_body_util::{BodyExt, Either, StreamBody};
use hyper::body::{Frame, Incoming};
use indexmap::IndexMap;
use serde::Deserialize;
use tokio::task::JoinHandle;

use super::build_context::{Chunks, ContextPlan};
use super::connection::Engine;
use super::credentials::Credentials;
use super::error::EngineError;
use super::request::{Target, empty_body};
use super::wire::Body;
use crate::compose::model::Build;

/// The engine answers when the whole context has arrived.
const BUILD_TIMEOUT: Duration = Duration::from_secs(4 * 3600);
/// How much of the output a failure keeps.
const KEPT_LINES: usize = 20;

/// One word of the builder.
#[derive(Deserialize)]
struct Word {
    stream: Option<String>,
    status: Option<String>,
    id: Option<String>,
    progress: Option<String>,
    error: Option<String>,
    aux: Option<Aux>,
}

#[derive(Deserialize)]
struct Aux {
    #[serde(rename = "ID")]
    id: Option<String>,
}

impl Engine {
    /// Builds `build`, names the image `image` (and `build.tags`), and returns its id. `line` hears the output line by line.
    ///
    /// # Errors
    ///
    /// [`EngineError::Build`] with the last lines of the output, [`EngineError::BuildContext`] where a file cannot be read.
    pub async fn build(
        &self,
        image: &str,
        build: &Build,
        credentials: &Credentials,
        line: impl FnMut(&str),
    ) -> Result<String, EngineError> {
        let failed = |reason: String, output: Vec<String>| EngineError::Build {
            image: image.to_owned(),
            reason,
            output,
        };
        if build.platforms.len() > 1 {
            let platforms = build.platforms.join(", ");
            return Err(failed(
                format!("one build makes an image for one platform, not for {platforms}"),
                Vec::new(),
            ));
        }
        let context = build.context.to_string_lossy();
        let (target, body, packing) = if is_remote(&context) {
            let dockerfile = build.dockerfile.as_deref().unwrap_or("Dockerfile");
            (
                target(image, build, dockerfile).with("remote", &context),
                empty_body(),
                None,
            )
        } else {
            let plan = ContextPlan::new(build)?;
            let target = target(image, build, &plan.dockerfile);
            let (chunks, packing) = plan.stream();
            (target, body_of(chunks), Some(packing))
        };
        let shown = serde_json::to_string(&credentials.for_build()).unwrap_or_default();
        let headers = [
            ("content-type", "application/x-tar"),
            ("x-registry-config", &URL_SAFE.encode(shown)),
        ];
        let answer = self
            .request("build", Method::POST, target, &headers, body, Some(BUILD_TIMEOUT))
            .await;
        let outcome = match answer {
            Ok(answer) => Output::new(line).read(self, answer.into_body()).await,
            Err(EngineError::Call { message, .. }) => Err(Failure::Said(message, Vec::new())),
            Err(error) => Err(Failure::Other(error)),
        };
        match outcome {
            Ok(id) => Ok(id),
            Err(failure) => {
                // Where the context broke off, that is the reason, and the engine's complaint only follows from it.
                context_failure(packing).await?;
                Err(match failure {
                    Failure::Said(reason, output) => failed(reason, output),
                    Failure::Other(error) => error,
                })
            }
        }
    }
}

enum Failure {
    Said(String, Vec<String>),
    Other(EngineError),
}

fn target(image: &str, build: &Build, dockerfile: &str) -> Target {
    let arguments: IndexMap<&str, &str> = build
        .args
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)))
        .collect();
    let hosts: Vec<String> = build
        .extra_hosts
        .iter()
        .map(|(name, address)| format!("{name}:{address}"))
        .collect();
    let cache: Vec<&String> = build.cache_from.iter().collect();
    Target::new("/build")
        .with("t", image)
        .with_all("t", build.tags.iter().map(String::as_str))
        .with("dockerfile", dockerfile)
        .with("rm", "1")
        .with("forcerm", "1")
        .with_flag("nocache", build.no_cache)
        .with_flag("pull", build.pull)
        .with("buildargs", &serde_json::to_string(&arguments).unwrap_or_default())
        .with("labels", &serde_json::to_string(&build.labels).unwrap_or_default())
        .with("cachefrom", &serde_json::to_string(&cache).unwrap_or_default())
        .with_all("extrahosts", hosts.iter().map(String::as_str))
        .with_some("target", build.target.as_deref())
        .with_some("networkmode", build.network.as_deref())
        .with_some("shmsize", build.shm_size.map(|bytes| bytes.to_string()).as_deref())
        .with_some("platform", build.platforms.first().map(String::as_str))
}

/// A context that the engine fetches itself (specification: *context*, a Git repository's URL).
fn is_remote(context: &str) -> bool {
    ["http://", "https://", "git://", "git@", "github.com/"]
        .iter()
        .any(|prefix| context.starts_with(prefix))
}

fn body_of(chunks: Chunks) -> Body {
    let frames = stream::unfold(chunks, |mut chunks| async move {
        let chunk: io::Result<_> = chunks.recv().await?;
        Some((chunk.map(Frame::data), chunks))
    });
    Either::Right(StreamBody::new(Box::pin(frames)))
}

/// The packing's own failure, if it failed by itself and not because the engine stopped reading.
async fn context_failure(packing: Option<JoinHandle<Result<(), EngineError>>>) -> Result<(), EngineError> {
    let Some(packing) = packing else {
        return Ok(());
    };
    match packing.await {
        Ok(Err(EngineError::BuildContext { source, .. })) if source.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Ok(Err(error)) => Err(error),
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}

/// Reads the builder's words: lines for the caller, the last of them kept, the image's id.
struct Output<F> {
    line: F,
    kept: VecDeque<String>,
    unfinished: String,
    image_id: Option<String>,
}

impl<F: FnMut(&str)> Output<F> {
    fn new(line: F) -> Self {
        Output {
            line,
            kept: VecDeque::new(),
            unfinished: String::new(),
            image_id: None,
        }
    }

    async fn read(mut self, engine: &Engine, mut body: Incoming) -> Result<String, Failure> {
        let mut buffer = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::Other(engine.unreachable(error)))?;
            if let Ok(bytes) = frame.into_data() {
                buffer.extend_from_slice(&bytes);
            }
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let word = buffer.split_to(end + 1);
                if let Some(error) = self.word(&word) {
                    return Err(Failure::Said(error, self.kept.into()));
                }
            }
        }
        if let Some(error) = self.word(&buffer) {
            return Err(Failure::Said(error, self.kept.into()));
        }
        self.text("\n");
        let kept = self.kept.into();
        self.image_id
            .ok_or_else(|| Failure::Said("the builder ended without an image".into(), kept))
    }

    /// The error, where the word is one.
    fn word(&mut self, word: &[u8]) -> Option<String> {
        let word: Word = serde_json::from_slice(word).ok()?;
        if let Some(id) = word.aux.and_then(|aux| aux.id) {
            self.image_id = Some(id);
        }
        if let Some(text) = &word.stream {
            self.text(text);
        }
        // Progress bars of pulled layers are for a display of their own; the words beside them are lines.
        if let (Some(status), None) = (&word.status, word.progress.as_ref().filter(|bar| !bar.is_empty())) {
            let text = word
                .id
                .map_or_else(|| format!("{status}\n"), |id| format!("{id}: {status}\n"));
            self.text(&text);
        }
        if word.error.is_some() {
            self.text("\n");
        }
        word.error
    }

    fn text(&mut self, text: &str) {
        self.unfinished.push_str(text);
        while let Some(end) = self.unfinished.find('\n') {
            let rest = self.unfinished.split_off(end + 1);
            let line = std::mem::replace(&mut self.unfinished, rest);
            let line = line.trim_end();
            if line.is_empty() {
                continue;
            }
            (self.line)(line);
            if self.kept.len() == KEPT_LINES {
                self.kept.pop_front();
            }
            self.kept.push_back(line.to_owned());
        }
    }
}
