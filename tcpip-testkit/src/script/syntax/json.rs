//! Reads JSON with holes.

use winnow::stream::Stream;

use super::{
    holes::hole,
    tokens::{Input, Parsed, blanks, deeper, digits, expected, name, next_char, position, sign, takes, wrong_since},
    tree::{Hole, JSON_CONSTANTS, JsonPattern},
};

pub(super) fn json(input: &mut Input<'_>) -> Parsed<JsonPattern<Hole>> {
    deeper(input, value)
}

fn value(input: &mut Input<'_>) -> Parsed<JsonPattern<Hole>> {
    match next_char(input) {
        Some('_') => {
            takes(input, '_');
            Ok(JsonPattern::Any)
        }
        Some('$') => {
            takes(input, '$');
            name(input).map(JsonPattern::Captured)
        }
        Some('"') => string(input).map(JsonPattern::String),
        Some('[') => array(input),
        Some('{') => object_or_hole(input),
        Some('-' | '0'..='9') if !input.input.starts_with("-Infinity") => number(input).map(JsonPattern::Number),
        _ => constant(input),
    }
}

fn constant(input: &mut Input<'_>) -> Parsed<JsonPattern<Hole>> {
    for constant in JSON_CONSTANTS {
        if let Some(behind) = input.input.strip_prefix(constant)
            && !behind.starts_with(|character: char| character.is_ascii_alphanumeric())
        {
            input.next_slice(constant.len());
            return Ok(JsonPattern::Constant(constant));
        }
    }
    expected(input, "a JSON value, `_`, `$name` or a hole")
}

fn array(input: &mut Input<'_>) -> Parsed<JsonPattern<Hole>> {
    sign(input, '[')?;
    let mut elements = Vec::new();
    let open = separated(input, ']', |input| {
        elements.push(json(input)?);
        Ok(())
    })?;
    Ok(JsonPattern::Array { elements, open })
}

fn object_or_hole(input: &mut Input<'_>) -> Parsed<JsonPattern<Hole>> {
    let before = input.checkpoint();
    sign(input, '{')?;
    blanks(input)?;
    // `{..}` is an object with any members. A `'` is a key as Python would have it.
    let is_object = matches!(next_char(input), None | Some('"' | '\'' | '}' | ',' | '.'));
    input.reset(&before);
    if !is_object {
        return hole(input).map(JsonPattern::Hole);
    }
    sign(input, '{')?;
    let mut members = Vec::new();
    let open = separated(input, '}', |input| {
        if next_char(input) != Some('"') {
            return expected(input, "a key, as \"id\"");
        }
        let key = string(input)?;
        blanks(input)?;
        sign(input, ':')?;
        blanks(input)?;
        members.push((key, json(input)?));
        Ok(())
    })?;
    Ok(JsonPattern::Object { members, open })
}

/// Elements or members up to the closing sign. Returns whether there may be more of them.
fn separated(input: &mut Input<'_>, close: char, mut read: impl FnMut(&mut Input<'_>) -> Parsed<()>) -> Parsed<bool> {
    let mut is_first = true;
    loop {
        blanks(input)?;
        if is_first && takes(input, close) {
            return Ok(false);
        }
        if !is_first {
            let is_separated = takes(input, ',');
            blanks(input)?;
            if !is_separated && takes(input, close) {
                return Ok(false);
            }
            if !is_separated && next_char(input) != Some('.') {
                return expected(input, &format!("`,` or `{close}`"));
            }
        } else if next_char(input) == Some(',') {
            // As `[, ..]` is written by the grammar.
            takes(input, ',');
            blanks(input)?;
            if next_char(input) != Some('.') {
                return expected(input, "`..`");
            }
        }
        is_first = false;
        if takes(input, '.') {
            sign(input, '.')?;
            blanks(input)?;
            sign(input, close)?;
            return Ok(true);
        }
        read(input)?;
    }
}

fn number(input: &mut Input<'_>) -> Parsed<String> {
    let before: &str = &input.input;
    let start = position(input);
    takes(input, '-');
    match digits(input)? {
        "" => return expected(input, "a digit"),
        whole if whole.len() > 1 && whole.starts_with('0') => {
            return wrong_since(input, start, "expected a JSON number, which has no 0 before other digits");
        }
        _ => {}
    }
    if takes(input, '.') && digits(input)?.is_empty() {
        return expected(input, "a digit");
    }
    if takes(input, 'e') || takes(input, 'E') {
        if !takes(input, '+') {
            takes(input, '-');
        }
        if digits(input)?.is_empty() {
            return expected(input, "a digit");
        }
    }
    Ok(before[..position(input) - start].to_owned())
}

fn string(input: &mut Input<'_>) -> Parsed<String> {
    let before: &str = &input.input;
    let start = position(input);
    takes(input, '"');
    loop {
        match input.next_token() {
            None => return wrong_since(input, start, "expected a closing `\"`"),
            Some('"') => break,
            Some('\\') => {
                let _ = input.next_token();
            }
            Some(_) => {}
        }
    }
    match serde_json::from_str(&before[..position(input) - start]) {
        Ok(string) => Ok(string),
        Err(_) => wrong_since(input, start, "expected a JSON string, with the escapes of JSON"),
    }
}
