//! The controller against the mock sensors, over sockets, and against devices that are not well.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod configuration;
mod heartbeats;
mod program;
mod reconnect;
mod setup;
mod sharing;
mod telemetry;
