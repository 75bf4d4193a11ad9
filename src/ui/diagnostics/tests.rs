//! Reports at several widths, read without colour.

use std::sync::Arc;

use super::super::output::tests::{captured, plain};
use super::*;
use crate::compose::source::Source;

const FILE: &str = "services:\n  web:\n    imagee: nginx\n    ports:\n      - 80:80\n";

fn place(name: &str, text: &str, marked: &str) -> Place {
    let source = Source::new(name, text);
    Place {
        source: Arc::new(source),
        start: text.find(marked).unwrap(),
        length: marked.len(),
    }
}

fn unknown_key() -> Diagnostic {
    Diagnostic::error(
        "unknown key `imagee` in service `web`",
        Some(place("compose.yaml", FILE, "imagee")),
    )
    .label("not a key of a service")
    .hint("did you mean `image`?")
}

#[test]
fn a_finding_shows_its_line_and_the_way_out() {
    insta::assert_snapshot!(render(&[unknown_key()], 100, false), @"
     error: unknown key `imagee` in service `web`
      ╭─[compose.yaml:3:5]
    2 │   web:
    3 │     imagee: nginx
      ·     ───┬──
      ·        ╰── not a key of a service
    4 │     ports:
      ╰────
     hint: did you mean `image`?
    ");
}

#[test]
fn a_narrow_terminal_wraps_the_words() {
    let diagnostic = Diagnostic::warning(
        "`services.web.ports` is published on the hosts that run the service, because they have no IPVS",
        Some(place("compose.yaml", FILE, "80:80")),
    )
    .hint("set `deploy.endpoint_mode` to `dnsrr` to say that this is what you want");
    let rendered = render(&[diagnostic], 40, false);
    insta::assert_snapshot!(rendered, @"
     warning: `services.web.ports` is
     │ published on the hosts that run
     │ the service, because they have no
     │ IPVS
      ╭─[compose.yaml:5:9]
    4 │     ports:
    5 │       - 80:80
      ·         ─────
      ╰────
     hint: set `deploy.endpoint_mode` to
           `dnsrr` to say that this is what
           you want
    ");
}

#[test]
fn the_trail_follows_and_several_are_counted() {
    let mut extended = unknown_key();
    extended.trail = vec![(
        "extended from here".to_owned(),
        place(
            "prod.yaml",
            "services:\n  shop:\n    extends: {file: compose.yaml, service: web}\n",
            "extends",
        ),
    )];
    let warning = Diagnostic::warning("`version` is obsolete", None);
    let findings = [extended, warning.clone(), warning];
    insta::assert_snapshot!(render(&findings, 100, false), @"
      error: unknown key `imagee` in service `web`
       ╭─[compose.yaml:3:5]
     2 │   web:
     3 │     imagee: nginx
       ·     ───┬──
       ·        ╰── not a key of a service
     4 │     ports:
       ╰────
      note: extended from here
       ╭─[prod.yaml:3:5]
     2 │   shop:
     3 │     extends: {file: compose.yaml, service: web}
       ·     ───────
       ╰────
      hint: did you mean `image`?

      warning: `version` is obsolete

      warning: `version` is obsolete

    1 error, 2 warnings
    ");
}

#[test]
fn line_and_column_are_those_of_the_place() {
    let text = "# größer\n  \"ключ\": значение\n";
    let place = place("a.yaml", text, "значение");
    let rendered = render(&[Diagnostic::error("wrong", Some(place.clone()))], 80, false);
    assert!(rendered.contains(&format!("[{place}]")), "{place}\n{rendered}");
}

#[test]
fn a_place_over_several_lines_marks_the_first() {
    let finding = Diagnostic::error("wrong", Some(place("a.yaml", FILE, &FILE[12..])));
    insta::assert_snapshot!(render(&[finding], 80, false), @"
     error: wrong
      ╭─[a.yaml:2:3]
    1 │ services:
    2 │   web:
      ·   ────
    3 │     imagee: nginx
      ╰────
    ");
}

#[test]
fn odd_places_and_odd_texts_do_no_harm() {
    for (text, start, length) in [
        ("", 0, 0),
        ("a: b", 4, 0),
        ("a: b\n", 400, 9),
        ("é", 1, 1),
        ("a: \x1b[2J\n", 0, 1),
    ] {
        let mut place = place("a.yaml", text, "");
        (place.start, place.length) = (start, length);
        let rendered = render(&[Diagnostic::error("wrong", Some(place))], 80, false);
        assert!(rendered.contains("error: wrong"), "{rendered}");
        assert!(
            !rendered.contains('\x1b') && !rendered.contains("Failed to read"),
            "{rendered}"
        );
    }
}

#[test]
fn reports_go_to_stderr_and_are_coloured_where_it_shows() {
    let (output, out, err) = captured(plain(), false);
    report(&output, &[unknown_key()]);
    report(&output, &[]);
    assert_eq!(out.text(), "");
    assert!(err.text().starts_with("  error: unknown key"));
    let coloured = render(&[unknown_key()], 80, true);
    assert!(coloured.contains("\x1b[31m"), "{coloured:?}");
    let stripped = anstream::adapter::strip_str(&coloured).to_string();
    assert_eq!(stripped, render(&[unknown_key()], 80, false));
}

#[test]
fn tabs_and_wide_characters_keep_the_line_under_its_place() {
    let text = "services:\n  web:\n    labels: {名前: 値, größe:\tbig, wrong: [1]}\n";
    let findings = [
        Diagnostic::error("a wide name", Some(place("a.yaml", text, "名前"))),
        Diagnostic::error("behind a tab", Some(place("a.yaml", text, "big"))),
        Diagnostic::error("behind both", Some(place("a.yaml", text, "[1]"))),
    ];
    insta::assert_snapshot!(render(&findings, 80, false), @r"
      error: a wide name
       ╭─[a.yaml:3:14]
     2 │   web:
     3 │     labels: {名前: 値, größe:   big, wrong: [1]}
       ·              ────
       ╰────

      error: behind a tab
       ╭─[a.yaml:3:28]
     2 │   web:
     3 │     labels: {名前: 値, größe:   big, wrong: [1]}
       ·                                 ───
       ╰────

      error: behind both
       ╭─[a.yaml:3:40]
     2 │   web:
     3 │     labels: {名前: 値, größe:   big, wrong: [1]}
       ·                                             ───
       ╰────

    3 errors
    ");
}

#[test]
fn findings_of_several_files_each_show_their_own() {
    let findings = [
        Diagnostic::error("`web` must be a mapping", Some(place("compose.yaml", FILE, "web"))),
        Diagnostic::warning("`TAG` is not set", Some(place("over.yaml", "image: $TAG\n", "$TAG"))),
    ];
    insta::assert_snapshot!(render(&findings, 80, false), @r"
      error: `web` must be a mapping
       ╭─[compose.yaml:2:3]
     1 │ services:
     2 │   web:
       ·   ───
     3 │     imagee: nginx
       ╰────

      warning: `TAG` is not set
       ╭─[over.yaml:1:8]
     1 │ image: $TAG
       ·        ────
       ╰────

    1 error, 1 warning
    ");
}

#[test]
fn a_long_trail_is_told_from_the_nearest_place_on() {
    let mut finding = unknown_key();
    finding.trail = ["base.yaml", "middle.yaml", "compose.yaml"]
        .map(|name| {
            let text = "services: {web: {extends: {file: next.yaml, service: web}}}\n";
            ("extended from here".to_owned(), place(name, text, "next.yaml"))
        })
        .into();
    let rendered = render(&[finding], 100, false);
    let at = |name: &str| rendered.find(name).expect(name);
    assert!(at("[compose.yaml:3:5]") < at("[base.yaml:1:34]"));
    assert!(at("[base.yaml:1:34]") < at("[middle.yaml:1:34]"));
    assert!(at("[middle.yaml:1:34]") < at("[compose.yaml:1:34]"));
    assert!(at("[compose.yaml:1:34]") < at("hint: did you mean"));
}

#[test]
fn the_value_of_a_secret_is_in_no_report() {
    use crate::compose::testing::load_texts;

    let text =
        "services: {a: {image: x, restart: '${PASSWORD}', cpus: '$PASSWORD'}}\nsecrets: {s: {environment: PASSWORD}}\n";
    let found = load_texts(&[text]).expect_err("the words make no sense");
    let rendered = render(&found, 100, false);
    assert!(
        rendered.contains("***") && !rendered.contains("swordfish"),
        "{rendered}"
    );
}
