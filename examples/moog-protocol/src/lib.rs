//! The binary structures that a Moog controller and its clients exchange: packed, little-endian.
//!
//! A client sends a [`Command`] of 60 bytes. A controller always sends a [`Header`] of 24 bytes, and behind it what its
//! `frame_id` says: a [`CommandStatus`] of 62 bytes, or the device's own telemetry or configuration. Those of the
//! simple device are [`SimpleTelemetry`], 36 bytes, and [`SimpleConfig`], 25 bytes.
//!
//! ```
//! use moog_protocol::{Command, code};
//! use zerocopy::IntoBytes;
//!
//! let command = Command::new(7, code::MOVE, [12.5, 0.0, 0.0, 0.0, 0.0, 0.0]);
//! assert_eq!(command.as_bytes()[..12], [2, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0, 0]);
//! ```

#![forbid(unsafe_code)]

pub mod code;
mod command;
mod command_status;
mod header;
mod simple;
mod state;

pub use self::{
    command::{COMMANDER, Command, Parameters},
    command_status::{ACK, CommandStatus, MAX_REASON, NO_ACK},
    header::{Header, frame_id},
    simple::{APPLICATION_STATUS, SimpleConfig, SimpleTelemetry},
    state::{ControllerState, STATIONARY},
};
