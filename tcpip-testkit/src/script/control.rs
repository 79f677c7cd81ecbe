//! The names of control characters.

use super::notation::CONTROL_NAMES;

/// Further names: blanks and what is beyond ASCII's control characters, flow control, and telnet's commands.
const OTHERS: [(&str, u8); 12] = [
    ("SP", 0x20),
    ("DEL", 0x7f),
    ("XON", 0x11),
    ("XOFF", 0x13),
    ("IAC", 255),
    ("WILL", 251),
    ("WONT", 252),
    ("DO", 253),
    ("DONT", 254),
    ("SB", 250),
    ("SE", 240),
    ("GA", 249),
];

/// The byte of this name, with the name.
pub(crate) fn byte(name: &str) -> Option<(&'static str, u8)> {
    let ascii = CONTROL_NAMES.into_iter().zip(0..);
    ascii.chain(OTHERS).find(|(known, _)| *known == name)
}
