//! Files and arguments that cannot be: each gets its exit code and one message that names the place and the way out.
//!
//! No engine answers in any of these tests: what is wrong with the input is said before one is asked.

#[path = "support/hoist_command.rs"]
#[expect(dead_code, reason = "shared with the tests that run on engines")]
mod hoist_command;

use hoist_command::{Ended, Folder};

/// The folder of an operator whom no Docker Engine answers.
fn without_engine(test: &str) -> Folder {
    let mut folder = Folder::new(test);
    let socket = folder.path("nobody.sock");
    folder.set("DOCKER_HOST", &format!("unix://{}", socket.display()));
    folder
}

/// `hoist up` of this text: whatever is wrong with the file is said before anything is touched.
fn up(test: &str, text: &str) -> Ended {
    let folder = without_engine(test);
    folder.compose(text);
    let ended = folder.hoist(&["up"]);
    assert_eq!(ended.stdout, "");
    assert!(
        !folder.state().exists(),
        "nothing is made for a file that cannot be used"
    );
    ended
}

/// The line below the one that is shown has the marks under these columns (from 1).
fn underlined(ended: &Ended, source: &str) -> String {
    let mut lines = ended.stderr.lines().skip_while(|line| !line.contains(source));
    let shown = lines
        .next()
        .unwrap_or_else(|| panic!("`{source}` is not shown:\n{}", ended.stderr));
    let marks = lines.next().unwrap();
    let marked = |mark: char| !matches!(mark, ' ' | '·' | '│' | '|');
    shown
        .chars()
        .zip(marks.chars())
        .filter(|(_, mark)| marked(*mark))
        .map(|(shown, _)| shown)
        .collect()
}

#[test]
fn a_yaml_error_names_line_and_column_and_shows_the_line() {
    let ended = up("yaml", "services:\n  web:\n    image: busybox\n   ports: [80]\n");
    assert!(matches!(ended.code, Some(10)), "{ended:?}");
    assert!(ended.stderr.contains("compose.yaml:4:"), "{}", ended.stderr);
    underlined(&ended, "   ports: [80]");
    // A tab where spaces belong: the commonest of all.
    let ended = up("tab", "services:\n\tweb:\n\t\timage: busybox\n");
    assert!(matches!(ended.code, Some(10)), "{ended:?}");
    assert!(ended.stderr.contains("compose.yaml:2:"), "{}", ended.stderr);
    assert!(ended.stderr.contains("tab"), "{}", ended.stderr);
}

#[test]
fn a_yaml_error_has_an_exit_code_of_its_own() {
    let ended = up("syntax", "services:\n  web:\n    image: busybox\n   ports: [80]\n");
    ended.fails(10, &["compose.yaml:4:"]);
}

#[test]
fn an_unknown_key_of_a_host_group_names_the_nearest_known_one() {
    let ended = up(
        "hosts",
        "x-hosts:\n  lab:\n    cuont: 3\n    local: {}\nservices:\n  web: {image: busybox}\n",
    );
    ended.fails(11, &["compose.yaml:3:5", "did you mean `count`?"]);
    assert_eq!(underlined(&ended, "cuont: 3"), "cuont");
}

#[test]
fn unknown_keys_of_services_and_pools_are_all_said_at_once() {
    let ended = up(
        "several",
        "x-pool: {manegers: 3}\nservices:\n  web: {image: busybox, prots: [80]}\n  db:\n    imgae: postgres\n    image: x\n",
    );
    ended.fails(
        11,
        &[
            "compose.yaml:1:10",
            "compose.yaml:3:25",
            "compose.yaml:5:5",
            "did you mean `managers`?",
            "did you mean `ports`?",
            "did you mean `image`?",
            "3 errors",
        ],
    );
}

#[test]
fn services_that_wait_for_each_other_are_shown_as_a_path() {
    let ended = up(
        "cycle",
        "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n  c: {image: x, depends_on: [a]}\n",
    );
    ended.fails(11, &["a → b → c → a", "compose.yaml:"]);
}

#[test]
fn a_dependency_that_is_not_there_names_the_nearest_service() {
    let ended = up(
        "nearest",
        "services:\n  wbe: {image: x}\n  db: {image: x, depends_on: [web]}\n",
    );
    ended.fails(11, &["compose.yaml:3:31", "did you mean `wbe`?"]);
}

