use super::command::words;

fn split(line: &str) -> Option<String> {
    words(line).map(|words| words.join("|"))
}

/// Each right side is what the reference made of the left one.
#[test]
fn lines_are_split_as_the_reference_splits_them() {
    let cases = [
        ("echo hi", Some("echo|hi")),
        ("echo 'a b' \"c d\"", Some("echo|a b|c d")),
        ("", Some("")),
        ("echo ''", Some("echo|")),
        (r#"echo "a\nb""#, Some("echo|a\nb")),
        (r"echo 'a\nb'", Some(r"echo|a\nb")),
        ("echo $(date +%s) x", Some("echo|$(date +%s)|x")),
        ("echo `date now`", Some("echo|`date now`")),
        ("a; b", Some("a")),
        ("a 2>b", Some("a")),
        ("a && b", Some("a")),
        ("echo (x)", None),
        ("echo 'x", None),
        ("echo \\", None),
    ];
    for (line, expected) in cases {
        assert_eq!(split(line).as_deref(), expected, "{line}");
    }
}
