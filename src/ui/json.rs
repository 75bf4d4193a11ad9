//! Progress for programs: one JSON object a line.
//!
//! Every object has `time`, `kind` and, where it is about one thing, `name` and `state`; the other fields depend on the
//! state. Fields and states are an interface: they are added to, never renamed.

use serde_json::{Map, Value, json};

use super::words;
use crate::bootstrap::Progress as Bootstrap;
use crate::compose::Place;
use crate::deploy::event::{Event, HostProgress, ImageProgress, ResourceProgress, ServiceProgress};
use crate::hosts::MakeProgress;

/// The object of an event; `time` is RFC 3339.
pub fn object(event: &Event, time: &str) -> Value {
    let mut object = Map::new();
    object.insert("time".to_owned(), json!(time));
    let (kind, name, rest) = match event {
        Event::Host { host, progress } => ("host", Some(host), host_fields(progress)),
        Event::Image { image, progress } => ("image", Some(image), image_fields(progress)),
        Event::Resource { kind, name, progress } => {
            (words::resource_kind(*kind), Some(name), resource_fields(progress))
        }
        Event::Service { service, progress } => ("service", Some(service), service_fields(progress)),
        Event::Warning { message, hint } => ("warning", None, json!({"message": message, "hint": hint})),
        Event::Note { message, place } => {
            let place = place.as_ref().map(Place::to_string);
            ("note", None, json!({"message": message, "place": place}))
        }
        Event::Rolling { old, new, scales } => (
            "rolling",
            Some(new),
            json!({"replaces": old, "old_replicas": scales.old, "new_replicas": scales.new}),
        ),
        Event::Published { service, addresses } => ("published", Some(service), json!({"addresses": addresses})),
        Event::Finished {
            command,
            project,
            changes,
            took,
        } => {
            let seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
            let fields = json!({"command": command, "project": project, "changes": changes, "seconds": seconds});
            ("finished", None, fields)
        }
    };
    object.insert("kind".to_owned(), json!(kind));
    if let Some(name) = name {
        object.insert("name".to_owned(), json!(name));
    }
    if let Value::Object(fields) = rest {
        object.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Value::Object(object)
}

fn host_fields(progress: &HostProgress) -> Value {
    match progress {
        HostProgress::Make(MakeProgress::Preparing(what)) => json!({"state": "preparing", "message": what}),
        HostProgress::Make(MakeProgress::Creating) => json!({"state": "creating"}),
        HostProgress::Make(MakeProgress::Booting) => json!({"state": "booting"}),
        HostProgress::Bootstrap(progress) => bootstrap_fields(progress),
        HostProgress::UpToDate => json!({"state": "up_to_date"}),
        HostProgress::Draining { left } => json!({"state": "draining", "left": left}),
        HostProgress::Drained => json!({"state": "drained"}),
        HostProgress::Activated => json!({"state": "activated"}),
        HostProgress::Labelled => json!({"state": "labelled"}),
        HostProgress::Removing => json!({"state": "removing"}),
        HostProgress::Removed => json!({"state": "removed"}),
        HostProgress::Failed { reason } => json!({"state": "failed", "reason": reason}),
    }
}

fn bootstrap_fields(progress: &Bootstrap) -> Value {
    match progress {
        Bootstrap::WaitingForSsh { reason } => json!({"state": "waiting_for_ssh", "reason": reason}),
        Bootstrap::ReadingFacts => json!({"state": "reading_facts"}),
        Bootstrap::InstallingDocker { attempt } => json!({"state": "installing_docker", "attempt": attempt}),
        Bootstrap::WritingFiles => json!({"state": "writing_files"}),
        Bootstrap::StartingDocker => json!({"state": "starting_docker"}),
        Bootstrap::ProvingApi => json!({"state": "proving_api"}),
        Bootstrap::StartingFirstContainer => json!({"state": "starting_first_container"}),
        Bootstrap::Ready {
            changed,
            engine_version,
        } => json!({"state": "ready", "changed": changed, "engine_version": engine_version}),
        Bootstrap::Joining => json!({"state": "joining"}),
        Bootstrap::Joined => json!({"state": "joined"}),
        Bootstrap::Notice(message) => json!({"state": "notice", "message": message}),
    }
}

fn image_fields(progress: &ImageProgress) -> Value {
    match progress {
        ImageProgress::Building { line } => json!({"state": "building", "line": line}),
        ImageProgress::Built => json!({"state": "built"}),
        ImageProgress::Pulling { host, status } => json!({"state": "pulling", "host": host, "status": status}),
        ImageProgress::Sending { host, bytes } => json!({"state": "sending", "host": host, "bytes": bytes}),
        ImageProgress::Provided { host } => json!({"state": "provided", "host": host}),
        ImageProgress::Failed { reason } => json!({"state": "failed", "reason": reason}),
    }
}

fn resource_fields(progress: &ResourceProgress) -> Value {
    match progress {
        ResourceProgress::Creating => json!({"state": "creating"}),
        ResourceProgress::Created => json!({"state": "created"}),
        ResourceProgress::Copying { bytes } => json!({"state": "copying", "bytes": bytes}),
        ResourceProgress::Removing => json!({"state": "removing"}),
        ResourceProgress::Removed => json!({"state": "removed"}),
        ResourceProgress::Failed { reason } => json!({"state": "failed", "reason": reason}),
    }
}

fn service_fields(progress: &ServiceProgress) -> Value {
    match progress {
        ServiceProgress::Waiting { services } => json!({"state": "waiting", "services": services}),
        ServiceProgress::Creating => json!({"state": "creating"}),
        ServiceProgress::Updating => json!({"state": "updating"}),
        ServiceProgress::Converging {
            running,
            desired,
            message,
        } => json!({"state": "converging", "running": running, "desired": desired, "message": message}),
        ServiceProgress::Running { replicas, healthy } => {
            json!({"state": "running", "replicas": replicas, "healthy": healthy})
        }
        ServiceProgress::Completed => json!({"state": "completed"}),
        ServiceProgress::UpToDate => json!({"state": "up_to_date"}),
        ServiceProgress::RollingBack => json!({"state": "rolling_back"}),
        ServiceProgress::RolledBack => json!({"state": "rolled_back"}),
        ServiceProgress::Confirmed => json!({"state": "confirmed"}),
        ServiceProgress::Cancelled => json!({"state": "cancelled"}),
        ServiceProgress::Failed { reason, log } => json!({"state": "failed", "reason": reason, "log": log}),
        ServiceProgress::Skipped => json!({"state": "skipped"}),
        ServiceProgress::Removing => json!({"state": "removing"}),
        ServiceProgress::Removed => json!({"state": "removed"}),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn every_event_is_one_object_on_one_line() {
        let objects = samples::every_event();
        let lines: Vec<String> = objects.iter().map(|event| object(event, "T").to_string()).collect();
        assert!(lines.iter().all(|line| !line.contains('\n')));
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {"time":"T","kind":"host","name":"lab-1","state":"preparing","message":"host image"}
        {"time":"T","kind":"host","name":"lab-1","state":"creating"}
        {"time":"T","kind":"host","name":"lab-1","state":"booting"}
        {"time":"T","kind":"host","name":"lab-1","state":"waiting_for_ssh"}
        {"time":"T","kind":"host","name":"lab-1","state":"waiting_for_ssh","reason":"connection refused\n"}
        {"time":"T","kind":"host","name":"lab-1","state":"reading_facts"}
        {"time":"T","kind":"host","name":"lab-1","state":"installing_docker","attempt":1}
        {"time":"T","kind":"host","name":"lab-1","state":"installing_docker","attempt":2}
        {"time":"T","kind":"host","name":"lab-1","state":"writing_files"}
        {"time":"T","kind":"host","name":"lab-1","state":"starting_docker"}
        {"time":"T","kind":"host","name":"lab-1","state":"proving_api"}
        {"time":"T","kind":"host","name":"lab-1","state":"starting_first_container"}
        {"time":"T","kind":"host","name":"lab-1","state":"ready","changed":true,"engine_version":"20.10.24"}
        {"time":"T","kind":"host","name":"lab-1","state":"ready","changed":false,"engine_version":"20.10.24"}
        {"time":"T","kind":"host","name":"lab-1","state":"joining"}
        {"time":"T","kind":"host","name":"lab-1","state":"joined"}
        {"time":"T","kind":"host","name":"lab-1","state":"up_to_date"}
        {"time":"T","kind":"host","name":"lab-1","state":"draining","left":3}
        {"time":"T","kind":"host","name":"lab-1","state":"drained"}
        {"time":"T","kind":"host","name":"lab-1","state":"activated"}
        {"time":"T","kind":"host","name":"lab-1","state":"labelled"}
        {"time":"T","kind":"host","name":"lab-1","state":"removing"}
        {"time":"T","kind":"host","name":"lab-1","state":"removed"}
        {"time":"T","kind":"host","name":"lab-1","state":"failed","reason":"no space left"}
        {"time":"T","kind":"image","name":"shop-web","state":"building","line":"\u001b[36mStep 1/2\u001b[0m : FROM debian"}
        {"time":"T","kind":"image","name":"shop-web","state":"built"}
        {"time":"T","kind":"image","name":"shop-web","state":"pulling","host":"lab-1","status":"34%"}
        {"time":"T","kind":"image","name":"shop-web","state":"sending","host":"lab-1","bytes":1500000}
        {"time":"T","kind":"image","name":"shop-web","state":"provided","host":"lab-1"}
        {"time":"T","kind":"image","name":"shop-web","state":"failed","reason":"manifest unknown"}
        {"time":"T","kind":"network","name":"shop_default","state":"creating"}
        {"time":"T","kind":"network","name":"shop_default","state":"created"}
        {"time":"T","kind":"network","name":"shop_default","state":"removing"}
        {"time":"T","kind":"network","name":"shop_default","state":"removed"}
        {"time":"T","kind":"network","name":"shop_default","state":"failed","reason":"it is in use"}
        {"time":"T","kind":"volume","name":"shop_data","state":"created"}
        {"time":"T","kind":"config","name":"shop_data","state":"created"}
        {"time":"T","kind":"secret","name":"shop_data","state":"created"}
        {"time":"T","kind":"service","name":"web","state":"waiting","services":["db","cache"]}
        {"time":"T","kind":"service","name":"web","state":"creating"}
        {"time":"T","kind":"service","name":"web","state":"updating"}
        {"time":"T","kind":"service","name":"web","state":"converging","running":1,"desired":2}
        {"time":"T","kind":"service","name":"web","state":"converging","running":1,"desired":2,"message":"no suitable node"}
        {"time":"T","kind":"service","name":"web","state":"running","replicas":2,"healthy":true}
        {"time":"T","kind":"service","name":"web","state":"running","replicas":1,"healthy":false}
        {"time":"T","kind":"service","name":"web","state":"completed"}
        {"time":"T","kind":"service","name":"web","state":"up_to_date"}
        {"time":"T","kind":"service","name":"web","state":"failed","reason":"exited with code 1","log":["listening","\u001b[31mpanic\u001b[0m"]}
        {"time":"T","kind":"service","name":"web","state":"skipped"}
        {"time":"T","kind":"service","name":"web","state":"removing"}
        {"time":"T","kind":"service","name":"web","state":"removed"}
        {"time":"T","kind":"warning","message":"host `lab-1` has no IPVS","hint":"load the module `ip_vs`"}
        {"time":"T","kind":"note","message":"`web` runs as containers: `privileged`"}
        {"time":"T","kind":"rolling","name":"green","replaces":"blue","old_replicas":2,"new_replicas":4}
        {"time":"T","kind":"published","name":"web","addresses":["10.0.0.1:80","10.0.0.2:80"]}
        {"time":"T","kind":"finished","command":"up","project":"shop","changes":3,"seconds":12.345}
        {"time":"T","kind":"finished","command":"up","project":"shop","changes":0,"seconds":12.345}
        "#);
    }
}
