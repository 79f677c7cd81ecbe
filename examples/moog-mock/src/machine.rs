//! The controller and its device, without the link to a client.

use moog_protocol::ControllerState;

/// What a controller is doing, whatever the device.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Status {
    /// The state.
    pub state: ControllerState,
    /// The substate of the enabled state.
    pub enabled_substate: f64,
    /// Whether the drives are on.
    pub drives_enabled: bool,
}

/// A controller with its device: what a command works on.
#[derive(Debug)]
pub struct Machine<D> {
    /// What the controller is doing.
    pub status: Status,
    /// The device.
    pub device: D,
}

impl<D> Machine<D> {
    /// Refuses what only an enabled controller does.
    ///
    /// # Errors
    ///
    /// The reason, if the controller is not enabled.
    pub fn check_enabled(&self) -> Result<(), String> {
        match self.status.state {
            ControllerState::Enabled => Ok(()),
            state => Err(format!("Not allowed in {state:?}.")),
        }
    }
}
