//! The simple device: one axis.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout,
    little_endian::{F64, U32},
};

/// What the simple device reports as its application status.
pub const APPLICATION_STATUS: u32 = 0x400;

/// The configuration of the simple device, 25 bytes.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SimpleConfig {
    /// 1 if the drives are on, else 0.
    pub drives_enabled: u8,
    /// The least position.
    pub min_position: F64,
    /// The greatest position.
    pub max_position: F64,
    /// The greatest velocity.
    pub max_velocity: F64,
}

const _: () = assert!(size_of::<SimpleConfig>() == 25);

/// The telemetry of the simple device, 36 bytes.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SimpleTelemetry {
    /// [`APPLICATION_STATUS`].
    pub application_status: U32,
    /// A [`ControllerState`](crate::ControllerState), as a number.
    pub state: F64,
    /// The substate of the enabled state: [`STATIONARY`](crate::STATIONARY) at first.
    pub enabled_substate: F64,
    /// Where the axis is.
    pub curr_position: F64,
    /// Where it was told to go.
    pub cmd_position: F64,
}

const _: () = assert!(size_of::<SimpleTelemetry>() == 36);
