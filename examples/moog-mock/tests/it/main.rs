//! The mock controller: its bytes, its rules, its program.
#![expect(clippy::unwrap_used, reason = "helpers of tests may do what tests do")]

mod conversation;
mod program;
mod scripted;
mod telemetry;
