//! Whether the bytes that are there fit a step.

use memchr::memmem;

use super::{
    captures::{Capture, Captures, Scope, Unset},
    json_expected,
    json_match::Misfit,
    json_value,
    sending::check_of,
};
use crate::script::{
    kinds,
    number_type::NumberType,
    place::Place,
    program::{Hole, HoleKind, Json, JsonPattern, NumberEnd, Part, PartKind},
    syntax::Wrapper,
};

/// How much `..`, a regex and what ends where something else begins may take.
const LONGEST: usize = 64 << 10;
/// How much a block and what is behind its length may hold, and a JSON value may have.
const LARGEST: usize = 64 << 20;

#[cfg(test)]
thread_local! {
    /// How many bytes this thread has looked at, those of a step each time that it is matched.
    pub(crate) static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How the bytes that are there match a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Match {
    /// It takes so many, and captures this.
    Fits { length: usize, captured: Vec<(String, Capture)> },
    /// They are its beginning.
    More(Stop),
    /// They are not.
    Not(Stop),
    /// The step needs what nothing has captured.
    Unset(String),
}

/// How far a match has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stop {
    /// The byte that does not fit, or is missing.
    pub(super) at: usize,
    /// The item that is expected there, and its first byte.
    pub(super) item: Place,
    pub(super) item_at: usize,
}

/// Matches these items with the bytes at the front.
pub(super) fn matches(parts: &[Part], bytes: &[u8], captures: &Captures) -> Match {
    #[cfg(test)]
    LOOKED_AT.set(LOOKED_AT.get() + bytes.len());
    let mut matching = Matching { bytes, scope: Scope::new(captures) };
    match matching.sequence(parts, 0) {
        Ok(length) => Match::Fits { length, captured: matching.scope.into_new() },
        Err(Halt::More(stop)) => Match::More(stop),
        Err(Halt::Not(stop)) => Match::Not(stop),
        Err(Halt::Unset(name)) => Match::Unset(name),
    }
}

struct Matching<'a, 'c> {
    bytes: &'a [u8],
    scope: Scope<'c>,
}

enum Halt {
    More(Stop),
    Not(Stop),
    Unset(String),
}

impl From<Unset> for Halt {
    fn from(Unset(name): Unset) -> Self {
        Self::Unset(name)
    }
}

impl Matching<'_, '_> {
    /// Where these items end that begin at `from`.
    fn sequence(&mut self, parts: &[Part], from: usize) -> Result<usize, Halt> {
        parts.iter().try_fold(from, |at, part| self.part(part, at))
    }

    fn part(&mut self, part: &Part, from: usize) -> Result<usize, Halt> {
        let item = Item { place: part.place, from };
        match &part.kind {
            PartKind::Literal(literal) => self.literal(literal, from, item),
            PartKind::Captured(name) => {
                let captured = self.scope.get(name)?.bytes.clone();
                self.literal(&captured, from, item)
            }
            PartKind::Hole(hole) => self.hole(hole, item),
            PartKind::Json(json) => self.json(json, item),
            PartKind::Wrapped(Wrapper::Check(check), parts) => {
                let end = self.sequence(parts, from)?;
                self.literal(&check_of(check, &self.bytes[from..end]), end, item)
            }
            PartKind::Wrapped(Wrapper::Length(kind), parts) => {
                let (start, end) = self.behind_length(*kind, item)?;
                self.content(parts, start, end, item)
            }
            PartKind::Wrapped(Wrapper::Block, parts) => match self.block(item)? {
                (start, Some(end)) => self.content(parts, start, end, item),
                // Of an indefinite length, which no script sends.
                (_, None) => Err(item.not(from + 1)),
            },
            PartKind::Repeated(times, part) => {
                let mut at = from;
                for _ in 0..*times {
                    let end = self.part(part, at)?;
                    // Nothing is taken: neither will it be the next time.
                    if end == at {
                        break;
                    }
                    at = end;
                }
                Ok(at)
            }
        }
    }

    fn literal(&self, literal: &[u8], from: usize, item: Item) -> Result<usize, Halt> {
        let there = &self.bytes[from..];
        let length = literal.len().min(there.len());
        // Compared as a whole: a long one is looked at again whenever more of it has come.
        if literal[..length] != there[..length] {
            let same = literal.iter().zip(there).take_while(|(expected, byte)| expected == byte).count();
            Err(item.not(from + same))
        } else if length == literal.len() {
            Ok(from + length)
        } else {
            Err(item.more(from + length))
        }
    }

