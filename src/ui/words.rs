//! The words for every state, read by plain and live progress alike.
//!
//! Knows what an event is called. Never knows where on the terminal it stands.

use super::{measure, plural, style, text};
use crate::bootstrap::Progress as Bootstrap;
use crate::compose::Place;
use crate::deploy::event::{Event, HostProgress, ImageProgress, ResourceKind, ResourceProgress, ServiceProgress};
use crate::hosts::MakeProgress;
use crate::plan::rolling::Scales;

/// A `RUN` may be a whole script.
const LONGEST_STEP: usize = 70;

/// Sections of the display, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    Hosts,
    Images,
    Resources,
    Services,
}

impl Section {
    pub const ALL: [Section; 4] = [Section::Hosts, Section::Images, Section::Resources, Section::Services];

    pub fn title(self) -> &'static str {
        match self {
            Section::Hosts => "hosts",
            Section::Images => "images",
            Section::Resources => "resources",
            Section::Services => "services",
        }
    }
}

/// What a state means for the one who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Done and well.
    Good,
    /// Its turn has not come.
    Waiting,
    Active,
    Failed,
}

impl Tone {
    pub fn style(self) -> anstyle::Style {
        match self {
            Tone::Good => style::GOOD,
            Tone::Waiting => style::DIM,
            Tone::Active => style::ACTIVE,
            Tone::Failed => style::BAD,
        }
    }

    /// Whether nothing more is to come.
    pub fn is_final(self) -> bool {
        matches!(self, Tone::Good | Tone::Failed)
    }
}

/// One thing's state in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub section: Section,
    /// `host`, `image`, `network`, …
    pub kind: &'static str,
    pub name: String,
    /// The host on which it is so, where one thing is in several states at once (images).
    pub on: Option<String>,
    pub state: String,
    /// More about the state; another detail is another state.
    pub detail: Option<String>,
    /// How far it is; changes so often that only a live display shows it.
    pub amount: Option<String>,
    pub tone: Tone,
}

impl Line {
    fn new(section: Section, kind: &'static str, name: &str, (state, tone): (impl Into<String>, Tone)) -> Self {
        Line {
            section,
            kind,
            name: text::one_line(name),
            on: None,
            state: state.into(),
            detail: None,
            amount: None,
            tone,
        }
    }

    fn detail(mut self, detail: impl AsRef<str>) -> Self {
        self.detail = Some(text::one_line(detail.as_ref())).filter(|detail| !detail.is_empty());
        self
    }

    fn amount(mut self, amount: impl AsRef<str>) -> Self {
        self.amount = Some(text::one_line(amount.as_ref())).filter(|amount| !amount.is_empty());
        self
    }

    fn on(mut self, host: &str) -> Self {
        self.on = Some(host.to_owned());
        self
    }

    /// State and detail as one phrase: `installing Docker (attempt 2)`, `failed: no space left`.
    pub fn phrase(&self) -> String {
        match &self.detail {
            None => self.state.clone(),
            Some(detail) if self.tone == Tone::Failed => format!("{}: {detail}", self.state),
            Some(detail) => format!("{} ({detail})", self.state),
        }
    }
}

/// The line of an event that is about one thing's state.
pub fn line(event: &Event) -> Option<Line> {
    match event {
        Event::Host { host, progress } => Some(host_line(host, progress)),
        Event::Image { image, progress } => image_line(image, progress),
        Event::Resource { kind, name, progress } => Some(resource_line(*kind, name, progress)),
        Event::Service { service, progress } => Some(service_line(service, progress)),
        Event::Warning { .. }
        | Event::Note { .. }
        | Event::Rolling { .. }
        | Event::Published { .. }
        | Event::Finished { .. } => None,
    }
}

/// The words of an event that is about no single thing's state.
pub fn remark(event: &Event) -> Option<String> {
    match event {
        Event::Warning { message, hint } => Some(warning(message, hint.as_deref())),
        Event::Note { message, place } => Some(note(message, place.as_ref())),
        Event::Rolling { old, new, scales } => Some(rolling(old, new, *scales)),
        Event::Published { service, addresses } => Some(published(service, addresses)),
        Event::Finished {
            command,
            project,
            changes,
            took,
        } => Some(finished(command, project, *changes, *took)),
        Event::Host { .. } | Event::Image { .. } | Event::Resource { .. } | Event::Service { .. } => None,
    }
}

