//! Faults between this machine and hosts that exist already: two bare machines of another pool, named by address.

use std::process::Command;

use hoist::hosts::{Host, HostKey};

use super::docker::inside;
use super::hoist_command::Folder;
use super::house::House;
use super::project;

/// An operator whose SSH configuration is the test's own: nobody's `known_hosts` is read or written.
fn operator(test: &str) -> (Folder, super::LeavesNothing) {
    let (mut folder, leaves_nothing) = project(test);
    let config = format!(
        "UserKnownHostsFile \"{}\"\nGlobalKnownHostsFile none\n",
        folder.path("known_hosts").display()
    );
    folder.write("ssh_config", &config);
    let path = std::env::var("PATH").unwrap();
    let ssh = path
        .split(':')
        .map(|folder| format!("{folder}/ssh"))
        .find(|ssh| std::path::Path::new(ssh).exists());
    let ssh = ssh.expect("these tests need the OpenSSH client");
    folder.write(
        "bin/ssh",
        &format!(
            "#!/bin/sh\nexec {ssh} -F '{}' \"$@\"\n",
            folder.path("ssh_config").display()
        ),
    );
    let made = Command::new("chmod").arg("755").arg(folder.path("bin/ssh")).status();
    assert!(made.unwrap().success());
    folder.set("PATH", &format!("{}:{path}", folder.path("bin").display()));
    (folder, leaves_nothing)
}

/// Writes a Compose file with one service on these machines: address, user's key.
fn compose(folder: &Folder, machines: &[(&str, &str)]) {
    let machines: String = machines
        .iter()
        .map(|(address, key)| format!("      - {{host: {address}, user: debian, identity_file: {key}}}\n"))
        .collect();
    folder.compose(&format!(
        "x-hosts:\n  metal:\n    ssh:\n{machines}services:\n  web: {{image: busybox, init: true, command: [sleep, '1000']}}\n"
    ));
}

