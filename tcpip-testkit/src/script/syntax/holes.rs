//! Reads holes.

use winnow::stream::Stream;

use super::{
    items::items,
    tokens::{
        Input, Parsed, blanks, count, expected, name, next_char, peek_word, position, sign, takes, word, wrong_since,
    },
    tree::{Hole, Kind},
};
use crate::script::{number_type::NumberType, place::Place};

/// A hole, of which the `{` is next.
pub(super) fn hole(input: &mut Input<'_>) -> Parsed<Hole> {
    let start = position(input);
    sign(input, '{')?;
    blanks(input)?;
    let kind = kind(input)?;
    let is_behind_blanks = blanks(input)?;
    let name = match next_char(input) {
        Some('a'..='z') if is_behind_blanks => Some(name(input)?),
        _ => None,
    };
    blanks(input)?;
    let example = if takes(input, '=') {
        blanks(input)?;
        let example = items(input)?;
        blanks(input)?;
        Some(example)
    } else {
        None
    };
    if !takes(input, '}') {
        return expected(input, if example.is_some() { "`}`" } else { "a name, `=` and an example, or `}`" });
    }
    Ok(Hole { kind, name, example, place: Place { start, end: position(input) } })
}

fn kind(input: &mut Input<'_>) -> Parsed<Kind> {
    match next_char(input) {
        Some('.') => {
            takes(input, '.');
            sign(input, '.')?;
            return Ok(Kind::Anything);
        }
        Some('/') => return regex(input).map(Kind::Regex),
        Some('0'..='9') => return bytes(input),
        _ => {}
    }
    let kind = match peek_word(input) {
        "digits" => Kind::Digits,
        "int" => Kind::Int,
        "number" => Kind::Number,
        "word" => Kind::Word,
        "json" => Kind::Json,
        "block" => Kind::Block,
        other => match NumberType::from_name(other) {
            Some(number_type) => Kind::Binary(number_type),
            None => {
                return expected(
                    input,
                    "a kind (digits, int, number, word, json, block, `..`, /regex/, 8 bytes, u32le, …)",
                );
            }
        },
    };
    word(input)?;
    Ok(kind)
}

fn bytes(input: &mut Input<'_>) -> Parsed<Kind> {
    let count = count(input)?;
    blanks(input)?;
    if !matches!(peek_word(input), "byte" | "bytes") {
        return expected(input, "`bytes`");
    }
    word(input)?;
    Ok(Kind::Bytes(count))
}

/// A regex between slashes; one within it is behind a backslash.
fn regex(input: &mut Input<'_>) -> Parsed<String> {
    let start = position(input);
    takes(input, '/');
    let mut regex = String::new();
    loop {
        match input.next_token() {
            None => return wrong_since(input, start, "expected a closing `/`"),
            Some('/') => return Ok(regex),
            Some('\\') => {
                regex.push('\\');
                regex.extend(input.next_token());
            }
            Some(character) => regex.push(character),
        }
    }
}
