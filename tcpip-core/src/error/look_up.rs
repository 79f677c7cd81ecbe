//! What the look-up of a host can come to.

use std::io;

/// A host has no address that a client could connect to, or a server listen on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookUpError {
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
}

impl LookUpError {
    pub(super) fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::Resolve { source, .. } => source.kind(),
            Self::NoAddress { .. } => io::ErrorKind::AddrNotAvailable,
        }
    }
}

impl From<LookUpError> for io::Error {
    fn from(error: LookUpError) -> Self {
        Self::new(error.io_kind(), error)
    }
}
