//! The encodings of text messages.

mod labels;
mod one_byte;
mod wide;

use std::{borrow::Cow, fmt, str::FromStr};

use self::{
    one_byte::{ascii_byte, cp1252_byte, cp1252_character, decode_bytewise, latin1_byte},
    wide::{MARK, Order, decode_marked, decode_utf16, decode_utf32, encode_utf16, encode_utf32},
};
use crate::{OptionError, ReadError, WriteError};

/// How the text of a message becomes bytes and back: strict in both directions, and equal to Python's codec of the
/// same label.
///
/// A terminator is bytes, not text: with the encodings of several bytes a unit, bytes of a character may look like it.
/// A message in which they do is refused when it is written; a peer that writes one cuts it in two.
///
/// ```
/// use tcpip_core::Encoding;
///
/// let encoding: Encoding = "Latin-1".parse()?;
/// assert_eq!(encoding, Encoding::Latin1);
/// assert!("utf-7".parse::<Encoding>().is_err());
/// # Ok::<(), tcpip_core::OptionError>(())
/// ```
/// # Labels
///
/// An encoding is parsed from each label that Python's `codecs.lookup` knows it by: `utf-8` is also `U8`, `UTF_8` and
/// `utf 8`, and ISO 8859-1 is `latin-1`, `l1`, `iso8859-1` and `cp819`. Case does not matter, and one or several
/// characters that are no letter, digit or dot are as good as a hyphen.
///
/// # Positions
///
/// The errors tell where the first offence is, in bytes: of the text that was to be encoded, or of the frame that was
/// to be decoded, a byte-order mark included. In a frame it is the first byte of the sequence that is no character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8, without a byte-order mark: one that is sent or read is a character. Label: `utf-8`.
    #[default]
    Utf8,
    /// UTF-8 with a byte-order mark, the bytes EF BB BF, before every message; read without it too. Label: `utf-8-sig`.
    Utf8Sig,
    /// Seven-bit ASCII. Label: `ascii`.
    Ascii,
    /// ISO 8859-1: all 256 bytes, one to one. Label: `latin-1`.
    Latin1,
    /// Windows code page 1252, five of whose bytes are undefined. Label: `cp1252`.
    Cp1252,
    /// UTF-16 in this machine's byte order, with a byte-order mark before every message; read in the order that the
    /// mark tells. Label: `utf-16`.
    Utf16,
    /// UTF-16, little-endian, without a mark. Label: `utf-16-le`.
    Utf16Le,
    /// UTF-16, big-endian, without a mark. Label: `utf-16-be`.
    Utf16Be,
    /// UTF-32 in this machine's byte order, with a byte-order mark before every message; read in the order that the
    /// mark tells. Label: `utf-32`.
    Utf32,
    /// UTF-32, little-endian, without a mark. Label: `utf-32-le`.
    Utf32Le,
    /// UTF-32, big-endian, without a mark. Label: `utf-32-be`.
    Utf32Be,
}

