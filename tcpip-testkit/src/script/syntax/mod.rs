//! The lines of a script as they are written: what they mean together is the [program](super::program)'s.

mod canonical;
mod holes;
mod items;
mod json;
mod lines;
mod tokens;
pub(crate) mod tree;

pub(crate) use self::{
    canonical::canonical,
    lines::{lines, mark_length},
    tokens::Wrong,
    tree::{
        Action, Branching, Content, Delay, Hole, Item, ItemKind, JsonPattern, Kind, Line, Step, TextPart, Time, Wrapper,
    },
};
