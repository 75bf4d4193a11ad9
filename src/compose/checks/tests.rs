use crate::compose::testing::{errors, loaded, warnings};

#[test]
fn every_name_must_be_defined() {
    let text = "services:
  web:
    image: x
    depends_on: [dbb, web]
    networks: [frnt]
    secrets: [s]
    configs: [c]
    volumes: [\"v1:/y\"]
    ipc: service:cache
  db:
    image: y
networks: {front: }
";
    let expected = [
        "4:18 there is no service `dbb` [did you mean `db`?]",
        "4:23 the service `web` depends on itself",
        "5:16 the network `frnt` is not defined [did you mean `front`?]",
        "6:15 the secret `s` is not defined [define it under the top-level `secrets:`]",
        "7:15 the config `c` is not defined [define it under the top-level `configs:`]",
        "8:15 the volume `v1` is not defined [define it under the top-level `volumes:`]",
        "9:10 there is no service `cache` [known here: `web`, `db`]",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn a_cycle_prints_its_path() {
    let text = "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n  c: {image: x, depends_on: [a]}\n";
    let expected = ["4:30 the services depend on each other in a circle: a → b → c → a"];
    assert_eq!(errors(text), expected);
    let text = "services:\n  a: {image: x, network_mode: 'service:b'}\n  b: {image: x, depends_on: [a]}\n";
    let expected = ["3:30 the services depend on each other in a circle: a → b → a"];
    assert_eq!(errors(text), expected);
}

#[test]
fn two_paths_to_one_service_are_no_cycle() {
    let text = "services:\n  a: {image: x, depends_on: [b, c]}\n  b: {image: x, depends_on: [d]}\n  c: {image: x, depends_on: [d]}\n  d: {image: x}\n";
    assert_eq!(loaded(text).project.services.len(), 4);
}

#[test]
fn a_service_needs_something_to_run_and_a_valid_name() {
    let text = "services:\n  a: {}\n  b c: {image: x}\n";
    let expected = [
        "2:3 the service `a` has neither `image` nor `build` [say which image it runs]",
        "3:3 `b c` cannot be a name in `services`: letters, digits, `.`, `_` and `-` can",
    ];
    assert_eq!(errors(text), expected);
    assert!(loaded("services: {}\n").project.services.is_empty());
}

#[test]
fn a_container_name_is_there_once() {
    let text = "services:
  a: {image: x, container_name: nn, scale: 2}
  b: {image: x, container_name: nn, deploy: {replicas: 2}, scale: 3}
";
    let expected = [
        "2:33 `container_name` allows one replica, not 2: a name is there once [leave the name to Hoist]",
        "3:33 `container_name` allows one replica, not 3: a name is there once [leave the name to Hoist]",
        "3:33 the container name `nn` is that of the service `a` already",
        "3:67 `scale` says 3 and `deploy.replicas` says 2 [keep `deploy.replicas` only]",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn limits_said_twice_must_agree() {
    let text = "services:\n  a: {image: x, mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}}\n";
    let expected = [
        "2:28 `mem_limit` and `deploy.resources.limits.memory` say different things [keep `deploy.resources.limits.memory` only]",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn what_excludes_each_other_is_an_error() {
    let text = "services:
  a: {image: x, network_mode: host, networks: [n]}
volumes: {n: {external: true, driver: x}}
networks: {n: }
secrets: {t: {}}
configs: {c: {file: a, content: b}}
";
    let expected = [
        "2:31 `network_mode` and `networks` exclude each other",
        "3:31 the external volume `n` cannot have `driver`: it exists already",
        "5:11 the secret `t` does not say where its content comes from [give one of `file`, `environment` and `external`]",
        "6:24 the config `c` has both `file` and `content`",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn ports_and_mounts_must_be_valid() {
    let text = "services:
  web:
    image: x
    ports: [\"99999:80\", \"abc\", {target: 0}, {target: 80, published: \"8-7\", host_ip: me}]
    volumes: [\"aa:bb:cc:dd\", \"aa::b\", {type: bind, target: /q}]
    tmpfs: [/run, /run, \"/x:size=huge\"]
";
    let hint = "[write `[[IP:]PUBLISHED:]TARGET[/PROTOCOL]`]";
    let mount = "[write `[SOURCE:]TARGET[:OPTIONS]`]";
    let expected = [
        format!("4:13 `99999:80` is not a port: ports go from 0 to 65535 {hint}"),
        format!("4:25 `abc` is not a port: `abc` is not a port number {hint}"),
        "4:41 `target` must be from 1 to 65535, not 0".to_owned(),
        "4:85 `me` is not an IP address".to_owned(),
        format!("5:15 `aa:bb:cc:dd` is not a mount: there are too many colons {mount}"),
        format!("5:30 `aa::b` is not a mount: a part between colons is empty {mount}"),
        "5:39 a mount of type `bind` needs `source`, a path of the host".to_owned(),
        "6:25 `size` must be a size such as `64m`, not `huge`".to_owned(),
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn words_that_the_schema_cannot_judge_are_judged() {
    let text = "services:
  a: {image: x, command: \"a 'b\", restart: sometimes, pull_policy: alwys, healthcheck: {test: [curl]}}
  b: {image: x, extra_hosts: [nobody], devices: ['a:b:c:d'], labels: ['=x'], deploy: {replicas: -1}}
";
    let expected = [
        "2:26 `command` has a quote or a parenthesis without its other half",
        "2:43 `restart` cannot be `sometimes` [known here: `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:3`]",
        "2:67 `pull_policy` cannot be `alwys`: it must be one of `always`, `never`, `missing`, `build`, `refresh`, `daily`, `weekly`, `every_12h` and the like",
        "2:95 a list in `test` must begin with `CMD`, `CMD-SHELL` or `NONE`, not `curl` [a plain string is run by the shell]",
        "3:31 `nobody` in `extra_hosts` has no address: write `HOST=ADDRESS`",
        "3:50 `a:b:c:d` is not a device: write `SOURCE[:TARGET[:PERMISSIONS]]`",
        "3:97 `replicas` must be 0 or more, not -1",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn constraints_are_held_against_the_labels_of_the_groups() {
    let text = "services:
  a:
    image: x
    deploy:
      placement:
        constraints: [node.labels.tier == web, node.labels.disk==ssd, node.labels.disk == hdd, node.role != manager]
x-hosts: {g: {local: {}, labels: {disk: ssd}}}
x-pool: {managers: 2}
";
    let expected = [
        "6:23 no group of `x-hosts` has the label `tier` [`labels` of a group gives it to each of its hosts; `hoist hosts label` sets it by hand]",
        "6:71 no group of `x-hosts` has the label `disk` with the value `hdd` [`labels` of a group gives it to each of its hosts; `hoist hosts label` sets it by hand]",
        "8:20 2 managers survive no more losses than 1",
    ];
    assert_eq!(warnings(text), expected);
    let text =
        "services: {a: {image: x, deploy: {placement: {constraints: ['node.role = x']}}}}\nx-hosts: {g: {local: {}}}\n";
    let expected = ["1:61 `node.role = x` is not a constraint [write `node.labels.KEY == VALUE` or `!=`]"];
    assert_eq!(errors(text), expected);
}
