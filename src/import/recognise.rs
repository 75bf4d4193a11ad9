//! What a file is, told from its content. Never from its name alone: people rename templates.

use super::rancher;
use crate::compose::source::Diagnostic;
use crate::compose::tree::Node;

/// The languages that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Heat template (HOT or the CloudFormation form), and its environment files.
    Heat,
    /// `docker-compose.yml` of version 1 or 2, with `rancher-compose.yml`.
    Rancher,
}

/// What the files are together.
pub fn kind(documents: &[Node]) -> Result<Kind, Box<Diagnostic>> {
    const HINT: &str = "say `--from heat` or `--from rancher`";
    let kinds: Vec<Option<Kind>> = documents.iter().map(kind_of).collect();
    if kinds.contains(&Some(Kind::Heat)) {
        if let Some(at) = kinds.iter().position(|kind| *kind == Some(Kind::Rancher)) {
            let message = "a Rancher stack beside a Heat template: import them one by one";
            return Err(Box::new(Diagnostic::error(message, Some(documents[at].place.clone()))));
        }
        return Ok(Kind::Heat);
    }
    if kinds.contains(&Some(Kind::Rancher)) {
        return Ok(Kind::Rancher);
    }
    let place = documents.first().map(|document| document.place.clone());
    Err(Box::new(
        Diagnostic::error("neither a Heat template nor a Rancher stack", place).hint(HINT),
    ))
}

fn kind_of(document: &Node) -> Option<Kind> {
    let mapping = document.as_map()?;
    const HEAT: [&str; 3] = [
        "heat_template_version",
        "HeatTemplateFormatVersion",
        "AWSTemplateFormatVersion",
    ];
    if HEAT.iter().any(|key| mapping.contains_key(*key)) {
        return Some(Kind::Heat);
    }
    let resources = document.get("resources").or_else(|| document.get("Resources"));
    let typed = |node: &Node| node.get("type").or_else(|| node.get("Type")).is_some();
    if let Some(resources) = resources.and_then(Node::as_map)
        && resources.values().any(|entry| typed(&entry.value))
    {
        return Some(Kind::Heat);
    }
    let services = rancher::services_of(document)?;
    services
        .iter()
        .any(|(_, entry)| rancher::is_service(&entry.value))
        .then_some(Kind::Rancher)
}
