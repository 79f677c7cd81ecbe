//! The encodings of text messages.

use std::{borrow::Cow, fmt, str::FromStr};

use crate::{OptionError, ReadError, WriteError};

/// How the text of a message becomes bytes and back. Strict in both directions.
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
}

impl Encoding {
    /// The label that this library prints.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Ascii => "ascii",
            Self::Latin1 => "latin-1",
        }
    }

    /// The bytes of `text`, borrowed where they are those of `text` itself.
    ///
    /// # Errors
    ///
    /// [`WriteError::Encode`] if the encoding lacks one of the characters.
    pub fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, WriteError> {
        if self == Self::Utf8 || text.is_ascii() {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        let one_byte = |character: char| match u8::try_from(character) {
            Ok(byte) if self == Self::Latin1 || byte.is_ascii() => Ok(byte),
            _ => Err(WriteError::Encode { encoding: self, character }),
        };
        text.chars().map(one_byte).collect::<Result<_, _>>().map(Cow::Owned)
    }

    /// The text of `bytes`, borrowed where it is those bytes themselves.
    ///
    /// # Errors
    ///
    /// [`ReadError::Decode`] with the bytes, if they are not text in this encoding.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, ReadError> {
        let valid = match self {
            Self::Utf8 => str::from_utf8(bytes).ok(),
            Self::Ascii | Self::Latin1 => bytes.is_ascii().then(|| str::from_utf8(bytes).ok()).flatten(),
        };
        match valid {
            Some(text) => Ok(Cow::Borrowed(text)),
            None if self == Self::Latin1 => Ok(bytes.iter().copied().map(char::from).collect::<String>().into()),
            None => Err(ReadError::Decode { encoding: self, bytes: bytes.to_vec() }),
        }
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
