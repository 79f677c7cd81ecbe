//! What the input that is there means for a step that is expected.

use super::{
    captures::{Capture, Captures},
    input::{End, Input},
    matching::{Match, Stop, matches},
};
use crate::script::{
    program::{Step, Unasked},
    syntax::Action,
};

#[derive(Debug)]
pub(super) enum Look {
    Fits(Taken),
    /// More may come that makes it fit.
    More(Seen),
    /// It does not fit, whatever comes.
    Not(Seen),
}

/// What a step takes of the input.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) length: usize,
    pub(super) captured: Vec<(String, Capture)>,
    /// How the direction has ended if that is what the step takes.
    pub(super) end: Option<End>,
}

/// What is seen of a step that does not fit, or not yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    Bytes(Stop),
    /// Bytes, or another end, where an end is expected.
    NoEnd,
    /// The step needs what nothing has captured.
    Unset(String),
}

pub(super) fn at_step(step: &Step, input: &Input, captures: &Captures) -> Look {
    let end = |expected, taken| match input.end {
        _ if !input.bytes.is_empty() => Look::Not(Seen::NoEnd),
        Some(end) if end == expected => Look::Fits(Taken { end: Some(taken), ..Taken::default() }),
        Some(End::FinThenReset) if expected == End::Fin => {
            Look::Fits(Taken { end: Some(End::Reset), ..Taken::default() })
        }
        // After the end in good order a reset may come.
        None => Look::More(Seen::NoEnd),
        Some(End::FinTaken) if expected == End::Reset => Look::More(Seen::NoEnd),
        Some(_) => Look::Not(Seen::NoEnd),
    };
    match &step.action {
        Action::Items(parts) => of_match(matches(parts, &input.bytes, captures), input),
        Action::Fin | Action::Close => end(End::Fin, End::FinTaken),
        Action::Reset => end(End::Reset, End::ResetTaken),
        Action::Connect => unreachable!("a step that connects takes no input"),
    }
}

/// What comes unasked is one step after the other.
pub(super) fn at_unasked(unasked: &Unasked, input: &Input, captures: &Captures) -> Look {
    let parts: Vec<_> = unasked.steps.concat();
    match of_match(matches(&parts, &input.bytes, captures), input) {
        // Nothing is no message.
        Look::Fits(taken) if taken.length == 0 => Look::Not(Seen::NoEnd),
        Look::More(_) if input.bytes.is_empty() => Look::Not(Seen::NoEnd),
        look => look,
    }
}

fn of_match(found: Match, input: &Input) -> Look {
    match found {
        Match::Fits { length, captured } => Look::Fits(Taken { length, captured, end: None }),
        Match::More(stop) if input.end.is_none() => Look::More(Seen::Bytes(stop)),
        Match::More(stop) | Match::Not(stop) => Look::Not(Seen::Bytes(stop)),
        Match::Unset(name) => Look::Not(Seen::Unset(name)),
    }
}
