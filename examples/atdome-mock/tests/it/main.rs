//! The mock dome over TCP, and as a program.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod motion;
mod program;
mod protocol;
mod scripted;
