//! The merge stage: a later document over what lies under it, and a service over the one it extends
//! (specification: *merge*).
//!
//! Mappings merge, lists append, scalars are replaced; the exceptions stand in [`rule`]. What is under may be in long
//! form already while the document on top is as written. Never looks at tags: those are [`super::reset`]'s.

mod forms;
mod pools;

use super::findings::Findings;
use super::tree::{Mapping, Node, Value};

/// Lays a document on the project so far.
pub fn merge(base: &mut Node, over: Node, findings: &mut Findings) {
    Merger { findings }.at(base, over, &mut Vec::new());
}

/// Lays a service on the one that it extends.
pub fn extend(base: &mut Node, over: Node, findings: &mut Findings) {
    let mut path = vec!["services".to_owned(), String::new()];
    Merger { findings }.at(base, over, &mut path);
}

/// How two values of an attribute become one.
#[derive(Clone, Copy)]
enum Rule {
    /// Mappings merge, lists append, scalars are replaced.
    Usual,
    /// The later one stands alone, even where it says nothing.
    Replace,
    /// Both become lists of text, one after the other.
    Sequence,
    /// The same, without the entries that are there already.
    Hosts,
    /// A list of names is a mapping of them.
    Names,
    /// The same; each name waits for its service to start.
    Dependencies,
    /// A text is the context.
    Build,
    /// Merges only with one of the same driver.
    Driver,
    /// Address pools merge by their subnet.
    Pools,
}

fn rule(path: &[String]) -> Rule {
    let mut parts = [""; 6];
    if path.len() > parts.len() {
        return Rule::Usual;
    }
    for (part, name) in parts.iter_mut().zip(path) {
        *part = name;
    }
    match parts[..path.len()] {
        ["services", _, "command" | "entrypoint"]
        | ["services", _, "healthcheck", "test"]
        | ["services", _, "ulimits", _] => Rule::Replace,
        [
            "services",
            _,
            "annotations" | "dns" | "dns_opt" | "dns_search" | "env_file" | "environment" | "label_file" | "labels"
            | "sysctls" | "tmpfs",
        ]
        | ["services", _, "build", "args" | "additional_contexts" | "labels"]
        | ["services", _, "deploy", "labels"]
        | ["networks" | "volumes", _, "labels"] => Rule::Sequence,
        ["services", _, "extra_hosts"] | ["services", _, "build", "extra_hosts"] => Rule::Hosts,
        ["services", _, "networks" | "models"] => Rule::Names,
        ["services", _, "depends_on"] => Rule::Dependencies,
        ["services", _, "build"] => Rule::Build,
        ["services", _, "logging"] => Rule::Driver,
        ["networks", _, "ipam", "config"] => Rule::Pools,
        ["x-hosts", _, "ssh"] => Rule::Replace,
        _ => Rule::Usual,
    }
}

struct Merger<'a> {
    findings: &'a mut Findings,
}

impl Merger<'_> {
    fn at(&mut self, base: &mut Node, over: Node, path: &mut Vec<String>) {
        if base.is_invalid() {
            return;
        }
        match rule(path) {
            Rule::Usual => self.usual(base, over, path),
            Rule::Replace => *base = over,
            Rule::Sequence => self.sequences(base, over, path, false),
            Rule::Hosts => self.sequences(base, over, path, true),
            Rule::Names => self.mappings_of(base, over, path, |node| forms::names(node, Node::null)),
            Rule::Dependencies => self.mappings_of(base, over, path, |node| forms::names(node, forms::started)),
            Rule::Build => self.mappings_of(base, over, path, forms::build),
            Rule::Driver => self.driver(base, over, path),
            Rule::Pools => {
                if pools::are_lists(base, &over) {
                    pools::merge(base, over, &mut |base, over| self.usual(base, over, &mut Vec::new()));
                } else {
                    self.refuse(base, &over, path);
                }
            }
        }
    }

    fn usual(&mut self, base: &mut Node, over: Node, path: &mut Vec<String>) {
        match (&mut base.value, over.value) {
            (_, Value::Null) => {}
            (Value::Map(base), Value::Map(over)) => self.mappings(base, *over, path),
            (Value::List(base), Value::List(over)) => base.extend(over),
            (Value::Map(_) | Value::List(_), value) => {
                let over = Node { value, ..over };
                self.refuse(base, &over, path);
            }
            (_, value) => *base = Node { value, ..over },
        }
    }

    fn mappings(&mut self, base: &mut Mapping, over: Mapping, path: &mut Vec<String>) {
        for (key, entry) in over {
            let Some(there) = base.get_mut(&key) else {
                base.insert(key, entry);
                continue;
            };
            there.key = entry.key;
            path.push(key);
            self.at(&mut there.value, entry.value, path);
            path.pop();
        }
    }

    /// Merges what both forms stand for. As in the reference, what is neither a list nor a mapping adds nothing.
    fn mappings_of(&mut self, base: &mut Node, over: Node, path: &mut Vec<String>, form: impl Fn(&mut Node)) {
        let mut over = over;
        form(base);
        form(&mut over);
        match (&base.value, &over.value) {
            (Value::Map(_), Value::Map(_) | Value::Null) | (Value::Null, _) => self.usual(base, over, path),
            (Value::Map(_), _) => self.without_effect(&over, path),
            _ => *base = over,
        }
    }

    fn sequences(&mut self, base: &mut Node, over: Node, path: &[String], once: bool) {
        if matches!(over.value, Value::Bool(_) | Value::Integer(_) | Value::Float(_)) {
            self.without_effect(&over, path);
        }
        forms::append(base, over, once);
    }

    fn without_effect(&mut self, over: &Node, path: &[String]) {
        if !over.is_invalid() {
            let name = path.last().map_or("", String::as_str);
            let message = format!("{} adds nothing to `{name}`", over.kind());
            self.findings.warning(message, &over.place);
        }
    }

    fn driver(&mut self, base: &mut Node, over: Node, path: &mut Vec<String>) {
        let of = |node: &Node| node.get("driver").and_then(Node::scalar_text);
        let (under, above) = (of(base), of(&over));
        if under.is_some() && above.is_some() && under != above {
            *base = over;
        } else {
            self.usual(base, over, path);
        }
    }

    fn refuse(&mut self, base: &mut Node, over: &Node, path: &[String]) {
        if !over.is_invalid() {
            let name = path.last().map_or("the file", String::as_str);
            let message = format!("{} cannot be laid over {} in `{name}`", over.kind(), base.kind());
            let hint = "write it in the same form, or replace what is there with `!override`";
            self.findings.error_hint(message, &over.place, Some(hint.to_owned()));
        }
        base.value = Value::Invalid;
    }
}