    fn hole(&mut self, hole: &Hole<HoleKind>, item: Item) -> Result<usize, Halt> {
        let from = item.from;
        let end = match &hole.kind {
            HoleKind::UpTo(literal, regex) => {
                let there = &self.bytes[from..];
                let window = &there[..there.len().min(LONGEST + literal.len())];
                match memmem::find(window, literal) {
                    None if there.len() >= LONGEST + literal.len() => return Err(item.not(from + LONGEST)),
                    None => return Err(item.more(self.bytes.len())),
                    Some(length) if regex.as_ref().is_some_and(|regex| !regex.is_match(&there[..length])) => {
                        return Err(item.not(from));
                    }
                    Some(length) => from + length,
                }
            }
            HoleKind::Exactly(count) => {
                let end = from.saturating_add(*count);
                if self.bytes.len() < end {
                    return Err(item.more(self.bytes.len()));
                }
                end
            }
            HoleKind::Json(number_end) => self.json_value(*number_end, None, item)?,
            HoleKind::Block => match self.block(item)? {
                (_, Some(end)) if self.bytes.len() < end => return Err(item.more(self.bytes.len())),
                (_, Some(end)) => end,
                (start, None) => match memchr::memchr(b'\n', &self.bytes[start..]) {
                    Some(length) => start + length + 1,
                    None if self.bytes.len() - start > LARGEST => return Err(item.not(start + LARGEST)),
                    None => return Err(item.more(self.bytes.len())),
                },
            },
            kind => {
                let token = kinds::token(kind, &self.bytes[from..]);
                let end = from + token.length;
                if token.length > LONGEST {
                    return Err(item.not(from + LONGEST));
                }
                if end == self.bytes.len() {
                    return Err(item.more(end));
                }
                if !token.is_whole {
                    return Err(item.not(end));
                }
                end
            }
        };
        self.scope.put(hole.name.as_ref(), &self.bytes[from..end], hole.kind.is_text());
        Ok(end)
    }

    fn json(&mut self, json: &Json, item: Item) -> Result<usize, Halt> {
        self.json_value(json.number_end, Some(&json.pattern), item)
    }

    fn json_value(&mut self, number_end: NumberEnd, pattern: Option<&JsonPattern>, item: Item) -> Result<usize, Halt> {
        let there = &self.bytes[item.from..];
        let blanks = json_value::blanks(there);
        let begins_number = match there[blanks..] {
            [b'-', b'I', ..] | [b'-'] | [] => false,
            [first, ..] => first == b'-' || first.is_ascii_digit(),
        };
        if begins_number && number_end == NumberEnd::Unknown {
            return Err(item.not(item.from + blanks));
        }
        let end = match pattern {
            Some(pattern) => json_expected::read(pattern, there, &mut self.scope),
            None => json_value::read(there).map(|value| value.range.end).map_err(Misfit::from),
        };
        match end {
            Ok(end) => Ok(item.from + end),
            Err(Misfit::Not(at)) => Err(item.not(item.from + at)),
            Err(Misfit::More) if there.len() > LARGEST => Err(item.not(item.from + LARGEST)),
            Err(Misfit::More) => Err(item.more(self.bytes.len())),
            Err(Misfit::Unset(name)) => Err(Halt::Unset(name)),
        }
    }

    /// Where what is behind a length begins and ends.
    fn behind_length(&self, kind: NumberType, item: Item) -> Result<(usize, usize), Halt> {
        let start = item.from + kind.size();
        let Some(length) = self.bytes.get(item.from..start) else { return Err(item.more(self.bytes.len())) };
        match usize::try_from(kind.decode_length(length)) {
            Ok(length) if length <= LARGEST => Ok((start, start + length)),
            _ => Err(item.not(item.from)),
        }
    }

    /// Where the content of a block begins and ends; `None` if it ends with a line.
    fn block(&self, item: Item) -> Result<(usize, Option<usize>), Halt> {
        let there = &self.bytes[item.from..];
        let more = || item.more(self.bytes.len());
        match there {
            [] | [b'#'] => Err(more()),
            [b'#', b'0', ..] => Ok((item.from + 2, None)),
            [b'#', digit @ b'1'..=b'9', rest @ ..] => {
                let count = usize::from(digit - b'0');
                let digits = &rest[..count.min(rest.len())];
                if let Some(wrong) = digits.iter().position(|byte| !byte.is_ascii_digit()) {
                    return Err(item.not(item.from + 2 + wrong));
                }
                if digits.len() < count {
                    return Err(more());
                }
                let length = digits.iter().fold(0, |value, digit| 10 * value + usize::from(digit - b'0'));
                let start = item.from + 2 + count;
                if length > LARGEST { Err(item.not(item.from)) } else { Ok((start, Some(start + length))) }
            }
            [b'#', ..] => Err(item.not(item.from + 1)),
            _ => Err(item.not(item.from)),
        }
    }

    /// Matches items with just what is between `start` and `end`.
    fn content(&mut self, parts: &[Part], start: usize, end: usize, item: Item) -> Result<usize, Halt> {
        if fixed_length(parts).is_some_and(|length| length != end - start) {
            return Err(item.not(item.from));
        }
        let all = self.bytes;
        self.bytes = &all[..end.min(all.len())];
        let result = self.sequence(parts, start);
        self.bytes = all;
        match result {
            Ok(reached) if reached < end => Err(item.not(reached)),
            Err(Halt::More(stop)) if all.len() >= end => Err(Halt::Not(stop)),
            result => result,
        }
    }
}

/// How many bytes these items have, if that does not depend on what comes.
fn fixed_length(parts: &[Part]) -> Option<usize> {
    parts.iter().try_fold(0, |sum: usize, part| {
        let length = match &part.kind {
            PartKind::Literal(literal) => literal.len(),
            PartKind::Hole(Hole { kind: HoleKind::Exactly(count), .. }) => *count,
            _ => return None,
        };
        sum.checked_add(length)
    })
}

/// An item, and where it begins.
#[derive(Clone, Copy)]
struct Item {
    place: Place,
    from: usize,
}

impl Item {
    fn more(self, at: usize) -> Halt {
        Halt::More(Stop { at, item: self.place, item_at: self.from })
    }

    fn not(self, at: usize) -> Halt {
        Halt::Not(Stop { at, item: self.place, item_at: self.from })
    }
}
