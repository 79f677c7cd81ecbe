//! What a connect callback is told.

use crate::{Connection, DisconnectReason};

/// A session has begun, or has ended.
///
/// Each session has exactly one of each, in this order. Dropping an event does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionEvent {
    connection: Connection,
    reason: Option<DisconnectReason>,
}

impl ConnectionEvent {
    pub(crate) fn connected(connection: Connection) -> Self {
        Self { connection, reason: None }
    }

    pub(crate) fn disconnected(connection: Connection, reason: DisconnectReason) -> Self {
        Self { connection, reason: Some(reason) }
    }

    /// Whether this event is a beginning. How things stand by now is another question:
    /// `event.connection().is_connected()`.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.reason.is_none()
    }

    /// Why the session ended; `None` if it has begun.
    #[must_use]
    pub fn reason(&self) -> Option<DisconnectReason> {
        self.reason.clone()
    }

    /// The session. It may be closed from within the callback.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}
