//! The controller against the mock electrometer, over sockets, and against a device that is another.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
#![expect(clippy::float_cmp, reason = "a reading is exactly that of the mock")]

mod budget;
mod commands;
mod late;
mod program;
mod reconnect;
mod setup;
mod sharing;
