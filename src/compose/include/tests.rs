use crate::compose::testing::{line, load_beside, way};

#[test]
fn an_error_in_an_included_file_says_how_it_got_there() {
    let text = "include: [one/a.yaml]\n";
    let others = [
        ("one/a.yaml", "include:\n  - path: b.yaml\n"),
        ("one/b.yaml", "services:\n  web: {imag: x}\n"),
    ];
    let found = load_beside(&[text], &others).expect_err("must not load");
    assert_eq!(line(&found[0]), "2:9 unknown key `imag` [did you mean `image`?]");
    let expected = [
        "one/b.yaml:2:9",
        "included from one/a.yaml:2:11",
        "included from compose.yaml:1:11",
    ];
    assert_eq!(way(&found[0]), expected);
}

#[test]
fn a_conflict_shows_both_definitions() {
    let text = "include: [a.yaml]\nservices:\n  web: {image: x}\n";
    let found = load_beside(&[text], &[("a.yaml", "services:\n  web: {image: y}\n")]).expect_err("must not load");
    let expected = [
        "compose.yaml:3:3",
        "the other one a.yaml:2:3",
        "included from compose.yaml:1:11",
    ];
    assert_eq!(way(&found[0]), expected);
}

#[test]
fn a_bad_variable_of_an_included_folder_stands_in_its_env_file() {
    let text = "include: [one/a.yaml]\n";
    let others = [
        ("one/a.yaml", "services: {web: {image: x}}\n"),
        ("one/.env", "A=1\nB B=2\n"),
    ];
    let found = load_beside(&[text], &others).expect_err("must not load");
    assert_eq!(way(&found[0]), ["one/.env:2:2", "named here compose.yaml:1:11"]);
}

#[test]
fn errors_of_all_included_files_come_together() {
    let text = "include: [a.yaml, none.yaml, b.yaml]\nservices: {web: {imag: x}}\n";
    let others = [
        ("a.yaml", "services: {a: {prots: []}}\n"),
        ("b.yaml", "services: {b: [\n"),
    ];
    let found = load_beside(&[text], &others).expect_err("must not load");
    let files: Vec<String> = found
        .iter()
        .filter_map(|found| Some(found.place.as_ref()?.source.name.clone()))
        .collect();
    assert_eq!(files, ["compose.yaml", "compose.yaml", "a.yaml", "b.yaml"]);
}

#[test]
fn keys_of_hoist_in_an_included_file_are_warned_of() {
    let text = "include: [a.yaml]\nservices: {web: {image: x}}\n";
    let loaded = load_beside(&[text], &[("a.yaml", "x-pool: {managers: 1}\n")]).expect("loads");
    let expected = "1:1 `x-pool` has no effect in an included file [write it in the project's own file]";
    assert_eq!(line(&loaded.warnings[0]), expected);
}

#[test]
fn secrets_of_an_included_file_take_its_variables() {
    let text = "include: [one/a.yaml]\n";
    let others = [
        (
            "one/a.yaml",
            "services: {web: {image: x, secrets: [s]}}\nsecrets: {s: {environment: TOKEN}}\n",
        ),
        ("one/.env", "TOKEN=of-the-folder\n"),
    ];
    let project = load_beside(&[text], &others).expect("loads").project;
    let expected = crate::compose::model::FileSource::Environment {
        variable: "TOKEN".to_owned(),
        value: Some("of-the-folder".to_owned()),
    };
    assert_eq!(project.secrets["s"].source, expected);
}
