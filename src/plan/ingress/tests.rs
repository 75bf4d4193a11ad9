//! What is rendered for which claims, and which claims cannot be.

use super::render;
use super::{Claim, Protocol, Way, system};

fn way(port: u16, listen: u16) -> Way {
    Way {
        port,
        listen,
        protocol: Protocol::Http,
        hosts: Vec::new(),
        path: None,
        sticky: false,
        health: None,
        drain: None,
        certificate: None,
    }
}

fn claim(project: &str, service: &str, ways: Vec<Way>) -> Claim {
    Claim {
        project: project.to_owned(),
        service: service.to_owned(),
        name: format!("{project}_{service}"),
        replicas: Some(2),
        ways,
        replaces: None,
    }
}

fn at(host: &str, path: Option<&str>, way: Way) -> Way {
    Way {
        hosts: vec![host.to_owned()],
        path: path.map(str::to_owned),
        ..way
    }
}

/// Every branch of the templates.
fn everything() -> Vec<Claim> {
    let shop = Way {
        certificate: Some("shop_web-ingress-0_0a1b2c3d4e5f".to_owned()),
        health: Some("/up?full=1".to_owned()),
        sticky: true,
        ..at("shop.example.org", None, way(8000, 443))
    };
    let cart = Way {
        certificate: Some("shop_cart-ingress-0_5f4e3d2c1b0a".to_owned()),
        ..at("shop.example.org", Some("/cart"), way(8001, 443))
    };
    let tenants = Way {
        certificate: Some("shop_web-ingress-0_0a1b2c3d4e5f".to_owned()),
        ..at("*.example.org", None, way(8000, 443))
    };
    let database = Way {
        protocol: Protocol::Tcp,
        sticky: true,
        ..way(5432, 5432)
    };
    let queue = Way {
        protocol: Protocol::Tcp,
        ..way(5672, 8404)
    };
    vec![
        claim("shop", "web", vec![shop, tenants, way(8000, 80)]),
        claim(
            "shop",
            "cart",
            vec![cart, at("*.example.org", Some("/a b'#{"), way(8001, 80))],
        ),
        claim("data", "db", vec![database, queue]),
    ]
}

/// The part of the routers' configuration from the line `start` to the next empty line.
fn section(claims: &[Claim], start: &str) -> String {
    part(&render::router(claims, 3), start)
}

/// The rules by which requests on a port are passed on.
fn rules(claims: &[Claim], port: u16) -> String {
    let section = section(claims, &format!("frontend listen:{port}"));
    let rules = section.lines().filter(|line| line.contains("_backend"));
    rules.map(str::trim).collect::<Vec<_>>().join("\n")
}

fn part(text: &str, start: &str) -> String {
    let (_, rest) = text
        .split_once(&format!("\n{start}\n"))
        .unwrap_or_else(|| panic!("{text}"));
    let body = rest.split("\n\n").next().unwrap_or_default();
    format!("{start}\n{body}\n")
}

