//! What the holes of a script have captured, as a test sees it.

use std::fmt;

use crate::script::engine::Captures;

/// What the holes of a script have captured so far, by their names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Captured(Captures);

impl Captured {
    pub(super) fn new(captures: &Captures) -> Self {
        Self(captures.clone())
    }

    /// Returns the bytes that the hole of this name has captured last.
    ///
    /// # Panics
    ///
    /// If no hole of this name has captured anything.
    #[must_use]
    #[track_caller]
    pub fn bytes(&self, name: &str) -> &[u8] {
        match self.0.get(name) {
            Some(capture) => &capture.bytes,
            None => panic!("nothing has been captured as `{name}`: {self:?}"),
        }
    }

    /// Returns the text that the hole of this name has captured last.
    ///
    /// # Panics
    ///
    /// If no hole of this name has captured anything, or what it has captured is not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn text(&self, name: &str) -> &str {
        match str::from_utf8(self.bytes(name)) {
            Ok(text) => text,
            Err(error) => panic!("what has been captured as `{name}` is no text: {error}"),
        }
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let captures = self.0.iter().map(|(name, capture)| (name, capture.bytes.escape_ascii().to_string()));
        formatter.debug_map().entries(captures).finish()
    }
}
