//! Faults of a cloud, played by a small server: what is answered to each call is a script, and what was asked is kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::compose::model::Openstack;
use crate::hosts::openstack::configuration::CloudInputs;
use crate::hosts::openstack::request::Service;

/// One answer to a call of a service.
enum Answer {
    Json(u16, Value),
    Busy { seconds: u64 },
    Drop,
}

#[derive(Default)]
struct Script {
    /// What is answered to calls of services; afterwards `200 {}`.
    answers: VecDeque<Answer>,
    /// What is answered to logins first; afterwards a token.
    logins: VecDeque<u16>,
    /// `METHOD path`, logins with the way to log in.
    asked: Vec<String>,
}

struct Cloud {
    port: u16,
    script: Arc<Mutex<Script>>,
}

impl Cloud {
    async fn start(answers: impl IntoIterator<Item = Answer>) -> Cloud {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(Script {
            answers: answers.into_iter().collect(),
            ..Script::default()
        }));
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, port, Arc::clone(&shared)));
            }
        });
        Cloud { port, script }
    }

    fn access(&self, more: &[(&str, &str)]) -> CloudAccess {
        let mut variables: std::collections::BTreeMap<String, String> = more
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        variables.insert("OS_AUTH_URL".into(), format!("http://127.0.0.1:{}/v3", self.port));
        let inputs = CloudInputs {
            variables,
            directory: "/".into(),
        };
        inputs.access(&Openstack::default()).unwrap()
    }

    async fn session(&self) -> Session {
        let login = [
            ("OS_USERNAME", "demo"),
            ("OS_PASSWORD", "secret"),
            ("OS_PROJECT_NAME", "demo"),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_DOMAIN_NAME", "Default"),
        ];
        Session::open(&self.access(&login)).await.unwrap()
    }

    /// What services were asked.
    fn asked(&self) -> Vec<String> {
        let asked = self.script.lock().unwrap().asked.clone();
        asked.into_iter().filter(|call| call.contains("/network/")).collect()
    }

    fn logins(&self) -> Vec<String> {
        let asked = self.script.lock().unwrap().asked.clone();
        asked.into_iter().filter(|call| call.starts_with("login")).collect()
    }
}

async fn serve(mut stream: TcpStream, port: u16, script: Arc<Mutex<Script>>) {
    loop {
        let Some((head, body)) = read(&mut stream).await else {
            return;
        };
        let line = head.lines().next().unwrap_or_default();
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let answer = answer(method, path, &body, port, &script);
        let Some((status, headers, body)) = answer else { return };
        let text = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// `None`: the connection is dropped.
fn answer(method: &str, path: &str, body: &str, port: u16, script: &Mutex<Script>) -> Option<(u16, String, String)> {
    let mut script = script.lock().unwrap();
    let plain = |status: u16, body: Value| Some((status, String::new(), body.to_string()));
    if path.contains("auth/tokens") {
        let sent: Value = serde_json::from_str(body).unwrap_or_default();
        script
            .asked
            .push(format!("login {}", sent["auth"]["identity"]["methods"][0]));
        return match script.logins.pop_front() {
            Some(status) => plain(
                status,
                json!({"error": {"code": status, "message": "no", "title": "X"}}),
            ),
            None => Some((201, "X-Subject-Token: t\r\n".into(), token(port).to_string())),
        };
    }
    if !path.contains("/network/") {
        let link = format!("http://127.0.0.1:{port}/v3/");
        let version = json!({"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": link}]});
        return plain(200, json!({"version": version}));
    }
    script.asked.push(format!("{method} {}", path.trim_end_matches('?')));
    match script.answers.pop_front() {
        None => plain(200, json!({})),
        Some(Answer::Json(status, body)) => plain(status, body),
        Some(Answer::Busy { seconds }) => Some((429, format!("Retry-After: {seconds}\r\n"), "{}".into())),
        Some(Answer::Drop) => None,
    }
}

fn token(port: u16) -> Value {
    let endpoint = json!({
        "id": "e", "interface": "public", "region": "R", "region_id": "R",
        "url": format!("http://127.0.0.1:{port}/network/"),
    });
    json!({"token": {
        "methods": ["password"], "expires_at": "2999-01-01T00:00:00.000000Z", "issued_at": "2026-01-01T00:00:00.000000Z",
        "user": {"id": "u", "name": "demo", "domain": {"id": "default", "name": "Default"}, "password_expires_at": null},
        "project": {"id": "p", "name": "demo", "domain": {"id": "default", "name": "Default"}},
        "roles": [{"id": "r", "name": "member"}], "is_domain": false, "audit_ids": ["a"],
        "catalog": [{"id": "s", "type": "network", "name": "neutron", "endpoints": [endpoint]}],
    }})
}

async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length:")?
                        .trim()
                        .parse::<usize>()
                        .ok()
                })
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
                return Some((head, body));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

fn get() -> Request {
    Request::get(Service::Network, "networks", "list networks")
}

fn post() -> Request {
    Request::post(
        Service::Network,
        "networks",
        json!({"network": {}}),
        "make network `app`",
    )
}

async fn found() -> Result<Option<Value>, CloudError> {
    Ok(Some(json!({"id": "found"})))
}

