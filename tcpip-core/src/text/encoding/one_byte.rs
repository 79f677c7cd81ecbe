//! The encodings in which each byte is a character.

use std::borrow::Cow;

/// The characters of bytes 0x80 to 0x9F in Windows code page 1252; elsewhere it is the same as ISO 8859-1. Five bytes
/// are undefined.
const CP1252: [Option<char>; 32] = [
    Some('€'),
    None,
    Some('‚'),
    Some('ƒ'),
    Some('„'),
    Some('…'),
    Some('†'),
    Some('‡'),
    Some('ˆ'),
    Some('‰'),
    Some('Š'),
    Some('‹'),
    Some('Œ'),
    None,
    Some('Ž'),
    None,
    None,
    Some('‘'),
    Some('’'),
    Some('“'),
    Some('”'),
    Some('•'),
    Some('–'),
    Some('—'),
    Some('˜'),
    Some('™'),
    Some('š'),
    Some('›'),
    Some('œ'),
    None,
    Some('ž'),
    Some('Ÿ'),
];

pub(super) fn ascii_byte(character: char) -> Option<u8> {
    latin1_byte(character).filter(u8::is_ascii)
}

pub(super) fn latin1_byte(character: char) -> Option<u8> {
    u8::try_from(character).ok()
}

pub(super) fn cp1252_byte(character: char) -> Option<u8> {
    match latin1_byte(character) {
        Some(0x80..=0x9f) => None,
        Some(byte) => Some(byte),
        None => (0x80..).zip(CP1252).find_map(|(byte, defined)| (defined == Some(character)).then_some(byte)),
    }
}

pub(super) fn cp1252_character(byte: u8) -> Option<char> {
    match byte {
        0x80..=0x9f => CP1252[usize::from(byte - 0x80)],
        _ => Some(char::from(byte)),
    }
}

/// Decodes an encoding in which each byte is a character, or tells where the first is that is none.
pub(super) fn decode_bytewise(bytes: &[u8], character: impl Fn(u8) -> Option<char>) -> Result<Cow<'_, str>, usize> {
    let strict = |(position, byte): (usize, &u8)| character(*byte).ok_or(position);
    bytes.iter().enumerate().map(strict).collect::<Result<String, _>>().map(Cow::Owned)
}
