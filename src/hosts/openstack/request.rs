//! One call of an OpenStack API as a value, and what its answer means. Pure.
//!
//! Knows which version of each API is spoken. Never sends anything.

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use openstack_sdk::api::rest_endpoint_prelude::{BodyError, QueryParams, RestEndpoint};
use openstack_sdk::types::ServiceType;
use serde_json::Value;

/// The lowest microversion of Nova with all that is used: server tags at creation (2.52), the flavor's name in a server
/// (2.47), server groups with `policy` (2.64), a boot volume's type (2.67). Stein has 2.72.
const COMPUTE_VERSION: &str = "compute 2.67";

/// How often a call is tried before it is given up.
pub const TRIES: u32 = 6;

/// The longest wait that a cloud may ask for; a longer one is a failure to be told.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Compute,
    Image,
    Network,
}

impl Service {
    pub fn kind(self) -> ServiceType {
        match self {
            Service::Compute => ServiceType::Compute,
            Service::Image => ServiceType::Image,
            Service::Network => ServiceType::Network,
        }
    }

    /// The version's part of the path, which catalogs of some clouds have and of others have not.
    fn version(self) -> &'static str {
        match self {
            Service::Compute => "v2.1",
            Service::Image => "v2",
            Service::Network => "v2.0",
        }
    }

    /// What goes before a path, where the catalog says that the service is at `url`.
    pub fn prefix(self, url_path: &str) -> &'static str {
        let has_version = url_path.split('/').any(|part| {
            part.strip_prefix('v')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        });
        if has_version { "" } else { self.version() }
    }
}

/// One call.
#[derive(Debug, Clone)]
pub struct Request {
    pub service: Service,
    pub method: Method,
    /// Below the service's versioned root, without a slash before it.
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    /// `make network \`app\``: for messages.
    pub action: String,
}

impl Request {
    fn new(service: Service, method: Method, path: impl Into<String>, action: impl Into<String>) -> Request {
        Request {
            service,
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            action: action.into(),
        }
    }

    pub fn get(service: Service, path: impl Into<String>, action: impl Into<String>) -> Request {
        Request::new(service, Method::GET, path, action)
    }

    pub fn post(service: Service, path: impl Into<String>, body: Value, action: impl Into<String>) -> Request {
        Request {
            body: Some(body),
            ..Request::new(service, Method::POST, path, action)
        }
    }

    pub fn put(service: Service, path: impl Into<String>, body: Value, action: impl Into<String>) -> Request {
        Request {
            body: Some(body),
            ..Request::new(service, Method::PUT, path, action)
        }
    }

    pub fn delete(service: Service, path: impl Into<String>, action: impl Into<String>) -> Request {
        Request::new(service, Method::DELETE, path, action)
    }

    pub fn query(mut self, key: &'static str, value: impl Into<String>) -> Request {
        self.query.push((key, value.into()));
        self
    }
}

/// A request as the SDK sends it.
pub struct Addressed<'a> {
    pub request: &'a Request,
    /// The version's part of the path, or nothing.
    pub prefix: &'static str,
    headers: HeaderMap,
}

impl<'a> Addressed<'a> {
    pub fn new(request: &'a Request, prefix: &'static str) -> Addressed<'a> {
        let mut headers = HeaderMap::new();
        if request.service == Service::Compute {
            headers.insert("OpenStack-API-Version", HeaderValue::from_static(COMPUTE_VERSION));
        }
        Addressed {
            request,
            prefix,
            headers,
        }
    }
}

impl RestEndpoint for Addressed<'_> {
    fn method(&self) -> Method {
        self.request.method.clone()
    }

    fn endpoint(&self) -> Cow<'static, str> {
        match self.prefix {
            "" => self.request.path.clone().into(),
            prefix => format!("{prefix}/{}", self.request.path).into(),
        }
    }

    fn service_type(&self) -> ServiceType {
        self.request.service.kind()
    }

    fn parameters(&self) -> QueryParams<'_> {
        let mut parameters = QueryParams::default();
        for (key, value) in &self.request.query {
            parameters.push(*key, value.as_str());
        }
        parameters
    }

    fn body(&self) -> Result<Option<(&'static str, Vec<u8>)>, BodyError> {
        match &self.request.body {
            None => Ok(None),
            Some(body) => Ok(Some(("application/json", serde_json::to_vec(body)?))),
        }
    }

    fn request_headers(&self) -> Option<&HeaderMap> {
        Some(&self.headers)
    }
}

/// What came of one try.
#[derive(Debug)]
pub enum Outcome {
    Answered {
        status: u16,
        retry_after: Option<Duration>,
        body: Vec<u8>,
    },
    /// The connection broke: whether the call arrived is not known.
    Dropped { reason: String },
}

/// What is done about an outcome.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    Done,
    /// The same call once more, after a pause: it was not carried out, or may be repeated.
    Again(Duration),
    /// It may or may not have been carried out, and must not be repeated blindly.
    Unsure(Duration),
    Refused,
}

