//! What is done to content so that no mark is in it.

use bytes::Bytes;

use super::marks::{Code, Escape};

/// How content is written.
#[derive(Clone, Debug)]
pub(super) enum Coding {
    /// As it is.
    Plain,
    Escaped(Escape),
    Cobs,
}

/// That of SLIP (RFC 1055).
pub(super) const SLIP: Escape = Escape { byte: 0xDB, code: Code::Table(&[(0xC0, 0xDC), (0xDB, 0xDD)]) };

impl Coding {
    /// Writes `content`, in which none of `marks`, and not what they begin with, is left.
    pub(super) fn encode(&self, content: &[u8], marks: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Plain => content.to_vec(),
            Self::Cobs => cobs::encode_vec(content),
            Self::Escaped(escape) => {
                let mut encoded = Vec::with_capacity(content.len());
                for &byte in content {
                    match escape.code_of(byte, marks) {
                        Some(code) => encoded.extend([escape.byte, code]),
                        None => encoded.push(byte),
                    }
                }
                encoded
            }
        }
    }

    /// The content again. `None` if no content is written so.
    pub(super) fn decode(&self, encoded: &Bytes, marks: &[&[u8]]) -> Option<Bytes> {
        match self {
            Self::Plain => Some(encoded.clone()),
            Self::Cobs => cobs::decode_vec(encoded).ok().map(Bytes::from),
            Self::Escaped(escape) => {
                let mut content = Vec::with_capacity(encoded.len());
                let mut bytes = encoded.iter();
                while let Some(&byte) = bytes.next() {
                    content.push(if byte == escape.byte { escape.byte_of(*bytes.next()?, marks)? } else { byte });
                }
                Some(content.into())
            }
        }
    }
}

impl Escape {
    /// What follows the escape for `byte`, if that is to be escaped.
    fn code_of(&self, byte: u8, marks: &[&[u8]]) -> Option<u8> {
        match self.code {
            Code::Table(pairs) => pairs.iter().find(|pair| pair.0 == byte).map(|pair| pair.1),
            _ if byte != self.byte && !marks.iter().any(|mark| mark.first() == Some(&byte)) => None,
            Code::Itself => Some(byte),
            Code::Xor(mask) => Some(byte ^ mask),
        }
    }

    /// The byte for which `code` follows the escape. HDLC may escape any.
    fn byte_of(&self, code: u8, marks: &[&[u8]]) -> Option<u8> {
        match self.code {
            Code::Table(pairs) => pairs.iter().find(|pair| pair.1 == code).map(|pair| pair.0),
            Code::Itself => self.code_of(code, marks),
            Code::Xor(mask) => Some(code ^ mask),
        }
    }
}
