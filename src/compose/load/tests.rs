use std::time::Duration;

use crate::compose::model::{FileSource, GroupProvider, MountKind, PortMode, Protocol, RestartCondition};
use crate::compose::testing::{errors, line, load_texts, loaded, warnings};

#[test]
fn syntax_errors_of_all_files_come_together() {
    let found = load_texts(&["services: [a\n", "services: {a: b: c}\n"]).expect_err("must not load");
    let files: Vec<&str> = found
        .iter()
        .filter_map(|found| found.place.as_ref())
        .map(|place| place.source.name.as_str())
        .collect();
    assert_eq!(files, ["compose.yaml", "second.yaml"]);
    assert!(found[0].message.starts_with("not valid YAML: "));
}

#[test]
fn files_without_content_are_errors() {
    assert_eq!(errors("# only a comment\n"), ["- `compose.yaml` is empty"]);
    let found = load_texts(&[]).expect_err("must not load");
    assert_eq!(line(&found[0]), "- there is no Compose file to load");
}

#[test]
fn interpolation_errors_stand_at_the_expression() {
    let text = "services:\n  web:\n    image: \"x:${TAG\"\n    command: \"run ${NO:?say it} now\"\n    user: '${}'\n";
    let expected = [
        "3:15 `${TAG` is not a valid interpolation: the closing `}` is missing [write `$$` for a plain dollar sign]",
        "4:19 the required variable `NO` is not set or empty: say it [set `NO` in the environment or in `.env`]",
        "5:12 `${}` is not a valid interpolation: a variable's name must follow `${` [write `$$` for a plain dollar sign]",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn an_unset_variable_is_warned_of_once() {
    let text = "services:\n  a: {image: x$NOPE$NOPE}\n  b: {image: 'y${NOPE}', user: '${TAG:-$NEVER}'}\n";
    let expected = [
        "2:16 the variable `NOPE` is not set: a blank string stands in for it [set it, or give a default: `${NOPE:-default}`]",
    ];
    assert_eq!(warnings(text), expected);
}

#[test]
fn the_name_comes_from_the_file_or_the_folder() {
    let text = "services: {a: {image: '${COMPOSE_PROJECT_NAME}'}}\n";
    let project = loaded(text).project;
    assert_eq!(project.name, "app");
    assert_eq!(project.services["a"].image.as_deref(), Some("app"));
    assert_eq!(
        loaded("name: x-${TAG:+set}\nservices: {a: {image: x}}\n").project.name,
        "x-set"
    );
    assert_eq!(
        loaded("name: Bad Name\nservices: {a: {image: x}}\n").project.name,
        "badname"
    );
    let expected = [
        "1:7 this gives no name for the project [use lower-case letters, digits, dashes and underscores, a letter or digit first]",
    ];
    assert_eq!(errors("name: '!'\nservices: {a: {image: x}}\n"), expected);
}

#[test]
fn environment_files_fail_at_their_entry_or_in_themselves() {
    let text = "services:\n  a: {image: x, env_file: [bad.env, none.env, binary.env, good.env]}\n";
    let found = load_texts(&[text]).expect_err("must not load");
    let lines: Vec<String> = found.iter().map(line).collect();
    let expected = [
        "2:37 the environment file `/srv/app/none.env` does not exist [`required: false` lets it be missing]",
        "2:47 the file `/srv/app/binary.env` is not text",
        "2:2 a variable's name cannot contain a space",
    ];
    assert_eq!(lines, expected);
    let (why, place) = &found[2].trail[0];
    assert_eq!((why.as_str(), place.line_column()), ("named here", (2, 28)));
}

#[test]
fn no_message_carries_the_value_of_a_secret() {
    let text = "services:\n  a: {image: x, tty: '${PASSWORD}', secrets: [s], env_file: bad.env}\nsecrets: {s: {environment: PASSWORD}}\n";
    let found = load_texts(&[text]).expect_err("must not load");
    assert!(!format!("{:?}", found.iter().map(line).collect::<Vec<_>>()).contains("swordfish"));
    let text = "services:\n  a: {image: x, secrets: [s]}\nsecrets: {s: {environment: PASSWORD}}\n";
    let loaded = loaded(text);
    let expected = FileSource::Environment {
        variable: "PASSWORD".to_owned(),
        value: Some("swordfish".to_owned()),
    };
    assert_eq!(loaded.project.secrets["s"].source, expected);
    assert!(!format!("{loaded:?}").contains("swordfish"));
}

#[test]
fn profiles_choose_services_and_what_they_use() {
    let text = "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: y, profiles: [p]}\n";
    let expected = [
        "2:30 the service `b` takes no part: its profiles are not active [activate one of them with `--profile`: `p`]",
    ];
    assert_eq!(errors(text), expected);
    let text = "services:\n  a: {image: x}\n  b: {image: y, profiles: [p], volumes: ['vol:/x']}\nvolumes: {vol: }\n";
    let project = loaded(text).project;
    assert_eq!(project.services.keys().collect::<Vec<_>>(), ["a"]);
    assert!(project.volumes.is_empty());
}

#[test]
fn a_service_is_typed_in_full() {
    let text = "services:
  web:
    image: x
    command: run 'a b'
    environment: [A=1, B, HOME]
    ports: ['127.0.0.1:8000-8001:80-81/udp', {target: 9, mode: host}]
    volumes: ['data:/data:nocopy', ./src:/src:ro, /anon, {type: tmpfs, target: /t, tmpfs: {size: 1k, mode: 01777}}]
    tmpfs: /run:size=64m,mode=700
    configs: [conf, {source: conf, target: /etc/x, mode: 0440}]
    secrets: [sec]
    stop_grace_period: 1m30s
    mem_limit: 64m
    cpus: 0.5
    scale: 4
    restart: on-failure:3
    deploy: {restart_policy: {condition: any, delay: 5s}, resources: {reservations: {memory: 1g}}}
    x-runtime: container
    x-mine: [1]
volumes: {data: }
configs: {conf: {content: 'a $$ b'}}
secrets: {sec: {file: ~/sec}}
";
    let project = loaded(text).project;
    let web = &project.services["web"];
    assert_eq!(web.command.as_deref(), Some(&["run".to_owned(), "a b".to_owned()][..]));
    assert_eq!(web.environment["B"], None);
    assert_eq!(web.environment["HOME"].as_deref(), Some("/home/ann"));
    let ports: Vec<_> = web
        .ports
        .iter()
        .map(|port| (port.target, port.published, port.mode))
        .collect();
    let expected = [
        (80, Some(8000), None),
        (81, Some(8001), None),
        (9, None, Some(PortMode::Host)),
    ];
    assert_eq!(ports, expected);
    assert_eq!(web.ports[0].protocol, Protocol::Udp);
    assert_eq!(web.mounts.len(), 5);
    assert!(
        matches!(&web.mounts[1].kind, MountKind::Bind { source, create_host_path: true, .. } if source == "/srv/app/src")
    );
    assert!(web.mounts[1].read_only);
    let tmpfs = |size, mode| MountKind::Tmpfs {
        size: Some(size),
        mode: Some(mode),
    };
    assert_eq!(web.mounts[3].kind, tmpfs(1024, 0o1777));
    assert_eq!(web.mounts[4].kind, tmpfs(64 << 20, 0o700));
    assert_eq!(web.configs[0].target, "/conf");
    assert_eq!(web.configs[1].mode, Some(0o440));
    assert_eq!(web.secrets[0].target, "/run/secrets/sec");
    assert_eq!(web.stop_grace_period, Some(Duration::from_secs(90)));
    assert_eq!(web.deploy.limits.memory, Some(64 << 20));
    assert_eq!(web.deploy.limits.nano_cpus, Some(500_000_000));
    assert_eq!(web.deploy.reservations.memory, Some(1 << 30));
    assert_eq!(web.replicas(), 4);
    let policy = web.deploy.restart_policy.as_ref().expect("policy");
    assert_eq!(policy.condition, Some(RestartCondition::Any));
    assert_eq!(web.extensions.keys().collect::<Vec<_>>(), ["x-mine"]);
    assert_eq!(web.networks.keys().collect::<Vec<_>>(), ["default"]);
    assert_eq!(project.networks["default"].name, "app_default");
    assert_eq!(project.volumes["data"].name, "app_data");
    assert_eq!(project.configs["conf"].source, FileSource::Content("a $ b".to_owned()));
    assert_eq!(project.secrets["sec"].source, FileSource::File("/home/ann/sec".into()));
}

#[test]
fn hosts_and_pool_are_typed() {
    let text = "services: {a: {image: x}}
x-hosts:
  web: {count: 2, local: {}, labels: {tier: web, n: 1}}
  db:
    ssh: ['debian@[fd00::5]:2222', {host: 10.0.0.6, user: debian, identity_file: ~/.ssh/id, host_key: ssh-ed25519 AAAA}]
  cloud: {count: 0, openstack: {flavor: m1.small, image: debian-12, user_data: ./init.yaml}}
x-pool: {name: dev, managers: 3, encrypt: true, docker: {api: insecure-tcp, version: '28.*', daemon: {debug: true}}}
x-openstack: {cloud: mycloud, floating_ip: false}
";
    let project = loaded(text).project;
    let web = &project.hosts["web"];
    assert_eq!(web.count, 2);
    assert_eq!(web.labels["n"], "1");
    let GroupProvider::Local(local) = &web.provider else {
        panic!("{web:?}")
    };
    assert_eq!(local.image, "debian:12");
    let db = &project.hosts["db"];
    assert_eq!(db.count, 2);
    let GroupProvider::Ssh(hosts) = &db.provider else {
        panic!("{db:?}")
    };
    assert_eq!((hosts[0].host.as_str(), hosts[0].port), ("fd00::5", Some(2222)));
    assert_eq!(hosts[1].identity_file.as_deref(), Some("/home/ann/.ssh/id".as_ref()));
    let GroupProvider::Openstack(settings) = &project.hosts["cloud"].provider else {
        panic!()
    };
    assert_eq!(settings.user_data.as_deref(), Some("/srv/app/init.yaml".as_ref()));
    assert_eq!(settings.cloud.as_deref(), Some("mycloud"));
    assert_eq!(project.pool.name, "dev");
    assert_eq!(project.pool.docker.port, 2375);
    assert_eq!(project.pool.docker.daemon["debug"], true);
    let usual = loaded("services: {a: {image: x}}\n").project.pool;
    assert_eq!((usual.name.as_str(), usual.docker.port), ("app", 2376));
}

#[test]
fn every_attribute_has_its_place() {
    let text = "services:\n  web:\n    image: nginx\n    ports:\n      - 80:80\n      - 81:81\n    environment:\n      - A=1\n";
    let places = loaded(text).project.places;
    let at = |path: &str| places.nearest(path).map(|place| (place.line_column(), place.length));
    assert_eq!(at("services.web"), Some(((2, 3), 3)));
    assert_eq!(at("services.web.image"), Some(((3, 12), 5)));
    assert_eq!(at("services.web.ports"), Some(((4, 5), 5)));
    assert_eq!(at("services.web.ports.1"), Some(((6, 9), 5)));
    assert_eq!(at("services.web.ports.1.target"), Some(((6, 9), 5)));
    assert_eq!(at("services.web.environment.A"), Some(((8, 9), 3)));
    assert_eq!(at("services.web.nothing.here"), Some(((2, 3), 3)));
}

#[test]
fn places_follow_the_merge() {
    let first = "services:\n  web:\n    image: a\n    ports: [80:80]\n";
    let second = "services:\n  web:\n    ports: [81:81]\n    image: b\n";
    let project = load_texts(&[first, second]).expect("loads").project;
    let place = project.places.nearest("services.web.ports.1").expect("place");
    assert_eq!(place.to_string(), "second.yaml:3:13");
    let place = project.places.nearest("services.web.image").expect("place");
    assert_eq!(place.to_string(), "second.yaml:4:12");
}

/// Small projects out of words that mean something, so that most of them load.
fn projects() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let value = "[ -~]{0,12}|[a-z\\n é]{0,12}";
    let quoted = value.prop_map(|text: String| serde_json::Value::String(text.replace('$', "$$")).to_string());
    let attribute = prop_oneof![
        quoted.clone().prop_map(|text| format!("    user: {text}\n")),
        prop::collection::vec(quoted.clone(), 0..4).prop_map(|list| format!("    command: [{}]\n", list.join(", "))),
        prop::collection::btree_map("[A-Z]{1,5}|[a-z .]{1,4}", quoted, 1..4).prop_map(|map| {
            let entries: Vec<String> = map.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
            format!("    labels: {{{}}}\n", entries.join(", "))
        }),
        (1_u16..9000, 1_u16..9000).prop_map(|(left, right)| format!("    ports: ['{left}:{right}', {right}]\n")),
        (0_u64..100_000).prop_map(|number| format!("    stop_grace_period: {number}ms\n    shm_size: {number}k\n")),
        Just("    volumes: ['vol:/x', ./y:/y:ro, /z]\n".to_owned()),
        (0_u32..5).prop_map(|number| format!(
            "    deploy: {{replicas: {number}, resources: {{limits: {{cpus: 0.{number}}}}}}}\n"
        )),
    ];
    prop::collection::vec(prop::collection::vec(attribute, 0..5), 1..4).prop_map(|services| {
        let mut text = "volumes: {vol: }\nservices:\n".to_owned();
        for (number, attributes) in services.iter().enumerate() {
            text.push_str(&format!("  s{number}:\n    image: x\n"));
            let mut seen: Vec<&str> = Vec::new();
            for attribute in attributes {
                let key = attribute.split(':').next().unwrap_or_default();
                if !seen.contains(&key) {
                    seen.push(key);
                    text.push_str(attribute);
                }
            }
        }
        text
    })
}

proptest::proptest! {
    #[test]
    fn what_is_printed_loads_to_the_same(text in projects()) {
        let first = load_texts(&[&text]);
        proptest::prop_assert!(first.is_ok(), "{text}\n{first:?}");
        let first = first.expect("loads");
        let printed = first.canonical.yaml();
        let second = load_texts(&[&printed]);
        proptest::prop_assert!(second.is_ok(), "{printed}\n{second:?}");
        let second = second.expect("loads");
        proptest::prop_assert_eq!(first.canonical.yaml(), second.canonical.yaml(), "{}", printed);
    }

    #[test]
    fn loading_never_panics(text in "(services|x-hosts|networks|volumes):( \\{)?\\n( {2,4}[a-z_]{1,8}: ?[\\[{a-z0-9:$\"'}\\]!&*-]{0,12}\\n){0,6}|\\PC{0,80}") {
        drop(load_texts(&[&text]));
        drop(load_texts(&["services: {a: {image: x}}", &text]));
    }
}
