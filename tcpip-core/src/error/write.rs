//! What writing can come to.

use std::{io, sync::Arc, time::Duration};

use super::{Sent, not_connected};
use crate::{DisconnectReason, Encoding};

/// A write failed.
///
/// With [`Encode`](Self::Encode), [`ContainsTerminator`](Self::ContainsTerminator), [`Json`](Self::Json) and
/// [`WriteHalfEnded`](Self::WriteHalfEnded) nothing was sent and the session lives; with the others there is no session
/// (any more).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// There is no session: it was never there, or has ended. Nothing was sent.
    #[error("{}", not_connected(endpoint, reason.as_ref()))]
    #[doc(alias = "ConnectionError")]
    NotConnected {
        /// The name of the client or server.
        endpoint: Arc<str>,
        /// Why there is no session any more; `None` if there never was one.
        reason: Option<DisconnectReason>,
    },
    /// This end has ended its half of the stream: [`shutdown_write`](crate::Connection::shutdown_write). Nothing was
    /// sent.
    #[error("this end has ended its half of the stream")]
    WriteHalfEnded,
    /// The session ended before the message was with the operating system.
    #[error("disconnected: {reason}")]
    Disconnected {
        /// Who ended it, and why.
        reason: DisconnectReason,
        /// Whether a byte of the message has left.
        sent: Sent,
    },
    /// The system took no byte for so long. The session has ended, since half a message may have been sent.
    #[error("{operation} made no progress for {after:?}")]
    Timeout {
        /// The method.
        operation: &'static str,
        /// The deadline that passed.
        after: Duration,
        /// Whether a byte of the message has left: a message that waited behind others may not have begun.
        sent: Sent,
    },
    /// The encoding in force lacks a character.
    #[error("{character:?} at byte {position} does not exist in {encoding}")]
    Encode {
        /// The encoding in force.
        encoding: Encoding,
        /// The first character that it lacks.
        character: char,
        /// Where in the text, as it was given, it begins: a number of bytes, at which it can be cut.
        position: usize,
    },
    /// The reader would see a terminator before the end, and so more than one message.
    #[error("the text contains its own terminator \"{}\" at byte {position}", terminator.escape_ascii())]
    ContainsTerminator {
        /// The terminator in force.
        terminator: Vec<u8>,
        /// Where in the encoded text it begins.
        position: usize,
    },
    /// The value has no JSON form.
    #[error("the value cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// A stream that is not a [`Connection`](crate::Connection) failed.
    #[error("the stream failed")]
    Io(#[source] io::Error),
}

impl WriteError {
    /// Whether this says that nothing more can be written to the session, whose
    /// [`reason`](crate::Connection::reason) tells why.
    #[must_use]
    pub fn ends_session(&self) -> bool {
        matches!(self, Self::NotConnected { .. } | Self::Disconnected { .. } | Self::Timeout { .. } | Self::Io(_))
    }

    /// Returns whether a byte of the message has left. [`Sent::No`] of a message that was refused, or that the session
    /// did not live long enough to begin; [`Sent::Maybe`] of one that had begun, and of a stream that is no
    /// [`Connection`](crate::Connection).
    #[must_use]
    pub fn sent(&self) -> Sent {
        match self {
            Self::Disconnected { sent, .. } | Self::Timeout { sent, .. } => *sent,
            Self::Io(_) => Sent::Maybe,
            Self::NotConnected { .. }
            | Self::WriteHalfEnded
            | Self::Encode { .. }
            | Self::ContainsTerminator { .. }
            | Self::Json(_) => Sent::No,
        }
    }

    /// Returns the kind of [`std::io::Error`] that says the same.
    #[must_use]
    pub fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::NotConnected { .. } => io::ErrorKind::NotConnected,
            Self::WriteHalfEnded => io::ErrorKind::BrokenPipe,
            Self::Disconnected { reason, .. } => reason.io_kind(),
            Self::Timeout { .. } => io::ErrorKind::TimedOut,
            Self::Encode { .. } | Self::ContainsTerminator { .. } | Self::Json(_) => io::ErrorKind::InvalidInput,
            Self::Io(source) => source.kind(),
        }
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        Self::new(error.io_kind(), error)
    }
}
