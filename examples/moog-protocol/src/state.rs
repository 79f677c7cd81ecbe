//! The states of a controller.

/// What a controller is doing. Telemetry carries it as a floating point number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ControllerState {
    /// It is at rest.
    #[default]
    Standby,
    /// It obeys.
    Enabled,
    /// Something went wrong.
    Fault,
}

/// The substate in which an enabled controller begins.
pub const STATIONARY: f64 = 0.0;

impl ControllerState {
    /// As telemetry carries it.
    #[must_use]
    pub fn number(self) -> f64 {
        match self {
            Self::Standby => 0.0,
            Self::Enabled => 2.0,
            Self::Fault => 4.0,
        }
    }

    /// The state of telemetry; `None` if it is none.
    #[must_use]
    pub fn from_number(number: f64) -> Option<Self> {
        [Self::Standby, Self::Enabled, Self::Fault].into_iter().find(|state| (state.number() - number).abs() < 0.5)
    }
}
