use crate::compose::testing::{errors, loaded, warnings};

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    let text = "services:\n  web:\n    imgae: x\n    ports: yes\n";
    let expected = [
        "3:5 unknown key `imgae` [did you mean `image`?]",
        "4:12 `ports` must be a list, not a string",
    ];
    assert_eq!(errors(text), expected);
    let text = "service:\n  web: {image: x}\nservices:\n  web: {image: x, healthcheck: {zzz: 1}}\n";
    let expected = [
        "1:1 unknown key `service` [did you mean `services`?]",
        "4:33 unknown key `zzz` [known here: `test`, `timeout`, `interval`, `retries`, `start_period`, `start_interval`, `disable`]",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn every_wrong_type_is_reported_in_one_run() {
    let text = "services:
  web:
    image: 5
    environment: 3
    tty: maybe
    stop_grace_period: 10
    shm_size: big
    deploy: {update_config: {order: stop-frst}, replicas: x}
    healthcheck: {retries: 1.5, interval: soon}
  other: nginx
";
    let expected = [
        "3:12 `image` must be a string, not a whole number",
        "4:18 `environment` must be a mapping or a list, not a whole number",
        "5:10 `tty` must be `true` or `false`, not `maybe`",
        "6:24 `stop_grace_period` must be a duration such as `1m30s`, not a whole number",
        "7:15 `shm_size` must be a size such as `64m`, not `big`",
        "8:37 `order` cannot be `stop-frst` [did you mean `stop-first`?]",
        "8:59 `replicas` must be a whole number, not `x`",
        "9:43 `interval` must be a duration such as `1m30s`, not `soon`",
        "10:10 `other` must be a mapping, not a string",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn the_sections_must_be_mappings() {
    assert_eq!(
        errors("services: [web]\n"),
        ["1:11 `services` must be a mapping, not a list"]
    );
    assert_eq!(errors("- a\n"), ["1:1 the file must be a mapping, not a list"]);
    let text = "services: {a: {image: x}}\nvolumes:\n";
    assert_eq!(errors(text), ["2:8 `volumes` must be a mapping, not nothing"]);
}

#[test]
fn keys_that_must_be_there_are_missed() {
    let text = "services:\n  a:\n    image: x\n    ports: [{published: 3}]\n    depends_on: {b: {}}\n  b: {image: x}\n";
    let expected = ["4:13 an entry of `ports` needs `target`", "5:21 `b` needs `condition`"];
    assert_eq!(errors(text), expected);
}

#[test]
fn what_is_not_honoured_is_said_at_its_place() {
    let text = "version: '3'
services:
  a:
    image: x
    attach: true
    build: {context: ., ssh: [default]}
    volumes: [\"/a:/b:z\", \"/c:/d:what\"]
    pull_policy: daily
    ports: [\"80-90:80\"]
    tmpfs: /run:noexec
";
    let expected = [
        "1:1 `version` has no effect: the specification gave it up [take it out]",
        "5:5 `attach` has no effect: `up` shows the output of no service, `hoist logs` that of those you name",
        "7:15 `z` has no effect",
        "7:26 the mount option `what` is not known and has no effect",
        "8:18 `pull_policy: daily` works as `missing`: intervals are not supported by this version yet",
        "9:13 of a range of published ports only the first is used: ranges for one target are not supported by this version yet",
        "10:12 the tmpfs option `noexec` has no effect",
    ];
    assert_eq!(warnings(text), expected);
}

#[test]
fn numbers_and_booleans_may_stand_in_quotes() {
    let text = "services: {a: {image: x, tty: 'true', privileged: yes, scale: '3', oom_score_adj: '${N:-5}'}}\n";
    let loaded = loaded(text);
    let service = &loaded.project.services["a"];
    assert!(service.tty && service.privileged);
    assert_eq!(service.replicas(), 3);
    assert_eq!(service.oom_score_adj, Some(5));
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].message.contains("`privileged` should say `true`"));
}

#[test]
fn mistakes_in_hoists_own_keys_are_errors() {
    let text = "services: {a: {image: x, x-other: {any: thing}}}
x-hosts:
  Web: {local: {}}
  db: {count: 101, local: {imgae: x}, labels: {a: b}}
  none: {count: 1}
  two: {local: {}, ssh: [a]}
  s: {count: 2, ssh: [a, 'b:x', {hots: x}]}
  o: {openstack: {flavour: x, floating_ip: true}}
  unk: {locl: {}}
x-pool: {managers: 9, docker: {install: appt, port: 0}}
x-openstack: {network: {names: x}}
x-other: {any: thing}
";
    let expected = [
        "3:3 `Web` cannot be the name of a group [use lower-case letters, digits and dashes, such as `web-2`]",
        "4:15 `count` must be from 0 to 100, not 101",
        "4:28 unknown key `imgae` [did you mean `image`?]",
        "5:3 the group `none` does not say where its hosts come from [give it one of `local`, `ssh` and `openstack`]",
        "6:20 the group `two` has both `local` and `ssh`: a group has one provider",
        "7:14 `count` says 2, but `ssh` lists 3 [leave `count` out]",
        "7:26 `b:x` is not an SSH host: `x` is not a port number [write `[USER@]HOST[:PORT]`, an IPv6 address in brackets if a port follows]",
        "7:34 unknown key `hots` [did you mean `host`?]",
        "8:19 unknown key `flavour` [did you mean `flavor`?]",
        "8:44 `floating_ip` must be `false`, a string or a mapping, not a boolean",
        "9:9 unknown key `locl` [did you mean `local`?]",
        "10:20 `managers` must be from 1 to 7, not 9",
        "10:41 `install` cannot be `appt` [known here: `auto`, `distro`, `docker-ce`, `never`]",
        "10:53 `port` must be from 1 to 65535, not 0",
        "11:25 unknown key `names` [did you mean `name`?]",
    ];
    assert_eq!(errors(text), expected);
}

#[test]
fn ingress_is_for_services_of_a_pool_and_its_keys_are_checked() {
    let text =
        "services:\n  a: {image: x, x-ingress: {port: 80}}\n  b: {image: x, x-ingress: [{port: 80}, {prt: 81}]}\n";
    assert_eq!(errors(text), ["3:42 unknown key `prt` [did you mean `port`?]"]);
    let text = "services:\n  a: {image: x, x-ingress: {port: 80, protocol: tcp, sticky: true, drain: 30s}}\n";
    let expected =
        ["2:17 `x-ingress` has no effect on containers: it answers on the hosts of a pool, for Swarm services"];
    assert_eq!(warnings(text), expected);
}
