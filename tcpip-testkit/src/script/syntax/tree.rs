//! What a line of a script says.

use std::time::Duration;

use crate::{
    script::{number_type::NumberType, place::Place},
    side::Side,
};

/// One line, with its comment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) content: Option<Content>,
    /// What stands behind the `#`.
    pub(crate) comment: Option<String>,
    /// That of the content, or of the whole line if it has none.
    pub(crate) place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Script(u32),
    Encoding(String),
    Deadline(Time),
    Wait(Time),
    Silence(Time),
    Step(Step),
    /// Items that continue the step above.
    Items(Vec<Item>),
    Every(Time, Option<String>),
    Stop(String),
    AnyTime,
    Repeat(Option<u32>),
    Branching(Branching),
    /// `and`, which separates the branches of `any order`, or `or`, which separates those of `one of`.
    Next(Branching),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Branching {
    AnyOrder,
    OneOf,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) delay: Option<Delay<Time>>,
    pub(crate) side: Side,
    pub(crate) action: Action<Item>,
    pub(crate) within: Option<Time>,
}

/// With its time as it is written, or as it is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Delay<T> {
    /// `+`: from the step before.
    After(T),
    /// `@`: from connecting.
    At(T),
}

/// With its items as they are written, or as they are played.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action<I> {
    Items(Vec<I>),
    Fin,
    Close,
    Reset,
    Connect,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Time {
    pub(crate) written: String,
    pub(crate) duration: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) kind: ItemKind,
    pub(crate) times: Option<u32>,
    pub(crate) place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ItemKind {
    Text(Vec<TextPart>),
    Raw(String),
    Hex(Vec<u8>),
    Control(&'static str, u8),
    Number(Number),
    Json(JsonPattern<Hole>),
    Wrapper(Wrapper, Vec<Item>),
    Name(String),
    Hole(Hole),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TextPart {
    /// Text, in the encoding that is in force.
    Text(String),
    /// `\xNN`: one byte, whatever the encoding.
    Byte(u8),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) kind: NumberType,
    pub(crate) written: String,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wrapper {
    Check(Check),
    /// The items behind their length, an unsigned number.
    Length(NumberType),
    /// A block of IEEE 488.2.
    Block,
}

/// What is counted of the items, and written behind them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Check {
    Xor,
    Sum8,
    /// Of this name in the catalogue.
    Crc(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hole {
    pub(crate) kind: Kind,
    pub(crate) name: Option<String>,
    pub(crate) example: Option<Vec<Item>>,
    pub(crate) place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Anything,
    /// What is between the slashes.
    Regex(String),
    Bytes(u32),
    Digits,
    Int,
    Number,
    Word,
    Json,
    Block,
    Binary(NumberType),
}

/// The values of JSON that are words, Python's among them.
pub(crate) const JSON_CONSTANTS: [&str; 6] = ["NaN", "Infinity", "-Infinity", "true", "false", "null"];

/// A JSON value, with its holes as they are written, or as they are played.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JsonPattern<H> {
    /// `_`
    Any,
    /// `$name`
    Captured(String),
    Hole(H),
    String(String),
    /// As it is written.
    Number(String),
    /// One of [`JSON_CONSTANTS`].
    Constant(&'static str),
    Array {
        elements: Vec<Self>,
        open: bool,
    },
    Object {
        members: Vec<(String, Self)>,
        open: bool,
    },
}

impl<H> JsonPattern<H> {
    /// The same value with other holes.
    pub(crate) fn try_map<O, E>(&self, hole: &mut impl FnMut(&H) -> Result<O, E>) -> Result<JsonPattern<O>, E> {
        Ok(match self {
            Self::Any => JsonPattern::Any,
            Self::Captured(name) => JsonPattern::Captured(name.clone()),
            Self::Hole(written) => JsonPattern::Hole(hole(written)?),
            Self::String(string) => JsonPattern::String(string.clone()),
            Self::Number(number) => JsonPattern::Number(number.clone()),
            Self::Constant(constant) => JsonPattern::Constant(constant),
            Self::Array { elements, open } => {
                let elements = elements.iter().map(|element| element.try_map(hole)).collect::<Result<_, E>>()?;
                JsonPattern::Array { elements, open: *open }
            }
            Self::Object { members, open } => {
                let members = members.iter().map(|(key, value)| Ok((key.clone(), value.try_map(hole)?)));
                JsonPattern::Object { members: members.collect::<Result<_, E>>()?, open: *open }
            }
        })
    }
}
