//! What a script means: steps and blocks, with all bytes known that can be.

use std::{sync::Arc, time::Duration};

use regex::bytes::Regex;

use super::{
    place::Place,
    syntax::{self, Action, Branching, Delay, Wrapper},
};
use crate::side::Side;

/// What is done one after the other.
pub(crate) type Block = Arc<[Node]>;

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Step(Arc<Step>),
    Pause(Pause),
    Every(Arc<Unasked>),
    /// Ends the `every` of this name.
    Stop(String),
    AnyTime(Arc<Unasked>),
    Repeat(Arc<Repeat>),
    Branches(Arc<Branches>),
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) side: Side,
    pub(crate) delay: Option<Delay<Duration>>,
    pub(crate) action: Action<Part>,
    /// How long the step has, without its delay.
    pub(crate) deadline: Duration,
    pub(crate) place: Place,
}

/// `wait` or `silence`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    pub(crate) time: Duration,
    pub(crate) is_silent: bool,
    pub(crate) place: Place,
}

/// What comes without being asked for: the body of an `every` or `any time`.
#[derive(Debug)]
pub(crate) struct Unasked {
    pub(crate) side: Side,
    /// Sent so often; by nobody if it comes at any time.
    pub(crate) every: Option<Duration>,
    pub(crate) name: Option<String>,
    pub(crate) steps: Vec<Vec<Part>>,
    pub(crate) place: Place,
}

#[derive(Debug)]
pub(crate) struct Repeat {
    pub(crate) times: Times,
    pub(crate) body: Block,
    pub(crate) place: Place,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Times {
    Exactly(u32),
    /// For as long as what comes fits the first step, which is of this side.
    WhileFits(Side),
}

#[derive(Debug)]
pub(crate) struct Branches {
    pub(crate) branching: Branching,
    /// Who begins each of the branches.
    pub(crate) side: Side,
    pub(crate) all: Vec<Block>,
    pub(crate) place: Place,
}

/// One item.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) kind: PartKind,
    pub(crate) place: Place,
}

#[derive(Clone, Debug)]
pub(crate) enum PartKind {
    Literal(Vec<u8>),
    Captured(String),
    Hole(Hole<HoleKind>),
    Json(Json),
    Wrapped(Wrapper, Vec<Part>),
    Repeated(u32, Box<Part>),
}

#[derive(Clone, Debug)]
pub(crate) struct Hole<K> {
    pub(crate) kind: K,
    pub(crate) name: Option<String>,
    pub(crate) example: Option<Vec<Part>>,
}

#[derive(Clone, Debug)]
pub(crate) enum HoleKind {
    /// All up to these bytes.
    UpTo(Vec<u8>, Option<Regex>),
    Exactly(usize),
    Digits,
    Int,
    Number,
    Word,
    Json(NumberEnd),
    Block,
}

/// A JSON value, by itself.
#[derive(Clone, Debug)]
pub(crate) struct Json {
    pub(crate) pattern: JsonPattern,
    pub(crate) number_end: NumberEnd,
}

/// Whether a number that is not within other JSON knows its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberEnd {
    /// What follows ends it.
    Known,
    /// Nothing does, so a number does not fit.
    Unknown,
}

/// A JSON value with holes.
pub(crate) type JsonPattern = syntax::JsonPattern<Hole<JsonKind>>;

#[derive(Clone, Debug)]
pub(crate) enum JsonKind {
    Any,
    Digits,
    Int,
    Number,
    Word,
    Regex(Regex),
}

impl Step {
    pub(crate) fn connects(&self) -> bool {
        matches!(self.action, Action::Connect)
    }
}

impl HoleKind {
    /// Whether what a hole of this kind captures is a string where it is used in JSON.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Word | Self::UpTo(_, Some(_)))
    }
}

impl JsonKind {
    /// Whether a value of this kind is a string, of which the hole captures the text.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Word | Self::Regex(_))
    }
}
