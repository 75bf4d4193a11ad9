//! From the bytes of a log answer to lines.
//!
//! Knows the engine's framing (a head of eight bytes before each message; none with a terminal), its timestamps and its
//! task details. Never asks an engine.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Buf, Bytes, BytesMut};
use jiff::Timestamp;

/// What stands before the text of each message.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Prefixes {
    pub timestamps: bool,
    pub details: bool,
}

/// One whole line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub stderr: bool,
    /// The engine's own complaint about the stream, not the service's words.
    pub from_engine: bool,
    pub timestamp: Option<Timestamp>,
    /// Service logs: the task that wrote it.
    pub task: Option<String>,
    pub node: Option<String>,
    pub text: String,
}

/// Puts lines together. Long lines come in several messages, and those of several tasks mingle.
#[derive(Default)]
pub(super) struct LineReader {
    prefixes: Prefixes,
    buffer: BytesMut,
    /// Whether messages have heads; known from the first bytes.
    framed: Option<bool>,
    unfinished: BTreeMap<(u8, Option<String>), (Line, Vec<u8>)>,
    ready: VecDeque<Line>,
}

const HEAD: usize = 8;
const STDERR: u8 = 2;
const ENGINE: u8 = 3;

impl LineReader {
    pub(super) fn new(prefixes: Prefixes) -> LineReader {
        LineReader {
            prefixes,
            ..LineReader::default()
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if self.framed.is_none() && self.buffer.len() >= 4 {
            self.framed = Some(self.buffer[0] <= ENGINE && self.buffer[1..4] == [0, 0, 0]);
        }
        match self.framed {
            Some(true) => self.take_frames(),
            Some(false) => self.take_raw_lines(),
            None => {}
        }
    }

    /// The answer is over: what has no line end is a line too.
    pub(super) fn finish(&mut self) {
        if self.framed != Some(true) && !self.buffer.is_empty() {
            let rest = self.buffer.split().freeze();
            self.message(1, &rest);
        }
        for (_, (line, text)) in std::mem::take(&mut self.unfinished) {
            self.emit(line, &text);
        }
    }

    pub(super) fn next(&mut self) -> Option<Line> {
        self.ready.pop_front()
    }

    fn take_frames(&mut self) {
        while self.buffer.len() >= HEAD {
            let length = u32::from_be_bytes([self.buffer[4], self.buffer[5], self.buffer[6], self.buffer[7]]) as usize;
            if self.buffer.len() < HEAD + length {
                self.buffer.reserve(HEAD + length - self.buffer.len());
                return;
            }
            let stream = self.buffer[0];
            self.buffer.advance(HEAD);
            let message = self.buffer.split_to(length).freeze();
            self.message(stream, &message);
        }
    }

    fn take_raw_lines(&mut self) {
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line = self.buffer.split_to(end + 1).freeze();
            self.message(1, &line);
        }
    }

    fn message(&mut self, stream: u8, message: &Bytes) {
        let mut line = Line {
            stderr: stream >= STDERR,
            from_engine: stream == ENGINE,
            timestamp: None,
            task: None,
            node: None,
            text: String::new(),
        };
        let mut rest: &[u8] = message;
        if stream != ENGINE {
            if self.prefixes.timestamps
                && let Some((word, after)) = split_word(rest)
                && let Ok(timestamp) = word.parse()
            {
                line.timestamp = Some(timestamp);
                rest = after;
            }
            if self.prefixes.details
                && let Some((word, after)) = split_word(rest)
            {
                for pair in word.split(',') {
                    match pair.split_once('=') {
                        Some(("com.docker.swarm.task.id", id)) => line.task = Some(id.to_owned()),
                        Some(("com.docker.swarm.node.id", id)) => line.node = Some(id.to_owned()),
                        _ => {}
                    }
                }
                rest = after;
            }
        }
        let key = (stream, line.task.clone());
        let (mut line, mut text) = self.unfinished.remove(&key).unwrap_or((line, Vec::new()));
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            text.extend_from_slice(&rest[..end]);
            self.emit(line.clone(), &text);
            text.clear();
            rest = &rest[end + 1..];
        }
        text.extend_from_slice(rest);
        if stream == ENGINE && !text.is_empty() {
            self.emit(line, &text);
        } else if !text.is_empty() {
            line.text = String::new();
            self.unfinished.insert(key, (line, text));
        }
    }

    fn emit(&mut self, mut line: Line, text: &[u8]) {
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        line.text = String::from_utf8_lossy(text).into_owned();
        self.ready.push_back(line);
    }
}