pub fn warning(message: &str, hint: Option<&str>) -> String {
    let mut said = format!("{} {message}", style::paint(style::WARNING_WORD, "warning:"));
    if let Some(hint) = hint {
        said.push_str("\n  ");
        said.push_str(&style::hint_line(hint));
    }
    said
}

/// `note: compose.yaml:4:5: said once`
pub fn note(message: &str, place: Option<&Place>) -> String {
    let at = place.map(|place| format!("{place}: ")).unwrap_or_default();
    format!("{} {at}{message}", style::paint(style::BOLD, "note:"))
}

/// `step: blue 2, green 4`
fn rolling(old: &str, new: &str, scales: Scales) -> String {
    let step = style::paint(style::BOLD, "step:");
    format!("{step} {old} {}, {new} {}", scales.old, scales.new)
}

fn published(service: &str, addresses: &[String]) -> String {
    format!(
        "{} answers on {}",
        style::paint(style::BOLD, service),
        addresses.join(", ")
    )
}

fn finished(command: &str, project: &str, changes: usize, took: std::time::Duration) -> String {
    let took = measure::duration(took);
    match changes {
        0 => format!("`{command}` of `{project}`: nothing to change ({took})"),
        changes => format!(
            "`{command}` of `{project}`: {} in {took}",
            plural::count(changes, "change")
        ),
    }
}

fn host_line(host: &str, progress: &HostProgress) -> Line {
    let line = |state: &str, tone| Line::new(Section::Hosts, "host", host, (state, tone));
    match progress {
        HostProgress::Make(MakeProgress::Preparing(what)) => line("preparing", Tone::Active).detail(what),
        HostProgress::Make(MakeProgress::Creating) => line("creating", Tone::Active),
        HostProgress::Make(MakeProgress::Booting) => line("booting", Tone::Active),
        HostProgress::Bootstrap(progress) => bootstrap_line(host, progress),
        HostProgress::UpToDate => line("up to date", Tone::Good),
        HostProgress::Draining { left } => {
            let left = usize::try_from(*left).unwrap_or(usize::MAX);
            line("draining", Tone::Active).amount(plural::count(left, "replica"))
        }
        HostProgress::Drained => line("drained", Tone::Good),
        HostProgress::Activated => line("active", Tone::Good),
        HostProgress::Labelled => line("labelled", Tone::Good),
        HostProgress::Removing => line("removing", Tone::Active),
        HostProgress::Removed => line("removed", Tone::Good),
        HostProgress::Failed { reason } => line("failed", Tone::Failed).detail(reason),
    }
}

fn bootstrap_line(host: &str, progress: &Bootstrap) -> Line {
    let line = |state: &str, tone| Line::new(Section::Hosts, "host", host, (state, tone));
    match progress {
        Bootstrap::WaitingForSsh { reason } => {
            line("waiting for SSH", Tone::Active).detail(reason.as_deref().unwrap_or_default())
        }
        Bootstrap::ReadingFacts => line("reading facts", Tone::Active),
        Bootstrap::InstallingDocker { attempt: 0 | 1 } => line("installing Docker", Tone::Active),
        Bootstrap::InstallingDocker { attempt } => {
            line("installing Docker", Tone::Active).detail(format!("attempt {attempt}"))
        }
        Bootstrap::WritingFiles => line("writing files", Tone::Active),
        Bootstrap::StartingDocker => line("starting Docker", Tone::Active),
        Bootstrap::ProvingApi => line("proving the Docker API", Tone::Active),
        Bootstrap::StartingFirstContainer => line("starting a first container", Tone::Active),
        Bootstrap::Ready {
            changed,
            engine_version,
        } => {
            let unchanged = if *changed { "" } else { ", unchanged" };
            line("ready", Tone::Good).detail(format!("Docker {engine_version}{unchanged}"))
        }
        Bootstrap::Joining => line("joining the cluster", Tone::Active),
        Bootstrap::Joined => line("in the cluster", Tone::Good),
        Bootstrap::Notice(message) => line("ready", Tone::Active).detail(message),
    }
}

