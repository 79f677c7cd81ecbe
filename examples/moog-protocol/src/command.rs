//! What a client sends.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout,
    little_endian::{F64, U32},
};

/// Who commands: a client of this kind.
pub const COMMANDER: u32 = 2;

/// The parameters of a command; those that it does not need are 0.
pub type Parameters = [f64; 6];

/// A command, 60 bytes.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Command {
    /// [`COMMANDER`].
    pub commander: U32,
    /// The number of the command: one more each time, and 0 after 4294967295. Its status has the same.
    pub counter: U32,
    /// What to do: one of [`code`](crate::code).
    pub code: U32,
    /// With what.
    pub parameters: [F64; 6],
}

const _: () = assert!(size_of::<Command>() == 60);

impl Command {
    /// The command with this number.
    #[must_use]
    pub fn new(counter: u32, code: u32, parameters: Parameters) -> Self {
        Self {
            commander: COMMANDER.into(),
            counter: counter.into(),
            code: code.into(),
            parameters: parameters.map(F64::new),
        }
    }
}
