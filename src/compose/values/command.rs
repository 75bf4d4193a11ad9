//! Command lines: split into words as the reference does, which is nearly as a shell does.
//!
//! Backslashes escape outside of single quotes (`\n` and `\t` are the characters); backquotes and `$( )` hold words
//! together; an unquoted `;`, `&`, `|`, `<` or `>` ends the command, and what stands behind it is dropped.

use super::Settler;
use crate::compose::tree::{Node, Value};

impl Settler<'_> {
    /// A list of words, or a line.
    pub fn command(&mut self, node: &mut Node, name: &str) {
        if let Some(text) = node.as_text() {
            match words(text) {
                Some(words) => {
                    let place = node.place.clone();
                    node.value = Value::List(words.into_iter().map(|word| Node::text(word, &place)).collect());
                }
                None => self.wrong(
                    node,
                    format!("{name} has a quote or a parenthesis without its other half"),
                ),
            }
            return;
        }
        self.text_list(node, name);
    }
}

/// The words of a line; `None` where quotes or parentheses do not match.
pub fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut within = false;
    let mut quotes = Quotes::default();
    let mut escaped = false;
    for character in line.chars() {
        if escaped {
            word.push(match character {
                't' => '\t',
                'n' => '\n',
                other => other,
            });
            escaped = false;
            within = true;
            continue;
        }
        match character {
            '\\' if quotes.single => {
                word.push('\\');
                continue;
            }
            '\\' => {
                escaped = true;
                continue;
            }
            ' ' | '\t' | '\r' | '\n' => {
                if quotes.any() {
                    word.push(character);
                } else if within {
                    words.push(std::mem::take(&mut word));
                    within = false;
                }
                continue;
            }
            '`' if !quotes.single && !quotes.double && !quotes.dollar => quotes.back = !quotes.back,
            ')' if !quotes.single && !quotes.double && !quotes.back => quotes.dollar = !quotes.dollar,
            '(' if !quotes.single && !quotes.double && !quotes.back => {
                if quotes.dollar || !word.ends_with('$') {
                    return None;
                }
                quotes.dollar = true;
            }
            '"' if !quotes.single && !quotes.dollar => {
                within |= quotes.double;
                quotes.double = !quotes.double;
                continue;
            }
            '\'' if !quotes.double && !quotes.dollar => {
                within |= quotes.single;
                quotes.single = !quotes.single;
                continue;
            }
            ';' | '&' | '|' | '<' | '>' if !quotes.any() => {
                // `2>` is a redirection: its number is no word.
                if character == '>' && word.starts_with(|first: char| first.is_ascii_digit()) {
                    within = false;
                }
                break;
            }
            _ => {}
        }
        word.push(character);
        within = true;
    }
    if within {
        words.push(word);
    }
    (!escaped && !quotes.any()).then_some(words)
}

/// What is open at a place of the line.
#[derive(Default)]
struct Quotes {
    single: bool,
    double: bool,
    back: bool,
    /// `$(`.
    dollar: bool,
}

impl Quotes {
    fn any(&self) -> bool {
        self.single || self.double || self.back || self.dollar
    }
}
