//! A mock of a mirror that is moved by actuators, with two ports: one for commands, which have ids and end in any
//! order, and one for telemetry.
//!
//! [`MockMirror`] makes a server for each port, which share the mirror:
//!
//! ```
//! use two_port_mock::MockMirror;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mirror = MockMirror::new();
//! let commands = mirror.command_server().port(0).start().await?;
//! let telemetry = mirror.telemetry_server().port(0).start().await?;
//! println!("the mirror listens on ports {} and {}", commands.port(), telemetry.port());
//! mirror.hold(); // what is commanded now ends after `release`
//! # Ok(())
//! # }
//! ```
//!
//! # The protocol
//!
//! All messages are JSON, each a line that ends in `\n`. A command has an id, and all its replies have the same:
//!
//! | command | |
//! |---|---|
//! | `{"id": 7, "command": "move", "actuator": 3, "position": 1.5}` | moves an actuator, to a position from -10 mm to 10 mm |
//! | `{"id": 8, "command": "stop", "actuator": 3}` | stops it; a move that is under way fails |
//!
//! | reply | |
//! |---|---|
//! | `{"id": 7, "reply": "ack", "seconds": 0.5}` | it has begun, and will take so long; that of `stop` does not say how long |
//! | `{"id": 7, "reply": "success", "position": 1.5}` | it has ended: where the actuator is |
//! | `{"id": 7, "reply": "fail", "reason": "…"}` | it has ended, and why it is not done |
//!
//! Each command is acknowledged, and then ends, other commands meanwhile. What has an id and is no command fails at
//! once; what has none is passed over. A move goes on without its client.
//!
//! The other port says 20 times a second where each actuator is, in millimetres, and which of them move. What it is
//! told it passes over:
//!
//! ```text
//! {"positions": [0.0, 0.0, 0.0, 0.75], "moving": [3]}
//! ```

#![forbid(unsafe_code)]

mod actuator;
mod command_port;
mod messages;
mod mock_mirror;
mod telemetry_port;

pub use self::{
    command_port::CommandPort,
    mock_mirror::{DEFAULT_ACTUATORS, DEFAULT_COMMAND_PORT, DEFAULT_SPEED, DEFAULT_TELEMETRY_PORT, MockMirror},
    telemetry_port::{PERIOD, TelemetryPort},
};
