//! The messages, as the device reads and writes them.

use serde::{Deserialize, Serialize};

/// What a client says.
#[derive(Debug, Deserialize)]
pub(crate) struct Command {
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) parameters: serde_json::Value,
}

/// The parameters of `configure`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    pub(crate) sensors: Vec<SensorConfiguration>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SensorConfiguration {
    pub(crate) name: String,
    pub(crate) channels: usize,
}

/// The parameters of `zero`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Zero {
    pub(crate) name: String,
}

/// What the device says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    Response(Response),
    Telemetry(Telemetry),
}

/// What has become of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "u8")]
pub(crate) enum Response {
    Done = 0,
    NoCommand = 1,
    BadParameters = 2,
    NoSuchSensor = 3,
    NotConfigured = 4,
    StartingUp = 5,
}

impl From<Response> for u8 {
    fn from(response: Response) -> Self {
        response as Self
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Telemetry {
    pub(crate) name: String,
    pub(crate) timestamp: f64,
    pub(crate) response_code: u8,
    pub(crate) sensor_data: Vec<f64>,
}
