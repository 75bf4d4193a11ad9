use crate::compose::source::Diagnostic;
use crate::compose::testing::{line, load_beside, way};

#[track_caller]
fn failures(text: &str, others: &[(&str, &str)]) -> Vec<Diagnostic> {
    load_beside(&[text], others).expect_err("must not load")
}

#[test]
fn an_error_in_another_file_says_where_it_is_extended_from() {
    let text = "services:\n  web:\n    extends: {file: one/base.yaml, service: mid}\n";
    let one = "services:\n  mid:\n    extends: {file: two.yaml, service: base}\n";
    let two = "services:\n  base:\n    image: x\n    prots: []\n";
    let found = failures(text, &[("one/base.yaml", one), ("one/two.yaml", two)]);
    assert_eq!(line(&found[0]), "4:5 unknown key `prots` [did you mean `ports`?]");
    let expected = [
        "one/two.yaml:4:5",
        "extended from one/base.yaml:3:21",
        "extended from compose.yaml:3:21",
    ];
    assert_eq!(way(&found[0]), expected);
}

#[test]
fn an_error_that_two_services_extend_is_said_once() {
    let text = "services:\n  a: {extends: {file: base.yaml, service: base}}\n  b: {extends: {file: base.yaml, service: base}}\n";
    let found = failures(text, &[("base.yaml", "services: {base: {image: x, prots: []}}\n")]);
    assert_eq!(found.len(), 1);
    assert_eq!(way(&found[0]), ["base.yaml:1:29", "extended from compose.yaml:2:23"]);
}

#[test]
fn a_file_that_is_no_yaml_says_where_it_is_extended_from() {
    let text = "services:\n  a: {extends: {file: base.yaml, service: base}}\n";
    let found = failures(text, &[("base.yaml", "services: [\n")]);
    assert!(found[0].syntax);
    assert_eq!(way(&found[0])[1..], ["extended from compose.yaml:2:23"]);
}

#[test]
fn a_circle_prints_its_path_and_the_files() {
    let text = "services:\n  a: {image: x, extends: {file: base.yaml, service: b}}\n";
    let base = "services:\n  b: {extends: c}\n  c: {extends: b}\n";
    let found = failures(text, &[("base.yaml", base)]);
    let expected = "2:16 the services extend each other in a circle: a → b (base.yaml) → c (base.yaml) → b (base.yaml)";
    assert_eq!(line(&found[0]), expected);
    assert_eq!(found.len(), 1);
}

#[test]
fn a_mistyped_service_names_the_nearest_one() {
    let found = failures("services:\n  a: {extends: bsae}\n  base: {image: x}\n", &[]);
    let expected = "2:16 the service `a` extends `bsae`, which is not in this file [did you mean `base`?]";
    assert_eq!(line(&found[0]), expected);
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    let text = "include: [oci://example.org/app]\nservices:\n  a: {extends: {file: 'https://example.org/a.git', service: b}}\n";
    let found: Vec<String> = failures(text, &[]).iter().map(line).collect();
    let hint = "[fetch it yourself, and name the local file]";
    let expected = [
        format!("1:11 files are not fetched from elsewhere {hint}"),
        format!("3:23 files are not fetched from elsewhere {hint}"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_chain_of_thousands_of_services_is_followed() {
    let mut text = "services:\n  s0: {image: x}\n".to_owned();
    for number in 1..3000 {
        text.push_str(&format!("  s{number}: {{extends: s{}}}\n", number - 1));
    }
    let services: Vec<&str> = text.lines().skip(1).collect();
    let backwards: Vec<&str> = services.iter().rev().copied().collect();
    let text = format!("services:\n{}\n", backwards.join("\n"));
    let project = load_beside(&[&text], &[]).expect("loads").project;
    assert_eq!(project.services["s2999"].image.as_deref(), Some("x"));
}
