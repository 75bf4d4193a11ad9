//! The arguments that every command takes. Their names are those of `docker compose` where it has them.

use std::path::PathBuf;

use clap::Args;

use crate::ui::output::ColourChoice;
use crate::ui::progress::ProgressMode;

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct GlobalArguments {
    /// Compose file, said before the command; of several, later ones win; `-` is standard input
    // Before the command only, as with `docker compose`: after `logs`, `-f` follows.
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Project name [default: `name:` in the file, else the folder's]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub project_name: Option<String>,
    /// Folder that relative paths are resolved against [default: the first file's]
    #[arg(long, global = true, value_name = "PATH", alias = "workdir")]
    pub project_directory: Option<PathBuf>,
    /// File of variables for the Compose file [default: `.env` in the project's folder]
    #[arg(long = "env-file", global = true, value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
    /// Profile whose services take part, too
    #[arg(long = "profile", global = true, value_name = "NAME")]
    pub profiles: Vec<String>,
    /// Take every warning of the Compose files for an error
    #[arg(long, global = true)]
    pub strict: bool,
    /// Keep networks, volumes, configs and secrets that no service uses
    #[arg(long)]
    pub all_resources: bool,
    /// How progress is shown: live, plain, json (an object a line), quiet, or auto: live on a terminal, else plain
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "KIND",
        hide_possible_values = true
    )]
    pub progress: ProgressMode,
    /// Colours: always, never, or auto: on a terminal, unless `NO_COLOR` is set
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub ansi: ColourChoice,
    /// Accept SSH host keys that are not known yet, and remember them
    #[arg(long, global = true)]
    pub accept_new_host_keys: bool,
    /// Seconds that a host may take to answer SSH
    #[arg(long, global = true, default_value_t = 120, value_name = "SECONDS")]
    pub ssh_timeout: u64,
}
