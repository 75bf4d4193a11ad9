//! What holds of every project, on projects made at random out of the forms of the attributes: what is printed loads to
//! the same, an empty file changes nothing, and without variables interpolation does nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hoist::compose::{Loaded, Request, Stages, load};
use proptest::prelude::*;

/// Attributes of a service with forms of each, in YAML's flow style. None has a variable in it.
const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("annotations", &["{a: b, n: 1}", "[a=b, c]"]),
    ("attach", &["false"]),
    (
        "blkio_config",
        &["{weight: 10, device_read_bps: [{path: /dev/a, rate: 10m}]}"],
    ),
    (
        "build",
        &[
            "./context",
            "{context: ., dockerfile: D, args: {A: 1, B: x}, target: t, labels: [a=b], cache_from: [x], tags: [a, b]}",
            "{dockerfile_inline: \"FROM x\\nRUN y\\n\", additional_contexts: [a=./y], secrets: [key], ulimits: {nofile: 5}}",
            "{context: 'https://example.org/x.git', network: host, shm_size: 10m, platforms: [linux/amd64], pull: true}",
        ],
    ),
    ("cap_add", &["[ALL]", "[NET_ADMIN, SYS_TIME]"]),
    ("command", &["run a 'b c'", "[run, \"a\\nb\"]", "[]", "''"]),
    (
        "configs",
        &["[settings]", "[{source: settings, target: /x, mode: 0440, uid: '1'}]"],
    ),
    ("cpu_percent", &["12.5"]),
    ("cpu_shares", &["10"]),
    ("cpus", &["0.5", "2"]),
    ("credential_spec", &["{file: a.json}"]),
    (
        "depends_on",
        &[
            "[first]",
            "{first: {condition: service_healthy, restart: true}, second: {condition: service_started, required: false}}",
        ],
    ),
    (
        "deploy",
        &[
            "{replicas: 2, labels: [a=b], endpoint_mode: vip}",
            "{mode: global, restart_policy: {condition: any, delay: 5s, max_attempts: 3, window: 1m}}",
            "{resources: {limits: {cpus: '0.5', memory: 10m, pids: 5}, reservations: {cpus: 0.25, memory: 20m, devices: [{capabilities: [gpu]}]}}}",
            "{update_config: {parallelism: 2, delay: 10s, max_failure_ratio: 0.5, order: start-first}, placement: {constraints: [a==b], preferences: [{spread: x}]}}",
        ],
    ),
    (
        "develop",
        &["{watch: [{path: ./a, action: sync, target: /a, ignore: x}, {path: b, action: rebuild}]}"],
    ),
    ("devices", &["['/dev/a:/dev/b:rwm', /dev/c]"]),
    ("dns", &["8.8.8.8", "[1.1.1.1, 8.8.8.8]"]),
    ("entrypoint", &["run a", "[a, b c]", "[]"]),
    (
        "env_file",
        &["settings.env", "[{path: missing.env, required: false}, settings.env]"],
    ),
    (
        "environment",
        &[
            "{A: 1, C: x y, T: true, F: 1.50, N: }",
            "[A=2, E=, 'Q=\"z\"']",
            "{COLON: 'a: b', HASH: 'a #b', DATE: 2026-01-31x}",
        ],
    ),
    ("expose", &["[80, 90/udp]"]),
    ("extra_hosts", &["['a:1.1.1.1']", "{b: ['1.2.3.4', '::1']}"]),
    ("gpus", &["all", "[{driver: x, count: 2, options: {a: b}}]"]),
    ("group_add", &["[a, 1]"]),
    (
        "healthcheck",
        &[
            "{test: curl x, interval: 1m30s}",
            "{test: [CMD, a, b], retries: 3, start_period: 0s}",
            "{disable: true}",
        ],
    ),
    ("hostname", &["h"]),
    ("init", &["true"]),
    ("label_file", &["settings.env"]),
    (
        "labels",
        &["{a: b, n: 1}", "[a=c, x]", "{'traefik.rule': 'Host(`a`) && b'}"],
    ),
    ("links", &["[first, 'second:alias']"]),
    (
        "logging",
        &["{driver: json-file, options: {max-size: 10m, max-file: '3'}}"],
    ),
    ("mem_limit", &["10m", "1.5gb"]),
    ("models", &["[language]", "{language: {endpoint_var: E}}"]),
    (
        "networks",
        &[
            "[front]",
            "{front: {aliases: [a], ipv4_address: 1.2.3.4}, back: }",
            "{back: {priority: 5, driver_opts: {a: 1}}}",
        ],
    ),
    ("oom_score_adj", &["-5"]),
    ("pids_limit", &["10"]),
    ("platform", &["linux/amd64"]),
    (
        "ports",
        &[
            "[80]",
            "['8080:80', '127.0.0.1:53:53/udp']",
            "['3000-3002:4000-4002']",
            "[{target: 80, published: '8080', mode: host, name: web}]",
        ],
    ),
    ("post_start", &["[{command: a b, user: u, environment: [A=1]}]"]),
    ("privileged", &["true"]),
    ("profiles", &["[extra]"]),
    ("pull_policy", &["always", "if_not_present"]),
    ("restart", &["always", "'no'", "on-failure:3"]),
    ("secrets", &["[key]", "[{source: key, target: x, mode: 0400}]"]),
    ("security_opt", &["['label:x', a=b]"]),
    ("shm_size", &["64m"]),
    ("stop_grace_period", &["1m30s", "0s", "500ms"]),
    ("storage_opt", &["{size: 1G}"]),
    ("sysctls", &["{a.b: 1}", "[a.b=3]"]),
    ("tmpfs", &["/a", "['/a:size=64m,mode=755', /b]"]),
    ("tty", &["true"]),
    ("ulimits", &["{nofile: 10, nproc: {soft: 1, hard: 2}}"]),
    ("user", &["u", "'1000:1000'"]),
    (
        "volumes",
        &[
            "['data:/a:ro', './h:/c:z', /d]",
            "[{type: bind, source: ./b, target: /a, bind: {propagation: rshared, create_host_path: false}}]",
            "[{type: tmpfs, target: /t, tmpfs: {size: 10m, mode: 0755}}, {type: volume, source: data, target: /v, volume: {nocopy: true}}]",
            "['~/x:/x', '/abs:/y']",
        ],
    ),
    ("volumes_from", &["[first, 'second:ro']"]),
    ("working_dir", &["/w"]),
    ("x-own", &["{a: [1, {b: }], c: 1.50}", "text", "[2026-01-31, 0o17]"]),
];

