//! What stands before everything that a controller sends.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout,
    little_endian::{I64, U32},
};

/// The header of a frame, 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Header {
    /// What follows: one of [`frame_id`].
    pub frame_id: U32,
    /// The counter of the command, before its status; else 0.
    pub counter: U32,
    /// When the frame was sent: whole seconds of TAI since 1970.
    pub tai_sec: I64,
    /// The nanoseconds in that second.
    pub tai_nsec: I64,
}

const _: () = assert!(size_of::<Header>() == 24);

/// What follows a [`Header`].
pub mod frame_id {
    /// A [`CommandStatus`](crate::CommandStatus).
    pub const COMMAND_STATUS: u32 = 1;

    /// The telemetry of the device.
    pub const TELEMETRY: u32 = 2;

    /// The configuration of the device.
    pub const CONFIG: u32 = 3;
}
