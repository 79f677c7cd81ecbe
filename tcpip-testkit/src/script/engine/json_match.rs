//! Whether a JSON value is what a script expects, and what a script sends as JSON.

use std::collections::HashMap;

use tcpip_core::JsonMode;

use super::{
    captures::{Capture, Scope, Unset},
    json_value::{self, NoValue, Value, ValueKind},
    sending::Unsendable,
};
use crate::script::{
    kinds,
    program::{Hole, JsonKind, JsonPattern},
};

/// Why a value does not fit, or not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It has not all come, and what has may become one that fits.
    More,
    /// It does not fit at this byte, whatever comes.
    Not(usize),
    /// Nothing has been captured by this name.
    Unset(String),
}

impl From<NoValue> for Misfit {
    fn from(none: NoValue) -> Self {
        match none {
            NoValue::More => Self::More,
            NoValue::Not(at) => Self::Not(at),
        }
    }
}

impl From<Unset> for Misfit {
    fn from(Unset(name): Unset) -> Self {
        Self::Unset(name)
    }
}

/// Whether this value of `bytes`, which is there as a whole, fits.
pub(super) fn fits(pattern: &JsonPattern, value: &Value, bytes: &[u8], scope: &mut Scope<'_>) -> Result<(), Misfit> {
    let raw = &bytes[value.range.clone()];
    let is_fitting = match (pattern, &value.kind) {
        (JsonPattern::Any, _) => true,
        (JsonPattern::Captured(name), _) => {
            let captured = value_of(scope.get(name)?);
            json_value::read(&terminated(&captured)).is_ok_and(|known| same(&known, &captured, value, bytes))
        }
        (JsonPattern::Hole(Hole { kind, name, .. }), found) => {
            let taken = match found {
                ValueKind::String(text) if kind.is_text() => text.as_bytes(),
                _ => raw,
            };
            let fits = is_of_kind(kind, found, raw);
            if fits {
                scope.put(name.as_ref(), taken, kind.is_text());
            }
            fits
        }
        (JsonPattern::String(expected), ValueKind::String(found)) => expected == found,
        (JsonPattern::Number(expected), ValueKind::Number) => same_number(expected.as_bytes(), raw),
        (JsonPattern::Constant(expected), ValueKind::Constant(found)) => expected == found,
        (JsonPattern::Array { elements, open }, ValueKind::Array(found)) => {
            for (pattern, value) in elements.iter().zip(found) {
                fits(pattern, value, bytes, scope)?;
            }
            match found.get(elements.len()) {
                Some(more) if !open => return Err(Misfit::Not(more.range.start)),
                _ if found.len() < elements.len() => return Err(Misfit::Not(value.range.end - 1)),
                _ => true,
            }
        }
        (JsonPattern::Object { members, open }, ValueKind::Object(found)) => {
            let known: HashMap<&str, &Value> = found.iter().map(|(key, value)| (&**key, value)).collect();
            // Of a key that is there twice, the last counts, but captures come in the order of the script.
            let last: HashMap<&str, usize> = members.iter().enumerate().map(|(at, (key, _))| (&**key, at)).collect();
            let more = found.iter().find(|(key, _)| !open && !last.contains_key(&**key));
            if let Some((_, more)) = more {
                return Err(Misfit::Not(more.range.start));
            }
            for (_, (key, pattern)) in members.iter().enumerate().filter(|(at, (key, _))| last[&**key] == *at) {
                let Some(value) = known.get(&**key) else { return Err(Misfit::Not(value.range.end - 1)) };
                fits(pattern, value, bytes, scope)?;
            }
            true
        }
        _ => false,
    };
    if is_fitting { Ok(()) } else { Err(Misfit::Not(value.range.start)) }
}

fn is_of_kind(kind: &JsonKind, value: &ValueKind, raw: &[u8]) -> bool {
    let is_integer = || matches!(value, ValueKind::Number) && is_integer(raw);
    match (kind, value) {
        (JsonKind::Digits, _) => is_integer() && raw[0] != b'-',
        (JsonKind::Int, _) => is_integer(),
        (JsonKind::Any, _)
        | (JsonKind::Number, ValueKind::Number | ValueKind::Constant("NaN" | "Infinity" | "-Infinity")) => true,
        (JsonKind::Word, ValueKind::String(text)) => !text.is_empty() && text.bytes().all(kinds::is_of_word),
        (JsonKind::Regex(regex), ValueKind::String(text)) => regex.is_match(text.as_bytes()),
        _ => false,
    }
}

