//! Outputs have no counterpart: Hoist prints where services answer.

use crate::compose::tree::Node;
use crate::import::draft::at;

use super::translator::Translator;

/// Comments each output, with what its value would have been.
pub fn translate(translator: &mut Translator<'_>) {
    let Some(outputs) = &translator.template.outputs else {
        return;
    };
    for (name, entry) in outputs.as_map().into_iter().flatten() {
        let word = |hot: &str, cfn: &str| entry.value.get(hot).or_else(|| entry.value.get(cfn)).cloned();
        let shown = word("value", "Value").map(|node| {
            let found = translator.evaluate(&node);
            translator.shown(&found)
        });
        let description = word("description", "Description").and_then(|node| node.scalar_text());
        let what = match description {
            Some(description) => format!(
                "output {name}, {}",
                description.split_whitespace().collect::<Vec<_>>().join(" ")
            ),
            None => format!("output {name}"),
        };
        let why = "`hoist up` prints where services answer";
        translator
            .draft
            .lost_with(at([]), &what, shown.as_deref(), why, &entry.key);
        for (key, part) in entry.value.as_map().into_iter().flatten() {
            let known = ["value", "Value", "description", "Description"];
            if !known.contains(&key.as_str()) {
                let shown = part.value.scalar_text();
                let what = format!("{key} of output {name}");
                translator
                    .draft
                    .lost_with(at([]), &what, shown.as_deref(), why, &part.key);
            }
        }
    }
    if outputs.as_map().is_none() && !outputs.is_null() {
        let message = format!("`outputs` must be a mapping, not {}", Node::kind(outputs));
        translator.draft.error(message, &outputs.place, None);
    }
}
