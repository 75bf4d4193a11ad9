//! `hoist logs`.

use clap::Args;
use futures_util::StreamExt;

use super::error::CliError;
use super::project;
use super::settings::Settings;
use crate::compose::Project;
use crate::deploy::event::Events;
use crate::deploy::{self, Operator};
use crate::engine::logs::LogOptions;
use crate::ui::logs::{self as shown, LogLine, LogPrinter};
use crate::ui::output::{Output, Stream};

/// Show what the services write, from all hosts together.
#[derive(Debug, Args)]
pub struct LogsArguments {
    /// Only these services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Go on with what is still to come, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Last lines of each replica to begin with: a number, or `all`
    #[arg(short = 'n', long, default_value = "all", value_name = "LINES", value_parser = parse_tail)]
    tail: Tail,
    /// Show when each line was written
    #[arg(short, long)]
    timestamps: bool,
    /// Leave the replicas' names out
    #[arg(long)]
    no_log_prefix: bool,
    /// Leave the names without colours
    #[arg(long)]
    no_color: bool,
}

/// How many of the last lines; `None`: all.
#[derive(Debug, Clone, Copy)]
struct Tail(Option<u64>);

fn parse_tail(text: &str) -> Result<Tail, String> {
    if text == "all" {
        return Ok(Tail(None));
    }
    text.parse()
        .map(|lines| Tail(Some(lines)))
        .map_err(|_| "it is a number of lines, or `all`".to_owned())
}

/// Loads the project and prints the lines of its replicas as they come.
pub async fn logs(arguments: LogsArguments, settings: &Settings, output: &Output) -> Result<(), CliError> {
    let project = project::load(settings, output)?;
    let operator = settings.operator(Events::new(|_| {}), None);
    let options = LogOptions {
        follow: arguments.follow,
        tail: arguments.tail.0,
        timestamps: arguments.timestamps,
        ..LogOptions::default()
    };
    let look = shown::LogOptions {
        prefix: !arguments.no_log_prefix,
        colour: !arguments.no_color,
    };
    print(&project, &arguments.services, &operator, &options, look, output).await
}

/// The logs of all services from now on, until interrupted.
pub(super) async fn follow(project: &Project, operator: &Operator, output: &Output) -> Result<(), CliError> {
    let options = LogOptions {
        follow: true,
        ..LogOptions::default()
    };
    let look = shown::LogOptions {
        prefix: true,
        colour: true,
    };
    print(project, &[], operator, &options, look, output).await
}

async fn print(
    project: &Project,
    services: &[String],
    operator: &Operator,
    options: &LogOptions,
    look: shown::LogOptions,
    output: &Output,
) -> Result<(), CliError> {
    let (names, mut lines) = deploy::look::logs(project, services, operator, options).await?;
    let mut printer = LogPrinter::new(output, look, names.iter().map(String::as_str));
    loop {
        let next = tokio::select! {
            // Leaving a log is no failure.
            () = operator.interrupt.cancelled() => return Ok(()),
            next = lines.next() => next,
        };
        let Some(line) = next else { return Ok(()) };
        let line = line?;
        printer.print(&LogLine {
            name: line.source,
            text: line.text,
            stderr: line.stderr,
            timestamp: line.timestamp.map(|at| at.to_string()),
        });
        if output.is_closed(Stream::Stdout) {
            return Ok(());
        }
    }
}