fn split_word(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    Some((std::str::from_utf8(&bytes[..space]).ok()?, &bytes[space + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, text: &str) -> Vec<u8> {
        let mut bytes = vec![stream, 0, 0, 0];
        bytes.extend((text.len() as u32).to_be_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    fn read(prefixes: Prefixes, bytes: &[u8], step: usize) -> Vec<Line> {
        let mut reader = LineReader::new(prefixes);
        let mut lines = Vec::new();
        for part in bytes.chunks(step) {
            reader.push(part);
            lines.extend(std::iter::from_fn(|| reader.next()));
        }
        reader.finish();
        lines.extend(std::iter::from_fn(|| reader.next()));
        lines
    }

    const DETAILS: &str = "com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id=";

    #[test]
    fn frames_become_lines_however_the_bytes_are_cut() {
        let bytes = [frame(1, "one\n"), frame(2, "two\n"), frame(1, "no end")].concat();
        for step in [1, 3, 7, 4096] {
            let lines = read(Prefixes::default(), &bytes, step);
            let seen: Vec<_> = lines.iter().map(|line| (line.stderr, line.text.as_str())).collect();
            assert_eq!(seen, [(false, "one"), (true, "two"), (false, "no end")]);
        }
    }

    #[test]
    fn without_heads_a_terminals_lines_lose_their_carriage_returns() {
        let lines = read(Prefixes::default(), b"one\r\ntwo\r\nthree", 5);
        let seen: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(seen, ["one", "two", "three"]);
    }

    #[test]
    fn a_long_line_in_several_messages_is_one_line_with_its_first_timestamp() {
        let prefixes = Prefixes {
            timestamps: true,
            details: false,
        };
        let bytes = [
            frame(1, "2026-01-02T03:04:05.000000001Z first "),
            frame(1, "2026-01-02T03:04:05.000000002Z second\n"),
        ]
        .concat();
        let lines = read(prefixes, &bytes, 4096);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].text, "first second");
        assert_eq!(
            lines[0].timestamp.unwrap().to_string(),
            "2026-01-02T03:04:05.000000001Z"
        );
    }

    #[test]
    fn details_say_which_task_wrote_and_tasks_do_not_mingle() {
        let prefixes = Prefixes {
            timestamps: true,
            details: true,
        };
        let stamp = "2026-01-02T03:04:05Z ";
        let bytes = [
            frame(1, &format!("{stamp}{DETAILS}t1 half ")),
            frame(1, &format!("{stamp}{DETAILS}t2 whole\n")),
            frame(1, &format!("{stamp}{DETAILS}t1 done\n")),
            frame(3, "error from daemon: stream incomplete"),
        ]
        .concat();
        let lines = read(prefixes, &bytes, 4096);
        let seen: Vec<_> = lines
            .iter()
            .map(|line| (line.task.as_deref(), line.text.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (Some("t2"), "whole"),
                (Some("t1"), "half done"),
                (None, "error from daemon: stream incomplete")
            ]
        );
        assert_eq!(lines[0].node.as_deref(), Some("n1"));
        assert!(lines[2].from_engine);
    }

    #[test]
    fn an_empty_line_stays_a_line() {
        let lines = read(Prefixes::default(), &frame(1, "\n"), 4096);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].text, "");
    }
}
