//! YAML text becomes a graph of nodes as written: aliases still point at their anchors, scalars are still text.
//!
//! The one module that knows the YAML library, which is a port of libyaml as the reference's is: what the one takes
//! for YAML, the other does. Never knows what a scalar means.

use std::collections::HashMap;
use std::sync::Arc;

use libyaml_safer::{Event, EventData, MappingStyle, Mark, Parser, ScalarStyle, SequenceStyle};

use super::DEPTH;
use super::colons::Colons;
use super::scalar::{MERGE, STRING};
use super::tags;
use super::unfinished::{as_unfinished, finished};
use crate::compose::source::{Diagnostic, Place, Source};

/// A node's number in its graph.
pub type Id = usize;

/// All nodes of a file.
#[derive(Default)]
pub struct Graph {
    pub nodes: Vec<RawNode>,
    /// The root of each document.
    pub documents: Vec<Id>,
}

pub struct RawNode {
    pub content: Content,
    /// The tag in its short form (`!!str`, `!reset`); `None` for a plain scalar and a collection without one.
    pub tag: Option<String>,
    /// First byte, and the byte after the last.
    pub start: usize,
    pub end: usize,
}

pub enum Content {
    Scalar(String),
    List(Vec<Id>),
    /// Keys and their values, as written.
    Map(Vec<(Id, Id)>),
    /// An alias by its name, and the node that it stands for.
    Alias(String, Id),
}

const OWN_TAGS: &str = "tag:yaml.org,2002:";
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads a whole file.
///
/// # Errors
///
/// The first place that is not YAML, an alias without its anchor, nodes too deep inside each other.
pub fn graph(source: &Arc<Source>) -> Result<Graph, Box<Diagnostic>> {
    let text = source.text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&source.text);
    let offset = source.text.len() - text.len();
    if let Some((at, character)) = text.char_indices().find(|(_, character)| !is_printable(*character)) {
        let code = u32::from(character);
        let message = format!("not valid YAML: the control character U+{code:04X} is not allowed");
        return Err(syntax(source, message, offset + at, character.len_utf8()));
    }
    let finished = finished(text);
    let finished = tags::readable(&finished).map_err(|at| {
        let message = "not valid YAML: more exclamation marks stand before commas than can be told from tags";
        syntax(source, message.to_owned(), offset + at, 1)
    })?;
    let mut colons = Colons::default();
    loop {
        let hidden = colons.hidden(&finished);
        let mut builder = Builder {
            source,
            offset,
            text: &hidden,
            colons: &colons,
            graph: Graph::default(),
            anchors: HashMap::new(),
            open: Vec::new(),
            flow: 0,
        };
        match builder.read() {
            Ok(()) => return Ok(builder.graph),
            Err(Stop::Found(found)) => return Err(found),
            Err(Stop::Library(error)) => {
                let found = builder.no_yaml(&error);
                let at = error.problem_mark().and_then(|mark| usize::try_from(mark.index).ok());
                if !at.is_some_and(|at| colons.take(&finished, at, error.problem())) {
                    return Err(found);
                }
            }
        }
    }
}

/// Why reading stopped.
enum Stop {
    Library(libyaml_safer::Error),
    Found(Box<Diagnostic>),
}

/// A collection that is being read.
struct Open {
    id: Id,
    /// The key that waits for its value.
    key: Option<Id>,
}

struct Builder<'s> {
    source: &'s Arc<Source>,
    /// Bytes before the text that the library sees.
    offset: usize,
    /// What the library sees, and what is hidden from it there.
    text: &'s str,
    colons: &'s Colons,
    graph: Graph,
    /// Anchors hold for the rest of the file, over documents, as in the reference.
    anchors: HashMap<String, Id>,
    open: Vec<Open>,
    /// How many brackets and braces are open.
    flow: usize,
}

