//! A plan for people (`hoist plan`, `--dry-run`) and for programs.

use serde_json::{Map, Value, json};

use super::{measure, plural, style, text};
use crate::compose::Place;
use crate::hosts::Change;
use crate::plan::ingress::{IngressChange, IngressPlan};
use crate::plan::{Action, ContainerReplacement, ObjectKind, Plan, ServicePlan, Step, UpdatePace};

/// The plan as text: what would be done by kind of thing, the notes, and last one line that sums up.
pub fn render(plan: &Plan) -> String {
    let lines: Vec<Line> = plan.steps.iter().flat_map(lines).collect();
    let mut rendered = String::new();
    for group in Group::ALL {
        let lines: Vec<&Line> = lines.iter().filter(|line| line.group == group).collect();
        rendered.push_str(&group_text(group, &lines));
    }
    for note in &plan.notes {
        let at = match (&note.place, &note.path) {
            (Some(place), _) => format!("{place}: "),
            (None, Some(path)) => format!("`{path}`: "),
            (None, None) => String::new(),
        };
        let word = style::paint(style::BOLD, "note:");
        rendered.push_str(&format!("{word} {at}{}\n", note.message));
    }
    if !plan.notes.is_empty() {
        rendered.push('\n');
    }
    rendered.push_str(&summary(plan));
    rendered.push('\n');
    rendered
}

/// `3 to create, 1 to change, 0 to remove`, or that there is nothing to do.
pub fn summary(plan: &Plan) -> String {
    let unchanged = plan.unchanged.len();
    if plan.is_empty() {
        return match unchanged {
            0 => "nothing to do".to_owned(),
            _ => format!("nothing to do: {} up to date", plural::count(unchanged, "service")),
        };
    }
    let count = Count::of(plan);
    let mut summary = format!(
        "{} to create, {} to change, {} to remove",
        count.create, count.change, count.remove
    );
    if unchanged > 0 {
        summary.push_str(&format!(", {} up to date", plural::count(unchanged, "service")));
    }
    summary
}

/// The plan as one JSON object: `steps`, `unchanged`, `notes`, `summary`. `after` holds indices into `steps`.
pub fn render_json(plan: &Plan) -> String {
    let mut places: Vec<Vec<usize>> = Vec::new();
    let mut steps: Vec<Value> = Vec::new();
    for step in &plan.steps {
        let after: Vec<usize> = (step.after.iter())
            .flat_map(|before| places.get(*before).cloned().unwrap_or_default())
            .collect();
        let lines = lines(step);
        places.push((steps.len()..steps.len() + lines.len()).collect());
        steps.extend(lines.iter().map(|line| step_json(step, line, &after)));
    }
    let notes: Vec<Value> = (plan.notes.iter())
        .map(|note| json!({"message": note.message, "path": note.path, "place": note.place.as_ref().map(Place::to_string)}))
        .collect();
    let count = Count::of(plan);
    let object = json!({
        "steps": steps,
        "unchanged": plan.unchanged,
        "notes": notes,
        "summary": {"create": count.create, "change": count.change, "remove": count.remove},
    });
    format!("{object:#}\n")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// What the hosts share, and what else their providers have.
    Shared,
    Hosts,
    Images,
    Resources,
    Services,
    Ingress,
}

impl Group {
    const ALL: [Group; 6] = [
        Group::Shared,
        Group::Hosts,
        Group::Images,
        Group::Resources,
        Group::Services,
        Group::Ingress,
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Create,
    Change,
    Remove,
}

impl Effect {
    fn word(self) -> &'static str {
        match self {
            Effect::Create => "create",
            Effect::Change => "change",
            Effect::Remove => "remove",
        }
    }

    fn sign(self) -> String {
        match self {
            Effect::Create => style::paint(style::GOOD, "+"),
            Effect::Change => style::paint(style::WARN, "~"),
            Effect::Remove => style::paint(style::BAD, "-"),
        }
    }
}

#[derive(Default)]
struct Count {
    create: usize,
    change: usize,
    remove: usize,
}

impl Count {
    fn of(plan: &Plan) -> Self {
        let mut count = Count::default();
        for line in plan.steps.iter().flat_map(lines) {
            match line.effect {
                Effect::Create => count.create += 1,
                Effect::Change => count.change += 1,
                Effect::Remove => count.remove += 1,
            }
        }
        count
    }
}

/// One step in words.
struct Line {
    group: Group,
    effect: Effect,
    /// The action's stable name in JSON.
    action: &'static str,
    /// `network`, `volume`, …: said where a group holds several kinds.
    kind: &'static str,
    name: String,
    /// The service it belongs to, where it is not the name itself.
    service: Option<String>,
    hosts: Vec<String>,
    /// What else there is to say before the reason.
    about: Option<String>,
    reason: String,
}

