//! Ctrl-C and `SIGTERM`: the first asks the command to stop where the next run can go on, the second ends it.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of a command that was interrupted: 128 + SIGINT, as shells have it.
pub const EXIT_CODE: u8 = 130;

/// A token that is cancelled at the first signal.
pub fn on_signals() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        for seen in 0.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if seen > 0 {
                #[expect(clippy::exit, reason = "the operator asked twice: nothing is waited for any more")]
                std::process::exit(i32::from(EXIT_CODE));
            }
            cancelled.cancel();
        }
    });
    token
}
