//! A mock of an electrometer that speaks SCPI, with what makes such devices a trouble to their controllers: it repeats
//! each command, takes its time to measure, and ends its replies in three ways.
//!
//! [`MockElectrometer`] is the handler of a [`OneClientReadLoopServer`](tcpip_server::OneClientReadLoopServer). A test
//! makes one, starts its server on any free port, and steers it through the server's `handler()`:
//!
//! ```
//! use scpi_electrometer_mock::MockElectrometer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MockElectrometer::new().server().port(0).start().await?;
//! println!("the electrometer listens on {}:{}", server.host(), server.port());
//! server.handler().hold(); // what is asked now is answered after `release`
//! server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The protocol
//!
//! Every client is sent the line `PICO-1 electrometer`. A command ends in `\r`, and is sent back as it came, `\r`
//! included, before its reply. A line of a reply ends in `\r\n`.
//!
//! | command | reply |
//! |---|---|
//! | `*IDN?` | a line: maker, model, serial number, firmware |
//! | `MEAS?` | after 0.2 s a line: a current in amperes, such as `+1.000000E-12`, or `+9.900000E37` for one that is beyond the range |
//! | `TRACE?` | the last readings, the oldest first, a line each, at most ten and none perhaps; then a prompt `>` that nothing follows |
//! | `FETCH:BIN?` | the same readings as a block of definite length (IEEE 488.2, 8.7.9), each a little-endian IEEE-754 double; then `\r\n` |
//! | any other | a line: `-113,"Undefined header"` |
//!
//! The mock's n-th reading is n picoamperes: no reading comes twice.

#![forbid(unsafe_code)]

mod mock_electrometer;
mod readings;

pub use mock_electrometer::{DEFAULT_MEASURING_TIME, DEFAULT_PORT, MockElectrometer};
