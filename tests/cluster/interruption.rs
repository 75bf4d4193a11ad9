//! A first `up` that is cut off, again and again, at moments spread over all that it does; the next run goes on from there.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::scene::{Scene, json};

const COMPOSE: &str = "
x-hosts:
  lab:
    count: 2
    local: {}
x-tiny: &tiny
  image: busybox:latest
  command: [sh, -c, \"trap 'exit 0' TERM; tail -f /dev/null & wait\"]
services:
  store:
    <<: *tiny
    volumes: [data:/data]
  page:
    <<: *tiny
    depends_on: [store]
    deploy: {mode: global}
volumes:
  data:
";

/// What `up` comes by, in order: kind and state of its events.
const WAY: [Place; 12] = [
    ("host", "preparing"),
    ("host", "creating"),
    ("host", "booting"),
    ("host", "reading_facts"),
    ("host", "installing_docker"),
    ("host", "writing_files"),
    ("host", "starting_docker"),
    ("host", "proving_api"),
    ("host", "joining"),
    ("network", "creating"),
    ("service", "creating"),
    ("service", "converging"),
];

type Place = (&'static str, &'static str);

#[derive(Debug, Clone, Copy)]
enum Signal {
    Interrupt,
    Kill,
}

/// How a cut-off run ended: `None` where it was through before it came so far.
fn cut_off(scene: &Scene, place: Place, delay: Duration, signal: Signal) -> Option<ExitStatus> {
    let mut child = scene
        .command(&["--progress", "json", "up"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let wanted = WAY.iter().position(|known| *known == place).unwrap();
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if has_come_to(&line, wanted) {
            std::thread::sleep(delay);
            let name = match signal {
                Signal::Interrupt => "-INT",
                Signal::Kill => "-KILL",
            };
            let _ended_meanwhile = Command::new("kill").args([name, &child.id().to_string()]).status();
            let mut rest = String::new();
            lines.read_to_string(&mut rest).unwrap();
            let status = child.wait().unwrap();
            println!("{signal:?} {delay:?} after {place:?}: {status}");
            return (!status.success()).then_some(status);
        }
        line.clear();
    }
    let status = child.wait().unwrap();
    assert!(status.success(), "before {place:?}: {status}");
    None
}

fn has_come_to(line: &str, wanted: usize) -> bool {
    let Ok(event) = serde_json::from_str::<Value>(line) else {
        return false;
    };
    let found = (WAY.iter()).position(|(kind, state)| event["kind"] == *kind && event["state"] == *state);
    found.is_some_and(|found| found >= wanted)
}

#[test]
fn an_up_that_is_cut_off_anywhere_is_completed_by_the_next() {
    let scene = Scene::with("cut", COMPOSE);

    // What a killed run leaves can be taken away as well as completed.
    assert!(cut_off(&scene, ("host", "booting"), Duration::from_millis(300), Signal::Kill).is_some());
    assert_ne!(scene.sweep.left_overs(), Vec::<String>::new());
    scene.hoist(&["down", "-v", "--hosts"]);
    assert_eq!(scene.sweep.left_overs(), Vec::<String>::new());

    let moments = [
        (("host", "creating"), Signal::Kill),
        (("host", "booting"), Signal::Interrupt),
        (("host", "reading_facts"), Signal::Kill),
        (("host", "installing_docker"), Signal::Interrupt),
        (("host", "installing_docker"), Signal::Kill),
        (("host", "writing_files"), Signal::Kill),
        (("host", "starting_docker"), Signal::Interrupt),
        (("host", "joining"), Signal::Kill),
        (("network", "creating"), Signal::Interrupt),
        (("service", "creating"), Signal::Kill),
        (("service", "converging"), Signal::Interrupt),
    ];
    let mut cut = 0;
    for (number, (place, signal)) in moments.into_iter().enumerate() {
        let Some(status) = cut_off(&scene, place, a_moment(number), signal) else {
            continue;
        };
        cut += 1;
        if let Signal::Interrupt = signal {
            assert_eq!(status.code(), Some(130), "it ends by itself, and says why");
        }
    }
    assert!(cut >= 6, "cut off {cut} times only");

    scene.hoist(&["up"]);
    let hosts = scene.hosts();
    assert_eq!(hosts.len(), 2);
    let count = |service: &str| hosts.iter().map(|host| host.running(service).len()).sum::<usize>();
    assert_eq!((count("store"), count("page")), (1, 2));
    let nodes = hosts[0].docker(&["node", "ls", "--format", "{{.Hostname}} {{.Status}}"]);
    let mut nodes: Vec<&str> = nodes.lines().collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["lab-1 Ready", "lab-2 Ready"]);
    assert_eq!(hosts[0].docker(&["service", "ls", "--quiet"]).lines().count(), 2);
    for host in &hosts {
        // No authority but the one: the certificate that was used just now is every host's.
        assert_eq!(
            json(&host.docker(&["info", "--format", "{{json .Swarm.LocalNodeState}}"])),
            "active"
        );
    }
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));

    scene.hoist(&["down", "-v", "--hosts"]);
    assert_eq!(scene.sweep.left_overs(), Vec::<String>::new());
}

/// Up to half a second, another one each time; it is printed with what it led to.
fn a_moment(number: usize) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Duration::from_millis((u64::from(now.subsec_nanos()) / 1000 + number as u64 * 173) % 500)
}
