//! `hoist diff`.

use clap::Args;

use super::error::CliError;
use super::project;
use super::settings::Settings;
use crate::deploy;
use crate::ui::history as shown;
use crate::ui::output::Output;

/// Show what differs between two revisions, or between a revision and the file.
///
/// `-` is what only the older side has, `+` what only the newer one has, service by service. In brackets stands what no file
/// says: the exact image that ran, the number of replicas, the object with a config's or secret's content.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hoist diff        what the file would change of the last revision
  hoist diff 3      what differs between revision 3 and the file
  hoist diff 3 5    what differs between two revisions")]
pub struct DiffArguments {
    /// The older revision [default: the last one]
    #[arg(value_name = "A")]
    old: Option<u64>,
    /// The newer revision [default: the file]
    #[arg(value_name = "B")]
    new: Option<u64>,
}

/// Loads the project, compares and prints.
pub async fn diff(arguments: DiffArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = match arguments.new {
        None => project::load(settings, output)?,
        // The file is none of the two.
        Some(_) => project::load_or_recall(settings, output)?,
    };
    let operator = settings.onlooker(output);
    let comparison = deploy::history::compare(&project, &operator, arguments.old, arguments.new).await?;
    output.data(&shown::difference(&comparison));
    Ok(())
}
