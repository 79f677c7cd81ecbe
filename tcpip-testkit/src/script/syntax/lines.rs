//! Reads a script, line by line.

use winnow::{
    LocatingSlice, Parser, Stateful,
    error::ErrMode,
    stream::{Location, Stream},
    token::{rest, take_till},
};

use super::{
    Wrong,
    items::{items, starts_items},
    tokens::{Input, Parsed, State, blanks, count, expected, name, next_char, peek_word, position, takes, time, word},
    tree::{Action, Branching, Content, Delay, Item, Line, Step},
};
use crate::{script::place::Place, side::Side};

/// The lines of a script.
pub(crate) fn lines(text: &str) -> Result<Vec<Line>, Wrong> {
    let mut at = mark_length(text);
    let text = &text[at..];
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let line_at = |line: &str| {
        let start = at;
        at += line.len() + 1;
        line_of(line, start)
    };
    // What is behind the last line end is a line only if there is something.
    text.strip_suffix('\n').unwrap_or(text).split('\n').map(line_at).collect()
}

/// How many bytes of it are a byte-order mark, which is not of the first line. Editors write one where UTF-8 is not
/// what they take a text for without.
pub(crate) fn mark_length(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// A line that begins at this place of the script.
fn line_of(text: &str, start: usize) -> Result<Line, Wrong> {
    let mut input = Stateful { input: LocatingSlice::new(text), state: State { start, depth: 0 } };
    line(&mut input).map_err(|error| match error {
        ErrMode::Cut(wrong) | ErrMode::Backtrack(wrong) => wrong,
        ErrMode::Incomplete(_) => unreachable!("a line is there as a whole"),
    })
}

fn line(input: &mut Input<'_>) -> Parsed<Line> {
    blanks(input)?;
    let start = position(input);
    let content = match next_char(input) {
        None | Some('#') => None,
        Some(_) => Some(content(input)?),
    };
    let end = (input.state.start + input.previous_token_end()).max(start);
    blanks(input)?;
    let comment = if takes(input, '#') { Some(rest.parse_next(input)?.trim_end().to_owned()) } else { None };
    if next_char(input).is_some() {
        return expected(input, "the end of the line or a comment");
    }
    Ok(Line { content, comment, place: Place { start, end } })
}

fn content(input: &mut Input<'_>) -> Parsed<Content> {
    match next_char(input) {
        Some('+' | '@' | '>' | '<') => step(input).map(Content::Step),
        _ if starts_items(input) => items(input).map(Content::Items),
        _ => keyword_line(input),
    }
}

fn keyword_line(input: &mut Input<'_>) -> Parsed<Content> {
    let before = input.checkpoint();
    let keyword = word(input)?;
    if !blanks(input)? && !matches!(next_char(input), None | Some('#')) {
        input.reset(&before);
        return expected(input, "a step (`>` or `<`), an item, or a keyword");
    }
    match keyword {
        "script" => count(input).map(Content::Script),
        "encoding" => label(input).map(Content::Encoding),
        "deadline" => time(input).map(Content::Deadline),
        "wait" => time(input).map(Content::Wait),
        "silence" => time(input).map(Content::Silence),
        "every" => every(input),
        "stop" => name(input).map(Content::Stop),
        "any" => any(input),
        "repeat" => match next_char(input) {
            None | Some('#') => Ok(Content::Repeat(None)),
            Some(_) => count(input).map(|count| Content::Repeat(Some(count))),
        },
        "and" => Ok(Content::Next(Branching::AnyOrder)),
        "one" => of(input).map(|()| Content::Branching(Branching::OneOf)),
        "or" => Ok(Content::Next(Branching::OneOf)),
        "end" => Ok(Content::End),
        other => {
            input.reset(&before);
            expected(
                input,
                match other {
                    "within" => "an item: `within` stands in the line that begins the step",
                    _ => "a step (`>` or `<`), an item, or a keyword",
                },
            )
        }
    }
}

fn of(input: &mut Input<'_>) -> Parsed<()> {
    if peek_word(input) != "of" {
        return expected(input, "`of`");
    }
    word(input).map(drop)
}

fn every(input: &mut Input<'_>) -> Parsed<Content> {
    let time = time(input)?;
    blanks(input)?;
    let name = match next_char(input) {
        None | Some('#') => None,
        Some(_) => Some(name(input)?),
    };
    Ok(Content::Every(time, name))
}

fn any(input: &mut Input<'_>) -> Parsed<Content> {
    let content = match peek_word(input) {
        "time" => Content::AnyTime,
        "order" => Content::Branching(Branching::AnyOrder),
        _ => return expected(input, "`any time` or `any order`"),
    };
    word(input)?;
    Ok(content)
}

/// An encoding's name: all up to a comment.
fn label(input: &mut Input<'_>) -> Parsed<String> {
    let label = take_till(0.., '#').parse_next(input)?.trim_end();
    if label.is_empty() { expected(input, "an encoding") } else { Ok(label.to_owned()) }
}

fn step(input: &mut Input<'_>) -> Parsed<Step> {
    let delay = match next_char(input) {
        Some('+') => {
            takes(input, '+');
            Some(Delay::After(time(input)?))
        }
        Some('@') => {
            takes(input, '@');
            Some(Delay::At(time(input)?))
        }
        _ => None,
    };
    blanks(input)?;
    let side = if takes(input, '>') {
        Side::Client
    } else if takes(input, '<') {
        Side::Server
    } else {
        return expected(input, "`>` or `<`");
    };
    blanks(input)?;
    let action = action(input)?;
    blanks(input)?;
    let within = if peek_word(input) == "within" {
        word(input)?;
        blanks(input)?;
        Some(time(input)?)
    } else {
        None
    };
    Ok(Step { delay, side, action, within })
}

fn action(input: &mut Input<'_>) -> Parsed<Action<Item>> {
    let action = match peek_word(input) {
        "fin" => Action::Fin,
        "close" => Action::Close,
        "reset" => Action::Reset,
        "connect" => Action::Connect,
        _ if starts_items(input) => return items(input).map(Action::Items),
        _ => return expected(input, "an item, or one of fin, close, reset and connect"),
    };
    word(input)?;
    Ok(action)
}
