//! A mock of a Moog controller, such as those of hexapods and rotators: binary commands and telemetry on one socket.
//!
//! [`MockController`] is what all such controllers have in common: it looks commands up in a table, keeps the states,
//! sends its configuration to each client, and then telemetry for as long as the client is there. A [`Device`] adds the
//! rest; [`SimpleDevice`] is one axis. A test starts the controller's server on any free port, and steers it through
//! the server's `handler()`:
//!
//! ```
//! use moog_mock::{MockController, SimpleDevice};
//! use moog_protocol::ControllerState;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MockController::new(SimpleDevice::new()).enabled().server().port(0).start().await?;
//! println!("the controller listens on {}:{}", server.host(), server.port());
//! server.handler().machine().status.state = ControllerState::Fault;
//! server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The protocol
//!
//! The structures are those of [`moog_protocol`]. A client is sent the configuration once, then telemetry every 0.1 s.
//! Each command is answered by its status, which has its counter.
//!
//! | command | first parameter | is accepted |
//! |---|---|---|
//! | 1 `SET_STATE` | 2 enable | in standby |
//! | | 3 standby | when enabled |
//! | | 6 clear error | in fault or standby; then it is in standby |
//! | 2 `ENABLE_DRIVES` | 0 or 1 | always; the configuration is sent again before the status |
//! | 3 `SET_ENABLED_SUBSTATE` | the substate | when enabled |
//! | 4 `MOVE` | the position, of [`SimpleDevice`] | when enabled, within the limits |
//!
//! # Where the protocol leaves a choice
//!
//! - The first telemetry follows the configuration at once.
//! - The counter in the headers of configuration and telemetry is 0.
//! - Each command takes no time: the duration in its status is 0.
//! - A command of another commander is refused.
//! - A reason is cut at the end of a character, so that it is UTF-8 at any length.

#![forbid(unsafe_code)]

mod command_table;
mod controller;
mod device;
mod machine;
mod simple_device;
mod tai;

pub use self::{
    command_table::{Accepted, CommandTable, Outcome},
    controller::{MockController, TELEMETRY_INTERVAL},
    device::Device,
    machine::{Machine, Status},
    simple_device::SimpleDevice,
    tai::Tai,
};
