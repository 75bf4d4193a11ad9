//! The lines that a finding shows: the marked line and one on each side, each cut to a window.
//!
//! Costs a few passes over the marked line, whatever the file's size: several hundred findings in one line of
//! kilobytes are cheap. miette formats widths as `u16`, so a longer line must never reach it.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use unicode_width::UnicodeWidthChar;

use crate::compose::Place;

/// What a tab may take, as the report is set.
pub const TAB_WIDTH: usize = 4;
/// Of a file's name the end says more than the beginning.
const LONGEST_NAME: usize = 160;

/// Up to three lines of a source as a source of their own, under the numbers that they have in the file.
#[derive(Debug)]
pub struct Excerpt {
    name: String,
    text: String,
    /// The number of the first of these lines, from 0.
    first_line: usize,
    /// The marked place's in its file, in characters, from 0.
    column: usize,
    /// The marked part of `text`, in bytes.
    pub marked: Range<usize>,
}

impl Excerpt {
    /// The lines around a place, none of more than `width` columns. Of a place over several lines the first is marked.
    pub fn of(place: &Place, width: usize) -> Self {
        let text = &place.source.text;
        let marked = marked(place);
        let line = line_around(text, marked.start);
        let before = (line.start > 0).then(|| line_around(text, line.start - 1));
        let after = (line.end + 1 < text.len()).then(|| line_around(text, line.end + 1));

        let mut shown = String::new();
        if let Some(before) = &before {
            shown.push_str(&window(content(text, before), 0..0, width).0);
            shown.push('\n');
        }
        let content_of_line = content(text, &line);
        let end_of_content = content_of_line.len();
        let in_line = (marked.start - line.start).min(end_of_content)..(marked.end - line.start).min(end_of_content);
        let (cut, in_cut) = window(content_of_line, in_line, width);
        let marked_here = shown.len() + in_cut.start..shown.len() + in_cut.end;
        shown.push_str(&cut);
        if line.end < text.len() {
            shown.push('\n');
        }
        if let Some(after) = &after {
            shown.push_str(&window(content(text, after), 0..0, width).0);
            shown.push('\n');
        }
        let first = before.as_ref().map_or(line.start, |before| before.start);
        Excerpt {
            name: shortened_name(&place.source.name),
            first_line: text[..first].bytes().filter(|byte| *byte == b'\n').count(),
            column: text[line.start..marked.start].chars().count(),
            text: shown,
            marked: marked_here,
        }
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.text.read_span(span, before, after)?;
        // miette counts a column in bytes; the loader, and every editor, in characters.
        let column = if before == 0 { self.column } else { read.column() };
        let (data, at, line, lines) = (read.data(), *read.span(), read.line(), read.line_count());
        let line = self.first_line + line;
        let contents = MietteSpanContents::new_named(self.name.clone(), data, at, line, column, lines);
        Ok(Box::new(contents))
    }
}

/// A text that cannot act on the terminal: without control, bidirectional and invisible characters.
pub fn harmless(text: &str) -> String {
    text.chars().map(shown).collect()
}

/// The bytes to underline: within the source, and of a mapping that goes over many lines only the first.
fn marked(place: &Place) -> Range<usize> {
    let text = &place.source.text;
    let start = text.floor_char_boundary(place.start);
    let end = text.ceil_char_boundary(start.saturating_add(place.length));
    let first_line = text[start..end].lines().next().unwrap_or_default().trim_end();
    start..start + first_line.len()
}

/// The line that a byte stands in, without its line break.
fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |found| found + 1);
    let end = text[at..].find('\n').map_or(text.len(), |found| at + found);
    start..end
}

/// A line's text without the carriage return of a Windows line break.
fn content<'a>(text: &'a str, line: &Range<usize>) -> &'a str {
    let line = &text[line.clone()];
    line.strip_suffix('\r').unwrap_or(line)
}

/// The line, or the part of at most `width` columns around what is marked, with `…` where something is left out; and
/// where the marked part, or what is shown of it, stands in that.
fn window(line: &str, marked: Range<usize>, width: usize) -> (String, Range<usize>) {
    let (before, all_before) = columns(line[..marked.start].chars().rev(), width);
    let (after, all_after) = columns(line[marked.start..].chars(), width);
    let fits = all_before && all_after && before + after <= width;
    let (room_before, room_after) = if fits {
        (width, width)
    } else {
        // Two columns are for the signs that something is left out.
        let width = width.saturating_sub(2);
        let (marks, _) = columns(line[marked.clone()].chars(), width);
        let wanted_after = after.min(marks.clamp(width / 2, width * 3 / 4));
        let room_before = before.min(width - wanted_after);
        (room_before, width - room_before)
    };
    let start = marked.start - bytes(line[..marked.start].chars().rev(), room_before);
    let end = marked.start + bytes(line[marked.start..].chars(), room_after);

    let mut cut = String::new();
    if start > 0 {
        cut.push('…');
    }
    let mut in_cut = cut.len()..cut.len();
    for (offset, character) in line[start..end].char_indices() {
        if start + offset == marked.start {
            in_cut.start = cut.len();
        }
        cut.push(shown(character));
        if start + offset < marked.end {
            in_cut.end = cut.len();
        }
    }
    if start + line[start..end].len() == marked.start {
        in_cut.start = cut.len();
    }
    in_cut.end = in_cut.end.max(in_cut.start);
    if end < line.len() {
        cut.push('…');
    }
    (cut, in_cut)
}

/// The columns of these characters, counted up to a little more than `most`, and whether those were all.
fn columns(characters: impl Iterator<Item = char>, most: usize) -> (usize, bool) {
    let mut sum = 0;
    for character in characters {
        sum += room(character);
        if sum > most {
            return (sum, false);
        }
    }
    (sum, true)
}

/// The bytes of as many of these characters as fit into the columns.
fn bytes(characters: impl Iterator<Item = char>, columns: usize) -> usize {
    let mut left = columns;
    let fitting = characters.take_while(|character| {
        let fits = room(*character) <= left;
        left = left.saturating_sub(room(*character));
        fits
    });
    fitting.map(char::len_utf8).sum()
}

/// What a character takes of a line. Combining characters count too: a thousand of them on one letter are long as well.
fn room(character: char) -> usize {
    match character {
        '\t' => TAB_WIDTH,
        _ => shown(character).width().unwrap_or(1).max(1),
    }
}

/// The character, or a sign for one that would act on the terminal or cannot be seen.
fn shown(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        _ if character.is_ascii_control() => '?',
        _ if character.is_control() => char::REPLACEMENT_CHARACTER,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => {
            char::REPLACEMENT_CHARACTER
        }
        '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => char::REPLACEMENT_CHARACTER,
        _ => character,
    }
}

fn shortened_name(name: &str) -> String {
    let name = harmless(name).replace(['\n', '\t'], "?");
    let length = name.chars().count();
    if length <= LONGEST_NAME {
        return name;
    }
    let end: String = name.chars().skip(length - LONGEST_NAME + 1).collect();
    format!("…{end}")
}
