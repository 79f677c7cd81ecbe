//! What an option cannot be.

use std::io;

/// An option cannot have this value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// A terminator has at least one byte.
    #[error("the terminator is empty")]
    EmptyTerminator,
    /// An interval takes some time.
    #[error("{option} is zero")]
    ZeroInterval {
        /// The option.
        option: &'static str,
    },
    /// The terminator occurs in a heartbeat, so that none can be sent or received.
    #[error("a heartbeat contains the terminator")]
    TerminatorInHeartbeat,
    /// The list of encodings is closed, and this is not one of them.
    #[error("unknown encoding {label:?}")]
    UnknownEncoding {
        /// The label as it was given.
        label: String,
    },
}

impl From<OptionError> for io::Error {
    fn from(error: OptionError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
