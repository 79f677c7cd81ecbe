//! What connecting can come to.

use std::{io, net::SocketAddr, time::Duration};

use super::OptionError;

/// A client could not connect. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host's name could not be looked up.
    #[error("cannot look up {host:?}")]
    Resolve {
        /// The host as it was given.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The host has no address of the family asked for.
    #[error("{host:?} has no suitable address")]
    NoAddress {
        /// The host as it was given.
        host: String,
    },
    /// Nobody listens there.
    #[error("{address} refused the connection")]
    Refused {
        /// The last address tried.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The connection could not be made for another reason, an unreachable network for example.
    #[error("cannot connect to {address}")]
    Failed {
        /// The last address tried.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The stream that was given is not connected any more.
    #[error("the stream is not connected")]
    Stream(#[source] io::Error),
    /// The deadline passed, which covers the look-up and all addresses.
    #[error("{operation} timed out after {after:?}")]
    Timeout {
        /// The method.
        operation: &'static str,
        /// The deadline that passed.
        after: Duration,
    },
    /// An option has a value that it cannot have.
    #[error(transparent)]
    Option(#[from] OptionError),
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        use ConnectError as E;
        let kind = match &error {
            E::Resolve { source, .. } | E::Refused { source, .. } | E::Failed { source, .. } | E::Stream(source) => {
                source.kind()
            }
            E::NoAddress { .. } => io::ErrorKind::AddrNotAvailable,
            E::Timeout { .. } => io::ErrorKind::TimedOut,
            E::Option(_) => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}
