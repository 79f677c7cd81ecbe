//! The client against the mock, against peers that misbehave, and as a program.
#![expect(clippy::unwrap_used, reason = "helpers of tests may do what tests do")]
#![expect(clippy::float_cmp, reason = "numbers come through as they are sent")]

mod commands;
mod conversation;
mod link;
mod misbehaving;
mod program;
#[path = "../../../../tcpip-testkit/tests/python/python.rs"]
mod python;
mod python_peers;
mod scripted;
mod telemetry;
