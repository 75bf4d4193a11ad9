//! The configurations of the ingress, read by HAProxy itself: by the image that Hoist builds of it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use hoist::plan::ingress::{Claim, Protocol, Way, system};

/// Ways in of every kind, with texts that a configuration could trip over.
fn claims() -> Vec<Claim> {
    let plain = |port: u16, listen: u16| Way {
        port,
        listen,
        protocol: Protocol::Http,
        hosts: Vec::new(),
        path: None,
        sticky: false,
        health: None,
        drain: None,
        certificate: None,
    };
    let of = |service: &str, ways| Claim {
        project: "shop".to_owned(),
        service: service.to_owned(),
        name: format!("shop_{service}"),
        replicas: Some(3),
        ways,
        replaces: (service == "next").then(|| "web".to_owned()),
    };
    let secure = Way {
        hosts: vec!["shop.example.org".to_owned(), "*.example.org".to_owned()],
        path: Some("/a b'\"#{}\\$HOME,%[x]".to_owned()),
        sticky: true,
        health: Some("/up?full=1&a='b#".to_owned()),
        certificate: Some("certificate".to_owned()),
        ..plain(8000, 443)
    };
    let tcp = |listen: u16, sticky: bool, certificate: Option<&str>| Way {
        protocol: Protocol::Tcp,
        sticky,
        certificate: certificate.map(str::to_owned),
        ..plain(5432, listen)
    };
    vec![
        of("web", vec![secure.clone(), plain(8000, 80)]),
        of("next", vec![secure, plain(8001, 80)]),
        of(
            "db",
            vec![
                tcp(5432, true, None),
                tcp(8404, false, None),
                tcp(5433, false, Some("certificate")),
            ],
        ),
    ]
}

#[test]
fn haproxy_takes_every_configuration_without_a_warning() {
    let provision = Path::new(env!("CARGO_MANIFEST_DIR")).join("provision/ingress");
    let built = Command::new("docker")
        .args(["build", "--quiet"])
        .arg(&provision)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let image = String::from_utf8(built.stdout).unwrap().trim().to_owned();
    let made = rcgen::generate_simple_self_signed(["shop.example.org".to_owned()]).unwrap();
    let pem = made.cert.pem() + &made.signing_key.serialize_pem();
    let system = system(&claims(), 3).unwrap().unwrap();
    assert_eq!(system.configs.len(), 6);
    for config in system.configs {
        let script = format!(
            "mkdir -p /run/secrets && cat >/run/secrets/certificate <<'END'\n{pem}\nEND\nhaproxy -c -f /dev/stdin"
        );
        let mut child = Command::new("docker")
            .args([
                "run",
                "--rm",
                "--interactive",
                "--network",
                "none",
                &image,
                "bash",
                "-c",
                &script,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(config.content.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{said}\n{}", config.content);
        for word in ["WARNING", "ALERT"] {
            assert!(!said.contains(word), "{said}\n{}", config.content);
        }
    }
}