#[test]
fn a_service_without_conditions_gets_all_that_comes() {
    let claims = [claim("shop", "web", vec![way(8000, 80)])];
    insta::assert_snapshot!(section(&claims, "frontend listen:80"), @r#"
    frontend listen:80
        mode http
        bind :80 accept-proxy
        # Who keeps a connection open learns with an answer that it ends, instead of finding it closed.
        option idle-close-on-response
        option forwardfor
        http-request set-header X-Forwarded-Proto http
        http-request set-header X-Forwarded-Port 80
        http-request set-var(txn.host) req.hdr(host),host_only,lower
        # What may have begun is not asked for twice, unless that makes no difference.
        http-request disable-l7-retry if !{ method GET HEAD OPTIONS }
        use_backend shop_web.0
        default_backend nowhere
    "#);
    insta::assert_snapshot!(section(&claims, "backend shop_web.0"), @r#"
    backend shop_web.0
        mode http
        balance leastconn
        retry-on conn-failure empty-response
        server-template replica 1-16 tasks.shop_web:8000
    "#);
}

#[test]
fn the_narrowest_route_is_tried_first() {
    let hosts = |hosts: &[&str], path: Option<&str>| Way {
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        path: path.map(str::to_owned),
        ..way(80, 80)
    };
    let claims = [
        claim("a", "any", vec![way(80, 80)]),
        claim(
            "a",
            "pattern",
            vec![hosts(&["*.example.org", "*.shop.example.org"], None)],
        ),
        claim("b", "name", vec![hosts(&["shop.example.org"], None)]),
        claim(
            "b",
            "path",
            vec![
                hosts(&["shop.example.org"], Some("/cart")),
                hosts(&[], Some("/cart/old")),
            ],
        ),
    ];
    insta::assert_snapshot!(rules(&claims, 80), @r#"
    use_backend b_path.0 if { var(txn.host) -m str shop.example.org } { path -m str /cart } or { var(txn.host) -m str shop.example.org } { path -m beg /cart/ }
    use_backend b_name.0 if { var(txn.host) -m str shop.example.org }
    use_backend a_pattern.0 if { var(txn.host) -m reg ^[^.]+[.]shop[.]example[.]org$ }
    use_backend a_pattern.0 if { var(txn.host) -m reg ^[^.]+[.]example[.]org$ }
    use_backend b_path.1 if { path -m str /cart/old } or { path -m beg /cart/old/ }
    use_backend a_any.0
    default_backend nowhere
    "#);
}

#[test]
fn a_port_with_certificates_shows_the_one_that_is_asked_for() {
    insta::assert_snapshot!(section(&everything(), "frontend listen:443"), @r#"
    frontend listen:443
        mode http
        bind :443 accept-proxy ssl ssl-min-ver TLSv1.2 alpn h2,http/1.1 crt /run/secrets/shop_cart-ingress-0_5f4e3d2c1b0a crt /run/secrets/shop_web-ingress-0_0a1b2c3d4e5f
        # Who keeps a connection open learns with an answer that it ends, instead of finding it closed.
        option idle-close-on-response
        option forwardfor
        http-request set-header X-Forwarded-Proto https
        http-request set-header X-Forwarded-Port 443
        http-request set-var(txn.host) req.hdr(host),host_only,lower
        # What may have begun is not asked for twice, unless that makes no difference.
        http-request disable-l7-retry if !{ method GET HEAD OPTIONS }
        use_backend shop_cart.0 if { var(txn.host) -m str shop.example.org } { path -m str /cart } or { var(txn.host) -m str shop.example.org } { path -m beg /cart/ }
        use_backend shop_web.0 if { var(txn.host) -m str shop.example.org }
        use_backend shop_web.1 if { var(txn.host) -m reg ^[^.]+[.]example[.]org$ }
        default_backend nowhere
    "#);
    insta::assert_snapshot!(section(&everything(), "backend shop_web.0"), @r#"
    backend shop_web.0
        mode http
        balance leastconn
        retry-on conn-failure empty-response
        option httpchk
        http-check send meth GET uri /up?full=1 ver HTTP/1.1 hdr Host shop.example.org hdr Connection close
        http-check expect status 200-399
        cookie HOIST_REPLICA insert indirect nocache httponly dynamic
        dynamic-cookie-key shop_web.0
        server-template replica 1-16 tasks.shop_web:8000
    "#);
}

#[test]
fn tcp_is_passed_on_as_it_comes() {
    insta::assert_snapshot!(section(&everything(), "frontend listen:5432"), @r#"
    frontend listen:5432
        mode tcp
        bind :5432 accept-proxy
        default_backend data_db.0
    "#);
    insta::assert_snapshot!(section(&everything(), "backend data_db.0"), @r#"
    backend data_db.0
        mode tcp
        balance source
        hash-type consistent
        server-template replica 1-16 tasks.data_db:5432
    "#);
}

#[test]
fn what_a_file_says_stays_one_word_of_the_configuration() {
    let path = "/a b'#{\\";
    let claims = [claim(
        "shop",
        "web",
        vec![Way {
            path: Some(path.to_owned()),
            ..way(80, 80)
        }],
    )];
    insta::assert_snapshot!(rules(&claims, 80), @r#"
    use_backend shop_web.0 if { path -m str /a\x20b\x27\x23\x7b\x5c } or { path -m beg /a\x20b\x27\x23\x7b\x5c/ }
    default_backend nowhere
    "#);
}

#[test]
fn a_gate_knows_nothing_but_its_port_and_the_routers() {
    let gate = render::gate(8404);
    insta::assert_snapshot!(part(&gate, "frontend monitor"), @r#"
    frontend monitor
        mode http
        timeout http-request 5s
        bind 127.0.0.1:8405
        monitor-uri /ready
        monitor fail if { nbsrv(routers) eq 0 }
    "#);
    insta::assert_snapshot!(part(&gate, "frontend gate"), @r#"
    frontend gate
        bind :8404
        default_backend routers
    "#);
    insta::assert_snapshot!(part(&gate, "backend routers"), @r#"
    backend routers
        # A client stays with its router, and so, where a way in is sticky, with its replica.
        balance source
        hash-type consistent
        server-template router 1-8 tasks.hoist-ingress:8404 send-proxy-v2 check-send-proxy
    "#);
}

#[test]
fn scaling_within_bounds_leaves_the_configuration_as_it_is() {
    let of = |replicas| {
        let mut claim = claim("shop", "web", vec![way(80, 80)]);
        claim.replicas = replicas;
        render::router(&[claim], 3)
    };
    assert_eq!(of(Some(1)), of(Some(8)));
    assert_eq!(of(Some(1)), of(None));
    assert_ne!(of(Some(8)), of(Some(9)));
    assert!(of(Some(9)).contains("replica 1-32 "));
}

fn clashes(claims: &[Claim]) -> Vec<String> {
    let errors = system(claims, 3).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn the_same_host_and_path_twice_is_an_error_that_names_both() {
    let shop = || at("shop.example.org", Some("/cart"), way(80, 80));
    let claims = [claim("one", "web", vec![shop()]), claim("other", "cart", vec![shop()])];
    assert_eq!(
        clashes(&claims),
        [
            "`x-ingress`: `http://shop.example.org/cart` is claimed by service `web` of project `one` and by service `cart` of project `other`"
        ]
    );
    let claims = [
        claim("one", "web", vec![way(80, 80)]),
        claim("other", "web", vec![way(81, 80)]),
    ];
    assert_eq!(
        clashes(&claims),
        [
            "`x-ingress`: `http://*` for any host is claimed by service `web` of project `one` and by service `web` of project `other`"
        ]
    );
}

#[test]
fn an_upgrade_serves_the_same_way_in_with_both() {
    let old = claim("shop", "blue", vec![at("shop.example.org", None, way(8000, 80))]);
    let new = Claim {
        replaces: Some("blue".to_owned()),
        ..claim("shop", "green", vec![at("shop.example.org", None, way(9000, 80))])
    };
    let mut claims = [old, new];
    assert!(system(&claims, 3).is_ok());
    let text = render::router(&claims, 3);
    assert!(!text.contains("shop_blue.0"), "{text}");
    insta::assert_snapshot!(section(&claims, "backend shop_green.0"), @r#"
    backend shop_green.0
        mode http
        balance leastconn
        retry-on conn-failure empty-response
        server-template replica 1-16 tasks.shop_green:9000
        # The service whose place it takes.
        server-template other1- 1-16 tasks.shop_blue:8000
    "#);
    // From the first batch to the last, routers stay as they are.
    for (old, new) in [(2, 0), (2, 2), (0, 2)] {
        (claims[0].replicas, claims[1].replicas) = (Some(old), Some(new));
        assert_eq!(render::router(&claims, 3), text);
    }
    // Gone back since: each has taken the other's place once.
    claims[0].replaces = Some("green".to_owned());
    let back = render::router(&claims, 3);
    assert_eq!(back.matches("\nbackend shop_").count(), 1, "{back}");
    assert_eq!(back.matches("    server-template").count(), 2, "{back}");
}

#[test]
fn a_tcp_port_has_one_service_and_one_kind() {
    let tcp = |port| Way {
        protocol: Protocol::Tcp,
        ..way(port, 5432)
    };
    let claims = [
        claim("one", "db", vec![tcp(5432)]),
        claim("other", "db", vec![tcp(5433)]),
    ];
    assert_eq!(
        clashes(&claims),
        ["`x-ingress`: port 5432 is claimed by service `db` of project `one` and by service `db` of project `other`"]
    );
    let web = at("db.example.org", None, way(80, 5432));
    let claims = [claim("one", "db", vec![tcp(5432)]), claim("other", "web", vec![web])];
    assert_eq!(
        clashes(&claims),
        [
            "`x-ingress`: port 5432 is TCP for service `db` of project `one` and HTTP for service `web` of project `other`"
        ]
    );
}

#[test]
fn other_paths_hosts_and_ports_are_no_clash() {
    let claims = [
        claim(
            "one",
            "web",
            vec![
                at("a.example.org", None, way(80, 80)),
                at("a.example.org", None, way(80, 81)),
            ],
        ),
        claim(
            "other",
            "web",
            vec![
                at("a.example.org", Some("/b"), way(80, 80)),
                at("*.example.org", None, way(80, 80)),
            ],
        ),
        claim("third", "web", vec![way(80, 80)]),
    ];
    assert!(system(&claims, 3).is_ok());
}

#[test]
fn routers_hold_no_port_and_gates_hold_one_each() {
    let system = system(&everything(), 4).unwrap().unwrap();
    assert_eq!(system.gates.keys().copied().collect::<Vec<_>>(), [80, 443, 5432, 8404]);
    let ports = |plan: &crate::plan::ServicePlan| plan.spec.endpoint_spec.clone().unwrap().ports;
    assert_eq!(ports(&system.routers), None);
    assert_eq!(ports(&system.gates[&443]).unwrap()[0].published_port, Some(443));
    assert_eq!(system.routers.spec.update_config.clone().unwrap().parallelism, Some(2));
    assert!(super::system(&[], 4).unwrap().is_none());
}