impl Encoding {
    /// The label that this library prints.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf8Sig => "utf-8-sig",
            Self::Ascii => "ascii",
            Self::Latin1 => "latin-1",
            Self::Cp1252 => "cp1252",
            Self::Utf16 => "utf-16",
            Self::Utf16Le => "utf-16-le",
            Self::Utf16Be => "utf-16-be",
            Self::Utf32 => "utf-32",
            Self::Utf32Le => "utf-32-le",
            Self::Utf32Be => "utf-32-be",
        }
    }

    /// The bytes of `text`, borrowed where they are those of `text` itself.
    ///
    /// # Errors
    ///
    /// [`WriteError::Encode`] with the first character that the encoding lacks, and where it stands.
    pub fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, WriteError> {
        let marked = std::iter::once(MARK).chain(text.chars());
        let bytes = match self {
            Self::Utf8 => return Ok(Cow::Borrowed(text.as_bytes())),
            Self::Utf8Sig => marked.collect::<String>().into_bytes(),
            Self::Ascii => return self.encode_bytewise(text, ascii_byte),
            Self::Latin1 => return self.encode_bytewise(text, latin1_byte),
            Self::Cp1252 => return self.encode_bytewise(text, cp1252_byte),
            Self::Utf16 => encode_utf16(marked, Order::NATIVE),
            Self::Utf16Le => encode_utf16(text.chars(), Order::Little),
            Self::Utf16Be => encode_utf16(text.chars(), Order::Big),
            Self::Utf32 => encode_utf32(marked, Order::NATIVE),
            Self::Utf32Le => encode_utf32(text.chars(), Order::Little),
            Self::Utf32Be => encode_utf32(text.chars(), Order::Big),
        };
        Ok(Cow::Owned(bytes))
    }

    /// Encodes with an encoding in which ASCII characters are their own bytes.
    fn encode_bytewise(self, text: &str, byte: impl Fn(char) -> Option<u8>) -> Result<Cow<'_, [u8]>, WriteError> {
        if text.is_ascii() {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        let strict =
            |(position, character)| byte(character).ok_or(WriteError::Encode { encoding: self, character, position });
        text.char_indices().map(strict).collect::<Result<_, _>>().map(Cow::Owned)
    }

    /// The text of `bytes`, borrowed where it is those bytes themselves.
    ///
    /// # Errors
    ///
    /// [`ReadError::Decode`] with the bytes, if they are not text in this encoding, and where they cease to be.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, ReadError> {
        let text = match self {
            Self::Utf8Sig if bytes.starts_with(UTF8_MARK) => decode_utf8(bytes, UTF8_MARK.len()),
            Self::Utf8 | Self::Utf8Sig => decode_utf8(bytes, 0),
            Self::Ascii | Self::Latin1 | Self::Cp1252 if bytes.is_ascii() => decode_utf8(bytes, 0),
            Self::Ascii => decode_bytewise(bytes, |byte| byte.is_ascii().then_some(char::from(byte))),
            Self::Latin1 => decode_bytewise(bytes, |byte| Some(char::from(byte))),
            Self::Cp1252 => decode_bytewise(bytes, cp1252_character),
            Self::Utf16 => decode_marked(bytes, encode_utf16, decode_utf16).map(Cow::Owned),
            Self::Utf16Le => decode_utf16(bytes, Order::Little).map(Cow::Owned),
            Self::Utf16Be => decode_utf16(bytes, Order::Big).map(Cow::Owned),
            Self::Utf32 => decode_marked(bytes, encode_utf32, decode_utf32).map(Cow::Owned),
            Self::Utf32Le => decode_utf32(bytes, Order::Little).map(Cow::Owned),
            Self::Utf32Be => decode_utf32(bytes, Order::Big).map(Cow::Owned),
        };
        text.map_err(|position| ReadError::Decode { encoding: self, bytes: bytes.to_vec(), position })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.label())
    }
}

impl FromStr for Encoding {
    type Err = OptionError;

    /// Reads a label, as Python's `codecs.lookup` does.
    fn from_str(label: &str) -> Result<Self, OptionError> {
        labels::find(label).ok_or_else(|| OptionError::UnknownEncoding { label: label.to_owned() })
    }
}

/// The text behind the first `skipped` bytes, or where the bytes cease to be text.
fn decode_utf8(bytes: &[u8], skipped: usize) -> Result<Cow<'_, str>, usize> {
    str::from_utf8(&bytes[skipped..]).map(Cow::Borrowed).map_err(|error| skipped + error.valid_up_to())
}

/// The byte-order mark in UTF-8, where it tells no order.
const UTF8_MARK: &[u8] = "\u{feff}".as_bytes();

#[cfg(test)]
mod tests {
    use super::*;

    /// Latin-1 maps all 256 bytes one to one; ASCII refuses the upper half in both directions.
    #[test]
    fn one_byte_encodings_are_strict() {
        let all: Vec<u8> = (0..=255).collect();
        let text = Encoding::Latin1.decode(&all).unwrap();
        assert_eq!(text.chars().map(u32::from).collect::<Vec<_>>(), (0..=255).collect::<Vec<_>>());
        assert_eq!(&*Encoding::Latin1.encode(&text).unwrap(), &all);
        assert!(matches!(Encoding::Latin1.encode("€"), Err(WriteError::Encode { character: '€', position: 0, .. })));
        assert!(matches!(Encoding::Ascii.encode("aé"), Err(WriteError::Encode { character: 'é', position: 1, .. })));
        assert!(matches!(Encoding::Ascii.decode(b"a\x80"), Err(ReadError::Decode { bytes, .. }) if bytes == b"a\x80"));
        assert!(matches!(Encoding::Utf8.decode(b"\xff"), Err(ReadError::Decode { .. })));
        assert_eq!(Encoding::Utf8.encode("aé").unwrap(), "aé".as_bytes());
    }
}
