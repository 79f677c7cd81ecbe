//! What starting a server can come to.

use std::{io, net::SocketAddr};

use super::{OptionError, WriteError};

/// A server could not start. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
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
    /// The address is in use, or not one of this machine's, or forbidden: see the source.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The rejection message is no text message: the encoding lacks a character, or it contains the terminator.
    #[error("the rejection message cannot be sent")]
    RejectionMessage(#[source] WriteError),
    /// An option has a value that it cannot have.
    #[error(transparent)]
    Option(#[from] OptionError),
}

impl From<StartError> for io::Error {
    fn from(error: StartError) -> Self {
        use StartError as E;
        let kind = match &error {
            E::Resolve { source, .. } | E::Bind { source, .. } => source.kind(),
            E::NoAddress { .. } => io::ErrorKind::AddrNotAvailable,
            E::RejectionMessage(_) | E::Option(_) => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}
