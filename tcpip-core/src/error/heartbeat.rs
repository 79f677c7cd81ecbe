//! A heartbeat that nobody waits for.

use std::io;

/// A heartbeat came, and none is expected: the server has no `max_heartbeat_interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a heartbeat is not expected")]
pub struct UnexpectedHeartbeat;

impl From<UnexpectedHeartbeat> for io::Error {
    fn from(error: UnexpectedHeartbeat) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}
