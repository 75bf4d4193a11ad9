//! Tables: `ps`, `hosts ls`, and any other list in columns; the same rows as JSON.
//!
//! Columns as Docker draws them: a heading in capitals, three blanks between, no lines; rows are never wrapped or cut,
//! so that they can be searched and cut by programs.

use serde_json::{Value, json};

use super::{measure, style, text};
use crate::deploy::status::{HostStatus, ReplicaStatus, VolumeStatus};
use crate::plan::rebalance::Move;

const GAP: &str = "   ";

/// Rows under headings. Cells may carry escape codes.
#[derive(Debug, Clone, Default)]
pub struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<'a>(headings: impl IntoIterator<Item = &'a str>) -> Self {
        Table {
            headings: headings.into_iter().map(str::to_owned).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text; the headings stand there even without rows.
    pub fn render(&self) -> String {
        let columns = self.headings.len();
        let every_row = || std::iter::once(&self.headings).chain(&self.rows);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                every_row()
                    .filter_map(|row| row.get(column))
                    .map(|cell| text::width(cell))
                    .max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        let mut rendered = String::new();
        for row in every_row() {
            let cells = row.iter().zip(&widths).map(|(cell, width)| text::pad(cell, *width));
            rendered.push_str(cells.collect::<Vec<_>>().join(GAP).trim_end());
            rendered.push('\n');
        }
        rendered
    }
}

/// `hoist rebalance --dry-run`.
pub fn moves(moves: &[Move]) -> String {
    let mut table = Table::new(["REPLICA", "FROM", "TO"]);
    for one in moves {
        let replica = format!("{}.{}", one.service, one.number);
        table.row([replica, one.from.clone(), one.to.clone()]);
    }
    table.render()
}

/// `hoist ps`.
pub fn replicas(rows: &[ReplicaStatus]) -> String {
    let mut table = Table::new(["NAME", "HOST", "IMAGE", "SERVICE", "STATUS", "PORTS"]);
    for row in rows {
        table.row([
            row.name.clone(),
            row.host.clone(),
            row.image.clone(),
            row.service.clone(),
            replica_status(row),
            row.ports.join(", "),
        ]);
    }
    table.render()
}

/// `hoist ps --format json`: an array of objects.
pub fn replicas_json(rows: &[ReplicaStatus]) -> String {
    array(rows.iter().map(|row| {
        json!({
            "name": row.name,
            "service": row.service,
            "host": row.host,
            "image": row.image,
            "state": row.state,
            "health": row.health,
            "for_seconds": row.for_seconds,
            "ports": row.ports,
            "message": row.message,
            "upgrade": row.upgrade,
        })
    }))
}

/// `hoist ps -q`.
pub fn replica_names(rows: &[ReplicaStatus]) -> String {
    rows.iter().map(|row| format!("{}\n", row.name)).collect()
}

/// `hoist hosts ls`.
pub fn hosts(rows: &[HostStatus]) -> String {
    let headings = [
        "NAME", "GROUP", "PROVIDER", "ADDRESS", "ROLE", "STATE", "ENGINE", "REPLICAS", "LABELS",
    ];
    let mut table = Table::new(headings);
    for row in rows {
        table.row([
            row.name.clone(),
            row.group.clone(),
            row.provider.clone(),
            row.address.clone(),
            row.role.clone(),
            host_state(&row.state),
            row.engine_version.clone(),
            row.replicas.to_string(),
            row.labels.join(","),
        ]);
    }
    table.render()
}

/// `hoist hosts ls --format json`: an array of objects.
pub fn hosts_json(rows: &[HostStatus]) -> String {
    array(rows.iter().map(|row| {
        json!({
            "name": row.name,
            "group": row.group,
            "provider": row.provider,
            "address": row.address,
            "role": row.role,
            "state": row.state,
            "engine_version": row.engine_version,
            "labels": row.labels,
            "replicas": row.replicas,
        })
    }))
}

/// `hoist hosts ls -q`.
pub fn host_names(rows: &[HostStatus]) -> String {
    rows.iter().map(|row| format!("{}\n", row.name)).collect()
}

/// `hoist volumes ls`.
pub fn volumes(rows: &[VolumeStatus]) -> String {
    let mut table = Table::new(["NAME", "VOLUME", "HOST", "DRIVER", "SERVICES"]);
    for row in rows {
        table.row([
            row.name.clone(),
            row.volume.clone(),
            row.host.clone(),
            row.driver.clone(),
            row.services.join(", "),
        ]);
    }
    table.render()
}

/// `hoist volumes ls --format json`: an array of objects.
pub fn volumes_json(rows: &[VolumeStatus]) -> String {
    array(rows.iter().map(|row| {
        json!({
            "name": row.name,
            "volume": row.volume,
            "host": row.host,
            "driver": row.driver,
            "services": row.services,
        })
    }))
}

/// Docker's words for a replica: `Up 2 minutes (healthy)`, `Exited (1) 3 hours ago`.
fn replica_status(row: &ReplicaStatus) -> String {
    let age = measure::age(row.for_seconds);
    if row.state == "running" {
        let health = row
            .health
            .as_ref()
            .map(|health| format!(" ({health})"))
            .unwrap_or_default();
        let tone = match row.health.as_deref() {
            Some("unhealthy") => style::BAD,
            Some("starting") => style::WARN,
            _ => style::GOOD,
        };
        let upgrade = row
            .upgrade
            .map(|upgrade| style::paint(style::WARN, &format!(", {upgrade}")))
            .unwrap_or_default();
        return style::paint(tone, &format!("Up {age}{health}")) + &upgrade;
    }
    let mut status = format!("{} {age} ago", capitalised(&row.state));
    if let Some(message) = &row.message {
        status.push_str(&format!(": {}", text::one_line(message)));
    }
    let ended_well = ["exited (0)", "complete", "completed"].contains(&row.state.as_str());
    let failed =
        !ended_well && (row.state.starts_with("exited") || ["failed", "rejected", "dead"].contains(&&*row.state));
    let tone = match (failed, ended_well) {
        (true, _) => style::BAD,
        (_, true) => style::DIM,
        _ => style::WARN,
    };
    style::paint(tone, &status)
}

fn host_state(state: &str) -> String {
    let tone = match state {
        "ready" => style::GOOD,
        "down" | "stopped" => style::BAD,
        _ => style::WARN,
    };
    style::paint(tone, state)
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// A JSON array with one object a line.
pub(super) fn array(objects: impl Iterator<Item = Value>) -> String {
    let objects: Vec<String> = objects.map(|object| format!("  {object}")).collect();
    if objects.is_empty() {
        return "[]\n".to_owned();
    }
    format!("[\n{}\n]\n", objects.join(",\n"))
}

#[cfg(test)]
mod tests;
