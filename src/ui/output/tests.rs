//! What goes to which stream, and buffers for the tests of this room.

use super::*;

/// A buffer that can be read while an [`Output`] writes to it.
#[derive(Clone, Default)]
pub struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn plain() -> Capabilities {
    Capabilities {
        terminal: false,
        colour: false,
        size: None,
    }
}

pub fn terminal(width: usize, height: usize) -> Capabilities {
    Capabilities {
        terminal: true,
        colour: false,
        size: Some((width, height)),
    }
}

/// An output and its stdout and stderr.
pub fn captured(capabilities: Capabilities, quiet: bool) -> (Output, Buffer, Buffer) {
    let (out, err) = (Buffer::default(), Buffer::default());
    let output = Output::new(out.clone(), capabilities, err.clone(), capabilities, quiet);
    (output, out, err)
}

#[test]
fn data_goes_to_stdout_and_all_else_to_stderr() {
    let (output, out, err) = captured(plain(), false);
    output.data("table");
    output.remark("remark");
    output.warning("no IPVS", Some("load the module"));
    assert_eq!(out.text(), "table\n");
    assert_eq!(err.text(), "remark\nwarning: no IPVS\n  hint: load the module\n");
}

#[test]
fn quiet_leaves_out_remarks_but_no_warnings() {
    let (output, _, err) = captured(plain(), true);
    output.remark("remark");
    output.warning("careful", None);
    assert_eq!(err.text(), "warning: careful\n");
}

#[test]
fn escape_codes_are_kept_only_where_they_show_or_are_the_texts_own() {
    let (output, out, _) = captured(plain(), false);
    output.data("\x1b[31mred\x1b[0m");
    output.raw(Stream::Stdout, "\x1b[31mlog\x1b[0m");
    assert_eq!(out.text(), "red\n\x1b[31mlog\x1b[0m\n");
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let broken = || Broken(io::ErrorKind::BrokenPipe);
    let output = Output::new(broken(), plain(), broken(), plain(), false);
    output.data("table");
    assert!(output.is_closed(Stream::Stdout));
    assert!(output.finish().is_ok());
}

#[test]
fn a_full_disk_is_an_error() {
    let output = Output::new(
        Broken(io::ErrorKind::StorageFull),
        plain(),
        Buffer::default(),
        plain(),
        false,
    );
    output.data("table");
    assert_eq!(output.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn the_region_is_redrawn_below_what_else_is_said() {
    let (output, _, err) = captured(terminal(20, 10), false);
    output.draw(&["one".to_owned(), "two".to_owned()]);
    output.message("said");
    output.settle(&["done".to_owned()]);
    assert_eq!(
        err.text(),
        "\x1b[?25lone\x1b[K\ntwo\x1b[K\n\x1b[J\x1b[1A\r\x1b[2K\x1b[1A\r\x1b[2Ksaid\none\ntwo\n\x1b[1A\r\x1b[2K\x1b[1A\r\x1b[2Kdone\n\x1b[?25h"
    );
}

#[test]
fn the_cursor_comes_back_when_nobody_settles() {
    let (output, _, err) = captured(terminal(20, 10), false);
    output.draw(&["one".to_owned()]);
    drop(output);
    assert!(err.text().ends_with(SHOW_CURSOR));
}

#[test]
fn what_was_released_is_not_drawn_over() {
    let (output, _, err) = captured(terminal(20, 10), false);
    output.draw(&["one".to_owned()]);
    output.release();
    let released = err.text();
    output.draw(&["two".to_owned()]);
    assert_eq!(err.text(), released);
    output.settle(&["done".to_owned()]);
    assert_eq!(err.text(), format!("{released}done\n"));
}
