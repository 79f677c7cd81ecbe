//! The errors: one small enum for each family of operations, and one that holds them all.

mod connect;
mod heartbeat;
mod look_up;
mod option;
mod read;
mod sent;
mod start;
mod write;

use std::io;

use crate::DisconnectReason;

pub use self::{
    connect::{ConnectAttempt, ConnectError, ConnectFailure},
    heartbeat::UnexpectedHeartbeat,
    look_up::LookUpError,
    option::OptionError,
    read::ReadError,
    sent::Sent,
    start::StartError,
    write::WriteError,
};

/// Any error of this library, for code that does several kinds of things with `?`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A read failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A write failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A client could not connect.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A server could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An option was given a value that it cannot have.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// A heartbeat came, and none is expected.
    #[error(transparent)]
    UnexpectedHeartbeat(#[from] UnexpectedHeartbeat),
}

impl Error {
    /// Whether this says that there is nothing more to read from, or to write to, a session.
    #[must_use]
    pub fn ends_session(&self) -> bool {
        match self {
            Self::Read(error) => error.ends_session(),
            Self::Write(error) => error.ends_session(),
            Self::Connect(_) | Self::Start(_) | Self::Option(_) | Self::UnexpectedHeartbeat(_) => false,
        }
    }
}

/// A result whose error is any of this library's.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Read(error) => error.into(),
            Error::Write(error) => error.into(),
            Error::Connect(error) => error.into(),
            Error::Start(error) => error.into(),
            Error::Option(error) => error.into(),
            Error::UnexpectedHeartbeat(error) => error.into(),
        }
    }
}

/// What there is to say of an endpoint without a session.
fn not_connected(endpoint: &str, reason: Option<&DisconnectReason>) -> String {
    match (endpoint, reason) {
        ("", None) => "not connected".to_owned(),
        (endpoint, None) => format!("{endpoint} is not connected"),
        (endpoint, Some(reason)) => format!("{endpoint} is not connected any more: {reason}"),
    }
}

/// The first bytes of a long payload, for a message.
fn shortened(bytes: &[u8]) -> String {
    const SHOWN: usize = 64;
    let shown = bytes[..bytes.len().min(SHOWN)].escape_ascii();
    let dots = if bytes.len() > SHOWN { "…" } else { "" };
    format!("\"{shown}{dots}\"")
}
