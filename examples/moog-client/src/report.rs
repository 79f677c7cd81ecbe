//! What the program prints: one JSON object a line.

use std::error::Error;

use moog_protocol::{SimpleConfig, SimpleTelemetry};
use serde::Serialize;
use tcpip_client::JsonMode;

/// A line of the output, with the fields in this order.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Report<'a> {
    Config { drives_enabled: u8, min_position: f64, max_position: f64, max_velocity: f64 },
    Telemetry { application_status: u32, state: f64, enabled_substate: f64, curr_position: f64, cmd_position: f64 },
    Acknowledged { command: &'a str, counter: u32, ack: bool, duration: f64 },
    Refused { command: &'a str, counter: u32, ack: bool, reason: String },
}

impl Report<'_> {
    pub(crate) fn print(&self) -> Result<(), Box<dyn Error>> {
        Ok(program::print_line(JsonMode::Python.encode(self)?)?)
    }
}

impl From<&SimpleConfig> for Report<'_> {
    fn from(config: &SimpleConfig) -> Self {
        Self::Config {
            drives_enabled: config.drives_enabled,
            min_position: config.min_position.get(),
            max_position: config.max_position.get(),
            max_velocity: config.max_velocity.get(),
        }
    }
}

impl From<&SimpleTelemetry> for Report<'_> {
    fn from(telemetry: &SimpleTelemetry) -> Self {
        Self::Telemetry {
            application_status: telemetry.application_status.get(),
            state: telemetry.state.get(),
            enabled_substate: telemetry.enabled_substate.get(),
            curr_position: telemetry.curr_position.get(),
            cmd_position: telemetry.cmd_position.get(),
        }
    }
}
