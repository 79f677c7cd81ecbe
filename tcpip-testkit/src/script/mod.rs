//! The text format of what goes over a link.

mod bless;
mod compile;
mod control;
mod crc;
mod edits;
pub(crate) mod engine;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod kinds;
mod markdown;
pub(crate) mod notation;
mod number_type;
pub(crate) mod peer;
mod place;
mod program;
#[expect(clippy::module_inception, reason = "the file of the type that the module is about")]
mod script;
pub(crate) mod shown;
mod syntax;

pub use self::{
    engine::{FailureReason, ScriptFailure},
    error::{ScriptError, ScriptFault},
    peer::{Captured, DEFAULT_FINISH_TIMEOUT, PeerError, ScriptedClient, ScriptedPeer, ScriptedServer},
    script::Script,
};
