//! Where frames begin and end.

use super::{
    blocks::Blocks,
    lengths::{Fixed, Lengths},
    lines::{AnyLineEnd, Ended},
    marks::Marks,
    values::Values,
};

/// What is at the front of the bytes that have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Too little to tell.
    More,
    /// So many bytes that are between frames, or of one that has been told to be damaged.
    Nothing(usize),
    Frame(Whole),
    /// So many bytes of a frame that is too long. What is left of it is [nothing](Self::Nothing).
    TooLong(usize),
    /// So many bytes that belong to no frame.
    Noise(usize),
    /// So many bytes of a frame, behind which the next one begins before this has ended.
    Unended(usize),
    /// So many bytes that say how long the frame is, and make no sense.
    BadLength(usize),
}

/// A frame, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// The mark, or the header, in front of the content.
    pub(super) begin: usize,
    pub(super) content: usize,
    /// The mark behind it.
    pub(super) end: usize,
}

impl Whole {
    pub(super) fn len(self) -> usize {
        self.begin + self.content + self.end
    }
}

/// Finds where frames end, and remembers how far it has looked. It is asked again with more bytes, or without those
/// that it has told of.
#[derive(Clone, Debug)]
pub(super) enum Cutter {
    Ended(Ended),
    AnyLineEnd(AnyLineEnd),
    Marks(Marks),
    Fixed(Fixed),
    Lengths(Lengths),
    Blocks(Blocks),
    Values(Values),
}

impl Cutter {
    /// Looks at the front of `bytes`, for a frame whose content has up to `limit` bytes.
    pub(super) fn look(&mut self, bytes: &[u8], limit: usize) -> Look {
        match self {
            Self::Ended(cutter) => cutter.look(bytes, limit),
            Self::AnyLineEnd(cutter) => cutter.look(bytes, limit),
            Self::Marks(cutter) => cutter.look(bytes, limit),
            Self::Fixed(cutter) => cutter.look(bytes),
            Self::Lengths(cutter) => cutter.look(bytes, limit),
            Self::Blocks(cutter) => cutter.look(bytes, limit),
            Self::Values(cutter) => cutter.look(bytes, limit),
        }
    }

    /// What of `bytes` is left at the end of the stream, in which no more was found.
    pub(super) fn look_at_end(&self, bytes: &[u8]) -> Look {
        let count = bytes.len();
        let (is_told, is_within) = match self {
            Self::Ended(cutter) => (cutter.is_too_long(), true),
            Self::AnyLineEnd(cutter) => (cutter.is_too_long(), true),
            Self::Marks(cutter) => (cutter.is_too_long(), cutter.is_within()),
            Self::Fixed(_) => (false, true),
            Self::Lengths(cutter) => (cutter.is_too_long(), true),
            Self::Blocks(cutter) => (cutter.is_too_long(), bytes.starts_with(b"#")),
            Self::Values(cutter) => (cutter.is_too_long(), cutter.is_within()),
        };
        match (is_told, is_within) {
            _ if bytes.is_empty() => Look::More,
            (true, _) => Look::Nothing(count),
            (false, true) => Look::Unended(count),
            (false, false) => Look::Noise(count),
        }
    }
}

/// Tells of the bytes in front of a frame, which is `next` there if it was found, or else is not before there: as
/// noise, in pieces that do not depend on those in which the bytes came. What is `searched` is noted.
pub(super) fn noise(next: Result<usize, usize>, limit: usize, searched: &mut usize) -> Look {
    let most = limit.max(1);
    let (Ok(at) | Err(at)) = next;
    let count = if next.is_ok() || at >= most { at.min(most) } else { 0 };
    *searched = at - count;
    if count > 0 { Look::Noise(count) } else { Look::More }
}
