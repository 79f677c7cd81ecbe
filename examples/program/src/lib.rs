//! What the programs of the examples have in common: what they print, how they end, what they say of errors, and their
//! log.

#![forbid(unsafe_code)]

use std::{
    error::Error,
    io::{self, IsTerminal},
};

use tracing_subscriber::EnvFilter;

mod exit;
mod output;

pub use self::{
    exit::{failed, interrupted},
    output::{OutputError, print_line},
};

/// Listens for the signals that end a program, from now on; the future ends when one has come.
///
/// # Errors
///
/// Those of the system, which cannot tell of signals.
#[cfg(unix)]
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Listens for the signal that ends a program, from now on; the future ends when it has come.
///
/// # Errors
///
/// Those of the system, which cannot tell of signals.
#[cfg(windows)]
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

/// Logs who comes and goes for a person who watches, and otherwise only what goes wrong, unless `RUST_LOG` says more.
pub fn log_to_stderr() {
    let is_watched = io::stderr().is_terminal();
    let default = if is_watched { "info" } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(is_watched).init();
}

/// An error and its causes, as one line.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
