//! The encodings of text messages.

mod one_byte;
mod wide;

use std::{borrow::Cow, fmt, str::FromStr};

use self::{
    one_byte::{ascii_byte, cp1252_byte, cp1252_character, latin1_byte},
    wide::{MARK, Order, by_mark, decode_utf16, decode_utf32, encode_utf16, encode_utf32},
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8, without a byte-order mark. Labels: `utf-8`, `utf8`.
    #[default]
    Utf8,
    /// Seven-bit ASCII. Label: `ascii`.
    Ascii,
    /// ISO 8859-1: all 256 bytes, one to one. Labels: `latin-1`, `latin1`, `iso-8859-1`.
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
    /// [`WriteError::Encode`] if the encoding lacks one of the characters.
    pub fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, WriteError> {
        let marked = std::iter::once(MARK).chain(text.chars());
        let bytes = match self {
            Self::Utf8 => return Ok(Cow::Borrowed(text.as_bytes())),
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
        let strict = |character| byte(character).ok_or(WriteError::Encode { encoding: self, character });
        text.chars().map(strict).collect::<Result<_, _>>().map(Cow::Owned)
    }

    /// The text of `bytes`, borrowed where it is those bytes themselves.
    ///
    /// # Errors
    ///
    /// [`ReadError::Decode`] with the bytes, if they are not text in this encoding.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, ReadError> {
        let text = match self {
            Self::Utf8 => str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Ascii | Self::Latin1 | Self::Cp1252 if bytes.is_ascii() => {
                str::from_utf8(bytes).ok().map(Cow::Borrowed)
            }
            Self::Ascii => None,
            Self::Latin1 => Some(bytes.iter().copied().map(char::from).collect()),
            Self::Cp1252 => bytes.iter().copied().map(cp1252_character).collect::<Option<String>>().map(Cow::Owned),
            Self::Utf16 => {
                let (order, unmarked) = by_mark(bytes, |order| encode_utf16([MARK].into_iter(), order));
                decode_utf16(unmarked, order).map(Cow::Owned)
            }
            Self::Utf16Le => decode_utf16(bytes, Order::Little).map(Cow::Owned),
            Self::Utf16Be => decode_utf16(bytes, Order::Big).map(Cow::Owned),
            Self::Utf32 => {
                let (order, unmarked) = by_mark(bytes, |order| encode_utf32([MARK].into_iter(), order));
                decode_utf32(unmarked, order).map(Cow::Owned)
            }
            Self::Utf32Le => decode_utf32(bytes, Order::Little).map(Cow::Owned),
            Self::Utf32Be => decode_utf32(bytes, Order::Big).map(Cow::Owned),
        };
        text.ok_or_else(|| ReadError::Decode { encoding: self, bytes: bytes.to_vec() })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.label())
    }
}

impl FromStr for Encoding {
    type Err = OptionError;

    /// Reads a label, in any case, with `-` or `_`.
    fn from_str(label: &str) -> Result<Self, OptionError> {
        match label.to_ascii_lowercase().replace('_', "-").as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "ascii" => Ok(Self::Ascii),
            "latin-1" | "latin1" | "iso-8859-1" => Ok(Self::Latin1),
            "cp1252" => Ok(Self::Cp1252),
            "utf-16" => Ok(Self::Utf16),
            "utf-16-le" => Ok(Self::Utf16Le),
            "utf-16-be" => Ok(Self::Utf16Be),
            "utf-32" => Ok(Self::Utf32),
            "utf-32-le" => Ok(Self::Utf32Le),
            "utf-32-be" => Ok(Self::Utf32Be),
            _ => Err(OptionError::UnknownEncoding { label: label.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every label in any case and with either hyphen names its encoding; others are refused by name.
    #[test]
    fn labels_are_read_in_any_case() {
        for (label, encoding) in [
            ("UTF_8", Encoding::Utf8),
            ("utf8", Encoding::Utf8),
            ("Ascii", Encoding::Ascii),
            ("LATIN_1", Encoding::Latin1),
            ("latin1", Encoding::Latin1),
            ("ISO-8859-1", Encoding::Latin1),
            ("CP1252", Encoding::Cp1252),
            ("utf_16", Encoding::Utf16),
            ("UTF-16-LE", Encoding::Utf16Le),
            ("utf_16_be", Encoding::Utf16Be),
            ("utf-32", Encoding::Utf32),
            ("utf-32-le", Encoding::Utf32Le),
            ("utf_32_BE", Encoding::Utf32Be),
        ] {
            assert_eq!(label.parse::<Encoding>().unwrap(), encoding);
            assert_eq!(encoding.to_string().parse::<Encoding>().unwrap(), encoding);
        }
        assert_eq!("klingon".parse::<Encoding>().unwrap_err().to_string(), "unknown encoding \"klingon\"");
    }

    /// Latin-1 maps all 256 bytes one to one; ASCII refuses the upper half in both directions.
    #[test]
    fn one_byte_encodings_are_strict() {
        let all: Vec<u8> = (0..=255).collect();
        let text = Encoding::Latin1.decode(&all).unwrap();
        assert_eq!(text.chars().map(u32::from).collect::<Vec<_>>(), (0..=255).collect::<Vec<_>>());
        assert_eq!(&*Encoding::Latin1.encode(&text).unwrap(), &all);
        assert!(matches!(Encoding::Latin1.encode("€"), Err(WriteError::Encode { character: '€', .. })));
        assert!(matches!(Encoding::Ascii.encode("aé"), Err(WriteError::Encode { character: 'é', .. })));
        assert!(matches!(Encoding::Ascii.decode(b"a\x80"), Err(ReadError::Decode { bytes, .. }) if bytes == b"a\x80"));
        assert!(matches!(Encoding::Utf8.decode(b"\xff"), Err(ReadError::Decode { .. })));
        assert_eq!(Encoding::Utf8.encode("aé").unwrap(), "aé".as_bytes());
    }
}
