//! The controller against the mock dome, and against peers that misbehave.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
#![expect(clippy::float_cmp, reason = "the dome stands exactly where it was sent")]

mod faults;
mod in_memory;
mod misbehaving;
mod motion;
mod program;
#[path = "../../../../tcpip-testkit/tests/python/python.rs"]
mod python;
mod python_peers;
mod statuses;
mod turned_away;