async fn nothing() -> Result<Option<Value>, CloudError> {
    Ok(None)
}

fn made() -> Answer {
    Answer::Json(201, json!({"id": "made"}))
}

#[tokio::test]
async fn a_busy_cloud_a_fault_and_a_lost_answer_are_outlasted() {
    let answers = [
        Answer::Busy { seconds: 0 },
        Answer::Json(503, json!({})),
        Answer::Drop,
        Answer::Json(200, json!({"networks": [{"id": "1"}]})),
    ];
    let cloud = Cloud::start(answers).await;
    let list = cloud.session().await.list(&get(), "networks").await.unwrap();
    assert_eq!(list, [json!({"id": "1"})]);
    assert_eq!(cloud.asked(), ["GET /network/v2.0/networks"; 4]);
}

#[tokio::test]
async fn a_token_that_expired_is_renewed_under_the_call() {
    let cloud = Cloud::start([Answer::Json(401, json!({}))]).await;
    let session = cloud.session().await;
    session.call(&get()).await.unwrap();
    assert_eq!(cloud.asked().len(), 2);
    assert!(cloud.logins().len() >= 2, "{:?}", cloud.logins());
}

#[tokio::test]
async fn a_call_that_makes_something_is_looked_for_before_it_is_sent_again() {
    let cloud = Cloud::start([Answer::Drop]).await;
    let session = cloud.session().await;
    assert_eq!(session.create(&post(), found).await.unwrap(), json!({"id": "found"}));
    assert_eq!(cloud.asked(), ["POST /network/v2.0/networks"]);

    let cloud = Cloud::start([Answer::Json(502, json!({})), made()]).await;
    let session = cloud.session().await;
    assert_eq!(session.create(&post(), nothing).await.unwrap(), json!({"id": "made"}));
    assert_eq!(cloud.asked(), ["POST /network/v2.0/networks"; 2]);
}

#[tokio::test]
async fn a_conflict_is_somebody_elses_work_where_that_is_there_and_a_failure_where_it_is_not() {
    let conflict = || Answer::Json(409, json!({"NeutronError": {"message": "Quota exceeded for networks"}}));
    let session = Cloud::start([conflict()]).await.session().await;
    assert_eq!(session.create(&post(), found).await.unwrap(), json!({"id": "found"}));
    let session = Cloud::start([conflict()]).await.session().await;
    let error = session.create(&post(), nothing).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "make network `app`: the cloud says 409: Quota exceeded for networks"
    );
    assert!(error.hint().unwrap().contains("quota"));
}

#[tokio::test]
async fn what_is_still_in_use_is_removed_once_it_is_not_and_what_is_gone_is_gone() {
    let delete = Request::delete(Service::Network, "ports/1", "remove port 1");
    let cloud = Cloud::start([Answer::Json(409, json!({})), Answer::Json(204, Value::Null)]).await;
    cloud.session().await.remove(&delete).await.unwrap();
    assert_eq!(cloud.asked().len(), 2);
    let cloud = Cloud::start([Answer::Json(404, json!({}))]).await;
    cloud.session().await.remove(&delete).await.unwrap();
}

#[tokio::test]
async fn all_pages_of_a_list_are_read() {
    let page = |id: &str, more: bool| {
        let links = if more {
            json!([{"rel": "next", "href": "x"}])
        } else {
            json!([])
        };
        Answer::Json(200, json!({"networks": [{"id": id}], "networks_links": links}))
    };
    let cloud = Cloud::start([page("1", true), page("2", false)]).await;
    assert_eq!(cloud.session().await.list(&get(), "networks").await.unwrap().len(), 2);
    assert_eq!(cloud.asked()[1], "GET /network/v2.0/networks?marker=1");
}

#[tokio::test]
async fn application_credentials_and_tokens_log_in_too() {
    let cloud = Cloud::start([]).await;
    let credential = [
        ("OS_AUTH_TYPE", "v3applicationcredential"),
        ("OS_APPLICATION_CREDENTIAL_ID", "id"),
        ("OS_APPLICATION_CREDENTIAL_SECRET", "secret"),
    ];
    Session::open(&cloud.access(&credential)).await.unwrap();
    assert_eq!(cloud.logins(), ["login \"application_credential\""]);
    let cloud = Cloud::start([]).await;
    Session::open(&cloud.access(&[("OS_TOKEN", "t")])).await.unwrap();
    assert_eq!(cloud.logins()[0], "login \"token\"");
}

#[tokio::test]
async fn a_refused_login_is_told_at_once_and_a_faulty_keystone_is_asked_again() {
    let cloud = Cloud::start([]).await;
    let login = [
        ("OS_USERNAME", "demo"),
        ("OS_PASSWORD", "secret"),
        ("OS_USER_DOMAIN_NAME", "Default"),
    ];
    cloud.script.lock().unwrap().logins.push_back(401);
    let error = Session::open(&cloud.access(&login)).await.unwrap_err();
    assert!(matches!(error, CloudError::Login { .. }), "{error}");
    assert!(!error.to_string().contains("secret"));
    assert_eq!(cloud.logins().len(), 1);
    cloud.script.lock().unwrap().logins.push_back(503);
    Session::open(&cloud.access(&login)).await.unwrap();
}
