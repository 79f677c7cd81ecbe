//! Reads a JSON value as a script expects it, as far as it has come.

use std::collections::HashSet;

use super::{
    captures::{Scope, Unset},
    json_match::{self, Misfit, fits},
    json_value::{Reader, Value, ValueKind},
};
use crate::script::program::{Hole, JsonKind, JsonPattern};

/// Where the value at the front ends that fits.
///
/// It is read from left to right, and no byte is looked at behind one that does not fit. So that is told as soon as it
/// has come, and whatever comes behind it:
///
/// - a byte that is not of JSON,
/// - the first byte of a value, if those that are expected begin otherwise,
/// - an element of an array that does not fit, with its last byte, or as soon as that is told of it,
/// - the comma behind the last element that is expected, and the end of an array before that,
/// - the key of a member that is not expected.
///
/// A member that does not fit is told at the end of its object: of a key that comes again, the last counts. So is what
/// is within a member.
pub(super) fn read(pattern: &JsonPattern, bytes: &[u8], scope: &mut Scope<'_>) -> Result<usize, Misfit> {
    let mut reader = Reader::new(bytes);
    reader.expected(pattern, scope)?;
    Ok(reader.at)
}

impl Reader<'_> {
    fn expected(&mut self, pattern: &JsonPattern, scope: &mut Scope<'_>) -> Result<(), Misfit> {
        self.behind_blanks()?;
        let start = self.at;
        if !begins(pattern, &self.bytes[start..], scope)? {
            return Err(Misfit::Not(start));
        }
        let value = match pattern {
            JsonPattern::Array { elements, open } => {
                return self.nested(|reader| reader.expected_array(elements, *open, scope));
            }
            JsonPattern::Object { members, open: false } => {
                let keys: HashSet<&str> = members.iter().map(|(key, _)| &**key).collect();
                let kind: ValueKind = self.nested(|reader| reader.object(|key| keys.contains(key)))?;
                Value { kind, range: start..self.at }
            }
            _ => self.value()?,
        };
        fits(pattern, &value, self.bytes, scope)
    }

    fn expected_array(&mut self, elements: &[JsonPattern], open: bool, scope: &mut Scope<'_>) -> Result<(), Misfit> {
        let mut elements = elements.iter();
        if self.behind_blanks()? != b']' {
            loop {
                match elements.next() {
                    Some(element) => self.expected(element, scope)?,
                    None if open => drop(self.value()?),
                    None => return Err(Misfit::Not(self.at)),
                }
                if self.behind_blanks()? == b']' {
                    break;
                }
                self.take(|byte| byte == b',' && (open || elements.len() > 0))?;
            }
        }
        self.take(|_| elements.len() == 0)?;
        Ok(())
    }
}

/// Whether a value that begins with these bytes, one at least, may be one that is expected.
fn begins(pattern: &JsonPattern, there: &[u8], scope: &Scope<'_>) -> Result<bool, Unset> {
    let is = |sign| there[0] == sign;
    // `-` alone may become a number or `-Infinity`.
    let is_number = || there[0].is_ascii_digit() || (is(b'-') && there.get(1) != Some(&b'I'));
    let is_constant = |constant: &[u8]| constant.iter().zip(there).all(|(expected, byte)| expected == byte);
    Ok(match pattern {
        JsonPattern::Any | JsonPattern::Hole(Hole { kind: JsonKind::Any, .. }) => true,
        JsonPattern::Array { .. } => is(b'['),
        JsonPattern::Object { .. } => is(b'{'),
        JsonPattern::String(_) | JsonPattern::Hole(Hole { kind: JsonKind::Word | JsonKind::Regex(_), .. }) => is(b'"'),
        JsonPattern::Constant(constant) => is_constant(constant.as_bytes()),
        JsonPattern::Number(_) | JsonPattern::Hole(Hole { kind: JsonKind::Int, .. }) => is_number(),
        JsonPattern::Hole(Hole { kind: JsonKind::Digits, .. }) => there[0].is_ascii_digit(),
        JsonPattern::Hole(Hole { kind: JsonKind::Number, .. }) => {
            is_number() || [&b"NaN"[..], b"Infinity", b"-Infinity"].into_iter().any(is_constant)
        }
        JsonPattern::Captured(name) => match json_match::value_of(scope.get(name)?).trim_ascii() {
            [sign @ (b'"' | b'[' | b'{'), ..] => is(*sign),
            [b'0'..=b'9', ..] | [b'-', b'0'..=b'9', ..] => is_number(),
            constant => is_constant(constant),
        },
    })
}
