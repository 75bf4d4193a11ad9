use std::time::Duration;

use crate::compose::model::{IngressProtocol, IngressTls, WayIn};
use crate::compose::testing::{errors, loaded};

#[test]
fn one_way_in_has_its_defaults() {
    let text = "services:\n  a: {image: x, x-ingress: {port: 80}}\n";
    let expected = WayIn {
        port: 80,
        listen: 80,
        hosts: Vec::new(),
        path: None,
        protocol: IngressProtocol::Http,
        sticky: false,
        health: None,
        drain: None,
        tls: None,
    };
    assert_eq!(loaded(text).project.services["a"].ingress, [expected]);
}

#[test]
fn several_ways_in_say_all_that_there_is() {
    let text = "services:
  a:
    image: x
    x-ingress:
      - {port: '8080', host: [Shop.Example.org, '*.example.net'], path: /cart, sticky: true, health: /up, drain: 90s,
         tls: {cert: ./shop.pem, key: /keys/shop.key}}
      - {port: 5432, protocol: tcp}
      - {port: 5432, protocol: tcp, listen: 6432}
";
    let ways = &loaded(text).project.services["a"].ingress;
    assert_eq!(ways[0].hosts, ["shop.example.org", "*.example.net"]);
    assert_eq!((ways[0].port, ways[0].listen), (8080, 443));
    assert_eq!(ways[0].drain, Some(Duration::from_secs(90)));
    assert_eq!(
        ways[0].tls,
        Some(IngressTls {
            cert: "/srv/app/shop.pem".into(),
            key: Some("/keys/shop.key".into())
        })
    );
    assert_eq!((ways[1].port, ways[1].listen, ways[2].listen), (5432, 5432, 6432));
}

#[test]
fn what_cannot_be_a_way_in_says_why() {
    let text = "services:
  a: {image: x, x-ingress: {listen: 80}}
  b: {image: x, x-ingress: {port: 0}}
  c: {image: x, x-ingress: {port: 80, host: 'a b', path: shop}}
  d: {image: x, x-ingress: {port: 80, protocol: tcp, health: /up}}
  e: {image: x, x-ingress: {port: 80, protocol: udp, drain: soon}}
";
    let expected = [
        "2:28 `x-ingress` needs `port`",
        "3:35 `port` must be from 1 to 65535, not `0`",
        "4:45 `host` cannot be `a b` [write a name such as `shop.example.org` or `*.example.org`, without a port]",
        "4:58 `path` must be a path such as `/shop`, not `shop`",
        "5:54 `health` is for `protocol: http`: a TCP connection has none",
        "6:49 `protocol` cannot be `udp` [known here: `http`, `tcp`]",
        "6:61 `drain` must be a duration such as `1m30s`, not `soon`",
    ];
    assert_eq!(errors(text), expected);
}