/// The lines of containers that give way to others.
fn replaced(service: &str, pace: &UpdatePace, replacements: &[ContainerReplacement]) -> Vec<Line> {
    let line = |replacement: &ContainerReplacement| Line {
        group: Group::Services,
        effect: Effect::Change,
        action: "replace_container",
        kind: "container",
        name: replacement.container.name.clone(),
        service: Some(service.to_owned()),
        hosts: vec![replacement.container.host.clone()],
        about: at_pace(pace, replacements.len()),
        reason: replacement.reason.clone(),
    };
    replacements.iter().map(line).collect()
}

/// `2 at once, 10s apart`: said where it is not one after another.
fn at_pace(pace: &UpdatePace, replacements: usize) -> Option<String> {
    let batch = pace.batch(replacements).min(replacements);
    let together = (batch > 1).then(|| format!("{batch} at once"));
    let apart = !pace.delay.is_zero() && batch < replacements;
    let apart = apart.then(|| format!("{} apart", measure::duration(pace.delay)));
    let words: Vec<String> = together.into_iter().chain(apart).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// A step's lines: several where containers of a service give way to others.
fn lines(step: &Step) -> Vec<Line> {
    let of = |group, effect, action, kind, name: &str| Line {
        group,
        effect,
        action,
        kind,
        name: name.to_owned(),
        service: None,
        hosts: Vec::new(),
        about: None,
        reason: step.reason.clone(),
    };
    let host = |effect, action, name: &str| of(Group::Hosts, effect, action, "host", name);
    let image = |action, name: &str| of(Group::Images, Effect::Create, action, "image", name);
    let resource = |effect, action, kind, name: &str| of(Group::Resources, effect, action, kind, name);
    let service = |effect, action, plan: &ServicePlan| Line {
        about: Some(replicas(plan.replicas)),
        ..of(Group::Services, effect, action, "service", &plan.service)
    };
    let container = |effect, action, name: &str, service: &str, host: &str| Line {
        service: Some(service.to_owned()),
        hosts: vec![host.to_owned()],
        ..of(Group::Services, effect, action, "container", name)
    };
    let line = match &step.action {
        Action::MakeHost {
            host: name,
            group,
            provider,
        } => Line {
            about: Some(format!("group `{group}`, {provider}")),
            ..host(Effect::Create, "make_host", name)
        },
        Action::RemoveHost { host: name } => host(Effect::Remove, "remove_host", name),
        Action::BootstrapHost { host: name } => host(Effect::Change, "bootstrap_host", name),
        Action::ReplaceHost {
            host: name,
            group,
            provider,
        } => Line {
            about: Some(format!("replaced, group `{group}`, {provider}")),
            ..host(Effect::Change, "replace_host", name)
        },
        Action::ChangeManagers { to } => Line {
            about: Some(format!("{} of the cluster", plural::count(*to, "manager"))),
            ..of(Group::Hosts, Effect::Change, "change_managers", "cluster", "managers")
        },
        Action::ChangeResource { resource } => {
            let (effect, action) = match resource.change {
                Change::Make => (Effect::Create, "make_resource"),
                Change::Change => (Effect::Change, "change_resource"),
                Change::Remove => (Effect::Remove, "remove_resource"),
            };
            of(Group::Shared, effect, action, resource.kind, &resource.name)
        }
        Action::BuildImage { image: name, service } => Line {
            service: Some(service.clone()),
            about: Some("build".to_owned()),
            ..image("build_image", name)
        },
        Action::ProvideImage { image: name, hosts } => Line {
            hosts: hosts.clone(),
            ..image("provide_image", name)
        },
        Action::CreateNetwork { network } => Line {
            hosts: network.host.iter().cloned().collect(),
            ..resource(Effect::Create, "create_network", "network", &network.name)
        },
        Action::CreateVolume { volume } => Line {
            hosts: vec![volume.host.clone()],
            ..resource(Effect::Create, "create_volume", "volume", &volume.name)
        },
        Action::CreateObject { object } => {
            resource(Effect::Create, "create_object", object_kind(object.kind), &object.name)
        }
        Action::CreateService { service: plan } => service(Effect::Create, "create_service", plan),
        Action::UpdateService { service: plan, .. } => service(Effect::Change, "update_service", plan),
        Action::AwaitService { service: plan, .. } => service(Effect::Change, "await_service", plan),
        Action::CreateContainer { container: plan } => {
            let effect = Effect::Create;
            container(effect, "create_container", &plan.name, &plan.service, &plan.host)
        }
        Action::ReplaceContainers {
            service,
            pace,
            replacements,
            ..
        } => return replaced(service, pace, replacements),
        Action::StartContainer {
            service, host, name, ..
        } => container(Effect::Change, "start_container", name, service, host),
        Action::RemoveContainer {
            service, host, name, ..
        } => container(Effect::Remove, "remove_container", name, service, host),
        Action::SetAsideContainer {
            service, host, name, ..
        } => container(Effect::Remove, "set_aside_container", name, service, host),
        Action::RemoveService { service, .. } => {
            of(Group::Services, Effect::Remove, "remove_service", "service", service)
        }
        Action::SettleIngress { ingress } => Line {
            about: Some(ways_in(ingress)),
            ..of(
                Group::Ingress,
                ingress_effect(ingress),
                "settle_ingress",
                "ingress",
                crate::plan::ingress::NAME,
            )
        },
        Action::RemoveNetwork { name, host, .. } => Line {
            hosts: host.iter().cloned().collect(),
            ..resource(Effect::Remove, "remove_network", "network", name)
        },
        Action::RemoveVolume { name, host } => Line {
            hosts: vec![host.clone()],
            ..resource(Effect::Remove, "remove_volume", "volume", name)
        },
        Action::RemoveObject { kind, name, .. } => resource(Effect::Remove, "remove_object", object_kind(*kind), name),
    };
    vec![line]
}

fn object_kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Config => "config",
        ObjectKind::Secret => "secret",
    }
}

