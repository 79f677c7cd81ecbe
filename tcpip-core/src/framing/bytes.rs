//! The memory of a buffer.

use std::cell::Cell;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The size of the first allocation, and what is kept of the memory of a buffer that has become empty: for the next of
/// the thread that is filled, or in the buffer itself where decoders work on it.
pub(super) const KEPT: usize = 512;

thread_local! {
    /// The memory of a buffer that has become empty. So idle sessions keep none, and messages still cost no allocation.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes in one allocation, in the form that is the cheapest for those who take them out.
#[derive(Debug)]
pub(super) enum Form {
    /// As they came.
    Plain(Vec<u8>),
    /// UTF-8 as far as whole characters have come. The one that has not wholly come is behind it.
    Text(String, Cut),
    /// As decoders have them.
    Codec(BytesMut),
}

/// The bytes of a character that has not wholly come: three at most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cut {
    bytes: [u8; 3],
    len: u8,
}

impl Cut {
    fn new(bytes: &[u8]) -> Self {
        let mut cut = Self { bytes: [0; 3], len: 0 };
        for (place, byte) in cut.bytes.iter_mut().zip(bytes) {
            *place = *byte;
            cut.len += 1;
        }
        cut
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Adds a byte.
    fn push(&mut self, byte: u8) -> Added {
        let mut longer = [0; 4];
        let len = usize::from(self.len);
        longer[..len].copy_from_slice(self.bytes());
        longer[len] = byte;
        match str::from_utf8(&longer[..=len]) {
            Ok(text) => {
                *self = Self::default();
                text.chars().next().map_or(Added::StillCut, Added::Whole)
            }
            Err(error) if error.error_len().is_none() => {
                *self = Self::new(&longer[..=len]);
                Added::StillCut
            }
            Err(_) => Added::Stranger,
        }
    }
}

/// What a byte more makes of a character.
enum Added {
    Whole(char),
    StillCut,
    /// Nothing: it does not belong to it.
    Stranger,
}

impl Default for Form {
    fn default() -> Self {
        Self::Plain(Vec::new())
    }
}

impl Form {
    /// How many bytes there are, those in front that are done with included.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Text(text, cut) => text.len() + usize::from(cut.len),
            Self::Codec(bytes) => bytes.len(),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.capacity(),
            Self::Text(text, _) => text.capacity(),
            Self::Codec(bytes) => bytes.capacity(),
        }
    }

    /// The bytes, but for those of a character that has been cut.
    pub(super) fn whole(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Text(text, _) => text.as_bytes(),
            Self::Codec(bytes) => bytes,
        }
    }

    /// Whether the last character has not wholly come.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self, Self::Text(_, cut) if cut.len > 0)
    }

    /// All the bytes.
    pub(super) fn all(&mut self) -> &[u8] {
        if self.is_cut() {
            self.plain();
        }
        self.whole()
    }

    /// The bytes as they came.
    pub(super) fn plain(&mut self) -> &mut Vec<u8> {
        if !matches!(self, Self::Plain(_)) {
            *self = Self::Plain(match std::mem::take(self) {
                Self::Plain(bytes) => bytes,
                Self::Text(text, cut) => {
                    let mut bytes = text.into_bytes();
                    bytes.extend_from_slice(cut.bytes());
                    bytes
                }
                Self::Codec(bytes) => bytes.into(),
            });
        }
        match self {
            Self::Plain(bytes) => bytes,
            _ => unreachable!("it has just been made so"),
        }
    }

    /// Makes text of the bytes, if they are UTF-8, and no decoder works on them now and then: the memory is not the
    /// same. The first `start` bytes, which may be none, are let go of. Where the bytes end that are no text.
    pub(super) fn make_text(&mut self, start: &mut usize) -> Option<usize> {
        let Self::Plain(bytes) = self else { return None };
        bytes.drain(..std::mem::take(start));
        let mut bad = None;
        *self = match String::from_utf8(std::mem::take(bytes)) {
            Ok(text) => Self::Text(text, Cut::default()),
            Err(error) => {
                let reason = error.utf8_error();
                let mut bytes = error.into_bytes();
                if reason.error_len().is_none() {
                    // What is before has been checked, but only the whole can be made a string of.
                    let cut = Cut::new(&bytes[reason.valid_up_to()..]);
                    bytes.truncate(reason.valid_up_to());
                    match String::from_utf8(bytes) {
                        Ok(text) => Self::Text(text, cut),
                        Err(_) => unreachable!("it is valid up to there"),
                    }
                } else {
                    bad = reason.error_len().map(|len| reason.valid_up_to() + len);
                    Self::Plain(bytes)
                }
            }
        };
        bad
    }

    /// Appends to text as many of `bytes` as go on with it, and says how many these are. The first `start` bytes may be
    /// let go of.
    pub(super) fn append_text(&mut self, start: &mut usize, bytes: &[u8]) -> usize {
        let Self::Text(text, cut) = self else { return 0 };
        if !text.is_char_boundary(*start) {
            // A read of bytes has ended within a character, and what is left of it is no text.
            return 0;
        }
        if text.capacity() - text.len() < bytes.len() + cut.bytes.len() && *start >= text.len() / 2 {
            text.drain(..std::mem::take(start));
        }
        let mut taken = 0;
        while cut.len > 0 && taken < bytes.len() {
            match cut.push(bytes[taken]) {
                Added::Whole(character) => text.push(character),
                Added::StillCut => {}
                Added::Stranger => return taken,
            }
            taken += 1;
        }
        let rest = &bytes[taken..];
        let (valid, is_cut) = match str::from_utf8(rest) {
            Ok(rest) => (rest, false),
            Err(error) => {
                (str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default(), error.error_len().is_none())
            }
        };
        text.push_str(valid);
        if is_cut {
            *cut = Cut::new(&rest[valid.len()..]);
            return bytes.len();
        }
        taken + valid.len()
    }

    /// The bytes behind the first `start`, as decoders have them.
    pub(super) fn codec(&mut self, start: usize) -> &mut BytesMut {
        if !matches!(self, Self::Codec(_)) {
            *self = Self::Codec(Bytes::from(std::mem::take(self.plain())).into());
        }
        match self {
            Self::Codec(bytes) => {
                if start > 0 {
                    bytes.advance(start);
                }
                bytes
            }
            _ => unreachable!("it has just been made so"),
        }
    }

    /// Where to append, with room for `enough` bytes at least, for `wanted` if there is not. The first `start` bytes
    /// may be let go of.
    pub(super) fn spare(&mut self, start: &mut usize, enough: usize, wanted: usize) -> &mut dyn BufMut {
        if let Self::Codec(bytes) = self {
            bytes.advance(std::mem::take(start));
            if bytes.capacity() - bytes.len() < enough && !bytes.try_reclaim(enough) {
                bytes.reserve(wanted);
            }
            return bytes;
        }
        let bytes = self.plain();
        if bytes.capacity() - bytes.len() < enough {
            // So that no byte is moved more than a few times.
            if *start >= bytes.len() / 2 {
                bytes.drain(..std::mem::take(start));
            }
            if bytes.capacity() == 0 && wanted <= KEPT {
                *bytes = SPARE.try_with(Cell::take).unwrap_or_default();
            }
            if bytes.capacity() - bytes.len() < enough {
                bytes.reserve_exact(wanted);
            }
        }
        bytes
    }

    /// Lets go of the memory of a buffer that is empty, but for a little that decoders have.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Codec(bytes) => {
                bytes.clear();
                // Moves the empty window back to the start, after which `capacity` is that of the whole allocation.
                let _ = bytes.try_reclaim(bytes.capacity() + 1);
                // Less than the first allocation is the rest of memory that a codec has cut a frame out of, who knows
                // how large.
                if bytes.capacity() != KEPT {
                    *self = Self::default();
                }
            }
            Self::Plain(bytes) => {
                bytes.clear();
                if bytes.capacity() != KEPT {
                    *bytes = Vec::new();
                }
                // Kept if there is one already: as many buffers are in use at the same time. At the end of the thread
                // there is none.
                let _ = SPARE.try_with(|spare| {
                    let there = spare.take();
                    spare.set(if there.capacity() == 0 { std::mem::take(bytes) } else { there });
                });
            }
            Self::Text(..) => {
                self.plain();
                self.clear();
            }
        }
    }
}
