//! What a client has heard of a server.

use std::fmt;

use crate::script::notation;

/// What a server has sent to a client, as it is [compared](crate::Conformance::comparing). Its `Display` is as in a
/// script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heard {
    /// The bytes, at most a mebibyte.
    pub bytes: Vec<u8>,
    /// And then the end of the stream came.
    pub has_ended: bool,
}

impl Heard {
    /// Whether nothing was heard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.has_ended
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.bytes.is_empty(), self.has_ended) {
            (true, false) => formatter.write_str("nothing"),
            (true, true) => formatter.write_str("the end of the stream"),
            (false, false) => formatter.write_str(&notation::items(&self.bytes)),
            (false, true) => write!(formatter, "{} and the end of the stream", notation::items(&self.bytes)),
        }
    }
}
