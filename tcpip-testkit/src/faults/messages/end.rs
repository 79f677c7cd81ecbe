//! Where a message ends.

use std::{fmt, panic::Location};

/// A message that is longer is cut there.
pub(super) const LONGEST: usize = 1024 * 1024;

/// What says where a message ends.
pub(super) enum MessageEnd {
    Separator(Vec<u8>),
    /// Its length, which its beginning tells.
    Length(Length),
}

/// Says how long the frame is that begins there.
type TellLength = dyn Fn(&[u8]) -> Option<usize> + Send;

pub(super) struct Length {
    tell: Box<TellLength>,
    /// Where it was given.
    place: &'static Location<'static>,
}

impl MessageEnd {
    #[track_caller]
    pub(super) fn length(tell: impl Fn(&[u8]) -> Option<usize> + Send + 'static) -> Self {
        Self::Length(Length { tell: Box::new(tell), place: Location::caller() })
    }

    pub(super) fn separator(&self) -> Option<&[u8]> {
        match self {
            Self::Separator(separator) => Some(separator),
            Self::Length(_) => None,
        }
    }
}

impl Length {
    /// # Panics
    ///
    /// If it is 0: there would be no end of such frames.
    fn of(&self, bytes: &[u8]) -> Option<usize> {
        let length = (self.tell)(bytes);
        assert_ne!(
            length,
            Some(0),
            "the closure of the `faults::frames` at {} gives the length 0 for a frame that begins with \"{}\"",
            self.place,
            bytes[..bytes.len().min(SHOWN)].escape_ascii()
        );
        length
    }
}

/// How much of a frame an error shows.
const SHOWN: usize = 32;

impl fmt::Debug for MessageEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Separator(separator) => write!(formatter, "Separator(\"{}\")", separator.escape_ascii()),
            Self::Length(Length { place, .. }) => write!(formatter, "Length({place})"),
        }
    }
}

/// What has come of a message, and of what is behind it.
#[derive(Debug, Default)]
pub(super) struct Begun {
    bytes: Vec<u8>,
    /// So many of them were messages, which have been taken.
    taken: usize,
    /// Where the message that begins there was looked for in vain: no separator begins before.
    scanned: usize,
    /// How many bytes are left of the frame that begins there, once that is known.
    left: Option<usize>,
    /// What is there is the rest of a message that was cut.
    is_cut: bool,
}

impl Begun {
    /// Adds what has come. How much there was before.
    pub(super) fn add(&mut self, bytes: &[u8]) -> u64 {
        let before = self.bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        before
    }

    /// Takes a message that is complete, or as much of one as is kept.
    pub(super) fn next(&mut self, end: &MessageEnd) -> Option<&[u8]> {
        let length = match end {
            MessageEnd::Separator(separator) => self.find(separator),
            MessageEnd::Length(length) => self.frame(length),
        }?;
        let message = self.taken..self.taken + length;
        self.taken = message.end;
        Some(&self.bytes[message])
    }

    /// Takes this, if it is there in place of the beginning of a message.
    pub(super) fn take_prompt(&mut self, prompt: &[u8]) -> bool {
        let is_there = !prompt.is_empty() && self.is_beginning() && self.bytes[self.taken..].starts_with(prompt);
        if is_there {
            self.taken += prompt.len();
        }
        is_there
    }

    /// Whether what is there may become one.
    pub(super) fn may_be_prompt(&self, prompt: &[u8]) -> bool {
        self.is_beginning() && prompt.starts_with(&self.bytes[self.taken..])
    }

    /// Whether a message begins there.
    fn is_beginning(&self) -> bool {
        self.left.is_none() && !self.is_cut
    }

    /// How long the message is that ends with this.
    fn find(&mut self, separator: &[u8]) -> Option<usize> {
        let start = self.scanned.max(self.taken);
        if let Some(found) = memchr::memmem::find(&self.bytes[start..], separator) {
            self.is_cut = false;
            return Some(start + found + separator.len() - self.taken);
        }
        self.scanned = (self.bytes.len() + 1).saturating_sub(separator.len());
        let is_long = self.bytes.len() - self.taken >= LONGEST;
        self.is_cut |= is_long;
        is_long.then_some(LONGEST)
    }

    /// How much of the frame is taken now.
    fn frame(&mut self, length: &Length) -> Option<usize> {
        let bytes = &self.bytes[self.taken..];
        if bytes.is_empty() {
            return None;
        }
        if self.left.is_none() {
            let cut = (bytes.len() >= LONGEST).then_some(LONGEST);
            self.left = length.of(bytes).or(cut);
        }
        let left = self.left?;
        let piece = left.min(LONGEST);
        if bytes.len() < piece {
            return None;
        }
        self.left = (left > piece).then(|| left - piece);
        Some(piece)
    }

    /// Forgets what has been taken.
    pub(super) fn forget_taken(&mut self) {
        self.bytes.drain(..self.taken);
        self.scanned = self.scanned.saturating_sub(self.taken);
        self.taken = 0;
    }

    /// All that has not been taken.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
