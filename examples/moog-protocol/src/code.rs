//! The codes of commands, and what their first parameter may be.

/// Changes the state: see [`set_state`].
pub const SET_STATE: u32 = 1;

/// Switches the drives on (1) or off (0).
pub const ENABLE_DRIVES: u32 = 2;

/// Changes the substate of the enabled state.
pub const SET_ENABLED_SUBSTATE: u32 = 3;

/// Moves to a position, of the simple device.
pub const MOVE: u32 = 4;

/// The first parameter of [`SET_STATE`].
pub mod set_state {
    /// From standby to enabled.
    pub const ENABLE: f64 = 2.0;

    /// From enabled to standby.
    pub const STANDBY: f64 = 3.0;

    /// From fault or standby to standby.
    pub const CLEAR_ERROR: f64 = 6.0;
}
