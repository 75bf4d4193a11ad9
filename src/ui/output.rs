//! The only thing that prints: data on stdout, everything else on stderr.
//!
//! Text comes in with escape codes and loses them where the stream shows no colour. At the bottom of the terminal there
//! may be one region that is redrawn (live progress); whatever else is written goes above it. A reader that went away
//! (`hoist ps | head -1`) is no error: the rest is dropped, and [`Output::is_closed`] lets an endless command end.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use anstream::adapter::strip_str;

use super::text;

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
/// For what is wrapped where there is no terminal.
const WIDTH_WITHOUT_TERMINAL: usize = 120;
/// Of a terminal that does not tell.
const USUAL_SIZE: (usize, usize) = (80, 24);

/// Which of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// `--ansi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// What a stream can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether it is a terminal on which the cursor can be moved.
    pub terminal: bool,
    pub colour: bool,
    /// Columns and lines; `None`: the terminal is asked each time.
    pub size: Option<(usize, usize)>,
}

/// Where a command's words go. Clones go to the same place.
#[derive(Clone)]
pub struct Output {
    quiet: bool,
    stdout: Capabilities,
    stderr: Capabilities,
    sinks: Arc<Mutex<Sinks>>,
}

struct Sinks {
    stdout: Sink,
    stderr: Sink,
    /// The lines of the region that is redrawn, as they stand on the terminal.
    region: Vec<String>,
    cursor_hidden: bool,
    /// Somebody writes past this type: nothing is drawn until the region settles.
    released: bool,
}

struct Sink {
    writer: Box<dyn Write + Send>,
    closed: bool,
    failure: Option<io::Error>,
}

impl Sink {
    fn new(writer: impl Write + Send + 'static) -> Self {
        Sink {
            writer: Box::new(writer),
            closed: false,
            failure: None,
        }
    }

    fn write(&mut self, text: &str) {
        if self.closed {
            return;
        }
        let written = self.writer.write_all(text.as_bytes());
        if let Err(error) = written.and_then(|()| self.writer.flush()) {
            self.closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.failure = Some(error);
            }
        }
    }
}

impl Output {
    /// The process's own streams.
    pub fn standard(colour: ColourChoice, quiet: bool) -> Self {
        let stdout = Capabilities {
            terminal: moves_the_cursor(&io::stdout()),
            colour: shows_colour(&io::stdout(), colour),
            size: None,
        };
        let stderr = Capabilities {
            terminal: moves_the_cursor(&io::stderr()),
            colour: shows_colour(&io::stderr(), colour),
            size: None,
        };
        Output::new(io::stdout(), stdout, io::stderr(), stderr, quiet)
    }

    /// Any two streams, such as a test's buffers.
    pub fn new(
        out: impl Write + Send + 'static,
        stdout: Capabilities,
        err: impl Write + Send + 'static,
        stderr: Capabilities,
        quiet: bool,
    ) -> Self {
        let sinks = Sinks {
            stdout: Sink::new(out),
            stderr: Sink::new(err),
            region: Vec::new(),
            cursor_hidden: false,
            released: false,
        };
        Output {
            quiet,
            stdout,
            stderr,
            sinks: Arc::new(Mutex::new(sinks)),
        }
    }

    /// What the command was asked for: a table, JSON, a plan. Always said.
    pub fn data(&self, text: &str) {
        self.write(Stream::Stdout, &ended(text), false);
    }

    /// The same to the byte: no line break is added, nothing in it is changed.
    pub fn exact(&self, text: &str) {
        self.write(Stream::Stdout, text, true);
    }

    /// A remark on stderr that `--quiet` leaves out.
    pub fn remark(&self, text: &str) {
        if !self.quiet {
            self.message(text);
        }
    }

    /// A message on stderr: always said.
    pub fn message(&self, text: &str) {
        self.write(Stream::Stderr, &ended(text), false);
    }

    /// `warning: …` on stderr, with its hint.
    pub fn warning(&self, message: &str, hint: Option<&str>) {
        self.message(&super::words::warning(message, hint));
    }

    /// A text that does not end its line, on stderr: a question. Not while live progress runs.
    pub fn prompt(&self, text: &str) {
        self.write(Stream::Stderr, text, false);
    }

    /// Text whose escape codes are its own, left as they are: logs.
    pub fn raw(&self, stream: Stream, text: &str) {
        self.write(stream, &ended(text), true);
    }

    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub fn is_terminal(&self, stream: Stream) -> bool {
        self.capabilities(stream).terminal
    }

    pub fn has_colour(&self, stream: Stream) -> bool {
        self.capabilities(stream).colour
    }

    /// Columns of the stream's terminal, or 120.
    pub fn width(&self, stream: Stream) -> usize {
        self.size(stream).map_or(WIDTH_WITHOUT_TERMINAL, |(width, _)| width)
    }

    /// Columns and lines of the stream's terminal; `None` where it is none.
    pub fn size(&self, stream: Stream) -> Option<(usize, usize)> {
        let capabilities = self.capabilities(stream);
        if !capabilities.terminal {
            return None;
        }
        let asked = || match stream {
            Stream::Stdout => terminal_size::terminal_size_of(io::stdout()),
            Stream::Stderr => terminal_size::terminal_size_of(io::stderr()),
        };
        let size = capabilities.size.or_else(|| {
            let (width, height) = asked()?;
            Some((usize::from(width.0), usize::from(height.0)))
        });
        let known = size.filter(|(width, height)| *width > 0 && *height > 0);
        Some(known.unwrap_or(USUAL_SIZE))
    }

