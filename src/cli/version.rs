//! `hoist version`.

use clap::Args;

use super::error::CliError;
use crate::ui::output::Output;

/// Print the version.
#[derive(Debug, Args)]
pub struct VersionArguments {
    /// Print the number only
    #[arg(long)]
    short: bool,
    /// Format of the output
    #[arg(short, long, value_parser = ["text", "json"], default_value = "text", value_name = "FORMAT")]
    format: String,
}

/// Prints the version.
pub fn version(arguments: VersionArguments, output: &Output) -> Result<(), CliError> {
    let version = env!("CARGO_PKG_VERSION");
    output.data(&match (arguments.short, arguments.format.as_str()) {
        (true, _) => version.to_owned(),
        (false, "json") => serde_json::json!({ "version": version }).to_string(),
        (false, _) => format!("Hoist version {version}"),
    });
    Ok(())
}