/// Whether two values of two texts are the same: numbers by value, members in any order.
fn same(one: &Value, one_text: &[u8], other: &Value, other_text: &[u8]) -> bool {
    match (&one.kind, &other.kind) {
        (ValueKind::Number, ValueKind::Number) => {
            same_number(&one_text[one.range.clone()], &other_text[other.range.clone()])
        }
        (ValueKind::Constant(one), ValueKind::Constant(other)) => one == other,
        (ValueKind::String(one), ValueKind::String(other)) => one == other,
        (ValueKind::Array(ones), ValueKind::Array(others)) => {
            ones.len() == others.len()
                && ones.iter().zip(others).all(|(one, other)| same(one, one_text, other, other_text))
        }
        (ValueKind::Object(ones), ValueKind::Object(others)) => {
            let ones: HashMap<_, _> = ones.iter().map(|(key, value)| (key, value)).collect();
            let others: HashMap<_, _> = others.iter().map(|(key, value)| (key, value)).collect();
            let is_there = |(key, one): (&&String, &&Value)| {
                others.get(*key).is_some_and(|other| same(one, one_text, other, other_text))
            };
            ones.len() == others.len() && ones.iter().all(is_there)
        }
        _ => false,
    }
}

fn is_integer(number: &[u8]) -> bool {
    !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

/// Integers are compared digit by digit, others as floats.
fn same_number(one: &[u8], other: &[u8]) -> bool {
    let normal = |text| if text == "-0" { "0" } else { text };
    let (Ok(one), Ok(other)) = (str::from_utf8(one).map(normal), str::from_utf8(other).map(normal)) else {
        return false;
    };
    if is_integer(one.as_bytes()) && is_integer(other.as_bytes()) {
        return one == other;
    }
    one.parse::<f64>().is_ok_and(|one| other.parse() == Ok(one))
}

/// What a capture is in JSON: the value that it is, or else a string.
pub(super) fn value_of(capture: &Capture) -> Vec<u8> {
    let is_value = || {
        let behind = terminated(&capture.bytes);
        json_value::read(&behind).is_ok_and(|value| value.range.end == capture.bytes.len())
    };
    if !capture.is_text && is_value() {
        return capture.bytes.clone();
    }
    string(&String::from_utf8_lossy(&capture.bytes)).into_bytes()
}

/// With a blank behind it, which ends a number.
fn terminated(bytes: &[u8]) -> Vec<u8> {
    [bytes, b" "].concat()
}

/// Writes what is sent, as Python's `json.dumps` writes it.
pub(super) fn write(pattern: &JsonPattern, text: &mut Vec<u8>, scope: &mut Scope<'_>) -> Result<(), Unsendable> {
    match pattern {
        JsonPattern::Any => return Err(Unsendable::Unknown),
        JsonPattern::Captured(name) => text.extend(value_of(scope.get(name)?)),
        JsonPattern::Hole(Hole { kind, name, example }) => {
            let example = example.as_ref().ok_or(Unsendable::Unknown)?;
            let capture = Capture { bytes: super::sending::bytes(example, scope)?, is_text: kind.is_text() };
            text.extend(value_of(&capture));
            scope.put(name.as_ref(), &capture.bytes, capture.is_text);
        }
        JsonPattern::String(value) => text.extend(string(value).into_bytes()),
        JsonPattern::Number(written) => text.extend(number(written).into_bytes()),
        JsonPattern::Constant(constant) => text.extend(constant.bytes()),
        JsonPattern::Array { elements, .. } => {
            text.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                text.extend_from_slice(if index > 0 { b", " } else { b"" });
                write(element, text, scope)?;
            }
            text.push(b']');
        }
        JsonPattern::Object { members, .. } => {
            text.push(b'{');
            for (index, (key, value)) in members.iter().enumerate() {
                text.extend_from_slice(if index > 0 { b", " } else { b"" });
                text.extend(string(key).into_bytes());
                text.extend_from_slice(b": ");
                write(value, text, scope)?;
            }
            text.push(b'}');
        }
    }
    Ok(())
}

fn string(text: &str) -> String {
    JsonMode::Python.encode(text).expect("a string is JSON")
}

/// An integer as it stands, of any size, and a float as Python shows it.
fn number(written: &str) -> String {
    match written.parse::<f64>() {
        _ if written == "-0" => "0".to_owned(),
        Ok(float) if !is_integer(written.as_bytes()) => JsonMode::Python.encode(&float).expect("a float is JSON"),
        _ => written.to_owned(),
    }
}
