//! The mock mirror, as servers and as a program.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod program;
mod protocol;
