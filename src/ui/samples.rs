//! One event of each kind and state, for the tests of every reader.

use std::time::Duration;

use crate::bootstrap::Progress as Bootstrap;
use crate::deploy::event::{Event, HostProgress, ImageProgress, ResourceKind, ResourceProgress, ServiceProgress};
use crate::hosts::MakeProgress;

pub fn host(host: &str, progress: HostProgress) -> Event {
    Event::Host {
        host: host.to_owned(),
        progress,
    }
}

pub fn image(image: &str, progress: ImageProgress) -> Event {
    Event::Image {
        image: image.to_owned(),
        progress,
    }
}

pub fn resource(kind: ResourceKind, name: &str, progress: ResourceProgress) -> Event {
    Event::Resource {
        kind,
        name: name.to_owned(),
        progress,
    }
}

pub fn service(service: &str, progress: ServiceProgress) -> Event {
    Event::Service {
        service: service.to_owned(),
        progress,
    }
}

pub fn converging(running: u64, desired: u64, message: Option<&str>) -> ServiceProgress {
    ServiceProgress::Converging {
        running,
        desired,
        message: message.map(str::to_owned),
    }
}

pub fn finished(changes: usize) -> Event {
    Event::Finished {
        command: "up",
        project: "shop".to_owned(),
        changes,
        took: Duration::from_millis(12_345),
    }
}

pub fn every_event() -> Vec<Event> {
    let mut events = hosts();
    events.extend(images());
    for progress in [
        ResourceProgress::Creating,
        ResourceProgress::Created,
        ResourceProgress::Removing,
        ResourceProgress::Removed,
        ResourceProgress::Failed {
            reason: "it is in use".to_owned(),
        },
    ] {
        events.push(resource(ResourceKind::Network, "shop_default", progress));
    }
    for kind in [ResourceKind::Volume, ResourceKind::Config, ResourceKind::Secret] {
        events.push(resource(kind, "shop_data", ResourceProgress::Created));
    }
    events.extend(services());
    events.extend([
        Event::Warning {
            message: "host `lab-1` has no IPVS".to_owned(),
            hint: Some("load the module `ip_vs`".to_owned()),
        },
        Event::Note {
            message: "`web` runs as containers: `privileged`".to_owned(),
            place: None,
        },
        Event::Rolling {
            old: "blue".to_owned(),
            new: "green".to_owned(),
            scales: crate::plan::rolling::Scales { old: 2, new: 4 },
        },
        Event::Published {
            service: "web".to_owned(),
            addresses: vec!["10.0.0.1:80".to_owned(), "10.0.0.2:80".to_owned()],
        },
        finished(3),
        finished(0),
    ]);
    events
}

fn hosts() -> Vec<Event> {
    let bootstrap = [
        Bootstrap::WaitingForSsh { reason: None },
        Bootstrap::WaitingForSsh {
            reason: Some("connection refused\n".to_owned()),
        },
        Bootstrap::ReadingFacts,
        Bootstrap::InstallingDocker { attempt: 1 },
        Bootstrap::InstallingDocker { attempt: 2 },
        Bootstrap::WritingFiles,
        Bootstrap::StartingDocker,
        Bootstrap::ProvingApi,
        Bootstrap::StartingFirstContainer,
        Bootstrap::Ready {
            changed: true,
            engine_version: "20.10.24".to_owned(),
        },
        Bootstrap::Ready {
            changed: false,
            engine_version: "20.10.24".to_owned(),
        },
        Bootstrap::Joining,
        Bootstrap::Joined,
    ];
    let mut progress = vec![
        HostProgress::Make(MakeProgress::Preparing("host image".to_owned())),
        HostProgress::Make(MakeProgress::Creating),
        HostProgress::Make(MakeProgress::Booting),
    ];
    progress.extend(bootstrap.into_iter().map(HostProgress::Bootstrap));
    progress.extend([
        HostProgress::UpToDate,
        HostProgress::Draining { left: 3 },
        HostProgress::Drained,
        HostProgress::Activated,
        HostProgress::Labelled,
        HostProgress::Removing,
        HostProgress::Removed,
        HostProgress::Failed {
            reason: "no space left".to_owned(),
        },
    ]);
    progress.into_iter().map(|progress| host("lab-1", progress)).collect()
}

fn images() -> Vec<Event> {
    let on = "lab-1".to_owned();
    let progress = [
        ImageProgress::Building {
            line: "\u{1b}[36mStep 1/2\u{1b}[0m : FROM debian".to_owned(),
        },
        ImageProgress::Built,
        ImageProgress::Pulling {
            host: on.clone(),
            status: "34%".to_owned(),
        },
        ImageProgress::Sending {
            host: on.clone(),
            bytes: 1_500_000,
        },
        ImageProgress::Provided { host: on },
        ImageProgress::Failed {
            reason: "manifest unknown".to_owned(),
        },
    ];
    progress
        .into_iter()
        .map(|progress| image("shop-web", progress))
        .collect()
}

fn services() -> Vec<Event> {
    let progress = [
        ServiceProgress::Waiting {
            services: vec!["db".to_owned(), "cache".to_owned()],
        },
        ServiceProgress::Creating,
        ServiceProgress::Updating,
        converging(1, 2, None),
        converging(1, 2, Some("no suitable node")),
        ServiceProgress::Running {
            replicas: 2,
            healthy: true,
        },
        ServiceProgress::Running {
            replicas: 1,
            healthy: false,
        },
        ServiceProgress::Completed,
        ServiceProgress::UpToDate,
        ServiceProgress::Failed {
            reason: "exited with code 1".to_owned(),
            log: vec!["listening".to_owned(), "\u{1b}[31mpanic\u{1b}[0m".to_owned()],
        },
        ServiceProgress::Skipped,
        ServiceProgress::Removing,
        ServiceProgress::Removed,
    ];
    progress.into_iter().map(|progress| service("web", progress)).collect()
}
