//! The texts of `provision/`, rendered.
//!
//! Everything is made in one function, because minijinja decides how a template escapes when the template is added: with
//! the callback set afterwards, values would go into scripts unquoted.

use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, syntax::SyntaxConfig};

const TEMPLATES: [(&str, &str); 9] = [
    (
        "docker-tcp.socket",
        include_str!("../../provision/docker-tcp.socket.j2"),
    ),
    (
        "docker-service.conf",
        include_str!("../../provision/docker-service.conf.j2"),
    ),
    ("write-files.sh", include_str!("../../provision/write-files.sh.j2")),
    ("activate.sh", include_str!("../../provision/activate.sh.j2")),
    ("listening.sh", include_str!("../../provision/listening.sh.j2")),
    (
        "first-container.sh",
        include_str!("../../provision/first-container.sh.j2"),
    ),
    (
        "install-docker.apt.sh",
        include_str!("../../provision/install-docker.apt.sh.j2"),
    ),
    (
        "install-docker.dnf.sh",
        include_str!("../../provision/install-docker.dnf.sh.j2"),
    ),
    (
        "install-docker.zypper.sh",
        include_str!("../../provision/install-docker.zypper.sh.j2"),
    ),
];

/// Takes the TCP socket away. Needs no value.
pub(super) const CLOSE_API: &str = include_str!("../../provision/close-api.sh");
/// Prints the authority's certificate and key. Needs no value.
pub(super) const READ_AUTHORITY: &str = include_str!("../../provision/read-authority.sh");

/// Every text that has a part in what a host becomes.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|(_, text)| *text)
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// Renders the template of that name; in a `.sh` each value becomes one word of the shell.
///
/// # Errors
///
/// A value that is not given, or that no shell can be told (one with a NUL).
pub(super) fn render(name: &str, values: Value) -> Result<String, Error> {
    ENVIRONMENT.get_template(name)?.render(values)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|name| {
        if name.ends_with(".sh") {
            AutoEscape::Custom("sh".into())
        } else {
            AutoEscape::None
        }
    });
    environment.set_formatter(|out, state, value| {
        let shell = matches!(state.auto_escape(), AutoEscape::Custom(kind) if kind == "sh");
        if !shell || value.is_safe() || value.is_undefined() {
            return minijinja::escape_formatter(out, state, value);
        }
        let text = value.to_string();
        let word = shlex::try_quote(&text).map_err(|error| {
            Error::new(ErrorKind::BadEscape, "a value that no shell can be told").with_source(error)
        })?;
        out.write_str(&word).map_err(Error::from)
    });
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("these are the default delimiters");
    environment.set_syntax(syntax);
    for (name, text) in TEMPLATES {
        environment
            .add_template(name, text)
            .expect("the templates are compiled in, and a test renders each");
    }
    environment
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use minijinja::context;

    use super::*;

    const HOSTILE: &str = "web 1'; touch /tmp/hoist-was-here; $(reboot) `reboot` \"\\\n#{{ x }} *";

    /// Every script with hostile values, under each branch that it has.
    fn scripts() -> Vec<(String, String)> {
        let mut scripts = vec![
            (
                "facts".to_string(),
                include_str!("../../provision/facts.sh").to_string(),
            ),
            ("close-api".to_string(), CLOSE_API.to_string()),
            ("read-authority".to_string(), READ_AUTHORITY.to_string()),
        ];
        let names: Vec<&str> = TEMPLATES
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| name.ends_with(".sh"))
            .collect();
        assert_eq!(names.len(), 7);
        for name in names {
            for (branch, docker, repair) in [
                (HOSTILE, true, false),
                ("docker-ce", false, true),
                ("auto", false, false),
            ] {
                let values = context! {
                    files => [context! { path => HOSTILE, mode => HOSTILE, text => HOSTILE }],
                    superfluous => [HOSTILE],
                    sockets => ["docker.socket", HOSTILE],
                    user => HOSTILE, restart => HOSTILE, port => HOSTILE,
                    source => branch, version => HOSTILE, attempt => HOSTILE,
                    docker, repair, record => HOSTILE,
                    others => if repair { vec![] } else { vec![HOSTILE, "apparmor"] },
                };
                scripts.push((format!("{name} ({branch})"), render(name, values).unwrap()));
            }
        }
        scripts
    }

    fn accepts(program: &str, arguments: &[&str], name: &str, script: &str) {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} is needed: {error}"));
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{program} on {name}:\n{}{}\n{script}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    #[test]
    fn every_script_is_one_that_a_shell_reads() {
        for (name, script) in scripts() {
            accepts("sh", &["-n"], &name, &script);
        }
    }

    #[test]
    fn shellcheck_finds_nothing_in_any_script() {
        for (name, script) in scripts() {
            accepts(
                "shellcheck",
                &["--shell", "sh", "--severity", "warning", "-"],
                &name,
                &script,
            );
        }
    }

    #[test]
    fn a_hostile_value_stays_one_word() {
        let quoted = shlex::try_quote(HOSTILE).unwrap();
        for (name, script) in scripts() {
            let without = script.replace(&*quoted, "");
            assert!(!without.contains("hoist-was-here"), "{name}:\n{script}");
        }
        // And a shell agrees.
        let script = render("listening.sh", context! { port => HOSTILE }).unwrap();
        let assignment: String = script
            .split("for file")
            .next()
            .unwrap()
            .lines()
            .skip(2)
            .collect::<Vec<_>>()
            .join("\n");
        let output = Command::new("sh")
            .args(["-c", &format!("{assignment}\nprintf %s \"$port\"")])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), HOSTILE);
    }

    #[test]
    fn a_value_that_is_not_given_is_an_error() {
        assert!(render("activate.sh", context! { restart => "no" }).is_err());
        assert!(render("listening.sh", context! { port => "a\0b" }).is_err());
    }

    #[test]
    fn the_socket_unit_says_whether_it_is_safe() {
        let tls = render("docker-tcp.socket", context! { tls => true, listen => "2376" }).unwrap();
        assert!(tls.contains("\nListenStream=2376\n") && !tls.contains("WITHOUT"));
        let plain = render(
            "docker-tcp.socket",
            context! { tls => false, listen => "10.0.0.5:2375" },
        )
        .unwrap();
        assert!(plain.contains("\nListenStream=10.0.0.5:2375\n") && plain.contains("WITHOUT ANY AUTHENTICATION"));
    }
}