fn replicas_on(host: &Host) -> String {
    inside(
        &host.id,
        "docker ps --filter status=running --format '{{.Label \"com.docker.swarm.service.name\"}}'",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_a_machine_is_named_and_the_next_up_goes_on_once_it_is_mended() {
    let house = House::new("faults");
    let hosts = house.make(&[("m-1", "debian:12"), ("m-2", "debian:12")]).await;
    let key = hosts[0].login.identity_file.as_ref().unwrap().display().to_string();
    let key = key.as_str();
    let wrong_key = house.some_key().display().to_string();
    let (mut folder, _leaves_nothing) = operator("machines");
    let address = |host: usize| hosts[host].login.address.as_str();

    // A key that nobody vouched for is refused, and nothing is put on the machine.
    compose(&folder, &[(address(0), key)]);
    let said = format!(
        "error: host `metal-1` ({}) has an SSH host key that is not known",
        address(0)
    );
    let ended = folder.hoist(&["up"]);
    ended.fails(23, &[&said, "`--accept-new-host-keys`"]);
    assert!(ended.took.as_secs() < 10, "{:?}", ended.took);
    assert_eq!(inside(&hosts[0].id, "ls -d /etc/hoist /etc/docker"), "");

    // Accepted explicitly it is remembered; the wrong login key is another matter.
    compose(&folder, &[(address(0), &wrong_key)]);
    let said = format!("error: host `metal-1` ({}) refused the SSH key: ", address(0));
    let ended = folder.hoist(&["--accept-new-host-keys", "up"]);
    ended.fails(
        21,
        &[
            &said,
            "Permission denied (publickey)",
            "hint: give the host's `user` and `identity_file`",
        ],
    );
    let known = std::fs::read_to_string(folder.path("known_hosts")).unwrap();
    assert!(known.contains(address(0)), "{known}");

    // sudo that asks for a password is recognised and not waited for.
    compose(&folder, &[(address(0), key)]);
    inside(&hosts[0].id, "echo 'debian ALL=(ALL) ALL' >/etc/sudoers.d/debian");
    let ended = folder.hoist(&["up"]);
    ended.fails(
        24,
        &[
            "error: host `metal-1`: user `debian` cannot become root: sudo asks for a password",
            "NOPASSWD",
        ],
    );
    assert!(ended.took.as_secs() < 10, "{:?}", ended.took);
    inside(
        &hosts[0].id,
        "echo 'debian ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/debian",
    );

    // One machine's mirror is down and one never answers: the third goes on without them.
    let HostKey::Pinned(second_key) = &hosts[1].login.host_key else {
        panic!("the key of a local host is known")
    };
    let known = format!("{known}{} {second_key}\n", address(1));
    folder.write("known_hosts", &known);
    let (network, _) = address(0).rsplit_once('.').unwrap();
    let nobody = format!("{network}.250");
    inside(
        &hosts[0].id,
        "cp -a /etc/apt /etc/apt.kept; rm -f /etc/apt/apt.conf.d/*prox*; \
         sed -i 's|https*://[^/]*/|http://127.0.0.1:9/|' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null",
    );
    compose(&folder, &[(address(0), key), (address(1), key), (&nobody, key)]);
    let ended = folder.hoist(&["--ssh-timeout", "6", "up"]);
    ended.fails(
        25,
        &[
            "error: host `metal-1`: Docker could not be installed after 5 attempts: ",
            "hint: mend the host's package sources",
            &format!("error: host `metal-3` ({nobody}) did not answer SSH within "),
            "No route to host",
            &format!("`ssh {nobody}` answers from here"),
        ],
    );
    assert!(ended.took.as_secs() < 120, "{:?}", ended.took);
    assert_eq!(
        replicas_on(&hosts[1]),
        format!("{}_web", folder.name),
        "{}",
        ended.stderr
    );

    inside(&hosts[0].id, "rm -rf /etc/apt; mv /etc/apt.kept /etc/apt");
    compose(&folder, &[(address(0), key), (address(1), key)]);
    folder.hoist(&["up"]).succeeds();
    assert_eq!(
        inside(&hosts[1].id, "docker node ls --format '{{.Status}}'"),
        "Ready\nReady"
    );

    // Another operator, who remembers another key: somebody may be answering in the machine's place.
    folder.forget_state("second");
    let other = std::fs::read_to_string(house.some_key().with_extension("pub")).unwrap();
    folder.write(
        "known_hosts",
        &format!("{} {other}{} {second_key}\n", address(0), address(1)),
    );
    let said = format!(
        "error: host `metal-1` ({}) shows another SSH host key than before",
        address(0)
    );
    let ended = folder.hoist(&["up"]);
    ended.fails(22, &[&said, &format!("`ssh-keygen -R {}`", address(0))]);
    folder.write("known_hosts", &known);
    folder.hoist(&["up"]).succeeds();

    // The way to the Docker API is blocked: told from an engine that does not run, and nothing is restarted.
    let block = |action: &str| {
        let rule = "INPUT -p tcp --dport 2376 ! -i lo -j REJECT --reject-with tcp-reset";
        inside(&hosts[0].id, &format!("iptables -{action} {rule}"));
    };
    let engine_start = house.engine_start(&hosts[0]);
    block("I");
    folder.forget_state("third");
    let said = format!(
        "error: host `metal-1`: the Docker API at {}:2376 does not answer: ",
        address(0)
    );
    let ended = folder.hoist(&["up"]);
    ended.fails(
        26,
        &[
            &said,
            "though the engine listens there",
            "hint: open port 2376",
            "`x-pool: {docker: {api: ssh}}`",
        ],
    );
    assert_eq!(house.engine_start(&hosts[0]), engine_start);
    // Looking names the host that cannot be asked.
    let ended = folder.hoist(&["ps"]);
    ended.fails(35, &["no Docker Engine answers at ", "(metal-1)", "hint: "]);
    block("D");
    folder.hoist(&["up"]).succeeds();
    folder.hoist(&["ps"]).succeeds();
    folder.hoist(&["down", "--hosts"]).succeeds();
    assert_eq!(
        inside(&hosts[0].id, "docker info --format '{{.Swarm.LocalNodeState}}'"),
        "inactive"
    );
}
