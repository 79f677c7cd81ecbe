//! What makes the show fail.

use thiserror::Error;

/// Something is not as expected.
#[derive(Debug, Error)]
#[error("deviation: {0}")]
pub(crate) struct Deviation(String);

/// An error with this text, unless what is expected is so.
pub(crate) fn expect(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<(), Deviation> {
    if is_so { Ok(()) } else { Err(Deviation(otherwise())) }
}
