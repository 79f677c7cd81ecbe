//! The bytes of a step that is sent.

use super::{
    captures::{Scope, Unset},
    json_match,
};
use crate::script::{
    crc,
    program::{Part, PartKind},
    syntax::{Wrapper, tree::Check},
};

/// How much one step may send.
const MOST_BYTES: usize = 64 << 20;

/// Why a step cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unsendable {
    /// Nothing has been captured by this name.
    Unset(String),
    /// It is not known what is to be sent.
    Unknown,
    /// It is more than a length can say, or than a step may have.
    TooLong,
}

impl From<Unset> for Unsendable {
    fn from(Unset(name): Unset) -> Self {
        Self::Unset(name)
    }
}

/// What is sent for these items.
pub(super) fn bytes(parts: &[Part], scope: &mut Scope<'_>) -> Result<Vec<u8>, Unsendable> {
    let mut bytes = Vec::new();
    for part in parts {
        one(&part.kind, &mut bytes, scope)?;
        if bytes.len() > MOST_BYTES {
            return Err(Unsendable::TooLong);
        }
    }
    Ok(bytes)
}

fn one(part: &PartKind, bytes: &mut Vec<u8>, scope: &mut Scope<'_>) -> Result<(), Unsendable> {
    match part {
        PartKind::Literal(literal) => bytes.extend_from_slice(literal),
        PartKind::Captured(name) => bytes.extend_from_slice(&scope.get(name)?.bytes),
        PartKind::Hole(hole) => {
            let example = self::bytes(hole.example.as_ref().ok_or(Unsendable::Unknown)?, scope)?;
            scope.put(hole.name.as_ref(), &example, hole.kind.is_text());
            bytes.extend(example);
        }
        PartKind::Json(json) => json_match::write(&json.pattern, bytes, scope)?,
        PartKind::Wrapped(wrapper, parts) => bytes.extend(wrapped(wrapper, self::bytes(parts, scope)?)?),
        PartKind::Repeated(times, part) => {
            for _ in 0..*times {
                let before = bytes.len();
                one(&part.kind, bytes, scope)?;
                if bytes.len() == before {
                    break;
                }
                if bytes.len() > MOST_BYTES {
                    return Err(Unsendable::TooLong);
                }
            }
        }
    }
    Ok(())
}

fn wrapped(wrapper: &Wrapper, mut content: Vec<u8>) -> Result<Vec<u8>, Unsendable> {
    let length = i128::try_from(content.len()).map_err(|_| Unsendable::TooLong)?;
    Ok(match wrapper {
        Wrapper::Check(check) => {
            let sum = check_of(check, &content);
            content.extend(sum);
            content
        }
        Wrapper::Length(kind) => [kind.encode_integer(length).ok_or(Unsendable::TooLong)?, content].concat(),
        Wrapper::Block => {
            let digits = length.to_string();
            if digits.len() > 9 {
                return Err(Unsendable::TooLong);
            }
            [format!("#{}{digits}", digits.len()).into_bytes(), content].concat()
        }
    })
}

/// The bytes that check these.
pub(super) fn check_of(check: &Check, bytes: &[u8]) -> Vec<u8> {
    match check {
        Check::Xor => vec![bytes.iter().fold(0, |sum, byte| sum ^ byte)],
        Check::Sum8 => vec![bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte))],
        Check::Crc(name) => crc::sum(name, bytes).expect("the parser knows the name"),
    }
}
