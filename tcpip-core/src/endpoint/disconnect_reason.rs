//! Why a session ended.

use std::{io, sync::Arc, time::Duration};

/// Who ended a session, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// This end closed it: `close`, `basic_close`, `close_client`, or a dropped client or server.
    #[error("closed at this end")]
    Closed,
    /// This end aborted it: [`abort`](crate::Connection::abort).
    #[error("aborted at this end")]
    Aborted,
    /// The peer hung up in good order.
    #[error("closed by the peer")]
    ClosedByPeer,
    /// The peer reset the connection.
    #[error("reset by the peer")]
    Reset,
    /// The kernel gave up: nobody has acknowledged anything for too long (`ETIMEDOUT`).
    #[error("the link is dead")]
    LinkDead,
    /// The system reported some other error.
    #[error("i/o error: {kind}")]
    Io {
        /// What kind of error.
        kind: io::ErrorKind,
        /// The system's own number for it.
        os_error: Option<i32>,
    },
    /// The system took no byte of a message for so long.
    #[error("a write made no progress for {after:?}")]
    WriteTimeout {
        /// The deadline that passed.
        after: Duration,
    },
    /// The handler returned an error or panicked, a task of the session or its filter panicked, or the peer does not
    /// read what the filter answers.
    #[error("the handler failed: {cause}")]
    HandlerFailed {
        /// The error with its causes, or the message of the panic.
        cause: Arc<str>,
    },
    /// No heartbeat came for so long.
    #[error("no heartbeat for {after:?}")]
    HeartbeatMissed {
        /// The `max_heartbeat_interval`.
        after: Duration,
    },
    /// Nothing came for so long.
    #[error("nothing arrived for {after:?}")]
    Idle {
        /// The `idle_timeout`.
        after: Duration,
    },
    /// The codec of a [`read_frame`](crate::Connection::read_frame) refused what came, or panicked.
    #[error("a frame was refused by its codec")]
    BadFrame,
    /// The codec of a [`read_frame`](crate::Connection::read_frame) found no frame in so many bytes.
    #[error("no frame ended within {limit} bytes")]
    FrameTooLong {
        /// The limit in force.
        limit: usize,
    },
    /// A reply did not come in time, or is not what was asked for, or its caller is gone: nobody knows any more which
    /// reply is whose.
    #[error("a reply is out of step")]
    OutOfStep,
    /// Another link of the group that this is one of was lost, and they are up together or not at all.
    #[error("another link of the group was lost")]
    GroupLost,
    /// The next client of the server has come: the peer had hung up, with data left to read or a handler still at work,
    /// or the server lets the newest client replace the one that is there (`Admission::Replace`).
    #[error("replaced by a new client")]
    Replaced,
}

impl DisconnectReason {
    /// The reason behind an error of a socket.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut};
        match error.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset => Self::Reset,
            TimedOut => Self::LinkDead,
            kind => Self::Io { kind, os_error: error.raw_os_error() },
        }
    }

    /// Whether this end has ended the session: by closing or aborting it, for its handler, for a deadline or limit of
    /// its own, or for another client.
    ///
    /// Neither this nor [`is_by_peer`](Self::is_by_peer) holds where the system gave up: for
    /// [`LinkDead`](Self::LinkDead) and [`Io`](Self::Io).
    #[must_use]
    pub fn is_by_this_end(&self) -> bool {
        match self {
            Self::Closed
            | Self::Aborted
            | Self::WriteTimeout { .. }
            | Self::HandlerFailed { .. }
            | Self::HeartbeatMissed { .. }
            | Self::Idle { .. }
            | Self::BadFrame
            | Self::FrameTooLong { .. }
            | Self::OutOfStep
            | Self::GroupLost
            | Self::Replaced => true,
            Self::ClosedByPeer | Self::Reset | Self::LinkDead | Self::Io { .. } => false,
        }
    }

    /// Whether the peer has ended the session: by closing or resetting it.
    #[must_use]
    pub fn is_by_peer(&self) -> bool {
        matches!(self, Self::ClosedByPeer | Self::Reset)
    }

    /// The kind of [`std::io::Error`] that says the same.
    ///
    /// A dead link is `HostUnreachable` and not `TimedOut`, which is what a slow reply is.
    #[must_use]
    pub fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::Closed | Self::Aborted | Self::GroupLost | Self::Replaced => io::ErrorKind::NotConnected,
            Self::ClosedByPeer => io::ErrorKind::UnexpectedEof,
            Self::Reset => io::ErrorKind::ConnectionReset,
            Self::LinkDead => io::ErrorKind::HostUnreachable,
            Self::Io { kind, .. } => *kind,
            Self::WriteTimeout { .. } | Self::HeartbeatMissed { .. } | Self::Idle { .. } => io::ErrorKind::TimedOut,
            Self::HandlerFailed { .. } => io::ErrorKind::ConnectionAborted,
            Self::BadFrame | Self::FrameTooLong { .. } | Self::OutOfStep => io::ErrorKind::InvalidData,
        }
    }
}
