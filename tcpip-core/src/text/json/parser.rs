//! A walk over a JSON text, which only goes forward.

use std::{borrow::Cow, fmt::Display};

use memchr::{memchr_iter, memrchr};
use serde::de::Error as _;
use serde_json::{Error, Result};

use super::{JsonMode, number::number_len};

/// How many arrays and objects may be open at once, as in `serde_json`.
const DEPTH: u8 = 127;

/// The words, and the numbers that they stand for.
const WORDS: [(&str, f64); 3] = [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];

/// A text, and how far it has been read.
pub(super) struct Parser<'de> {
    text: &'de str,
    at: usize,
    mode: JsonMode,
    remaining_depth: u8,
    /// Whether there was something that `serde_json` does not know as what it is: a word, half a surrogate pair, or a
    /// byte-order mark.
    pub(super) is_beyond_json: bool,
}

impl<'de> Parser<'de> {
    pub(super) fn new(text: &'de str, mode: JsonMode) -> Self {
        Self { text, at: 0, mode, remaining_depth: DEPTH, is_beyond_json: false }
    }

    /// Makes sure that the text does not begin with what some programs put before any text.
    pub(super) fn begin(&mut self) -> Result<()> {
        if !self.text.starts_with('\u{feff}') {
            return Ok(());
        }
        self.is_beyond_json = true;
        Err(self.error("the text begins with a byte-order mark, which is no part of JSON"))
    }

