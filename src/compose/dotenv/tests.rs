use super::*;

fn outside(name: &str) -> Option<String> {
    match name {
        "HOME" => Some("/root".to_owned()),
        "FOO" => Some("shell".to_owned()),
        _ => None,
    }
}

fn variables(text: &str) -> Result<Variables, Box<Diagnostic>> {
    let mut variables = Variables::new();
    parse(".env", text, &outside, &mut variables).map(|()| variables)
}

fn raw(text: &str) -> Result<Variables, Box<Diagnostic>> {
    let mut variables = Variables::new();
    parse_raw(".env", text, &outside, &mut variables).map(|()| variables)
}

fn read(text: &str) -> Vec<(String, String)> {
    variables(text).expect("valid").into_iter().collect()
}

fn one(text: &str) -> String {
    let values = read(text);
    assert_eq!(values.len(), 1, "{values:?}");
    values[0].1.clone()
}

fn failure(found: Result<Variables, Box<Diagnostic>>) -> (String, (usize, usize)) {
    let found = found.expect_err("invalid");
    let place = found.place.expect("place").line_column();
    (found.message, place)
}

#[test]
fn plain_values_lose_comments_and_trailing_space() {
    assert_eq!(one("A=1"), "1");
    assert_eq!(one("\u{feff}# c\nexport B = two words  # c\r\n"), "two words");
    assert_eq!(one("E=x#y\n"), "x#y");
    assert_eq!(one("E= #y\n"), "#y");
    assert_eq!(one("G: yaml\n"), "yaml");
    assert_eq!(one("J=\n"), "");
    assert_eq!(one("V=a\\nb\n"), "a\\nb");
    assert_eq!(one("  W  =  1 \n"), "1");
}

#[test]
fn quotes_span_lines_and_know_escapes() {
    assert_eq!(one("C=\"a\\nb \\\"q\\\" \\$A\" # c\n"), "a\nb \"q\" $A");
    assert_eq!(one("D='lit $A \\n it\\'s'\n"), "lit $A \\n it's");
    assert_eq!(one("I=\"multi\nline\"\n"), "multi\nline");
    assert_eq!(one("U=\"a\\tb\\\\c\"\n"), "a\tb\\c");
    assert_eq!(one("O=\"\\0123 \\012 \\0777 \\q\"\n"), "S \\12 \\777 \\q");
}

#[test]
fn values_are_interpolated_and_the_outside_wins() {
    let values = read("A=1\nB=${A}${NOPE:-d}\nFOO=file\nY=$FOO\nK=$$lit\n");
    let values: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["1", "1d", "file", "shell", "$lit"]);
}

#[test]
fn a_bare_name_takes_its_value_from_outside_or_from_above() {
    let expected = vec![("HOME".to_owned(), "/root".to_owned())];
    assert_eq!(read("NOPE\nHOME\n"), expected);
    assert_eq!(read("export HOME\n"), expected);
    assert_eq!(one("A=1\nA\n"), "1");
}

#[test]
fn what_has_no_name_has_an_empty_one() {
    assert_eq!(read("=1"), [(String::new(), "1".to_owned())]);
    assert_eq!(read("HOME"), [(String::new(), "HOME".to_owned())]);
}

#[test]
fn a_variable_may_follow_a_closing_quote() {
    let expected = [("A".to_owned(), "x".to_owned()), ("B".to_owned(), "1".to_owned())];
    assert_eq!(read("A=\"x\"B=1\n"), expected);
}

#[test]
fn mistakes_have_their_place() {
    let found = |message: &str, line, column| (message.to_owned(), (line, column));
    let dotenv = |text: &str| failure(variables(text));
    let space = "a variable's name cannot contain a space";
    assert_eq!(dotenv("X=1\nA B=1"), found(space, 2, 2));
    assert_eq!(dotenv("A=\"x\n"), found("this quote is never closed", 1, 3));
    assert_eq!(
        dotenv("A@=1"),
        found("unexpected character `@` in a variable's name", 1, 2)
    );
    let missing = "the required variable `X` is not set or empty: m";
    assert_eq!(dotenv("B=1\nA=a${X:?m}\n"), found(missing, 2, 4));
    assert_eq!(failure(raw("X=1\n A B=1")), found(space, 2, 3));
    assert_eq!(
        failure(raw("=1")),
        found("a variable's name is missing before `=`", 1, 1)
    );
}

#[test]
fn values_made_of_each_other_do_not_grow_without_end() {
    let text = format!("A=0123456789\n{}", "A=$A$A\n".repeat(40));
    let (message, (line, _)) = failure(variables(&text));
    assert_eq!(message, "the values of this file expand to more than 1 MiB");
    assert_eq!(line, 17);
    let wide = format!("A={}\nB={}\n", "x".repeat(1 << 20), "$A".repeat(40));
    assert_eq!(failure(variables(&wide)).0, "variables expand to more than 32 MiB");
}

#[test]
fn raw_files_are_taken_as_they_are() {
    let values = raw("\u{feff}# c\n A=\"x\" # y\r\nB=$A\nFOO\nNOPE\nC= d \n").expect("valid");
    let values: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(values, ["A=\"x\" # y", "B=$A", "FOO=shell", "C= d "]);
}

proptest::proptest! {
    #[test]
    fn reading_never_panics(text in "[A-B=:'\"#$\\\\{}0 \\n\\r\u{feff}é]{0,60}|\\PC{0,40}") {
        drop(variables(&text));
        drop(raw(&text));
    }

    #[test]
    fn single_quotes_keep_every_value(value in "[^'\\\\]{0,30}") {
        proptest::prop_assert_eq!(one(&format!("A='{value}'")), value);
    }
}
