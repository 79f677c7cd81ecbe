//! The text format of what goes over a link.

mod compile;
mod control;
mod crc;
mod error;
mod kinds;
mod markdown;
pub(crate) mod notation;
mod number_type;
mod place;
mod program;
#[expect(clippy::module_inception, reason = "the file of the type that the module is about")]
mod script;
mod syntax;

pub use self::{
    error::{ScriptError, ScriptFault},
    script::Script,
};
