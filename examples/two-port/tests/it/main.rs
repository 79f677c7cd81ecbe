//! The controller against the mock mirror: in memory, where the clock is paused, and over sockets.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
#![expect(clippy::float_cmp, reason = "a position is exactly that of the mock")]

mod budget;
mod commands;
mod many;
mod ports;
mod program;
mod setup;
