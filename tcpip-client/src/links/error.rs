//! Why a link is not up.

use std::{io, sync::Arc, time::Duration};

use tcpip_core::{ConnectError, DisconnectReason, HandlerError};

/// Why an attempt of a link failed, or its session ended. Clones share what is behind it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Nobody answered, or what answered was none of it.
    #[error(transparent)]
    Connect(Arc<ConnectError>),
    /// The handshake failed, or what comes behind it ([`ready_when`](super::LinkBuilder::ready_when)).
    #[error("the handshake failed: {0}")]
    Handshake(Arc<HandlerError>),
    /// The handshake did not come to its end, or what comes behind it did not.
    #[error("the handshake has not ended for {after:?}")]
    HandshakeTimeout {
        /// The [`handshake_timeout`](super::LinkBuilder::handshake_timeout).
        after: Duration,
    },
    /// The peer ended the session before its first byte: it has turned this client away.
    #[error("turned away: {reason}")]
    TurnedAway {
        /// Why the session ended.
        reason: DisconnectReason,
    },
    /// The session ended.
    #[error("lost: {reason}")]
    Lost {
        /// Why.
        reason: DisconnectReason,
    },
    /// Another link of the [`Group`](super::Group) has an error, and they are up together or not at all.
    #[error("another link of the group, {name}, is not up")]
    GroupLost {
        /// What the other is called.
        name: Box<str>,
    },
    /// It was closed at this end, for good.
    #[error("the link is closed")]
    Closed,
}

/// Of the kind that its cause has.
impl From<LinkError> for io::Error {
    fn from(error: LinkError) -> Self {
        let kind = match &error {
            LinkError::Connect(source) => source.io_kind(),
            LinkError::Handshake(_) => io::ErrorKind::InvalidData,
            LinkError::HandshakeTimeout { .. } => io::ErrorKind::TimedOut,
            LinkError::TurnedAway { reason } | LinkError::Lost { reason } => reason.io_kind(),
            LinkError::GroupLost { .. } | LinkError::Closed => io::ErrorKind::NotConnected,
        };
        Self::new(kind, error)
    }
}
