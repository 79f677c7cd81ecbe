//! Frames that end with a terminator, or with any line end.

use memchr::memchr2;

use super::cut::{Look, Whole};
use crate::{Terminator, framing::find_end};

/// Frames that end with a terminator.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    terminator: Terminator,
    /// Two terminators with nothing between them are no frame.
    skips_empty: bool,
    /// No terminator begins before.
    searched: usize,
    /// The frame is too long, which has been told.
    is_too_long: bool,
}

impl Ended {
    pub(super) fn new(terminator: Terminator, skips_empty: bool) -> Self {
        Self { terminator, skips_empty, searched: 0, is_too_long: false }
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    pub(super) fn look(&mut self, bytes: &[u8], limit: usize) -> Look {
        let Some(end) = find_end(bytes, self.searched, &self.terminator) else {
            let searched = bytes.len().saturating_sub(self.terminator.len() - 1);
            self.searched = searched;
            if !self.is_too_long && searched <= limit {
                return Look::More;
            }
            self.searched = 0;
            return if std::mem::replace(&mut self.is_too_long, true) {
                Look::Nothing(searched)
            } else {
                Look::TooLong(searched)
            };
        };
        self.searched = 0;
        let content = end - self.terminator.len();
        if std::mem::take(&mut self.is_too_long) || content == 0 && self.skips_empty {
            Look::Nothing(end)
        } else if content > limit {
            Look::TooLong(end)
        } else {
            Look::Frame(Whole { begin: 0, content, end: self.terminator.len() })
        }
    }
}

/// Frames that end with `\r`, `\n` or `\r\n`.
#[derive(Clone, Debug, Default)]
pub(super) struct AnyLineEnd {
    /// There is no line end before.
    searched: usize,
    /// The last frame has ended with `\r`: a `\n` belongs to it. To wait for that would hang where none follows.
    is_behind_return: bool,
    /// The frame is too long, which has been told.
    is_too_long: bool,
}

impl AnyLineEnd {
    pub(super) fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    pub(super) fn is_behind_return(&self) -> bool {
        self.is_behind_return
    }

    pub(super) fn look(&mut self, bytes: &[u8], limit: usize) -> Look {
        let Some(first) = bytes.first() else { return Look::More };
        if std::mem::take(&mut self.is_behind_return) && *first == b'\n' {
            return Look::Nothing(1);
        }
        let Some(content) = memchr2(b'\r', b'\n', &bytes[self.searched..]).map(|at| self.searched + at) else {
            self.searched = bytes.len();
            if !self.is_too_long && bytes.len() <= limit {
                return Look::More;
            }
            self.searched = 0;
            return if std::mem::replace(&mut self.is_too_long, true) {
                Look::Nothing(bytes.len())
            } else {
                Look::TooLong(bytes.len())
            };
        };
        self.searched = 0;
        self.is_behind_return = bytes[content] == b'\r';
        if std::mem::take(&mut self.is_too_long) {
            Look::Nothing(content + 1)
        } else if content > limit {
            Look::TooLong(content + 1)
        } else {
            Look::Frame(Whole { begin: 0, content, end: 1 })
        }
    }
}
