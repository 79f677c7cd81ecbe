//! One axis that drifts a little.

use moog_protocol::{APPLICATION_STATUS, Parameters, SimpleConfig, SimpleTelemetry, code};

use crate::{Accepted, CommandTable, Device, Machine, Outcome, Status};

const MIN_POSITION: f64 = -25.0;
const MAX_POSITION: f64 = 25.0;
const MAX_VELOCITY: f64 = 47.0;

/// How far the axis has drifted by the next telemetry.
const DRIFT: f64 = 0.001;

/// One axis, which a move puts into its place at once, and which drifts by 0.001 before each telemetry.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SimpleDevice {
    /// Where the axis is.
    pub curr_position: f64,
    /// Where it was told to go.
    pub cmd_position: f64,
}

impl SimpleDevice {
    /// At position 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Device for SimpleDevice {
    type Config = SimpleConfig;
    type Telemetry = SimpleTelemetry;

    fn config(&self, status: &Status) -> SimpleConfig {
        SimpleConfig {
            drives_enabled: status.drives_enabled.into(),
            min_position: MIN_POSITION.into(),
            max_position: MAX_POSITION.into(),
            max_velocity: MAX_VELOCITY.into(),
        }
    }

    fn next_telemetry(&mut self, status: &Status) -> SimpleTelemetry {
        self.curr_position += DRIFT;
        SimpleTelemetry {
            application_status: APPLICATION_STATUS.into(),
            state: status.state.number().into(),
            enabled_substate: status.enabled_substate.into(),
            curr_position: self.curr_position.into(),
            cmd_position: self.cmd_position.into(),
        }
    }

    fn commands(common: CommandTable<Self>) -> CommandTable<Self> {
        common.with(code::MOVE, move_to)
    }
}

fn move_to(machine: &mut Machine<SimpleDevice>, &[position, ..]: &Parameters) -> Outcome {
    machine.check_enabled()?;
    if !(MIN_POSITION..=MAX_POSITION).contains(&position) {
        return Err(format!("Position {position:?} out of range [{MIN_POSITION:?}, {MAX_POSITION:?}]."));
    }
    machine.device = SimpleDevice { curr_position: position, cmd_position: position };
    Ok(Accepted::default())
}
