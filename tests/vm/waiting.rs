//! Emulated machines are slow: everything is waited for, and nothing for ever.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Looks until there is an answer; fails with the last reason once the time is over. Gives how long it took, too.
#[track_caller]
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<T, String>) -> (T, Duration) {
    let began = Instant::now();
    loop {
        match look() {
            Ok(found) => return (found, began.elapsed()),
            Err(reason) if began.elapsed() > limit => panic!("{what}: not within {limit:?}: {reason}"),
            Err(_) => std::thread::sleep(Duration::from_secs(1)),
        }
    }
}

/// The body of an answer of 200, without what surrounds it.
pub fn get(address: &str, port: u16) -> Result<String, String> {
    let fail = |error: std::io::Error| error.to_string();
    let socket = format!("{address}:{port}").parse().unwrap();
    let mut stream = TcpStream::connect_timeout(&socket, Duration::from_secs(10)).map_err(fail)?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).map_err(fail)?;
    write!(stream, "GET / HTTP/1.0\r\nHost: {address}\r\n\r\n").map_err(fail)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(fail)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.trim().to_owned()),
        _ => Err(format!("no answer of 200: {answer}")),
    }
}
