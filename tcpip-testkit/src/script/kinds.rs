//! What the kinds of holes take that end where something follows that cannot belong to them.

use memchr::memmem;

use super::program::HoleKind;

/// What is taken of the bytes that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) length: usize,
    /// Whether it is all that the kind asks for.
    pub(crate) is_whole: bool,
}

/// Whether a byte behind a hole of this kind could belong to it. `None` for the kinds that know their end.
pub(crate) fn goes_on(kind: &HoleKind) -> Option<fn(u8) -> bool> {
    match kind {
        // It ends where what follows occurs, whatever that is.
        HoleKind::UpTo(..) => Some(|_| false),
        HoleKind::Digits | HoleKind::Int => Some(|byte| byte.is_ascii_digit()),
        // `inf` goes on as `infinity`.
        HoleKind::Number => Some(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'_' | b'e' | b'E' | b'i' | b'I')),
        HoleKind::Word => Some(is_of_word),
        HoleKind::Exactly(_) | HoleKind::Json(_) | HoleKind::Block => None,
    }
}

/// Whether a hole of this kind takes just these bytes, before what ends it. Of JSON and blocks that is not seen here.
pub(crate) fn takes_all(kind: &HoleKind, bytes: &[u8]) -> bool {
    match kind {
        HoleKind::Exactly(count) => bytes.len() == *count,
        HoleKind::UpTo(literal, regex) => {
            memmem::find(&[bytes, literal].concat(), literal) == Some(bytes.len())
                && regex.as_ref().is_none_or(|regex| regex.is_match(bytes))
        }
        HoleKind::Digits | HoleKind::Int | HoleKind::Number | HoleKind::Word => {
            token(kind, bytes) == Token { length: bytes.len(), is_whole: true }
        }
        HoleKind::Json(_) | HoleKind::Block => true,
    }
}

pub(crate) fn is_of_json_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E')
}

/// All but blanks and control characters.
pub(crate) fn is_of_word(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f
}

/// As many bytes as can belong to a hole of this kind.
pub(crate) fn token(kind: &HoleKind, bytes: &[u8]) -> Token {
    match kind {
        HoleKind::Digits => run(bytes, 0, |byte| byte.is_ascii_digit()),
        HoleKind::Int => {
            let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
            run(bytes, sign, |byte| byte.is_ascii_digit())
        }
        HoleKind::Number => number(bytes),
        _ => run(bytes, 0, is_of_word),
    }
}

fn run(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> Token {
    let count = bytes[from..].iter().take_while(|byte| belongs(**byte)).count();
    Token { length: from + count, is_whole: count > 0 }
}

/// How much of a number has been read, as Python's `float` reads it.
#[derive(Clone, Copy)]
enum Number {
    Begin,
    Sign,
    Whole,
    WholeGap,
    /// A point without a digit before it.
    BarePoint,
    Point,
    Fraction,
    FractionGap,
    Exponent,
    ExponentSign,
    Power,
    PowerGap,
    /// So many letters of `infinity` or `nan`.
    Infinity(usize),
    Nan(usize),
}

fn number(bytes: &[u8]) -> Token {
    let mut state = Number::Begin;
    let mut length = 0;
    for byte in bytes {
        match state.then(*byte) {
            Some(next) => state = next,
            None => break,
        }
        length += 1;
    }
    let is_whole = matches!(
        state,
        Number::Whole | Number::Point | Number::Fraction | Number::Power | Number::Infinity(3 | 8) | Number::Nan(3)
    );
    Token { length, is_whole }
}

impl Number {
    fn then(self, byte: u8) -> Option<Self> {
        Some(match (self, byte.to_ascii_lowercase()) {
            (Self::Begin, b'+' | b'-') => Self::Sign,
            (Self::Begin | Self::Sign | Self::Whole | Self::WholeGap, b'0'..=b'9') => Self::Whole,
            (Self::Begin | Self::Sign, b'.') => Self::BarePoint,
            (Self::Begin | Self::Sign, b'i') => Self::Infinity(1),
            (Self::Begin | Self::Sign, b'n') => Self::Nan(1),
            (Self::Whole, b'_') => Self::WholeGap,
            (Self::Whole, b'.') => Self::Point,
            (Self::BarePoint | Self::Point | Self::Fraction | Self::FractionGap, b'0'..=b'9') => Self::Fraction,
            (Self::Fraction, b'_') => Self::FractionGap,
            (Self::Whole | Self::Point | Self::Fraction, b'e') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::ExponentSign,
            (Self::Exponent | Self::ExponentSign | Self::Power | Self::PowerGap, b'0'..=b'9') => Self::Power,
            (Self::Power, b'_') => Self::PowerGap,
            (Self::Infinity(read), letter) if b"infinity".get(read) == Some(&letter) => Self::Infinity(read + 1),
            (Self::Nan(read), letter) if b"nan".get(read) == Some(&letter) => Self::Nan(read + 1),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers are what Python's `float` reads, and are as long as they can be.
    #[test]
    fn numbers_are_those_of_python() {
        for whole in ["0", "-1", "+1.5", ".5", "5.", "1e5", "1E-9", "1_000.2_5e1_0", "inf", "-Infinity", "NaN", "00"] {
            let behind = format!("{whole} ");
            let expected = Token { length: whole.len(), is_whole: true };
            assert_eq!(token(&HoleKind::Number, behind.as_bytes()), expected, "{whole}");
            assert!(whole.replace('_', "").parse::<f64>().is_ok());
        }
        for (half, length) in [("", 0), ("-", 1), (".", 1), ("1e", 2), ("1e+", 3), ("1_", 2), ("1.5_", 4), ("info", 3)]
        {
            let token = token(&HoleKind::Number, half.as_bytes());
            assert_eq!((token.length, token.is_whole), (length, half == "info"), "{half}");
        }
        // What it would go on with is what must not follow it.
        let goes_on = goes_on(&HoleKind::Number).unwrap();
        for whole in ["1", "1.", "1.5", "1e5", "inf", "infinity", "nan"] {
            for byte in 0..=255 {
                let bytes = [whole.as_bytes(), &[byte]].concat();
                assert!(goes_on(byte) || token(&HoleKind::Number, &bytes).length == whole.len(), "{whole} {byte}");
            }
        }
    }

    #[test]
    fn other_kinds_take_what_belongs_to_them() {
        for (kind, bytes, length, is_whole) in [
            (HoleKind::Digits, &b"007x"[..], 3, true),
            (HoleKind::Digits, b"-7", 0, false),
            (HoleKind::Int, b"-7-", 2, true),
            (HoleKind::Int, b"+x", 1, false),
            (HoleKind::Word, b"a-\xffb c", 4, true),
            (HoleKind::Word, b"\x7f", 0, false),
        ] {
            assert_eq!(token(&kind, bytes), Token { length, is_whole }, "{kind:?} {bytes:?}");
        }
    }
}