/// The one policy for faults. `tries` is how often the call was sent, this time included.
pub fn judge(method: &Method, outcome: &Outcome, tries: u32) -> Verdict {
    let usual = Duration::from_millis(500 << tries.min(5).saturating_sub(1));
    let repeat = |pause| {
        if *method == Method::POST {
            Verdict::Unsure(pause)
        } else {
            Verdict::Again(pause)
        }
    };
    match outcome {
        Outcome::Dropped { .. } => repeat(usual),
        Outcome::Answered {
            status, retry_after, ..
        } => {
            let pause = retry_after.unwrap_or(usual);
            match status {
                200..=299 => Verdict::Done,
                _ if pause > LONGEST_PAUSE => Verdict::Refused,
                // It was not even looked at.
                429 => Verdict::Again(pause),
                // What still uses it is about to go: a server's port, a subnet's router.
                409 if *method == Method::DELETE => Verdict::Again(pause),
                500 | 502 | 503 | 504 => repeat(pause),
                _ => Verdict::Refused,
            }
        }
    }
}

/// `Retry-After` in seconds; the form with a date is left alone, since clocks differ.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// The cloud's own words in the body of a refusal. Each service wraps them in another way.
pub fn message(body: &[u8]) -> String {
    fn find(value: &Value) -> Option<&str> {
        let map = value.as_object()?;
        for key in ["message", "faultstring", "detail"] {
            if let Some(text) = map.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()) {
                return Some(text);
            }
        }
        map.values().find_map(find)
    }
    let text = String::from_utf8_lossy(body);
    let found = serde_json::from_slice::<Value>(body).ok();
    let said = found.as_ref().and_then(find).unwrap_or(&text);
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "nothing more".to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Outcome {
        Outcome::Answered {
            status,
            retry_after: None,
            body: Vec::new(),
        }
    }

    fn dropped() -> Outcome {
        Outcome::Dropped { reason: "reset".into() }
    }

    #[test]
    fn what_may_be_repeated_is_repeated_after_longer_and_longer_pauses() {
        for (tries, pause) in [(1, 500), (2, 1000), (3, 2000), (9, 8000)] {
            let pause = Duration::from_millis(pause);
            assert_eq!(judge(&Method::GET, &dropped(), tries), Verdict::Again(pause));
            assert_eq!(judge(&Method::DELETE, &answered(503), tries), Verdict::Again(pause));
        }
    }

    #[test]
    fn what_makes_something_is_never_repeated_blindly() {
        for outcome in [dropped(), answered(500), answered(502), answered(504)] {
            let verdict = judge(&Method::POST, &outcome, 1);
            assert!(matches!(verdict, Verdict::Unsure(_)), "{outcome:?}: {verdict:?}");
        }
    }

    #[test]
    fn a_cloud_that_asks_for_time_gets_it_but_not_for_ever() {
        let busy = |seconds| Outcome::Answered {
            status: 429,
            retry_after: Some(Duration::from_secs(seconds)),
            body: Vec::new(),
        };
        assert_eq!(
            judge(&Method::POST, &busy(3), 1),
            Verdict::Again(Duration::from_secs(3))
        );
        assert_eq!(judge(&Method::GET, &busy(3600), 1), Verdict::Refused);
    }

    #[test]
    fn a_conflict_is_waited_out_only_where_something_is_removed() {
        assert!(matches!(judge(&Method::DELETE, &answered(409), 1), Verdict::Again(_)));
        assert_eq!(judge(&Method::POST, &answered(409), 1), Verdict::Refused);
        assert_eq!(judge(&Method::GET, &answered(404), 1), Verdict::Refused);
    }

    #[test]
    fn each_services_words_are_found_in_its_refusals() {
        let nova = br#"{"forbidden": {"code": 403, "message": "Quota exceeded for instances"}}"#;
        let neutron = br#"{"NeutronError": {"type": "X", "message": "Network not found", "detail": ""}}"#;
        assert_eq!(message(nova), "Quota exceeded for instances");
        assert_eq!(message(neutron), "Network not found");
        assert_eq!(message(b"<html>\n bad  gateway</html>"), "<html> bad gateway</html>");
        assert_eq!(message(b""), "nothing more");
    }

    #[test]
    fn a_version_is_added_only_where_the_catalog_has_none() {
        assert_eq!(Service::Network.prefix("/"), "v2.0");
        assert_eq!(Service::Network.prefix("/networking"), "v2.0");
        assert_eq!(Service::Network.prefix("/v2.0/"), "");
        assert_eq!(Service::Compute.prefix("/compute/v2.1/3f"), "");
        assert_eq!(Service::Image.prefix("/volume-images"), "v2");
    }

    #[test]
    fn only_seconds_are_read_from_retry_after() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("7"));
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers.insert("retry-after", HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT"));
        assert_eq!(retry_after(&headers), None);
    }
}
