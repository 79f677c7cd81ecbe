//! Why a command, or a wait, came to nothing.

use std::time::Duration;

use tcpip_client::DisconnectReason;

/// Why a command, or a wait for what the controller sends, came to nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The controller has refused the command.
    #[error("the controller refused command {counter}: {reason}")]
    Refused {
        /// The number of the command.
        counter: u32,
        /// What the controller says.
        reason: String,
    },
    /// The controller has not answered. It may still carry the command out; a status that comes late is ignored.
    #[error("no status of command {counter} within {after:?}")]
    NoStatus {
        /// The number of the command.
        counter: u32,
        /// The deadline that passed.
        after: Duration,
    },
    /// The connection is lost. Whether the controller carries a command out that waited is unknown.
    #[error("the connection is lost: {reason}")]
    Lost {
        /// Who ended it, and why.
        reason: DisconnectReason,
    },
    /// This end has closed the connection.
    #[error("the connection is closed")]
    Closed,
}