    /// The next byte that is no white space, which stays.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
        self.at += self.rest().iter().take_while(is_space).count();
        self.rest().first().copied()
    }

    /// Takes a byte, if it is the next but for white space.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes a byte that must come.
    pub(super) fn expect(&mut self, byte: u8) -> Result<()> {
        if self.take(byte) { Ok(()) } else { Err(self.error(format_args!("expected `{}`", char::from(byte)))) }
    }

    /// Takes `null`, `true` or `false`, if it is what comes.
    pub(super) fn take_literal(&mut self, literal: &str) -> bool {
        let is_next = self.rest().starts_with(literal.as_bytes());
        self.at += if is_next { literal.len() } else { 0 };
        is_next
    }

    /// Takes NaN or an infinity, if it is what comes, and may.
    pub(super) fn take_word(&mut self) -> Option<f64> {
        let words = if self.mode == JsonMode::Python { &WORDS[..] } else { &[] };
        let (_, number) = words.iter().find(|(word, _)| self.take_literal(word))?;
        self.is_beyond_json = true;
        Some(*number)
    }

    /// Takes a number, which must come, as it is written.
    pub(super) fn number(&mut self) -> Result<&'de str> {
        let begin = self.at;
        if !matches!(self.rest().first(), Some(b'-' | b'0'..=b'9')) {
            return Err(self.error("expected value"));
        }
        let len = number_len(self.rest()).map_err(|wrong| self.error_at(begin + wrong, "invalid number"))?;
        self.at += len;
        Ok(&self.text[begin..self.at])
    }

    /// Takes a string, of which the quote is next.
    pub(super) fn string(&mut self) -> Result<Cow<'de, str>> {
        self.at += 1;
        let mut text = Cow::Borrowed("");
        loop {
            let plain = self.plain()?;
            if text.is_empty() {
                text = Cow::Borrowed(plain);
            } else {
                text.to_mut().push_str(plain);
            }
            if self.rest().first() == Some(&b'"') {
                self.at += 1;
                return Ok(text);
            }
            text.to_mut().push(self.character()?);
        }
    }

    /// Passes over a value of any depth, whose numbers and strings need fit no type, and returns its text.
    pub(super) fn skip(&mut self) -> Result<&'de str> {
        self.peek();
        let begin = self.at;
        let mut open = Vec::new();
        loop {
            let opened = match self.peek() {
                Some(b'[') => Some(b']'),
                Some(b'{') => Some(b'}'),
                _ => None,
            };
            match opened {
                Some(end) => {
                    self.at += 1;
                    open.push(end);
                }
                None => self.skip_scalar()?,
            }
            let mut is_first = opened.is_some();
            while let Some(&end) = open.last()
                && self.take(end)
            {
                open.pop();
                is_first = false;
            }
            let Some(&end) = open.last() else { return Ok(&self.text[begin..self.at]) };
            if !is_first && !self.take(b',') {
                return Err(self.error(format_args!("expected `,` or `{}`", char::from(end))));
            }
            if end == b'}' {
                self.begin_key()?;
                self.skip_string()?;
                self.expect(b':')?;
            }
        }
    }

    /// Makes sure that a key is next, which is a string.
    pub(super) fn begin_key(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'"') => Ok(()),
            _ => Err(self.error("key must be a string")),
        }
    }

    /// Takes what opens an array or object.
    pub(super) fn enter(&mut self) -> Result<()> {
        if self.remaining_depth == 0 {
            return Err(self.error("recursion limit exceeded"));
        }
        self.remaining_depth -= 1;
        self.at += 1;
        Ok(())
    }

    /// Takes what closes an array or object, if its visitor has read it to the end; otherwise gives the error back.
    pub(super) fn leave<T>(&mut self, end: u8, visited: Result<T>) -> Result<T> {
        self.remaining_depth += 1;
        let value = visited?;
        if self.take(end) { Ok(value) } else { Err(self.error("trailing characters")) }
    }

    /// Makes sure that there is no more.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { Err(self.error("trailing characters")) }
    }

    /// An error about what comes next.
    pub(super) fn error(&self, what: impl Display) -> Error {
        self.error_at(self.at, what)
    }

    /// The same error with a place, if it had none: at the end of what has been read.
    pub(super) fn placed(&self, error: Error) -> Error {
        if error.line() == 0 { self.placed_at(self.at, error) } else { error }
    }

    fn error_at(&self, at: usize, what: impl Display) -> Error {
        self.placed_at(self.text.len().min(at + 1), what)
    }

    /// `serde_json` takes the place out of the words.
    fn placed_at(&self, len: usize, what: impl Display) -> Error {
        let read = &self.text.as_bytes()[..len];
        let line = 1 + memchr_iter(b'\n', read).count();
        let column = memrchr(b'\n', read).map_or(len, |newline| len - newline - 1);
        Error::custom(format_args!("{what} at line {line} column {column}"))
    }

    fn rest(&self) -> &'de [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Takes what is within a string, up to its end or an escape.
    fn plain(&mut self) -> Result<&'de str> {
        let begin = self.at;
        self.at += self.rest().iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | ..b' ')).count();
        match self.rest().first() {
            None => Err(self.error("EOF while parsing a string")),
            Some(b'"' | b'\\') => Ok(&self.text[begin..self.at]),
            Some(_) => Err(self.error("control character found while parsing a string")),
        }
    }

    fn skip_scalar(&mut self) -> Result<()> {
        if self.peek() == Some(b'"') {
            return self.skip_string();
        }
        let is_word = ["null", "true", "false"].iter().any(|literal| self.take_literal(literal));
        if is_word || self.take_word().is_some() { Ok(()) } else { self.number().map(drop) }
    }

    fn skip_string(&mut self) -> Result<()> {
        self.at += 1;
        loop {
            self.plain()?;
            if self.rest().first() == Some(&b'"') {
                self.at += 1;
                return Ok(());
            }
            self.escape()?;
        }
    }

    /// Takes the escapes of a character: one, or two for both halves of a surrogate pair.
    fn character(&mut self) -> Result<char> {
        let unit = self.escape()?;
        let begin = self.at;
        let is_high = (0xd800..0xdc00).contains(&unit);
        let second = if is_high && self.rest().starts_with(b"\\u") { Some(self.escape()?) } else { None };
        let character = char::decode_utf16([unit].into_iter().chain(second)).next().and_then(std::result::Result::ok);
        character.ok_or_else(|| {
            self.is_beyond_json = true;
            let what = format_args!("\\u{unit:04x} is half of a surrogate pair, which no Rust string can hold");
            self.placed_at(begin, what)
        })
    }

    /// Takes an escape: a unit of UTF-16.
    fn escape(&mut self) -> Result<u16> {
        let (unit, len) = match self.rest().get(1) {
            Some(character @ (b'"' | b'\\' | b'/')) => (u16::from(*character), 2),
            Some(b'b') => (0x08, 2),
            Some(b'f') => (0x0c, 2),
            Some(b'n') => (0x0a, 2),
            Some(b'r') => (0x0d, 2),
            Some(b't') => (0x09, 2),
            Some(b'u') => {
                let digits = self.text.get(self.at + 2..self.at + 6).filter(|digits| !digits.starts_with('+'));
                let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
                (unit.ok_or_else(|| self.error_at(self.at + 1, "invalid escape"))?, 6)
            }
            _ => return Err(self.error_at(self.at + 1, "invalid escape")),
        };
        self.at += len;
        Ok(unit)
    }
}
