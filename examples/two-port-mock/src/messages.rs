//! The messages, as the device reads and writes them.

use serde::{Deserialize, Serialize};

/// Whatever has an id.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) command: Option<Command>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Command {
    Move { actuator: usize, position: f64 },
    Stop { actuator: usize },
}

#[derive(Debug, Serialize)]
pub(crate) struct Reply {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) word: Word,
}

#[derive(Debug, Serialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub(crate) enum Word {
    Ack {
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
    },
    Success {
        position: f64,
    },
    Fail {
        reason: String,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct Telemetry {
    pub(crate) positions: Vec<f64>,
    pub(crate) moving: Vec<usize>,
}
