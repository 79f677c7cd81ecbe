//! What all parts of a line are read with.

use std::{ops::Range, time::Duration};

use winnow::{
    LocatingSlice, ModalResult, Parser, Stateful,
    error::{ErrMode, ParserError},
    stream::{Location, Stream},
    token::take_while,
};

use super::tree::Time;

/// How deep items, examples and JSON may be within each other.
const DEEPEST: usize = 64;
/// The longest time: what is longer is a mistake, and could not be added to the clock.
const LONGEST: Duration = Duration::from_hours(1_000_000);

pub(super) type Input<'i> = Stateful<LocatingSlice<&'i str>, State>;
/// Where the line begins in the script, and how deep the reader is within items.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) start: usize,
    pub(super) depth: usize,
}

pub(super) type Parsed<T> = ModalResult<T, Wrong>;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) at: usize,
    /// How much is wrong; `None` if that is all up to the next blank.
    pub(crate) length: Option<usize>,
    pub(crate) message: String,
}

impl Wrong {
    pub(crate) fn at(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { at: range.start, length: Some(range.len()), message: message.into() }
    }
}

impl<'i> ParserError<Input<'i>> for Wrong {
    type Inner = Self;

    fn from_input(input: &Input<'i>) -> Self {
        Self { at: position(input), length: None, message: "unexpected".to_owned() }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// Where the reader is in the script.
pub(super) fn position(input: &Input<'_>) -> usize {
    input.state.start + input.current_token_start()
}

/// The error that something else is expected at this place.
pub(super) fn expected<T>(input: &Input<'_>, what: &str) -> Parsed<T> {
    let at = position(input);
    Err(ErrMode::Cut(Wrong { at, length: None, message: format!("expected {what}") }))
}

/// An error about what has been read from `start` on.
pub(super) fn wrong_since<T>(input: &Input<'_>, start: usize, message: impl Into<String>) -> Parsed<T> {
    Err(ErrMode::Cut(Wrong::at(start..position(input), message)))
}

/// Reads something that may hold the same again, unless it is too deep.
pub(super) fn deeper<T>(input: &mut Input<'_>, read: impl FnOnce(&mut Input<'_>) -> Parsed<T>) -> Parsed<T> {
    if input.state.depth == DEEPEST {
        let message = format!("at most {DEEPEST} can be within each other");
        let at = position(input);
        return Err(ErrMode::Cut(Wrong { at, length: Some(1), message }));
    }
    input.state.depth += 1;
    let result = read(input);
    input.state.depth -= 1;
    result
}

pub(super) fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r')
}

/// Passes over blanks. Returns whether there are any.
pub(super) fn blanks(input: &mut Input<'_>) -> Parsed<bool> {
    Ok(!take_while(0.., is_blank).parse_next(input)?.is_empty())
}

pub(super) fn next_char(input: &Input<'_>) -> Option<char> {
    input.input.chars().next()
}

/// Takes this sign if it is next.
pub(super) fn takes(input: &mut Input<'_>, sign: char) -> bool {
    let is_next = next_char(input) == Some(sign);
    if is_next {
        let _ = input.next_token();
    }
    is_next
}

/// Takes this sign, which is missing if something else is next.
pub(super) fn sign(input: &mut Input<'_>, sign: char) -> Parsed<()> {
    if takes(input, sign) { Ok(()) } else { expected(input, &format!("`{sign}`")) }
}

/// A keyword, the name of a kind or function, or nothing.
pub(super) fn word<'i>(input: &mut Input<'i>) -> Parsed<&'i str> {
    take_while(0.., |character: char| character.is_ascii_lowercase() || character.is_ascii_digit()).parse_next(input)
}

/// The word that is next, which stays where it is.
pub(super) fn peek_word<'i>(input: &Input<'i>) -> &'i str {
    let text: &'i str = &input.input;
    let end = text.find(|character: char| !character.is_ascii_lowercase() && !character.is_ascii_digit());
    &text[..end.unwrap_or(text.len())]
}

/// The name of a capture or an `every`.
pub(super) fn name(input: &mut Input<'_>) -> Parsed<String> {
    if !next_char(input).is_some_and(|character| character.is_ascii_lowercase()) {
        return expected(input, "a name (a small letter, then small letters, digits, `_` and `-`)");
    }
    let is_part = |character: char| {
        matches!(character, '_' | '-') || character.is_ascii_lowercase() || character.is_ascii_digit()
    };
    take_while(1.., is_part).map(str::to_owned).parse_next(input)
}

pub(super) fn digits<'i>(input: &mut Input<'i>) -> Parsed<&'i str> {
    take_while(0.., |character: char| character.is_ascii_digit()).parse_next(input)
}

/// A number of how many.
pub(super) fn count(input: &mut Input<'_>) -> Parsed<u32> {
    let start = position(input);
    match digits(input)? {
        "" => expected(input, "a number"),
        digits => match digits.parse() {
            Ok(count) => Ok(count),
            Err(_) => wrong_since(input, start, format!("expected a number of at most {}", u32::MAX)),
        },
    }
}

/// A time with its unit.
pub(super) fn time(input: &mut Input<'_>) -> Parsed<Time> {
    let start = position(input);
    let before: &str = &input.input;
    let whole = digits(input)?;
    if whole.is_empty() {
        return expected(input, "a time, as 20ms or 1.5s");
    }
    let mut fraction = "";
    if takes(input, '.') {
        fraction = digits(input)?;
        if fraction.is_empty() {
            return expected(input, "a digit");
        }
    }
    let nanoseconds: u128 = match peek_word(input) {
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return expected(input, "a unit (us, ms, s, min or h)"),
    };
    word(input)?;
    let written = before[..position(input) - start].to_owned();
    match duration(whole, fraction, nanoseconds).filter(|duration| *duration <= LONGEST) {
        Some(duration) => Ok(Time { written, duration }),
        None => wrong_since(input, start, format!("expected a time of at most {} h", LONGEST.as_secs() / 3600)),
    }
}

/// So many units of so many nanoseconds; what is less than a nanosecond is passed over.
fn duration(whole: &str, fraction: &str, unit: u128) -> Option<Duration> {
    let mut total = whole.parse::<u128>().ok()?.checked_mul(unit)?;
    let mut part = unit;
    for digit in fraction.bytes() {
        part /= 10;
        total = total.checked_add(part * u128::from(digit - b'0'))?;
    }
    Some(Duration::from_nanos(u64::try_from(total).ok()?))
}
