//! What moving a volume comes to, in a few lines.

use crate::plan::volume_move::{Stage, VolumeMove};

/// One line a volume, and one for the services.
pub fn steps(planned: &VolumeMove) -> String {
    let to = &planned.to;
    let mut lines: Vec<String> = Vec::new();
    for transit in &planned.volumes {
        let name = &transit.name;
        lines.push(match &transit.stage {
            Stage::Copy { from, discard: false } => format!("volume {name}: from {from} to {to}"),
            Stage::Copy { from, discard: true } => {
                format!("volume {name}: from {from} to {to}, over the copy that an earlier move left there")
            }
            Stage::Copied { from } => format!("volume {name}: is complete on {to}; the old copy on {from} goes"),
            Stage::Return { unfinished } => {
                format!("volume {name}: stays on {to}; the unfinished copy on {unfinished} goes")
            }
            Stage::There => format!("volume {name}: is on {to}"),
        });
    }
    if !planned.services.is_empty() && !planned.is_through() {
        lines.push(format!("stopped meanwhile: {}", planned.services.join(", ")));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}
