//! Reports at several widths, read without colour.

use std::sync::Arc;

use super::super::output::tests::{captured, plain};
use super::*;
use crate::compose::source::{Place, Source};

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

#[test]
fn a_place_far_along_a_long_line_is_shown_in_a_window() {
    let text = format!(
        "{{\"a\": [{}\"wrong\", {}]}}",
        "\"value\", ".repeat(9000),
        "\"value\", ".repeat(9000)
    );
    let place = place("a.json", &text, "wrong");
    let findings = [Diagnostic::error("a word that is wrong", Some(place.clone())).label("this one")];
    let rendered = render(&findings, 80, false);
    assert!(rendered.contains("[a.json:1:81009]"), "{rendered}");
    assert!(place.to_string().ends_with(":1:81009"));
    insta::assert_snapshot!(rendered, @r#"
      error: a word that is wrong
       ╭─[a.json:1:81009]
     1 │ …ue", "value", "value", "value", "wrong", "value", "value", "value"…
       ·                                   ──┬──
       ·                                     ╰── this one
       ╰────
    "#);
}

#[test]
fn the_whole_of_a_line_that_fits_is_shown() {
    let text = format!("a: {}\n", "b".repeat(60));
    let rendered = render(
        &[Diagnostic::error("wrong", Some(place("a.yaml", &text, "b")))],
        80,
        false,
    );
    assert!(
        rendered.contains(text.trim_end()) && !rendered.contains('…'),
        "{rendered}"
    );
}

#[test]
fn many_findings_in_one_long_line_take_kilobytes() {
    let text = "wrong, ".repeat(7000);
    let findings: Vec<_> = (0..300)
        .map(|index| {
            let mut place = place("a.json", &text, "wrong");
            place.start += index * 7 * 20;
            Diagnostic::warning("this word is wrong", Some(place))
        })
        .chain([Diagnostic::error("the only error", None)])
        .collect();
    let rendered = render(&findings, 120, false);
    assert!(rendered.len() < 200_000, "{} bytes", rendered.len());
    // No error is left out for a warning, and what is left out is counted.
    assert!(rendered.contains("error: the only error"), "{rendered}");
    assert!(
        rendered.ends_with("101 warnings more not shown\n1 error, 300 warnings\n"),
        "{rendered}"
    );
}

#[test]
fn invisible_characters_of_a_source_do_not_act_on_the_terminal() {
    let text = "a: \u{202e}x\u{9b}2J\u{200b}wrong\r\u{feff}\r\n";
    let mut finding = Diagnostic::error("a \x1b[2J\u{202e} message", Some(place("a\x1b.yaml", text, "wrong")));
    finding.label = Some("a \u{9b} label".to_owned());
    finding.hint = Some("a \x07 hint".to_owned());
    let rendered = render(&[finding], 80, false);
    assert!(!rendered.chars().any(|c| c.is_control() && c != '\n'), "{rendered:?}");
    insta::assert_snapshot!(rendered, @r"
      error: a ?[2J� message
       ╭─[a?.yaml:1:10]
     1 │ a: �x�2J�wrong?�
       ·          ──┬──
       ·            ╰── a � label
       ╰────
      hint: a ? hint
    ");
}

mod bounds {
    use proptest::prelude::*;

    use super::*;

    /// Bytes of one finding: eleven places with their messages, all of characters of four bytes, in colour.
    const LONGEST: usize = 128 * 1024;

    /// Texts of all kinds: short, of one long line, of characters that are wide, combine, or cannot be seen.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<String>(),
            "[a-z: \\n\\t\\r]{0,40}",
            Just("日本\u{301}\u{200d}👩‍👩‍👧\u{202e}\u{ad}".to_owned()),
        ];
        (piece, 1..5000_usize).prop_map(|(piece, times)| piece.repeat(times.min(200_000 / piece.len().max(1))))
    }

    fn place() -> impl Strategy<Value = Place> {
        (text(), any::<prop::sample::Index>(), 0..100_000_usize, "\\PC{0,300}").prop_map(
            |(text, start, length, name)| {
                let start = start.index(text.len() + 1);
                Place {
                    source: Arc::new(Source::new(name, text)),
                    start,
                    length,
                }
            },
        )
    }

    /// Texts of hundreds of kilobytes do not belong into a failure's message.
    struct Case(Diagnostic);

    impl std::fmt::Debug for Case {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let start: String = self.0.message.chars().take(20).collect();
            let at = self.0.place.as_ref().map(|place| (place.start, place.length));
            write!(f, "{start:?}… at {at:?}")
        }
    }

    fn diagnostic() -> impl Strategy<Value = Case> {
        let words = || prop::option::of(text());
        let trail = prop::collection::vec((text(), place()), 0..12);
        (text(), prop::option::of(place()), words(), words(), trail).prop_map(|(message, place, label, hint, trail)| {
            let mut found = Diagnostic::error(message, place);
            (found.label, found.hint, found.trail) = (label, hint, trail);
            Case(found)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_finding_is_longer_than_its_bound(Case(found) in diagnostic(), width in 0..400_usize, colour: bool) {
            let rendered = render(std::slice::from_ref(&found), width, colour);
            prop_assert!(rendered.len() <= LONGEST, "{} bytes", rendered.len());
            let plain = anstream::adapter::strip_str(&rendered).to_string();
            prop_assert!(!plain.chars().any(|c| c.is_control() && c != '\n'), "{plain:?}");
            if let Some(place) = &found.place {
                let (line, column) = place.line_column();
                prop_assert!(plain.contains(&format!(":{line}:{column}]")), "{line}:{column} in {plain}");
            }
        }
    }
}
