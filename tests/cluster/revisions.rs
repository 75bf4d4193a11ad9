//! What was applied, compared and gone back to: the image, the environment, the number of replicas, contents, and which
//! services there are.

use serde_json::Value;

use crate::scene::{LocalHost, Scene, docker, text};

/// `page` is built from the folder; what `version` says is in its image.
const DOCKERFILE: &str = "FROM busybox:latest\nCOPY version /version\n";
const TINY: &str = "init: true, command: [sleep, '1000']";

struct Revisions(Vec<Value>);

impl Revisions {
    fn of(scene: &Scene) -> Revisions {
        let listed = scene.hoist_json(&["history", "--format", "json"]);
        let mut rows = listed.as_array().unwrap().clone();
        rows.reverse();
        Revisions(rows)
    }

    fn last(&self) -> String {
        self.0.last().unwrap()["revision"].to_string()
    }

    fn told(&self, what: &str) -> Vec<String> {
        let words = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.0.iter().map(|row| words(&row[what])).collect()
    }
}

/// The text of a page's attributes with what only one side has, the signs included.
fn says(difference: &str, lines: &[&str]) {
    for line in lines {
        assert!(
            difference.lines().any(|found| found == *line),
            "`{line}`:\n{difference}"
        );
    }
}

fn image(container: &Value) -> String {
    container["Image"].as_str().unwrap().to_owned()
}

fn environment(container: &Value) -> String {
    container["Config"]["Env"].to_string()
}

