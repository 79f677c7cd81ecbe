//! Frames of a size that is fixed, or that a header says.

use super::{
    Unframable,
    cut::{Look, Whole},
};

/// Frames of so many bytes.
#[derive(Clone, Debug)]
pub(super) struct Fixed(pub(super) usize);

impl Fixed {
    pub(super) fn look(&self, bytes: &[u8]) -> Look {
        if bytes.len() < self.0 { Look::More } else { Look::Frame(Whole { begin: 0, content: self.0, end: 0 }) }
    }
}

/// Where a header says how long its frame is, and how.
///
/// By default the length is in front of all, big-endian, counts what is behind it, and is no part of the content.
///
/// ```
/// use tcpip_core::{Framing, LengthField};
///
/// // A Modbus/TCP frame: the length, of what is behind it, is in the fifth and sixth byte of seven that are kept.
/// let modbus = Framing::length_prefixed(LengthField::of_bytes(2).at(4).kept());
/// assert_eq!(modbus.frame(b"\0\x01\0\0\0\0\x01\x03\0\0\0\x02")?, b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x02");
/// # Ok::<(), tcpip_core::Unframable>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LengthField {
    width: usize,
    offset: usize,
    is_little_endian: bool,
    adjustment: i64,
    is_kept: bool,
}

impl LengthField {
    /// A length of so many bytes.
    ///
    /// # Panics
    ///
    /// If these are none, or more than 8.
    #[must_use]
    pub fn of_bytes(width: usize) -> Self {
        assert!((1..=8).contains(&width), "a length has 1 to 8 bytes");
        Self { width, offset: 0, is_little_endian: false, adjustment: 0, is_kept: false }
    }

    /// The length is behind so many bytes of the header. By default it is in front.
    #[must_use]
    pub fn at(self, offset: usize) -> Self {
        Self { offset, ..self }
    }

    /// The length is little-endian. By default it is big-endian.
    #[must_use]
    pub fn little_endian(self) -> Self {
        Self { is_little_endian: true, ..self }
    }

    /// So many bytes more follow the length than it says, or less if that is negative: a length that counts itself and
    /// what is in front of it too is adjusted by their number, negative. By default 0.
    #[must_use]
    pub fn adjusted_by(self, bytes: i64) -> Self {
        Self { adjustment: bytes, ..self }
    }

    /// The header is part of the content, also of what is written: its length is then put in, whatever is there. By
    /// default it is taken away when a frame is read, and is zero but for the length when one is written.
    #[must_use]
    pub fn kept(self) -> Self {
        Self { is_kept: true, ..self }
    }

    fn header(&self) -> usize {
        self.offset + self.width
    }

    /// The header of a frame with that `content`, and how much of the content it is.
    pub(super) fn header_of(&self, content: &[u8]) -> Result<(Vec<u8>, usize), Unframable> {
        let kept = if self.is_kept { self.header() } else { 0 };
        let mut header = content.get(..kept).ok_or(Unframable::WrongSize)?.to_vec();
        header.resize(self.header(), 0);
        let behind = i64::try_from(content.len() - kept).map_err(|_| Unframable::TooLong)?;
        let length = behind.checked_sub(self.adjustment).ok_or(Unframable::TooLong)?;
        let length = u64::try_from(length).map_err(|_| Unframable::WrongSize)?;
        if self.width < 8 && length >> (8 * self.width) > 0 {
            return Err(Unframable::TooLong);
        }
        let field = &mut header[self.offset..];
        field.copy_from_slice(&length.to_be_bytes()[8 - self.width..]);
        if self.is_little_endian {
            field.reverse();
        }
        Ok((header, kept))
    }

    /// How many bytes follow the header.
    fn read(&self, header: &[u8]) -> Option<u64> {
        let fold = |length: u64, byte: &u8| length << 8 | u64::from(*byte);
        let field = &header[self.offset..self.header()];
        let length = if self.is_little_endian { field.iter().rev().fold(0, fold) } else { field.iter().fold(0, fold) };
        length.checked_add_signed(self.adjustment)
    }
}

/// Frames whose length is in their header.
#[derive(Clone, Debug)]
pub(super) struct Lengths {
    field: LengthField,
    /// How much is left of a frame that is too long, which has been told.
    too_long: u64,
}

impl Lengths {
    pub(super) fn new(field: LengthField) -> Self {
        Self { field, too_long: 0 }
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.too_long > 0
    }

    pub(super) fn look(&mut self, bytes: &[u8], limit: usize) -> Look {
        if self.too_long > 0 {
            let dropped = usize::try_from(self.too_long).unwrap_or(usize::MAX).min(bytes.len());
            self.too_long -= dropped as u64;
            return Look::Nothing(dropped);
        }
        let header = self.field.header();
        let Some(front) = bytes.get(..header) else { return Look::More };
        let Some(length) = self.field.read(front) else { return Look::BadLength(header) };
        let (begin, kept) = if self.field.is_kept { (0, header) } else { (header, 0) };
        match usize::try_from(length).ok().and_then(|length| length.checked_add(kept)) {
            Some(content) if content <= limit => {
                let whole = Whole { begin, content, end: 0 };
                if bytes.len() < whole.len() { Look::More } else { Look::Frame(whole) }
            }
            _ => {
                self.too_long = length;
                Look::TooLong(header)
            }
        }
    }
}
