//! `hoist hosts up`, `drain`, `activate`, `label`, `rm` and `down`.

use clap::Args;

use crate::cli::error::CliError;
use crate::cli::settings::Settings;
use crate::compose::Project;
use crate::deploy::manage_hosts::{self, LabelChange};
use crate::deploy::{DeployError, Operator};
use crate::ui::output::Output;

#[derive(Debug, Args)]
pub struct UpArguments {
    /// Replace hosts that were made from another image or flavor than the file names now, one at a time, drained first
    #[arg(long)]
    replace_hosts: bool,
}

#[derive(Debug, Args)]
pub struct DrainArguments {
    /// The hosts, as `hoist hosts ls` shows them
    #[arg(required = true, value_name = "HOST")]
    names: Vec<String>,
    /// Seconds that one host may take to become empty [default: 600]
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

#[derive(Debug, Args)]
pub struct ActivateArguments {
    /// The hosts, as `hoist hosts ls` shows them
    #[arg(required = true, value_name = "HOST")]
    names: Vec<String>,
}

pub const LABEL_EXAMPLES: &str = "\
Examples:
  hoist hosts label lab-1 disk=ssd
  hoist hosts label lab-1 disk-";

#[derive(Debug, Args)]
pub struct LabelArguments {
    /// The host, as `hoist hosts ls` shows it
    #[arg(value_name = "HOST")]
    name: String,
    /// A label to set, or with a `-` after it to remove
    #[arg(required = true, value_name = "KEY=VALUE|KEY-", value_parser = parse_label)]
    labels: Vec<(String, Option<String>)>,
}

#[derive(Debug, Args)]
pub struct RmArguments {
    /// The hosts, as `hoist hosts ls` shows them
    #[arg(required = true, value_name = "HOST")]
    names: Vec<String>,
    /// Remove them even where named volumes go with them
    #[arg(long)]
    force: bool,
    /// Seconds that one host may take to become empty [default: 600]
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

#[derive(Debug, Args)]
pub struct DownArguments {
    /// Remove them even where projects run on them
    #[arg(long)]
    force: bool,
}

/// Brings the pool to what the file says, and no service.
pub async fn up(
    arguments: UpArguments,
    project: &Project,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let story = async |operator: &Operator| manage_hosts::up(project, operator, arguments.replace_hosts).await;
    shown(settings, output, None, story).await
}

/// Empties hosts.
pub async fn drain(
    arguments: DrainArguments,
    project: &Project,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let story = async |operator: &Operator| manage_hosts::drain(project, operator, &arguments.names).await;
    shown(settings, output, arguments.timeout, story).await
}

/// Opens hosts again.
pub async fn activate(
    arguments: ActivateArguments,
    project: &Project,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let story = async |operator: &Operator| manage_hosts::activate(project, operator, &arguments.names).await;
    shown(settings, output, None, story).await
}

/// Sets and removes labels.
pub async fn label(
    arguments: LabelArguments,
    project: &Project,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let mut change = LabelChange::default();
    for (key, value) in arguments.labels {
        match value {
            Some(value) => {
                change.set.insert(key, value);
            }
            None => change.remove.push(key),
        }
    }
    let story = async |operator: &Operator| manage_hosts::label(project, operator, &arguments.name, &change).await;
    shown(settings, output, None, story).await
}

/// Removes single hosts.
pub async fn rm(
    arguments: RmArguments,
    project: &Project,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let story =
        async |operator: &Operator| manage_hosts::remove(project, operator, &arguments.names, arguments.force).await;
    shown(settings, output, arguments.timeout, story).await
}

/// Removes the pool.
pub async fn down(
    arguments: DownArguments,
    project: &Project,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let story = async |operator: &Operator| manage_hosts::down(project, operator, arguments.force).await;
    shown(settings, output, None, story).await
}

/// Carries a story out with its progress shown.
async fn shown(
    settings: &Settings,
    output: &Output,
    timeout: Option<u64>,
    story: impl AsyncFnOnce(&Operator) -> Result<(), DeployError>,
) -> Result<(), CliError> {
    let progress = settings.progress(output);
    let operator = settings.operator(progress.events(), timeout);
    let outcome = story(&operator).await;
    progress.finish();
    Ok(outcome?)
}

/// `KEY=VALUE`, or `KEY-`. Swarm's label keys have no `=`; the engine itself takes any other character.
fn parse_label(text: &str) -> Result<(String, Option<String>), String> {
    let (key, value) = match (text.split_once('='), text.strip_suffix('-')) {
        (Some((key, value)), _) => (key, Some(value.to_owned())),
        (None, Some(key)) => (key, None),
        (None, None) => return Err("it is written KEY=VALUE, or KEY- to remove it".to_owned()),
    };
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(format!("`{key}` is not the name of a label"));
    }
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_set_with_an_equals_sign_and_removed_with_a_dash() {
        let set = |key: &str, value: &str| Ok((key.to_owned(), Some(value.to_owned())));
        assert_eq!(parse_label("disk=ssd"), set("disk", "ssd"));
        assert_eq!(parse_label("disk="), set("disk", ""));
        assert_eq!(parse_label("rack=a-"), set("rack", "a-"));
        assert_eq!(parse_label("disk-"), Ok(("disk".to_owned(), None)));
        for wrong in ["disk", "=ssd", "-", "a b=c"] {
            assert!(parse_label(wrong).is_err(), "{wrong}");
        }
    }
}
