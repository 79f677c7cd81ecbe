//! What is wrong with a status.

use thiserror::Error;

/// A reply is not the status that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatusError {
    /// The reply has too few lines or too many.
    #[error("a status of {found} lines where one of {expected} was expected")]
    LineCount {
        /// How many lines such a status has.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// A line does not read as the protocol says.
    #[error("line {number} of the status does not read like {example:?}: {found:?}")]
    Line {
        /// Which line it is, counted from 1.
        number: usize,
        /// A line that would have been right.
        example: &'static str,
        /// What came, shortened if it is long.
        found: String,
    },
}
