//! What is said on the wire.

use serde::{Deserialize, Serialize};

/// What the mirror is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Moves an actuator.
    Move {
        /// Which one.
        actuator: usize,
        /// Where to, in millimetres.
        position: f64,
    },
    /// Stops an actuator. If it moves, that move fails.
    Stop {
        /// Which one.
        actuator: usize,
    },
}

/// A command as it is written.
#[derive(Debug, Serialize)]
pub(crate) struct Numbered<'a> {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) command: &'a Command,
}

/// What the mirror says of a command.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Reply {
    /// Of which.
    pub id: u64,
    /// What.
    #[serde(flatten)]
    pub word: Word,
}

/// How far a command has come.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Word {
    /// It has begun.
    Ack {
        /// How long it will take, if the mirror knows.
        seconds: Option<f64>,
    },
    /// It is done.
    Success {
        /// Where the actuator is, in millimetres.
        position: f64,
    },
    /// It is not.
    Fail {
        /// Why.
        reason: String,
    },
}

/// What the mirror tells by itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Telemetry {
    /// Where each actuator is, in millimetres.
    pub positions: Vec<f64>,
    /// Which of them move.
    pub moving: Vec<usize>,
}
