//! The mock electrometer, as a server and as a program.

mod program;
mod protocol;
