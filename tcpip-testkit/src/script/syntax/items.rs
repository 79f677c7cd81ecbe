//! Reads items.

use winnow::{
    Parser,
    stream::Stream,
    token::{take_till, take_while},
};

use super::{
    holes::hole,
    json::json,
    tokens::{
        Input, Parsed, blanks, count, deeper, digits, expected, is_blank, name, next_char, peek_word, position, sign,
        takes, word, wrong_since,
    },
    tree::{Check, Item, ItemKind, Number, TextPart, Wrapper},
};
use crate::script::{control, number_type::NumberType, place::Place};

/// Whether an item is next, though it may be a wrong one.
pub(super) fn starts_items(input: &Input<'_>) -> bool {
    match next_char(input) {
        Some('"' | '\'' | '$' | '{' | 'A'..='Z') => true,
        Some('a'..='z') => {
            let word = peek_word(input);
            let follows = input.input[word.len()..].chars().next();
            word == "json" || (word == "x" && follows == Some('"')) || follows == Some('(')
        }
        _ => false,
    }
}

/// One item or more, with blanks between them.
pub(super) fn items(input: &mut Input<'_>) -> Parsed<Vec<Item>> {
    let mut items = vec![item(input)?];
    loop {
        let before = input.checkpoint();
        let is_behind_blanks = blanks(input)?;
        match next_char(input) {
            None | Some('#' | ')' | '}') => {}
            Some('w') if peek_word(input) == "within" => {}
            Some(_) if !is_behind_blanks => return expected(input, "a blank"),
            Some(_) => {
                items.push(item(input)?);
                continue;
            }
        }
        input.reset(&before);
        return Ok(items);
    }
}

fn item(input: &mut Input<'_>) -> Parsed<Item> {
    let start = position(input);
    let kind = deeper(input, kind)?;
    let times = if takes(input, '*') { Some(count(input)?) } else { None };
    Ok(Item { kind, times, place: Place { start, end: position(input) } })
}

fn kind(input: &mut Input<'_>) -> Parsed<ItemKind> {
    match next_char(input) {
        Some('"') => text(input).map(ItemKind::Text),
        Some('\'') => raw(input).map(ItemKind::Raw),
        Some('$') => {
            takes(input, '$');
            name(input).map(ItemKind::Name)
        }
        Some('{') => hole(input).map(ItemKind::Hole),
        Some('A'..='Z') => control_character(input),
        Some('a'..='z') if starts_items(input) => named(input),
        _ => expected(input, "an item (\"text\", 'text', CR, x\"0d\", u8(13), {word}, …)"),
    }
}

fn control_character(input: &mut Input<'_>) -> Parsed<ItemKind> {
    let before = input.checkpoint();
    let is_part = |character: char| character.is_ascii_uppercase() || character.is_ascii_digit();
    let written: &str = take_while(1.., is_part).parse_next(input)?;
    if let Some((name, byte)) = control::byte(written) {
        return Ok(ItemKind::Control(name, byte));
    }
    input.reset(&before);
    expected(input, "a control character's name (CR, LF, STX, …)")
}

/// An item that begins with a small letter.
fn named(input: &mut Input<'_>) -> Parsed<ItemKind> {
    let before = input.checkpoint();
    let start = position(input);
    match word(input)? {
        "x" => hex(input).map(ItemKind::Hex),
        "json" => {
            blanks(input)?;
            json(input).map(ItemKind::Json)
        }
        "xor" => wrapped(input, Wrapper::Check(Check::Xor)),
        "sum8" => wrapped(input, Wrapper::Check(Check::Sum8)),
        "block" => wrapped(input, Wrapper::Block),
        "crc" => crc(input),
        word => {
            if let Some(number_type) = NumberType::from_name(word) {
                return number(input, number_type, start).map(ItemKind::Number);
            }
            if let Some(number_type) = word.strip_prefix("len").and_then(NumberType::of_length) {
                return wrapped(input, Wrapper::Length(number_type));
            }
            input.reset(&before);
            expected(input, "one of json, xor, sum8, crc, len8, len16le, block, u8, i16be, f64le, …")
        }
    }
}

