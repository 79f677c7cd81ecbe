//! The numbers of JSON, which are exact or refused.

use memchr::memchr_iter;
use serde::de::{Error as _, Visitor};
use serde_json::{Error, Result};

/// The fewest digits of an integer beyond 64 bits: those of the lowest one, which has a sign.
const FEWEST: usize = 19;

/// How many characters of a number an error shows.
const SHOWN: usize = 60;

/// The type that a number is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    F32,
    F64,
    Any,
}

/// Whether a text may have integers that `serde_json` makes floats of: -0, and those of more than 64 bits.
///
/// This precedes each reading, and so looks at hyphens, and at few bytes more than those that are as far from each
/// other as such an integer is long. What looks like one within a string is taken for one; that costs time, and
/// nothing else.
pub(super) fn has_integers_beyond_json(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_integer_to = |end: usize| !matches!(bytes.get(end), Some(b'.' | b'e' | b'E' | b'0'..=b'9'));
    if memchr_iter(b'-', bytes).any(|at| bytes.get(at + 1) == Some(&b'0') && is_integer_to(at + 2)) {
        return true;
    }
    // Always at the beginning of the text, behind a byte that is no digit, or at one.
    let mut begin = 0;
    while let Some(digits) = bytes.get(begin..begin + FEWEST) {
        if let Some(other) = digits.iter().rposition(|byte| !byte.is_ascii_digit()) {
            begin += other + 1;
            continue;
        }
        let end = begin + bytes[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let before = bytes[..begin].last();
        let integer = &text[begin - usize::from(before == Some(&b'-'))..end];
        if before != Some(&b'.') && is_integer_to(end) && !fits_64_bits(integer) {
            return true;
        }
        begin = end;
    }
    false
}

fn fits_64_bits(integer: &str) -> bool {
    integer.parse::<u64>().is_ok() || integer.parse::<i64>().is_ok()
}

/// The length of the number at the beginning, or where it ceases to be one.
pub(super) fn number_len(bytes: &[u8]) -> std::result::Result<usize, usize> {
    let digits = |begin: usize| match bytes[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count() {
        0 => Err(begin),
        count => Ok(begin + count),
    };
    let begin = usize::from(bytes.first() == Some(&b'-'));
    let mut len = digits(begin)?;
    if bytes[begin] == b'0' && len > begin + 1 {
        return Err(begin + 1);
    }
    if bytes.get(len) == Some(&b'.') {
        len = digits(len + 1)?;
    }
    if matches!(bytes.get(len), Some(b'e' | b'E')) {
        let has_sign = matches!(bytes.get(len + 1), Some(b'+' | b'-'));
        len = digits(len + 1 + usize::from(has_sign))?;
    }
    Ok(len)
}

/// Hands a number to a visitor.
pub(super) fn visit<'de, V: Visitor<'de>>(number: &str, wanted: Wanted, visitor: V) -> Result<V::Value> {
    let is_float = number.contains(['.', 'e', 'E']);
    if is_float || (wanted != Wanted::Any && (number == "-0" || !fits_64_bits(number))) {
        return visitor.visit_f64(float(number, wanted)?);
    }
    if let Ok(integer) = number.parse() {
        return visitor.visit_u64(integer);
    }
    if let Ok(integer) = number.parse() {
        return visitor.visit_i64(integer);
    }
    let (shown, dots) = number.split_at_checked(SHOWN).map_or((number, ""), |(shown, _)| (shown, "…"));
    let refused =
        |error: Error| Error::custom(format_args!("the integer {shown}{dots} has more than 64 bits: {error}"));
    if let Ok(integer) = number.parse() {
        return visitor.visit_u128(integer).map_err(refused);
    }
    if let Ok(integer) = number.parse() {
        return visitor.visit_i128(integer).map_err(refused);
    }
    Err(Error::custom(format_args!("the integer {shown}{dots} has more than 128 bits")))
}

/// The nearest float of the type that is wanted.
fn float(number: &str, wanted: Wanted) -> Result<f64> {
    let float = match wanted {
        Wanted::F32 => number.parse().map(|single: f32| f64::from(single)),
        Wanted::F64 | Wanted::Any => number.parse(),
    };
    float.ok().filter(|float| float.is_finite()).ok_or_else(|| Error::custom("number out of range"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Wherever such an integer stands, it is found.
        #[test]
        fn no_integer_beyond_json_is_missed(
            texts in prop::collection::vec("-?[0-9]{1,45}|-0|[0-9]{1,45}[.e][0-9]{1,45}", 1..9),
        ) {
            let is_beyond = |text: &String| text == "-0" || (!text.contains(['.', 'e']) && !fits_64_bits(text));
            let is_expected = texts.iter().any(is_beyond);
            for text in [texts.join(","), format!("[{} ]", texts.join(" , "))] {
                prop_assert!(has_integers_beyond_json(&text) || !is_expected, "{}", text);
            }
        }
    }

    /// Ordinary texts are read by `serde_json` alone.
    #[test]
    fn ordinary_numbers_need_no_reading_of_their_own() {
        for text in [
            "-0.5, -0e1, -10, 1e-05, 2024-01-05",
            "18446744073709551615, -9223372036854775808, 1790000037123456789",
            "0.12345678901234567890123456789, -12345678901234567890123.5, 12345678901234567890123e4",
        ] {
            assert!(!has_integers_beyond_json(text), "{text}");
        }
    }
}