/// What the services use.
const REST: &str = "
networks: {front: {}, back: {driver: overlay, labels: [a=b], ipam: {config: [{subnet: 10.0.0.0/24}]}}}
volumes: {data: {driver_opts: {a: 1}}}
configs: {settings: {content: 'a: b'}}
secrets: {key: {file: ./key}}
models: {language: {model: ai/language, context_size: 10}}
x-top: {a: 1}
";

/// Projects of one to three services with up to eight attributes each.
fn projects() -> impl Strategy<Value = String> {
    let form = any::<prop::sample::Index>();
    let service = prop::collection::btree_map(0..ATTRIBUTES.len(), form, 0..8);
    prop::collection::vec(service, 1..4).prop_map(|services| {
        let mut text = "services:\n  first: {image: x}\n  second: {image: y}\n".to_owned();
        for (number, attributes) in services.iter().enumerate() {
            text.push_str(&format!("  s{number}:\n    image: z\n"));
            for (attribute, form) in attributes {
                let (name, forms) = ATTRIBUTES[*attribute];
                text.push_str(&format!("    {name}: {}\n", form.get(forms)));
            }
        }
        text + REST
    })
}

fn loaded(texts: &[&str], interpolation: bool) -> Result<Loaded, String> {
    let read = |path: &Path| match path.file_name().and_then(|name| name.to_str()) {
        Some("settings.env") => Ok(b"FROM_FILE=1\nQUOTED='a b'\n".to_vec()),
        _ => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
    };
    let files = texts.iter().enumerate();
    let files = files.map(|(number, text)| (PathBuf::from(format!("{number}.yaml")), (*text).to_owned()));
    let stages = Stages {
        interpolation,
        ..Stages::default()
    };
    let request = Request {
        files: files.collect(),
        directory: PathBuf::from("/srv/app"),
        name: None,
        environment: BTreeMap::from([("HOME".to_owned(), "/home/ann".to_owned())]),
        profiles: vec!["*".to_owned()],
        services: Vec::new(),
        stages,
        read: &read,
    };
    load(&request).map_err(|found| {
        let messages: Vec<String> = found.into_iter().map(|found| found.message).collect();
        format!("{}\n{}", messages.join("\n"), texts.join("---\n"))
    })
}

/// Both forms in which it is printed, and what goes with it; what does not load is compared by what is wrong.
fn shown(loaded: &Result<Loaded, String>) -> Vec<String> {
    match loaded {
        Ok(loaded) => vec![
            loaded.canonical.yaml(),
            loaded.canonical.json(),
            format!("{:?} {:?}", loaded.profiles, loaded.project.services),
        ],
        Err(found) => vec![found.split('\n').next().unwrap_or_default().to_owned()],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_loads_to_the_same(text in projects()) {
        let first = loaded(&[&text], true);
        if let Ok(loaded_first) = &first {
            let printed = loaded_first.canonical.yaml();
            let second = loaded(&[&printed], true);
            // The services come in another order then, which the printed forms do not have.
            prop_assert_eq!(&shown(&first)[..2], &shown(&second)[..2], "{}", printed);
        }
    }

    #[test]
    fn an_empty_file_changes_nothing(text in projects()) {
        let alone = shown(&loaded(&[&text], true));
        for empty in ["{}\n", "services: {}\n", "services: {s0: {}}\n"] {
            prop_assert_eq!(&alone, &shown(&loaded(&[&text, empty], true)), "{} over it", empty);
        }
        prop_assert_eq!(&alone, &shown(&loaded(&["services: {}\n", &text], true)), "under it");
    }

    #[test]
    fn without_variables_interpolation_is_the_identity(text in projects()) {
        prop_assert_eq!(shown(&loaded(&[&text], true)), shown(&loaded(&[&text], false)), "{}", text);
    }

    #[test]
    fn most_projects_made_here_load(texts in prop::collection::vec(projects(), 20)) {
        let load = |text: &String| loaded(&[text], true);
        let failed: Vec<String> = texts.iter().filter_map(|text| load(text).err()).collect();
        prop_assert!(failed.len() < 10, "{}", failed.join("\n\n"));
    }
}