fn text(input: &mut Input<'_>) -> Parsed<Vec<TextPart>> {
    let start = position(input);
    takes(input, '"');
    let mut parts = Vec::new();
    let mut text = String::new();
    loop {
        let at = position(input);
        match input.next_token() {
            None => return wrong_since(input, start, "expected a closing `\"`"),
            Some('"') => break,
            Some('\\') => match input.next_token() {
                Some(same @ ('"' | '\\')) => text.push(same),
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some('0') => text.push('\0'),
                Some('x') => {
                    if !text.is_empty() {
                        parts.push(TextPart::Text(std::mem::take(&mut text)));
                    }
                    parts.push(TextPart::Byte(hex_byte(input)?));
                }
                _ => return wrong_since(input, at, r#"expected \", \\, \n, \r, \t, \0 or \xNN"#),
            },
            Some(character) => text.push(character),
        }
    }
    if !text.is_empty() {
        parts.push(TextPart::Text(text));
    }
    Ok(parts)
}

fn raw(input: &mut Input<'_>) -> Parsed<String> {
    let start = position(input);
    takes(input, '\'');
    let text = take_till(0.., '\'').map(str::to_owned).parse_next(input)?;
    if takes(input, '\'') { Ok(text) } else { wrong_since(input, start, "expected a closing `'`") }
}

fn hex_byte(input: &mut Input<'_>) -> Parsed<u8> {
    let before = input.checkpoint();
    let written: &str = take_while(0..=2, |character: char| character.is_ascii_hexdigit()).parse_next(input)?;
    match u8::from_str_radix(written, 16) {
        Ok(byte) if written.len() == 2 => Ok(byte),
        _ => {
            input.reset(&before);
            expected(input, "two hexadecimal digits")
        }
    }
}

fn hex(input: &mut Input<'_>) -> Parsed<Vec<u8>> {
    sign(input, '"')?;
    let mut bytes = Vec::new();
    loop {
        take_while(0.., is_blank).void().parse_next(input)?;
        if takes(input, '"') {
            return Ok(bytes);
        }
        bytes.push(hex_byte(input)?);
    }
}

fn number(input: &mut Input<'_>, number_type: NumberType, start: usize) -> Parsed<Number> {
    sign(input, '(')?;
    let before: &str = &input.input;
    let at = position(input);
    if input.input.starts_with("0x") && !number_type.is_float() {
        let _ = (input.next_token(), input.next_token());
        let hex: &str = take_while(0.., |character: char| character.is_ascii_hexdigit()).parse_next(input)?;
        if hex.is_empty() {
            return expected(input, "a hexadecimal digit");
        }
    } else {
        takes(input, '-');
        if digits(input)?.is_empty() {
            return expected(input, "a number");
        }
        if number_type.is_float() && takes(input, '.') && digits(input)?.is_empty() {
            return expected(input, "a digit");
        }
    }
    let written = before[..position(input) - at].to_owned();
    sign(input, ')')?;
    match number_type.encode(&written) {
        Some(bytes) => Ok(Number { kind: number_type, written, bytes }),
        None => wrong_since(input, start, format!("expected a number in the range of {number_type}")),
    }
}

fn wrapped(input: &mut Input<'_>, wrapper: Wrapper) -> Parsed<ItemKind> {
    sign(input, '(')?;
    behind_parenthesis(input, wrapper)
}

fn behind_parenthesis(input: &mut Input<'_>, wrapper: Wrapper) -> Parsed<ItemKind> {
    blanks(input)?;
    let items = items(input)?;
    blanks(input)?;
    sign(input, ')')?;
    Ok(ItemKind::Wrapper(wrapper, items))
}

fn crc(input: &mut Input<'_>) -> Parsed<ItemKind> {
    sign(input, '(')?;
    blanks(input)?;
    let start = position(input);
    if next_char(input) != Some('"') {
        return expected(input, "the name of a CRC, as \"CRC-16/MODBUS\"");
    }
    let name = match &*text(input)? {
        [TextPart::Text(name)] if crate::script::crc::is_known(name) => name.clone(),
        _ => return wrong_since(input, start, "expected a name of the CRC catalogue, of 8, 16, 24, 32, 40 or 64 bits"),
    };
    if !blanks(input)? {
        return expected(input, "a blank");
    }
    behind_parenthesis(input, Wrapper::Check(Check::Crc(name)))
}
