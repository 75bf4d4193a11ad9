//! Takes the defaults of hidden parameters out of a template before anything else reads it, so that no output and no
//! message can carry one.

use std::path::Path;
use std::sync::Arc;

use crate::compose::parse;
use crate::compose::source::Source;
use crate::compose::tree::Node;

use super::template::truth;

/// The text with such defaults overwritten, every other character where it was.
pub fn without_secrets(name: &Path, text: &str) -> String {
    let source = Arc::new(Source::new(name.display().to_string(), text));
    let Ok(documents) = parse::parse_foreign(&source) else {
        return text.to_owned();
    };
    let mut bytes = text.as_bytes().to_vec();
    for document in &documents {
        let parameters = document.get("parameters").or_else(|| document.get("Parameters"));
        for (_, entry) in parameters.and_then(Node::as_map).into_iter().flatten() {
            let word = |hot: &str, cfn: &str| entry.value.get(hot).or_else(|| entry.value.get(cfn)).cloned();
            let hidden = word("hidden", "NoEcho").is_some_and(|node| truth(&node) == Some(true));
            if let (true, Some(default)) = (hidden, word("default", "Default")) {
                overwrite(&mut bytes, text, &default);
            }
        }
    }
    // Only whole characters were overwritten.
    String::from_utf8(bytes).unwrap_or_default()
}

/// A scalar is overwritten without its quotes; of a block, the lines that stand deeper than its key.
fn overwrite(bytes: &mut [u8], text: &str, default: &Node) {
    let start = default.place.start;
    let end = (start + default.place.length).min(text.len());
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let key_indent = text[line_start..].len() - text[line_start..].trim_start_matches([' ', '-']).len();
    // A block's place may be its indicator or its first line: both lie on or below the key's line.
    let rest_of_line = text[start..].lines().next().unwrap_or_default();
    let mut at = start;
    for (number, line) in text[start..].split_inclusive('\n').enumerate() {
        let indent = line.len() - line.trim_start().len();
        if number > 0 && !line.trim().is_empty() && indent <= key_indent.min(line.len()) {
            break;
        }
        let block = rest_of_line.starts_with(['|', '>']);
        let upto = if number == 0 && !block { end - start } else { line.len() };
        if !(number == 0 && block) {
            for (offset, byte) in bytes[at..at + upto].iter_mut().enumerate() {
                let character = text.as_bytes()[at + offset];
                if !matches!(character, b'\n' | b'\r' | b' ' | b'"' | b'\'') {
                    *byte = b'x';
                }
            }
        }
        at += line.len();
        if number == 0 && !block && !default.as_text().is_some_and(|text| text.contains('\n')) {
            break;
        }
    }
}