#[test]
fn a_variable_that_is_not_set_is_warned_of_once() {
    let folder = without_engine("unset");
    folder.compose("services:\n  web: {image: \"x:${HOIST_TEST_NOPE}\", hostname: \"${HOIST_TEST_NOPE}\"}\n");
    let ended = folder.hoist(&["config"]);
    ended.succeeds();
    assert_eq!(ended.stderr.matches("warning: ").count(), 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("`HOIST_TEST_NOPE` is not set"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("compose.yaml:2:"), "{}", ended.stderr);

    folder.compose("services:\n  web: {image: \"x:${HOIST_TEST_NOPE:?say which release}\"}\n");
    let ended = folder.hoist(&["config"]);
    ended.fails(11, &["is not set or empty: say which release", "compose.yaml:2:"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = without_engine("missing");
    let ended = folder.hoist(&["-f", "nope.yaml", "up"]);
    ended.fails(9, &["error: cannot read nope.yaml", "No such file", "hint: "]);

    folder.compose("services:\n  web: {image: x, env_file: missing.env}\n");
    let ended = folder.hoist(&["up"]);
    assert!(matches!(ended.code, Some(9 | 11)), "{ended:?}");
    assert!(ended.stderr.contains("missing.env"), "{}", ended.stderr);
    assert!(ended.stderr.contains("compose.yaml:2:"), "{}", ended.stderr);
}

#[test]
fn without_a_compose_file_the_message_says_what_to_write() {
    let folder = without_engine("nothing");
    let ended = folder.hoist(&["up"]);
    ended.fails(
        9,
        &[
            "error: no Compose file in ",
            "hint: write a `compose.yaml`, or name one with `-f`",
        ],
    );
}

#[test]
fn a_secret_whose_variable_or_file_is_missing_is_named_before_anything_is_made() {
    let folder = without_engine("secret");
    folder.compose(
        "services:\n  web: {image: x, secrets: [token]}\nsecrets:\n  token: {environment: HOIST_TEST_TOKEN}\n",
    );
    let ended = folder.hoist(&["up"]);
    ended.fails(9, &["secret `token`", "`HOIST_TEST_TOKEN` is not set", "hint: "]);
    folder.compose("services:\n  web: {image: x, secrets: [token]}\nsecrets:\n  token: {file: ./token.txt}\n");
    let ended = folder.hoist(&["up"]);
    ended.fails(9, &["secret `token`", "token.txt", "hint: "]);
}

#[test]
fn a_service_or_an_option_that_does_not_exist_is_a_usage_error() {
    let folder = without_engine("usage");
    folder.compose("services:\n  web: {image: x}\n  db: {image: x}\n");
    let ended = folder.hoist(&["up", "wbe"]);
    ended.fails(2, &["no service `wbe`", "hint: the project has web, db"]);
    assert_eq!(folder.hoist(&["up", "--nope"]).code, Some(2));
    assert_eq!(folder.hoist(&["nope"]).code, Some(2));
}

#[test]
fn without_a_docker_engine_every_command_says_so_and_what_to_do() {
    let folder = without_engine("engine");
    folder.compose("services:\n  web: {image: x}\n");
    for command in ["up", "ps", "logs", "down", "plan"] {
        let ended = folder.hoist(&[command]);
        ended.fails(
            35,
            &[
                "no Docker Engine answers at unix://",
                "No such file",
                "hint: start the Docker Engine",
            ],
        );
        assert!(!ended.stderr.contains("client error"), "{}", ended.stderr);
    }

    folder.compose("x-hosts: {lab: {count: 1, local: {}}}\nservices:\n  web: {image: x}\n");
    let ended = folder.hoist(&["up"]);
    ended.fails(
        27,
        &[
            "local hosts need a Docker Engine",
            "No such file",
            "hint: start Docker on this machine",
        ],
    );

    folder.compose("services:\n  web: {build: .}\n");
    folder.write("Dockerfile", "FROM scratch\n");
    let ended = folder.hoist(&["up"]);
    ended.fails(31, &["needs a Docker Engine on this machine", "No such file", "hint: "]);
}

/// A valid file of one line, 77 kB long, whose last word is a variable that is not set.
fn long_line() -> String {
    let labels: Vec<String> = (0..1000).map(|n| format!(r#""k{n}": "{}""#, "v".repeat(64))).collect();
    let labels = labels.join(", ");
    format!(r#"{{"services": {{"web": {{"image": "busybox", "labels": {{{labels}}}, "user": "${{NOBODY}}"}}}}}}"#)
}

#[test]
fn a_finding_far_along_a_line_is_shown_by_every_command() {
    let mut folder = without_engine("far-along");
    folder.write("long.json", &long_line());
    assert!(long_line().len() > 70_000);
    for arguments in [
        &["-f", "long.json", "config"][..],
        &["-f", "long.json", "--progress", "json", "config"],
        &["-f", "long.json", "--progress", "json", "plan"],
        &["-f", "long.json", "--strict", "config"],
    ] {
        let ended = folder.hoist(arguments);
        assert_ne!(ended.code, Some(70), "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains("long.json:1:7"),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert!(ended.stderr.contains("${NOBODY}"), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.len() < 4000, "{arguments:?}: {} bytes", ended.stderr.len());
    }
    // The other readers of files show their findings the same way.
    folder.write("stack/docker-compose.yml", long_line().trim_end_matches('}'));
    folder.write("wrong.env", &format!("A={}${{B", "v".repeat(70_000)));
    folder.compose("services: {web: {image: busybox, env_file: wrong.env}}\n");
    folder.set("COLUMNS", "100000");
    for (arguments, file) in [
        (&["import", "stack/docker-compose.yml"][..], "docker-compose.yml"),
        (&["config"][..], "wrong.env:1:"),
    ] {
        let ended = folder.hoist(arguments);
        assert_ne!(ended.code, Some(70), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(file), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.len() < 4000, "{arguments:?}: {} bytes", ended.stderr.len());
    }
}

#[test]
fn a_fault_of_hoist_is_one_sentence_with_a_code_of_its_own() {
    for thread in ["main", "task"] {
        let mut folder = without_engine(&format!("fault-{thread}"));
        folder.set("HOIST_DEBUG_PANIC", thread);
        folder.set("RUST_BACKTRACE", "0");
        let ended = folder.hoist(&["version"]);
        assert_eq!(ended.code, Some(70), "{ended:?}");
        assert_eq!(ended.stdout, "");
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("src/cli/panic.rs:"), "{}", ended.stderr);
        assert!(ended.stderr.contains(env!("CARGO_PKG_VERSION")), "{}", ended.stderr);
        assert!(!ended.stderr.contains("swordfish"), "{}", ended.stderr);
    }
}
