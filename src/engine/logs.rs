//! What containers, tasks and services write, as streams of lines.
//!
//! Knows the log calls of the Engine API and who wrote a line. Never merges several streams: the caller does.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use jiff::Timestamp;

use super::connection::Engine;
use super::error::EngineError;
use super::labels;
use super::log_frames::{Line, LineReader, Prefixes};
use super::observation::{ObservedContainer, ObservedNode, ObservedService, ObservedTask};
use super::request::{Target, empty_body};

/// One line of somebody's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The service's name in the file, where there is one.
    pub service: Option<String>,
    /// Who wrote it: a container's name, or `SERVICE.SLOT` of a task (`SERVICE.HOST` of a global service).
    pub source: String,
    /// The host that it ran on; empty where that is not known.
    pub host: String,
    pub stderr: bool,
    /// With [`LogOptions::timestamps`].
    pub timestamp: Option<Timestamp>,
    /// Without the line's end.
    pub text: String,
}

/// Which lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Stay for what is still to come.
    pub follow: bool,
    /// Only so many of the last lines, of each task or container.
    pub tail: Option<u64>,
    /// Seconds since the epoch.
    pub since: Option<i64>,
    pub until: Option<i64>,
    pub timestamps: bool,
}

/// Ends when the output ends; with `follow`, when the container or the service does.
pub type LogStream = BoxStream<'static, Result<LogLine, EngineError>>;

impl Engine {
    /// The lines of one container of this engine.
    pub fn container_logs(&self, container: &ObservedContainer, options: &LogOptions) -> LogStream {
        let names = Names {
            service: container.labels.get(labels::SERVICE).cloned(),
            source: container.name.clone(),
            host: container.host.clone(),
        };
        self.lines(
            format!("/containers/{}/logs", container.id),
            options,
            false,
            Namer::Fixed(names),
        )
    }

    /// The lines of a container known by its id or name only.
    pub fn logs_of(&self, container: &str, options: &LogOptions) -> LogStream {
        let names = Names {
            service: None,
            source: container.to_owned(),
            host: self.name.clone(),
        };
        self.lines(
            format!("/containers/{container}/logs"),
            options,
            false,
            Namer::Fixed(names),
        )
    }

    /// The lines of all tasks of a service, through a manager, whichever hosts they run on. Tasks that appear later
    /// are named too.
    pub fn service_logs(&self, service: &ObservedService, nodes: &[ObservedNode], options: &LogOptions) -> LogStream {
        let namer = Namer::Tasks(TaskNames::new(service, nodes));
        self.lines(format!("/services/{}/logs", service.id), options, true, namer)
    }

    /// The lines of one task, through a manager.
    pub fn task_logs(
        &self,
        service: &ObservedService,
        task: &ObservedTask,
        nodes: &[ObservedNode],
        options: &LogOptions,
    ) -> LogStream {
        let names = TaskNames::new(service, nodes).names(task);
        self.lines(format!("/tasks/{}/logs", task.id), options, true, Namer::Fixed(names))
    }

    fn lines(&self, path: String, options: &LogOptions, details: bool, namer: Namer) -> LogStream {
        let target = Target::new(path)
            .with("stdout", "1")
            .with("stderr", "1")
            .with_flag("follow", options.follow)
            .with_flag("timestamps", options.timestamps)
            .with_flag("details", details)
            .with_some("since", options.since.map(|seconds| seconds.to_string()).as_deref())
            .with_some("until", options.until.map(|seconds| seconds.to_string()).as_deref())
            .with(
                "tail",
                &options.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
            );
        let reader = LineReader::new(Prefixes {
            timestamps: options.timestamps,
            details,
        });
        let engine = self.clone();
        let begun = async move {
            // A service that has not written yet answers only when it does.
            let patience = Some(std::time::Duration::from_secs(u64::from(u32::MAX)));
            let answer = engine
                .request("read logs", Method::GET, target, &[], empty_body(), patience)
                .await?;
            Ok(Reading {
                engine,
                body: Some(answer.into_body()),
                reader,
                namer,
            })
        };
        stream::once(begun)
            .map(|begun: Result<Reading, EngineError>| match begun {
                Ok(reading) => stream::unfold(reading, Reading::next).boxed(),
                Err(error) => stream::once(async move { Err(error) }).boxed(),
            })
            .flatten()
            .boxed()
    }
}

struct Reading {
    engine: Engine,
    /// `None` after its end.
    body: Option<Incoming>,
    reader: LineReader,
    namer: Namer,
}

impl Reading {
    async fn next(mut self) -> Option<(Result<LogLine, EngineError>, Reading)> {
        loop {
            if let Some(line) = self.reader.next() {
                let named = self.namer.name(&self.engine, line).await;
                return Some((Ok(named), self));
            }
            let body = self.body.as_mut()?;
            match body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.reader.push(&bytes);
                    }
                }
                Some(Err(error)) => {
                    self.body = None;
                    return Some((Err(self.engine.unreachable(error)), self));
                }
                None => {
                    self.body = None;
                    self.reader.finish();
                }
            }
        }
    }
}

/// Who is said to have written a line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Names {
    service: Option<String>,
    source: String,
    host: String,
}

enum Namer {
    Fixed(Names),
    Tasks(TaskNames),
}

impl Namer {
    async fn name(&mut self, engine: &Engine, line: Line) -> LogLine {
        let names = match self {
            Namer::Fixed(names) => names.clone(),
            Namer::Tasks(tasks) => tasks.of_line(engine, &line).await,
        };
        LogLine {
            service: names.service,
            source: names.source,
            host: names.host,
            stderr: line.stderr,
            timestamp: line.timestamp,
            text: line.text,
        }
    }
}

/// Learns the tasks of a service as they turn up.
struct TaskNames {
    service_id: String,
    service: String,
    hosts: BTreeMap<String, String>,
    known: BTreeMap<String, Names>,
}

impl TaskNames {
    fn new(service: &ObservedService, nodes: &[ObservedNode]) -> TaskNames {
        TaskNames {
            service_id: service.id.clone(),
            service: service.labels.get(labels::SERVICE).unwrap_or(&service.name).clone(),
            hosts: nodes.iter().map(|node| (node.id.clone(), node.name.clone())).collect(),
            known: BTreeMap::new(),
        }
    }

    fn names(&self, task: &ObservedTask) -> Names {
        let node = task.node_id.clone().unwrap_or_default();
        let host = self.hosts.get(&node).unwrap_or(&node).clone();
        let source = match task.slot {
            Some(slot) => format!("{}.{slot}", self.service),
            None => format!("{}.{host}", self.service),
        };
        Names {
            service: Some(self.service.clone()),
            source,
            host,
        }
    }

    async fn of_line(&mut self, engine: &Engine, line: &Line) -> Names {
        let Some(task) = line.task.as_deref() else {
            return self.unknown(line);
        };
        if !self.known.contains_key(task) {
            // A task that cannot be looked up is still worth its lines.
            let tasks = engine.tasks_of(&[&self.service_id]).await.unwrap_or_default();
            for found in tasks {
                let names = self.names(&found);
                self.known.insert(found.id, names);
            }
            let unknown = self.unknown(line);
            self.known.entry(task.to_owned()).or_insert(unknown);
        }
        self.known.get(task).cloned().unwrap_or_else(|| self.unknown(line))
    }

    fn unknown(&self, line: &Line) -> Names {
        let node = line.node.clone().unwrap_or_default();
        Names {
            service: Some(self.service.clone()),
            source: self.service.clone(),
            host: self.hosts.get(&node).unwrap_or(&node).clone(),
        }
    }
}
