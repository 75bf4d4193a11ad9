//! Colons right before a comma, a bracket or a brace, inside of brackets and braces (`[a:, b]`).
//!
//! The library refuses them; the reference's YAML, an older port, takes them into the word. So the library gets a text in which such
//! a colon looks like a letter, and the word gets its colon back here. Nothing else of the text moves.

use std::borrow::Cow;

/// What a hidden colon looks like: a character that means nothing, and is as long as a colon.
const MASK: char = '_';
/// Each of them costs one more reading of the text.
const MOST: usize = 100;

/// Those found so far, as bytes of the text, first to last.
#[derive(Debug, Default)]
pub struct Colons {
    at: Vec<usize>,
}

impl Colons {
    /// Takes in that the library stopped at a byte; `false` where that is no such colon, or one too many.
    pub fn take(&mut self, text: &str, at: usize, problem: &str) -> bool {
        let is_one = problem == "found unexpected ':'" && text.as_bytes().get(at) == Some(&b':');
        let taken = is_one && self.at.len() < MOST && self.at.last().is_none_or(|last| *last < at);
        if taken {
            self.at.push(at);
        }
        taken
    }

    /// The text as the library gets it.
    pub fn hidden<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.at.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut hidden = String::with_capacity(text.len());
        let mut from = 0;
        for at in &self.at {
            hidden.push_str(&text[from..*at]);
            hidden.push(MASK);
            from = at + 1;
        }
        hidden.push_str(&text[from..]);
        Cow::Owned(hidden)
    }

    /// A word that the library read, with its colons. `hidden` is the text that it got, and the word stands from `start` to `end`.
    pub fn restored(&self, mut value: String, hidden: &str, start: usize, end: usize) -> String {
        let own = self.at.iter().filter(|at| (start..end).contains(at));
        // Reading folds line breaks and nothing else, so the characters that look the same come in the same order; the last one first,
        // so that those before it are still there to be counted.
        for at in own.rev() {
            let before = hidden[start..*at].matches(MASK).count();
            let found = value.match_indices(MASK).nth(before).map(|(found, _)| found);
            if let Some(found) = found {
                value.replace_range(found..=found, ":");
            }
        }
        value
    }
}
