//! What a fixture says when it cannot do what it was asked to do.

use std::{error::Error, time::Duration};

use tcpip_client::ConnectError;

/// A fixture could not do what it was asked to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FixtureError {
    /// The client could not connect.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The controller could not connect, or whatever else it does before it is there.
    #[error("the controller could not be made")]
    Controller(#[source] Box<dyn Error + Send + Sync>),
    /// The server has no port to connect to: its listener has no address.
    #[error("the server has no port")]
    NoPort,
    /// The client connected, but the server has not admitted it: another client is there perhaps.
    #[error("the server has not admitted the client within {after:?}")]
    NotAdmitted {
        /// How long the fixture waited.
        after: Duration,
    },
    /// The server admits nobody any more.
    #[error("the server is being closed")]
    Closing,
    /// Nothing came.
    #[error("nothing came within {after:?}")]
    Nothing {
        /// How long the fixture waited.
        after: Duration,
    },
}
