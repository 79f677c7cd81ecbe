//! A mock of the `ATDome`: the ACE main box's text protocol, and a dome that moves as long as the real one would.
//!
//! [`MockDome`] is the handler of a [`OneClientReadLoopServer`](tcpip_server::OneClientReadLoopServer). A test makes
//! one, starts its server on any free port, and steers it through the server's `handler()`:
//!
//! ```
//! use atdome_mock::MockDome;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MockDome::new().speed_up(100.0).server().port(0).start().await?;
//! println!("the dome listens on {}:{}", server.host(), server.port());
//! server.handler().fail_next("MV"); // the next `MV` fails, once
//! server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The protocol
//!
//! A client sends lines such as `280.00 MV`; the last word is the command. Each reply is some lines and a prompt `>`
//! that no line end follows. Every client is greeted with `ACE Main Box` and a prompt.
//!
//! | command | does | reply lines |
//! |---|---|---|
//! | `?` | short status | 6 |
//! | `+` | full status | 27 |
//! | `ST` | stop all motion | 0 |
//! | `OP`, `CL` | open, close the main door | 0 |
//! | `DN`, `UP` | open, close the dropout door | 0 |
//! | `SO`, `SC` | open, close both doors | 0 |
//! | `HM` | home the azimuth | 0 |
//! | `280.00 MV` | rotate to an azimuth, 0 ≤ azimuth < 360 degrees | 0 |
//!
//! A command that is unknown, malformed or refused gets the prompt only, and so does a line that is too long or no
//! text. A blank line gets nothing.
//!
//! # Where the protocol leaves a choice
//!
//! - Both ways round to the opposite side are equally near: the dome goes clockwise.
//! - Once homed, the dome stays homed. `HM` while homing begins again.
//! - `Last Azimuth GoTo` is the target of the last `MV` that was obeyed; homing does not change it.
//! - Encoder readings are constants, and the emergency stop is only reported.

#![forbid(unsafe_code)]

mod ace_box;
mod azimuth;
mod command;
mod conditions;
mod dome;
mod door;
mod mock_dome;
mod status;
mod travel;

pub use conditions::Conditions;
pub use mock_dome::{DEFAULT_PORT, MockDome};
