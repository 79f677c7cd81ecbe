//! What is said on the wire.

use serde::{Deserialize, Serialize};

/// What the device is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "command", content = "parameters", rename_all = "snake_case")]
pub enum Command {
    /// These sensors tell what they measure, and no others.
    Configure(Configuration),
    /// What that sensor reads now is zero.
    Zero {
        /// Which one.
        name: String,
    },
}

/// The sensors that tell what they measure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Configuration {
    pub(crate) sensors: Vec<SensorConfiguration>,
}

impl Configuration {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// And one more, with so many channels.
    #[must_use]
    pub fn sensor(mut self, name: &str, channels: usize) -> Self {
        self.sensors.push(SensorConfiguration { name: name.to_owned(), channels });
        self
    }
}

/// One sensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SensorConfiguration {
    /// Its name.
    pub name: String,
    /// How many values it tells at once.
    pub channels: usize,
}

/// What the device says.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The end of the oldest command that has not ended: 0, or why it is refused.
    Response(i64),
    /// What a sensor measures.
    Telemetry(Reading),
}

/// What a sensor measures.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Reading {
    /// Which one.
    pub name: String,
    /// When, in seconds of Unix time.
    pub timestamp: f64,
    /// 0, or 1 if a channel has no sensor.
    pub response_code: u32,
    /// A value for each channel: NaN if it has no sensor.
    pub sensor_data: Vec<f64>,
}
