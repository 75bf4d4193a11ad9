//! Things of Neutron made with the pool's mark, and removed.
//!
//! The mark is in the call that makes a thing, as its description. The tag that says the same follows at once: Neutron takes
//! tags in a call of their own.

use serde_json::{Map, Value, json};

use super::error::CloudError;
use super::mark;
use super::observed::Tagged;
use super::request::{Request, Service};
use super::session::Session;

/// A kind of thing: its word in a body, and its list.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub one: &'static str,
    pub many: &'static str,
    /// Its path, and for tags too.
    pub path: &'static str,
    /// For messages.
    pub words: &'static str,
}

const fn kind(one: &'static str, many: &'static str, path: &'static str, words: &'static str) -> Kind {
    Kind { one, many, path, words }
}

pub const NETWORK: Kind = kind("network", "networks", "networks", "network");
pub const SUBNET: Kind = kind("subnet", "subnets", "subnets", "subnet");
pub const ROUTER: Kind = kind("router", "routers", "routers", "router");
pub const PORT: Kind = kind("port", "ports", "ports", "port");
pub const FLOATING_IP: Kind = kind("floatingip", "floatingips", "floatingips", "floating IP");
pub const SECURITY_GROUP: Kind = kind("security_group", "security_groups", "security-groups", "security group");
pub const RULE: Kind = kind(
    "security_group_rule",
    "security_group_rules",
    "security-group-rules",
    "security group rule",
);

/// Makes things for one pool.
#[derive(Debug)]
pub struct Maker {
    pub session: Session,
    pub pool: String,
}

impl Maker {
    pub fn new(session: Session, pool: &str) -> Maker {
        Maker {
            session,
            pool: pool.to_owned(),
        }
    }

    /// Makes a thing and marks it, or takes the pool's own that `found_by` finds. `name` is for messages.
    ///
    /// # Errors
    ///
    /// What the cloud says.
    pub async fn make(
        &self,
        kind: Kind,
        name: &str,
        mut body: Map<String, Value>,
        found_by: &[(&'static str, String)],
    ) -> Result<Value, CloudError> {
        let mark = mark::of_pool(&self.pool);
        let action = format!("make {} `{name}`", kind.words);
        body.insert("description".into(), mark.clone().into());
        let find = || async {
            let mut request =
                Request::get(Service::Network, kind.path, action.clone()).query("description", mark.clone());
            request.query.extend(found_by.iter().cloned());
            Ok(self.session.list(&request, kind.many).await?.into_iter().next())
        };
        let request = Request::post(Service::Network, kind.path, json!({kind.one: body}), action.clone());
        let made = inner(self.session.create(&request, find).await?, kind);
        self.tag(kind, id(&made, &action)?).await?;
        Ok(made)
    }

    /// Gives those of the pool their tag that an interrupted run made and did not come to tag.
    ///
    /// # Errors
    ///
    /// What the cloud says.
    pub async fn tag_rest(&self, kind: Kind, things: &[impl Tagged]) -> Result<(), CloudError> {
        let tag = mark::of_pool(&self.pool);
        let own = things.iter().filter(|thing| mark::is_of_pool(*thing, &self.pool));
        for thing in own.filter(|thing| !thing.tags().contains(&tag)) {
            self.tag(kind, thing.id()).await?;
        }
        Ok(())
    }

    /// Sets the pool's tag; one that is there stays.
    ///
    /// # Errors
    ///
    /// What the cloud says.
    pub async fn tag(&self, kind: Kind, id: &str) -> Result<(), CloudError> {
        let tag = mark::of_pool(&self.pool).replace('=', "%3D");
        let request = Request::put(
            Service::Network,
            format!("{}/{id}/tags/{tag}", kind.path),
            Value::Null,
            format!("tag {} {id}", kind.words),
        );
        let request = Request { body: None, ..request };
        self.session.call(&request).await.map(drop)
    }

    /// Removes a thing; gone already is as good.
    ///
    /// # Errors
    ///
    /// What the cloud says, after it was asked often enough for what uses the thing to go.
    pub async fn remove(&self, kind: Kind, id: &str) -> Result<(), CloudError> {
        let request = Request::delete(
            Service::Network,
            format!("{}/{id}", kind.path),
            format!("remove {} {id}", kind.words),
        );
        self.session.remove(&request).await
    }
}

/// What was made; one that was found has no wrapping.
fn inner(mut made: Value, kind: Kind) -> Value {
    match made.get_mut(kind.one) {
        Some(inner) => inner.take(),
        None => made,
    }
}

/// The id in an answer.
///
/// # Errors
///
/// [`CloudError::Answer`] where there is none.
pub fn id<'a>(made: &'a Value, action: &str) -> Result<&'a str, CloudError> {
    made["id"].as_str().ok_or_else(|| CloudError::Answer {
        action: action.to_owned(),
        reason: "it has no `id`".into(),
    })
}

/// A body's fields.
pub fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