impl Builder<'_> {
    fn read(&mut self) -> Result<(), Stop> {
        let mut bytes = self.text.as_bytes();
        let mut parser = Parser::new();
        parser.set_input_string(&mut bytes);
        loop {
            let event = parser.parse().map_err(Stop::Library)?;
            if matches!(event.data, EventData::StreamEnd) {
                return Ok(());
            }
            self.take(event).map_err(Stop::Found)?;
        }
    }

    fn take(&mut self, event: Event) -> Result<(), Box<Diagnostic>> {
        let (start, end) = (self.byte(event.start_mark), self.byte(event.end_mark));
        match event.data {
            EventData::Scalar {
                anchor,
                tag,
                value,
                style,
                ..
            } => {
                let plain = matches!(style, ScalarStyle::Plain | ScalarStyle::Any);
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let value = self.with_colons(value, start, end);
                let value = match block && end == self.source.text.len() {
                    true => as_unfinished(&self.source.text[start..], value),
                    false => value,
                };
                self.check_dialect(style, start, end)?;
                let tag = short(tag).or_else(|| match (plain, value.as_str()) {
                    (false, _) => Some(STRING.to_owned()),
                    (true, "<<") => Some(MERGE.to_owned()),
                    (true, _) => None,
                });
                // Nothing has no place of its own: the colon or the dash before it stands in.
                let before = self.source.text[..start].ends_with([':', '-']);
                let start = start - usize::from(start == end && before);
                let id = self.node(Content::Scalar(value), tag, start, end);
                self.place(id, anchor);
            }
            EventData::Alias { anchor } => {
                let Some(target) = self.anchors.get(&anchor).copied() else {
                    let message = "this alias names an anchor that does not stand before it";
                    return Err(self.error(message, start, end));
                };
                let id = self.node(Content::Alias(anchor, target), None, start, end);
                self.place(id, None);
            }
            EventData::SequenceStart { anchor, tag, style, .. } => {
                self.flow += usize::from(matches!(style, SequenceStyle::Flow));
                self.begin(Content::List(Vec::new()), anchor, tag, start)?;
            }
            EventData::MappingStart { anchor, tag, style, .. } => {
                self.flow += usize::from(matches!(style, MappingStyle::Flow));
                self.begin(Content::Map(Vec::new()), anchor, tag, start)?;
            }
            EventData::SequenceEnd | EventData::MappingEnd => {
                // Inside brackets and braces there are only such.
                self.flow = self.flow.saturating_sub(1);
                if let Some(closed) = self.open.pop() {
                    self.graph.nodes[closed.id].end = end.max(start);
                }
            }
            EventData::DocumentStart {
                version_directive: Some(version),
                ..
            } if (version.major, version.minor) != (1, 1) => {
                let message = "not valid YAML: `%YAML` can only say 1.1, as the reference has it";
                return Err(self.error(message, start, end));
            }
            EventData::StreamStart { .. }
            | EventData::StreamEnd
            | EventData::DocumentStart { .. }
            | EventData::DocumentEnd { .. } => {}
        }
        Ok(())
    }

    fn with_colons(&self, value: String, start: usize, end: usize) -> String {
        let end = (end - self.offset).min(self.text.len());
        let written = self.text.get(start - self.offset..end).unwrap_or_default();
        let start = end - without_properties(written).len();
        self.colons.restored(value, self.text, start, end)
    }

    /// What the library takes and the reference's YAML, an older port, does not.
    fn check_dialect(&self, style: ScalarStyle, start: usize, end: usize) -> Result<(), Box<Diagnostic>> {
        let text = self.source.text.get(start..end).unwrap_or_default();
        let wrong = match style {
            ScalarStyle::DoubleQuoted => unknown_escape(text).map(|at| (at, 2, "the escape `\\/` is unknown here")),
            ScalarStyle::Plain if self.flow > 0 => {
                let message = "a `?` inside brackets or braces must be in quotes";
                let value = text.len() - without_properties(text).len();
                text[value..].find('?').map(|at| (value + at, 1, message))
            }
            _ => None,
        };
        match wrong {
            Some((at, width, message)) => {
                let message = format!("not valid YAML: {message}");
                Err(syntax(self.source, message, start + at, width))
            }
            None => Ok(()),
        }
    }

    fn node(&mut self, content: Content, tag: Option<String>, start: usize, end: usize) -> Id {
        self.graph.nodes.push(RawNode {
            content,
            tag,
            start,
            end,
        });
        self.graph.nodes.len() - 1
    }

    fn begin(
        &mut self,
        content: Content,
        anchor: Option<String>,
        tag: Option<String>,
        start: usize,
    ) -> Result<(), Box<Diagnostic>> {
        if self.open.len() >= DEPTH {
            let message = format!("more than {DEPTH} lists and mappings stand inside each other");
            return Err(self.error(&message, start, start + 1));
        }
        let id = self.node(content, short(tag), start, start);
        self.place(id, anchor);
        self.open.push(Open { id, key: None });
        Ok(())
    }

    /// Puts a node where the reader is: the value of a key, a key, an item, or a document's root.
    fn place(&mut self, id: Id, anchor: Option<String>) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, id);
        }
        let Some(open) = self.open.last_mut() else {
            self.graph.documents.push(id);
            return;
        };
        match &mut self.graph.nodes[open.id].content {
            Content::List(items) => items.push(id),
            Content::Map(entries) => match open.key.take() {
                Some(key) => entries.push((key, id)),
                None => open.key = Some(id),
            },
            Content::Scalar(_) | Content::Alias(..) => {}
        }
    }

    fn byte(&self, mark: Mark) -> usize {
        let index = usize::try_from(mark.index).unwrap_or(usize::MAX);
        let index = index.saturating_add(self.offset).min(self.source.text.len());
        self.source.text.floor_char_boundary(index)
    }

    fn error(&self, message: &str, start: usize, end: usize) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(message, Some(place(self.source, start, end))))
    }

    fn no_yaml(&self, error: &libyaml_safer::Error) -> Box<Diagnostic> {
        let mark = error
            .problem_mark()
            .or_else(|| error.context_mark())
            .unwrap_or_default();
        let problem = match error.context() {
            Some(context) => format!("{} {context}", error.problem()),
            None => error.problem().to_owned(),
        };
        let at = self.byte(mark);
        let width = self.source.text[at..].chars().next().map_or(0, char::len_utf8);
        let mut found = syntax(self.source, format!("not valid YAML: {problem}"), at, width);
        if self.source.text[at..].starts_with('\t') {
            found.hint = Some("YAML takes spaces for indentation, no tabs".to_owned());
        }
        found
    }
}

