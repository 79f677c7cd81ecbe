//! Frames between a begin and an end mark.

use memchr::{memchr2, memchr3};

use super::cut::{Look, Whole, noise};
use crate::{Terminator, framing::find_end};

/// How content is written that looks like a mark.
///
/// A byte of the content that has a code is sent as two: the escape, and that code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escape {
    pub(super) byte: u8,
    pub(super) code: Code,
}

/// What follows the escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// The byte itself, of those that a mark begins with, and of the escape.
    Itself,
    /// The byte combined with this by exclusive-or, of the same.
    Xor(u8),
    /// The second of the pair of a byte.
    Table(&'static [(u8, u8)]),
}

impl Escape {
    /// The escape in front of the byte itself: of each byte that a mark begins with, and of the escape itself. So the
    /// DLE stuffing of many devices is `Escape::with(0x10)` between the marks DLE STX and DLE ETX.
    #[must_use]
    pub fn with(byte: u8) -> Self {
        Self { byte, code: Code::Itself }
    }

    /// The escape in front of the byte combined with `mask` by exclusive-or: as HDLC does it in bytes, with `0x7D` and
    /// `0x20` (RFC 1662, 4.2).
    #[must_use]
    pub fn xor(byte: u8, mask: u8) -> Self {
        Self { byte, code: Code::Xor(mask) }
    }
}

/// Frames between two marks.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    begin: Terminator,
    end: Terminator,
    escape: Option<u8>,
    /// What has been looked at, of what is now at the front.
    searched: usize,
    state: State,
}

/// What is at the front.
///
/// | state | goes on | with |
/// |---|---|---|
/// | `Outside` | `Within` | a begin mark |
/// | `Within` | `Outside` | an end mark, or in front of another begin mark |
/// | `Within` | `TooLong` | content beyond the limit |
/// | `TooLong` | `Outside` | an end mark, or in front of a begin mark |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Outside,
    Within,
    TooLong,
}

/// What was found within a frame, and where.
enum Found {
    Begin(usize),
    End(usize),
    /// Nothing before here.
    Nothing(usize),
}

impl Marks {
    pub(super) fn new(begin: Terminator, end: Terminator, escape: Option<u8>) -> Self {
        Self { begin, end, escape, searched: 0, state: State::Outside }
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.state == State::TooLong
    }

    pub(super) fn is_within(&self) -> bool {
        self.state == State::Within
    }

    pub(super) fn look(&mut self, bytes: &[u8], limit: usize) -> Look {
        match self.state {
            State::Outside => self.look_outside(bytes, limit),
            State::Within => self.look_within(bytes, limit),
            State::TooLong => {
                let dropped = match self.find(bytes) {
                    Found::End(at) => self.go_outside(at + self.end.len()),
                    Found::Begin(at) => self.go_outside(at),
                    Found::Nothing(at) => at,
                };
                self.searched = 0;
                Look::Nothing(dropped)
            }
        }
    }

    fn look_outside(&mut self, bytes: &[u8], limit: usize) -> Look {
        let next = match find_end(bytes, self.searched, &self.begin) {
            Some(end) if end == self.begin.len() => {
                (self.state, self.searched) = (State::Within, end);
                return self.look_within(bytes, limit);
            }
            Some(end) => Ok(end - self.begin.len()),
            None => Err(bytes.len().saturating_sub(self.begin.len() - 1)),
        };
        noise(next, limit, &mut self.searched)
    }

    fn look_within(&mut self, bytes: &[u8], limit: usize) -> Look {
        let begin = self.begin.len();
        match self.find(bytes) {
            Found::End(at) if at - begin > limit => Look::TooLong(self.go_outside(at + self.end.len())),
            Found::End(at) => {
                self.go_outside(at);
                Look::Frame(Whole { begin, content: at - begin, end: self.end.len() })
            }
            Found::Begin(at) if at - begin > limit => Look::TooLong(self.go_outside(at)),
            Found::Begin(at) => Look::Unended(self.go_outside(at)),
            Found::Nothing(at) if at - begin > limit => {
                (self.state, self.searched) = (State::TooLong, 0);
                Look::TooLong(at)
            }
            Found::Nothing(at) => {
                self.searched = at;
                Look::More
            }
        }
    }

    fn go_outside(&mut self, dropped: usize) -> usize {
        (self.state, self.searched) = (State::Outside, 0);
        dropped
    }

    /// Finds the next mark that is not escaped.
    fn find(&self, bytes: &[u8]) -> Found {
        let mut at = self.searched;
        loop {
            let Some(rest) = self.next_special(&bytes[at..]) else { return Found::Nothing(bytes.len()) };
            at += rest;
            let rest = &bytes[at..];
            if rest.starts_with(&self.end) {
                return Found::End(at);
            }
            if rest.starts_with(&self.begin) {
                return Found::Begin(at);
            }
            let is_cut = self.end.starts_with(rest) || self.begin.starts_with(rest);
            let is_escape = self.escape == Some(rest[0]);
            if is_cut || is_escape && rest.len() < 2 {
                return Found::Nothing(at);
            }
            at += if is_escape { 2 } else { 1 };
        }
    }

    fn next_special(&self, bytes: &[u8]) -> Option<usize> {
        match self.escape {
            Some(escape) => memchr3(self.begin[0], self.end[0], escape, bytes),
            None => memchr2(self.begin[0], self.end[0], bytes),
        }
    }
}
