//! A controller of the `ATDome`: typed commands, a parsed status, waiting for motion to end.
//!
//! Commands go one at a time, each with its own reply: several tasks may share a [`Dome`]. A reply that does not come
//! in time ends the session, so that it can never be taken for the reply to the next command. Whoever ends it, the dome
//! is connected again by itself; meanwhile commands fail at once, and [`link`](Dome::link) says what it is at.
//!
//! ```
//! use std::time::Duration;
//!
//! use atdome_controller::{Azimuth, Command, Dome};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = atdome_mock::MockDome::new().speed_up(100.0).server().port(0).start().await?;
//! # let (host, port) = (server.host(), server.port());
//! let dome = Dome::connect(host, port).await?;
//! dome.command(Command::OpenMainDoor).await?;
//! let status = dome.rotate_to(Azimuth::try_from(280.0)?, Duration::from_secs(60)).await?;
//! println!("the dome is at {} degrees, its main door at {} %", status.azimuth, status.main_door.percent);
//! dome.close().await;
//! # server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # If you drop this future …
//!
//! | future | what happens |
//! |---|---|
//! | [`send`](Dome::send), [`command`](Dome::command), a status | before its turn, nothing is sent; later, the dome may have got the command, and the session ends |
//! | [`wait_until`](Dome::wait_until), [`home`](Dome::home), [`rotate_to`](Dome::rotate_to) | the same; the dome moves on |
//! | [`connect`](Dome::connect) | nothing is left of it |
//! | [`close`](Dome::close) | the link is closed all the same |

#![forbid(unsafe_code)]

mod azimuth;
mod command;
mod dome;
mod dome_builder;
mod dome_error;
mod door;
mod full_status;
mod lines;
mod move_code;
mod short_status;
mod status_error;

pub use azimuth::{Azimuth, NotAnAzimuth};
pub use command::Command;
pub use dome::Dome;
pub use dome_builder::{DEFAULT_POLL_INTERVAL, DEFAULT_PORT, DEFAULT_REPLY_TIMEOUT, DomeBuilder};
pub use dome_error::DomeError;
pub use door::{DoorState, DoorStatus};
pub use full_status::FullStatus;
pub use move_code::MoveCode;
pub use short_status::{Rotation, ShortStatus};
pub use status_error::StatusError;
