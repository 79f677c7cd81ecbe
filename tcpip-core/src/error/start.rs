//! What starting a server can come to.

use std::{io, net::SocketAddr};

use super::{LookUpError, OptionError, WriteError};

/// A server could not start. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The host has no address that could be used.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
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
            E::LookUp(error) => error.io_kind(),
            E::Bind { source, .. } => source.kind(),
            E::RejectionMessage(_) | E::Option(_) => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}
