//! What an error shows of a command, and of its reply.

use std::fmt;

/// How many bytes are shown.
pub(super) const SHOWN: usize = 60;

/// The first bytes of a command, or of its reply: [`SHOWN`], and one more that says that there are others.
#[derive(Clone, Copy)]
pub(crate) struct Front {
    bytes: [u8; SHOWN + 1],
    length: usize,
}

impl Front {
    pub(crate) const EMPTY: Self = Self { bytes: [0; SHOWN + 1], length: 0 };

    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut front = Self::EMPTY;
        front.add(bytes);
        front
    }

    /// Adds what comes behind.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let room = &mut self.bytes[self.length..];
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        self.length += count;
    }

    /// What is shown.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length.min(SHOWN)]
    }

    /// As text, with its escapes.
    pub(super) fn text(&self) -> Box<str> {
        let mut text = self.bytes().escape_ascii().to_string();
        if self.length > SHOWN {
            text.push('…');
        }
        text.into()
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.text())
    }
}
