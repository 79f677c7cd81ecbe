//! The mock sensors, as a server and as a program.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod heartbeats;
mod program;
mod protocol;