    /// Whether the stream's reader went away.
    pub fn is_closed(&self, stream: Stream) -> bool {
        let mut sinks = self.lock();
        sinks.sink(stream).closed
    }

    /// The last word: gives the cursor back.
    ///
    /// # Errors
    ///
    /// What kept a stream from being written (a full disk), except that its reader went away.
    pub fn finish(&self) -> io::Result<()> {
        self.release();
        let mut sinks = self.lock();
        let failure = sinks.stdout.failure.take().or_else(|| sinks.stderr.failure.take());
        failure.map_or(Ok(()), Err)
    }

    /// Draws the region anew in place of what it showed before.
    pub(super) fn draw(&self, lines: &[String]) {
        let mut sinks = self.lock();
        if sinks.released {
            return;
        }
        let mut codes = String::new();
        if !sinks.cursor_hidden {
            codes.push_str(HIDE_CURSOR);
            sinks.cursor_hidden = true;
        }
        codes.push_str(&match self.rows(&sinks.region) {
            0 => String::new(),
            rows => format!("\r\x1b[{rows}A"),
        });
        let lines: Vec<String> = lines.iter().map(|line| self.fitting(Stream::Stderr, line)).collect();
        for line in &lines {
            codes.push_str(line);
            codes.push_str("\x1b[K\n");
        }
        codes.push_str("\x1b[J");
        sinks.stderr.write(&codes);
        sinks.region = lines;
    }

    /// Puts lines that stay in the region's place.
    pub(super) fn settle(&self, lines: &[String]) {
        let mut sinks = self.lock();
        let mut codes = self.erased(&sinks.region);
        sinks.region.clear();
        sinks.released = false;
        for line in lines {
            codes.push_str(&ended(&self.fitting(Stream::Stderr, line)));
        }
        if std::mem::take(&mut sinks.cursor_hidden) {
            codes.push_str(SHOW_CURSOR);
        }
        sinks.stderr.write(&codes);
    }

    /// Lets the region stand as it is, gives the cursor back, and draws no more until the display ends. For whoever is
    /// about to end the process or to write past this type: a second Ctrl-C, a child process on the same terminal.
    pub fn release(&self) {
        self.lock().release();
    }

    /// Releases the terminal before a panic's message is written, so that nothing is drawn over it.
    pub fn release_on_panic(&self) {
        let sinks = Arc::downgrade(&self.sinks);
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if let Some(sinks) = sinks.upgrade() {
                // Not to wait for ever: the panic may come from within a write.
                match sinks.try_lock() {
                    Ok(mut sinks) => sinks.release(),
                    Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().release(),
                    Err(TryLockError::WouldBlock) => {}
                }
            }
            report(panic);
        }));
    }

    fn write(&self, stream: Stream, text: &str, raw: bool) {
        let text = if raw {
            text.to_owned()
        } else {
            self.fitting(stream, text)
        };
        let mut sinks = self.lock();
        if sinks.region.is_empty() || !self.is_terminal(stream) {
            sinks.sink(stream).write(&text);
            return;
        }
        let erased = self.erased(&sinks.region);
        sinks.stderr.write(&erased);
        sinks.sink(stream).write(&text);
        let height = self.size(Stream::Stderr).map_or(0, |(_, height)| height);
        if self.rows(&sinks.region) >= height {
            // The window shrank: these lines no longer fit, the next drawing does.
            sinks.region.clear();
        }
        let again: String = sinks.region.iter().map(|line| format!("{line}\n")).collect();
        sinks.stderr.write(&again);
    }

    /// Lines that the region takes now; those that a narrower window has wrapped since count as they stand.
    fn rows(&self, region: &[String]) -> usize {
        let width = self.width(Stream::Stderr).max(1);
        region.iter().map(|line| text::width(line).div_ceil(width).max(1)).sum()
    }

    /// Line by line from below: terminals keep what is erased in one stroke in their history.
    fn erased(&self, region: &[String]) -> String {
        "\x1b[1A\r\x1b[2K".repeat(self.rows(region))
    }

    fn fitting(&self, stream: Stream, text: &str) -> String {
        if self.has_colour(stream) {
            text.to_owned()
        } else {
            strip_str(text).to_string()
        }
    }

    fn capabilities(&self, stream: Stream) -> Capabilities {
        match stream {
            Stream::Stdout => self.stdout,
            Stream::Stderr => self.stderr,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sinks> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sinks {
    fn release(&mut self) {
        self.region.clear();
        self.released = true;
        if std::mem::take(&mut self.cursor_hidden) {
            self.stderr.write(SHOW_CURSOR);
        }
    }

    fn sink(&mut self, stream: Stream) -> &mut Sink {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        self.release();
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output")
    }
}

/// Terminals that call themselves `dumb` show escape codes as text.
fn moves_the_cursor(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("TERM").is_none_or(|name| name != "dumb")
}

/// Left to anstream: terminal, `NO_COLOR`, `CLICOLOR_FORCE`, `TERM`.
fn shows_colour<S: anstream::stream::RawStream>(stream: &S, choice: ColourChoice) -> bool {
    match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
    }
}

fn ended(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') {
        text.to_owned()
    } else {
        format!("{text}\n")
    }
}

#[cfg(test)]
pub(super) mod tests;