fn ingress_effect(ingress: &IngressPlan) -> Effect {
    match ingress.change {
        IngressChange::Create => Effect::Create,
        IngressChange::Change => Effect::Change,
        IngressChange::Remove => Effect::Remove,
    }
}

/// `port 80 of every host; http://shop.example.org → web:8000`.
fn ways_in(ingress: &IngressPlan) -> String {
    let ports: Vec<String> = ingress.ports.iter().map(u16::to_string).collect();
    let on = match ports.len() {
        0 => "all hosts".to_owned(),
        number => format!("{} {} of every host", plural::of(number, "port"), ports.join(", ")),
    };
    std::iter::once(on)
        .chain(ingress.ways.iter().cloned())
        .collect::<Vec<_>>()
        .join("; ")
}

fn replicas(replicas: Option<u64>) -> String {
    match replicas {
        None => "one replica on each host".to_owned(),
        Some(number) => plural::count(usize::try_from(number).unwrap_or(usize::MAX), "replica"),
    }
}

/// `networks, volumes`: the kinds of the lines, in the order in which they first stand there.
fn title(group: Group, lines: &[&Line]) -> String {
    match group {
        Group::Hosts => "hosts".to_owned(),
        Group::Images => "images".to_owned(),
        Group::Services => "services".to_owned(),
        Group::Shared => "for the hosts".to_owned(),
        Group::Ingress => "ingress".to_owned(),
        Group::Resources => {
            let mut kinds: Vec<&str> = Vec::new();
            for line in lines {
                if !kinds.contains(&line.kind) {
                    kinds.push(line.kind);
                }
            }
            let kinds: Vec<String> = kinds.into_iter().map(|kind| plural::of(2, kind)).collect();
            kinds.join(", ")
        }
    }
}

fn group_text(group: Group, lines: &[&Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let several_kinds = match group {
        Group::Shared => true,
        Group::Resources => lines.iter().any(|line| line.kind != lines[0].kind),
        Group::Hosts | Group::Images | Group::Services | Group::Ingress => false,
    };
    let names: Vec<String> = (lines.iter())
        .map(|line| match several_kinds {
            true => format!("{} {}", line.kind, line.name),
            false => line.name.clone(),
        })
        .collect();
    let width = names.iter().map(|name| text::width(name)).max().unwrap_or(0);
    let mut rendered = format!("{}\n", style::paint(style::BOLD, &title(group, lines)));
    for (line, name) in lines.iter().zip(&names) {
        let facts = facts(line);
        let row = format!("  {} {}  {facts}", line.effect.sign(), text::pad(name, width));
        rendered.push_str(row.trim_end());
        rendered.push('\n');
    }
    rendered.push('\n');
    rendered
}

/// Reason, then where and how many.
fn facts(line: &Line) -> String {
    let mut about: Vec<String> = line.about.iter().cloned().collect();
    if !line.hosts.is_empty() {
        about.push(format!("on {}", line.hosts.join(", ")));
    }
    match (line.reason.is_empty(), about.is_empty()) {
        (true, _) => about.join(", "),
        (false, true) => line.reason.clone(),
        (false, false) => {
            let about = style::paint(style::DIM, &format!("({})", about.join(", ")));
            format!("{} {about}", line.reason)
        }
    }
}

fn step_json(step: &Step, line: &Line, after: &[usize]) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("action", json!(line.action));
    put("change", json!(line.effect.word()));
    put("kind", json!(line.kind));
    put("name", json!(line.name));
    if let Some(service) = &line.service {
        put("service", json!(service));
    }
    if !line.hosts.is_empty() {
        put("hosts", json!(line.hosts));
    }
    if let Action::CreateService { service } | Action::UpdateService { service, .. } = &step.action {
        put("image", json!(service.image));
        put("replicas", json!(service.replicas));
    }
    put("reason", json!(line.reason));
    put("after", json!(after));
    Value::Object(object)
}

#[cfg(test)]
mod tests;
