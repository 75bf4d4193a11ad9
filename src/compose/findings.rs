//! Collects what the stages find, so that one run says everything.

use std::collections::HashSet;

use super::source::{Diagnostic, Place, Severity};

#[derive(Debug, Default)]
pub struct Findings {
    pub errors: Vec<Diagnostic>,
    pub warnings: Vec<Diagnostic>,
    /// What commands that deploy refuse and all others only warn of.
    pub refused: Vec<Diagnostic>,
    said: HashSet<Said>,
}

/// What makes two findings the same: the words and the place, however the loader came there.
type Said = (String, Option<(String, usize)>);

impl Findings {
    /// Adds a finding, once: what stands in a file that several places lead to is said of the first of them.
    pub fn push(&mut self, mut found: Diagnostic) {
        let mut nearest = found
            .trail
            .last()
            .map(|(_, place)| place)
            .or(found.place.as_ref())
            .cloned();
        while let Some(place) = nearest {
            found.trail.extend(place.source.trail.iter().cloned());
            nearest = place.source.trail.last().map(|(_, place)| place.clone());
        }
        let list = match found.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        let place = found.place.as_ref();
        let place = place.map(|place| (place.source.name.clone(), place.start));
        if self.said.insert((found.message.clone(), place)) {
            list.push(found);
        }
    }

    /// Something that loads and prints, but that nothing carries out.
    pub fn refuse(&mut self, message: impl Into<String>, place: &Place) {
        let mut refused = Findings::default();
        refused.error(message, place);
        self.refused.append(&mut refused.errors);
    }

    pub fn error(&mut self, message: impl Into<String>, place: &Place) {
        self.push(Diagnostic::error(message, Some(place.clone())));
    }

    pub fn error_hint(&mut self, message: impl Into<String>, place: &Place, hint: Option<String>) {
        let mut found = Diagnostic::error(message, Some(place.clone()));
        found.hint = hint;
        self.push(found);
    }

    pub fn warning(&mut self, message: impl Into<String>, place: &Place) {
        self.push(Diagnostic::warning(message, Some(place.clone())));
    }

    pub fn warning_hint(&mut self, message: impl Into<String>, place: &Place, hint: impl Into<String>) {
        let mut found = Diagnostic::warning(message, Some(place.clone()));
        found.hint = Some(hint.into());
        self.push(found);
    }

    /// Takes values out of all that was said. Short values stay: they would tear words apart.
    pub fn redact(&mut self, values: &[String]) {
        let values: Vec<&String> = values.iter().filter(|value| value.len() >= 3).collect();
        let clean = |text: &mut String| {
            for value in &values {
                if text.contains(value.as_str()) {
                    *text = text.replace(value.as_str(), "***");
                }
            }
        };
        for found in self
            .errors
            .iter_mut()
            .chain(&mut self.warnings)
            .chain(&mut self.refused)
        {
            clean(&mut found.message);
            found.hint.iter_mut().for_each(clean);
        }
    }

    /// Puts both lists in the order of the files and of the places in them.
    pub fn sort(&mut self, files: &[String]) {
        let position = |found: &Diagnostic| match &found.place {
            Some(place) => {
                let file = files.iter().position(|name| *name == place.source.name);
                (file.unwrap_or(files.len()), place.start)
            }
            None => (usize::MAX, 0),
        };
        self.errors.sort_by_key(position);
        self.warnings.sort_by_key(position);
        self.refused.sort_by_key(position);
    }
}