fn syntax(source: &Arc<Source>, message: String, start: usize, width: usize) -> Box<Diagnostic> {
    let place = place(source, start, start + width);
    Box::new(Diagnostic::error(message, Some(place)).syntax())
}

/// A stretch of the source, cut at the end of its first line.
pub fn place(source: &Arc<Source>, start: usize, end: usize) -> Place {
    let slice = source.text.get(start..end).unwrap_or_default();
    let line = slice.split(['\n', '\r']).next().unwrap_or_default();
    Place {
        source: Arc::clone(source),
        start,
        length: line.trim_end().len(),
    }
}

/// `tag:yaml.org,2002:str` as `!!str`; a bare `!` says nothing.
fn short(tag: Option<String>) -> Option<String> {
    let tag = tag?;
    if tag == "!" {
        return None;
    }
    Some(match tag.strip_prefix(OWN_TAGS) {
        Some(name) => format!("!!{name}"),
        None => tag,
    })
}

/// A scalar as written, without the tag, the anchor and the comments before it.
fn without_properties(text: &str) -> &str {
    let mut rest = text;
    loop {
        let end = match rest.chars().next() {
            Some('&' | '!') => rest.find(char::is_whitespace),
            Some('#') => rest.find(['\n', '\r']),
            _ => return rest,
        };
        rest = rest[end.unwrap_or(rest.len())..].trim_start();
    }
}

/// Where `\/` stands in a double-quoted scalar.
fn unknown_escape(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'\\' && bytes.next().is_some_and(|(_, escaped)| escaped == b'/') {
            return Some(at);
        }
    }
    None
}

/// What YAML lets stand in a text.
fn is_printable(character: char) -> bool {
    matches!(character,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