/// `None` for what a builder says between its steps: a build that fails shows its last lines anyhow.
fn image_line(image: &str, progress: &ImageProgress) -> Option<Line> {
    let line = |state: String, tone| Line::new(Section::Images, "image", image, (state, tone));
    Some(match progress {
        ImageProgress::Building { line: said } if said.is_empty() => line("building".to_owned(), Tone::Active),
        ImageProgress::Building { line: said } => line("building".to_owned(), Tone::Active).detail(build_step(said)?),
        ImageProgress::Built => line("built".to_owned(), Tone::Good),
        ImageProgress::Pulling { host, status } => {
            line(format!("pulling on {host}"), Tone::Active).amount(status).on(host)
        }
        ImageProgress::Sending { host, bytes } => line(format!("sending to {host}"), Tone::Active)
            .amount(measure::size(*bytes))
            .on(host),
        ImageProgress::Provided { host } => line(format!("ready on {host}"), Tone::Good).on(host),
        ImageProgress::Failed { reason } => line("failed".to_owned(), Tone::Failed).detail(reason),
    })
}

/// `3/8 RUN apt-get update …` of the builder's line `Step 3/8 : RUN apt-get update     && …`; `None` of any other.
fn build_step(line: &str) -> Option<String> {
    let line = text::one_line(line);
    let (number, instruction) = line.strip_prefix("Step ")?.split_once(" : ")?;
    let words: Vec<&str> = instruction.split_whitespace().collect();
    Some(text::cut(&format!("{number} {}", words.join(" ")), LONGEST_STEP))
}

/// `network`, `volume`, `config`, `secret`.
pub fn resource_kind(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Network => "network",
        ResourceKind::Volume => "volume",
        ResourceKind::Config => "config",
        ResourceKind::Secret => "secret",
    }
}

fn resource_line(kind: ResourceKind, name: &str, progress: &ResourceProgress) -> Line {
    let state = match progress {
        ResourceProgress::Creating => ("creating", Tone::Active),
        ResourceProgress::Created => ("created", Tone::Good),
        ResourceProgress::Copying { .. } => ("copying", Tone::Active),
        ResourceProgress::Removing => ("removing", Tone::Active),
        ResourceProgress::Removed => ("removed", Tone::Good),
        ResourceProgress::Failed { .. } => ("failed", Tone::Failed),
    };
    let line = Line::new(Section::Resources, resource_kind(kind), name, state);
    match progress {
        ResourceProgress::Failed { reason } => line.detail(reason),
        ResourceProgress::Copying { bytes } => line.detail(measure::size(*bytes)),
        _ => line,
    }
}

fn service_line(service: &str, progress: &ServiceProgress) -> Line {
    let line = |state: &str, tone| Line::new(Section::Services, "service", service, (state, tone));
    match progress {
        ServiceProgress::Waiting { services } => line(&format!("waiting for {}", services.join(", ")), Tone::Waiting),
        ServiceProgress::Creating => line("creating", Tone::Active),
        ServiceProgress::Updating => line("updating", Tone::Active),
        ServiceProgress::Converging {
            running,
            desired,
            message,
        } => {
            let line = line(&format!("{running} of {desired} running"), Tone::Active);
            match message.as_deref() {
                Some(stage @ ("finding a host" | "preparing its image" | "starting")) => line.amount(stage),
                message => line.detail(message.unwrap_or_default()),
            }
        }
        ServiceProgress::Running { replicas, healthy } => {
            let line = line(if *healthy { "healthy" } else { "running" }, Tone::Good);
            match usize::try_from(*replicas).unwrap_or(usize::MAX) {
                1 => line,
                replicas => line.detail(plural::count(replicas, "replica")),
            }
        }
        ServiceProgress::Completed => line("completed", Tone::Good),
        ServiceProgress::UpToDate => line("up to date", Tone::Good),
        ServiceProgress::RollingBack => line("rolling back", Tone::Active),
        ServiceProgress::RolledBack => line("rolled back", Tone::Good),
        ServiceProgress::Confirmed => line("confirmed", Tone::Good),
        ServiceProgress::Cancelled => line("upgrade cancelled", Tone::Good),
        ServiceProgress::Failed { reason, .. } => line("failed", Tone::Failed).detail(reason),
        ServiceProgress::Skipped => line("left as it was", Tone::Waiting),
        ServiceProgress::Removing => line("removing", Tone::Active),
        ServiceProgress::Removed => line("removed", Tone::Good),
    }
}