#[test]
fn a_project_of_one_engine_goes_back_to_what_it_was() {
    let scene = Scene::new("back");
    let write = |version: &str, mood: &str, others: &str| {
        scene.write("Dockerfile", DOCKERFILE);
        scene.write("version", version);
        scene.write(
            "compose.yaml",
            &format!(
                "services:\n  page: {{build: ., {TINY}, environment: {{MOOD: {mood}}}}}\n  crowd: {{image: busybox, {TINY}}}\n{others}"
            ),
        );
    };
    assert_eq!(
        scene.hoist_json(&["history", "--format", "json"]),
        Value::Array(Vec::new())
    );
    write("one", "calm", "");
    scene.hoist(&["up"]);
    scene.hoist(&["up"]);
    let first = scene.local_containers("page");
    let crowd = scene.local_containers("crowd")[0]["Id"].clone();

    write("two", "merry", &format!("  late: {{image: busybox, {TINY}}}\n"));
    scene.hoist(&["up", "--build"]);
    scene.hoist(&["scale", "page=3"]);
    assert_eq!(scene.local_containers("page").len(), 3);
    assert_ne!(image(&scene.local_containers("page")[0]), image(&first[0]));

    // What changed nothing made no revision.
    let revisions = Revisions::of(&scene);
    assert_eq!(revisions.told("revision"), ["1", "2", "3"]);
    assert_eq!(revisions.told("command"), ["up", "up", "scale page=3"]);
    assert_eq!(
        revisions.told("changed"),
        ["[\"crowd\",\"page\"]", "[\"late\",\"page\"]", "[\"page\"]"]
    );
    says(
        &scene.hoist(&["diff", "1", "2"]),
        &[
            "service page",
            "- environment.MOOD: calm",
            "+ environment.MOOD: merry",
            "service late",
            "+ image: busybox",
        ],
    );
    says(
        &scene.hoist(&["diff", "2", "3"]),
        &["- (replicas): 1", "+ (replicas): 3"],
    );
    assert!(scene.hoist(&["diff"]).starts_with("nothing differs"));
    write("two", "wild", "");
    says(
        &scene.hoist(&["diff"]),
        &[
            "+++ the file as it is now",
            "- environment.MOOD: merry",
            "+ environment.MOOD: wild",
            "- image: busybox",
        ],
    );

    let before = scene.local_containers("page");
    let planned = scene.hoist(&["rollback", "--to", "1", "--dry-run"]);
    for words in ["-page-1 ", "-page-3 ", "-late-1 ", "1 service up to date"] {
        assert!(planned.contains(words), "{words}: {planned}");
    }
    let ids = |containers: &[Value]| containers.iter().map(|found| found["Id"].clone()).collect::<Vec<_>>();
    assert_eq!(
        ids(&scene.local_containers("page")),
        ids(&before),
        "a dry run touches nothing"
    );
    scene.hoist(&["rollback", "--to", "1"]);
    let back = scene.local_containers("page");
    assert_eq!(back.len(), 1);
    assert_eq!(image(&back[0]), image(&first[0]));
    assert!(environment(&back[0]).contains("MOOD=calm"), "{}", environment(&back[0]));
    assert_eq!(scene.local_containers("late").len(), 0);
    assert_eq!(
        scene.local_containers("crowd")[0]["Id"],
        crowd,
        "it was as it should be"
    );
    let revisions = Revisions::of(&scene);
    assert_eq!(revisions.told("command")[3], "rollback --to 1");
    assert!(scene.hoist(&["diff", "1", "4"]).starts_with("nothing differs"));
    let unknown = scene.run(&["rollback", "--to", "9"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        text(&unknown.stderr).contains("has no revision 9"),
        "{}",
        text(&unknown.stderr)
    );

    // The oldest go.
    for number in ["2", "1", "2", "1", "2", "1", "2", "1"] {
        scene.hoist(&["scale", &format!("crowd={number}")]);
    }
    let kept: Vec<String> = (3..=12).map(|number| number.to_string()).collect();
    assert_eq!(Revisions::of(&scene).told("revision"), kept);
    scene.hoist(&["down"]);
    assert_eq!(Revisions::of(&scene).told("revision"), Vec::<String>::new());
    docker(&["rmi", "--force", &image(&first[0]), &format!("{}-page", scene.name)]);
}

/// The same on a pool, whose hosts are there already; nothing of it is left in the cluster.
pub fn of_a_pool(scene: &Scene, host: &LocalHost) {
    let write = |version: &str, mood: &str| {
        scene.write("Dockerfile", DOCKERFILE);
        scene.write("version", version);
        scene.write("note", &format!("note of {version}"));
        scene.write("token", &format!("token of {version}"));
        scene.write(
            "compose.yaml",
            &format!(
                "x-hosts: {{lab: {{count: 1, local: {{}}}}}}
services:
  page: {{build: ., {TINY}, environment: {{MOOD: {mood}}}, configs: [note], secrets: [token]}}
  still: {{image: busybox:latest, {TINY}}}
configs: {{note: {{file: ./note}}}}
secrets: {{token: {{file: ./token}}}}
"
            ),
        );
    };
    let page = || host.inspect("service", &format!("{}_page", scene.name))["Spec"].clone();
    let container = || page()["TaskTemplate"]["ContainerSpec"].clone();
    let inside = || {
        let ids = host.running("page");
        host.docker(&["exec", &ids[0], "cat", "/version", "/note", "/run/secrets/token"])
    };
    write("one", "calm");
    scene.hoist(&["up", "--remove-orphans"]);
    let first = Revisions::of(scene).last();
    let (image, still) = (container()["Image"].clone(), host.running("still"));
    assert_eq!(inside(), "onenote of onetoken of one");

    write("two", "merry");
    scene.hoist(&["up", "--build"]);
    scene.hoist(&["scale", "page=2"]);
    assert_eq!(inside(), "twonote of twotoken of two");
    assert_ne!(container()["Image"], image);
    let difference = scene.hoist(&["diff", &first]);
    says(
        &difference,
        &[
            "- environment.MOOD: calm",
            "+ environment.MOOD: merry",
            "config note",
            "secret token",
        ],
    );
    assert!(!difference.contains("token of"), "{difference}");

    scene.hoist(&["rollback", "--to", &first]);
    assert_eq!(container()["Image"], image);
    assert!(container()["Env"].to_string().contains("MOOD=calm"));
    assert_eq!(page()["Mode"]["Replicated"]["Replicas"], 1);
    assert_eq!(inside(), "onenote of onetoken of one");
    assert_eq!(host.running("still"), still, "it was as it should be");
    let last = Revisions::of(scene).last();
    assert!(scene.hoist(&["diff", &first, &last]).starts_with("nothing differs"));

    // The file leads forward again.
    scene.hoist(&["up"]);
    assert_eq!(inside(), "twonote of twotoken of two");
    assert!(scene.hoist(&["plan"]).contains("nothing to do"));

    scene.hoist(&["down"]);
    assert_eq!(host.docker(&["config", "ls", "--quiet"]), "");
    assert_eq!(host.docker(&["secret", "ls", "--quiet"]), "");
    docker(&[
        "rmi",
        "--force",
        image.as_str().unwrap(),
        &format!("{}-page", scene.name),
    ]);
}
