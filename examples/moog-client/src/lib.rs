//! A client of Moog controllers, such as those of hexapods and rotators: it keeps the configuration and the telemetry
//! that come by themselves, and sends commands on the same socket. It is a [`Link`](tcpip_client::Link) with
//! [`Commands`](tcpip_client::Commands): whenever the controller was gone, it is connected again by itself.
//!
//! [`CommandTelemetryClient`] is generic over the device's configuration and telemetry; those of the simple device are
//! in [`moog_protocol`].
//!
//! ```no_run
//! use moog_client::CommandTelemetryClient;
//! use moog_protocol::{SimpleConfig, SimpleTelemetry, code};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let axis = CommandTelemetryClient::<SimpleConfig, SimpleTelemetry>::builder("127.0.0.1", 5570)
//!     .telemetry_callback(|telemetry: SimpleTelemetry| async move {
//!         println!("at {}", telemetry.curr_position);
//!         Ok(())
//!     })
//!     .connect()
//!     .await?;
//! let config = axis.configured().await?;
//! axis.run_command(code::SET_STATE, &[code::set_state::ENABLE]).await?;
//! axis.run_command(code::MOVE, &[config.max_position.get()]).await?;
//! println!("then at {}", axis.next_telemetry().await?.curr_position);
//! axis.close().await;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod builder;
mod callbacks;
mod client;
mod frame;
mod moog;

pub use self::{
    builder::{Builder, DEFAULT_COMMAND_TIMEOUT},
    callbacks::{CALLBACK_QUEUE, CallbackResult},
    client::{Acknowledged, CommandTelemetryClient},
    frame::Body,
};
