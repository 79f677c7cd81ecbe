//! A controller of an electrometer that speaks SCPI: commands of many tasks, of which each gets its own reply, over a
//! [`Link`](tcpip_client::Link) that comes back by itself.
//!
//! The device, as `scpi-electrometer-mock` plays it, greets with a line, repeats each command before it answers, takes
//! its time to measure, and ends its replies in three ways: lines, a prompt without a terminator, binary blocks.
//!
//! ```
//! use scpi_electrometer::{Electrometer, link};
//! use tcpip_client::WireLog;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = scpi_electrometer_mock::MockElectrometer::new().server().port(0).start().await?;
//! # let (host, port) = (server.host(), server.port());
//! let log = WireLog::ring(100);
//! let link = link(host, port, &log).connect().await?; // or `start`, which goes on trying
//! let electrometer = Electrometer::new(&link); // clones go to other tasks
//! println!("{}: {} A", electrometer.identity().await?, electrometer.measure().await?);
//! for reading in electrometer.trace().await? {
//!     println!("{reading}");
//! }
//! println!("{log}");
//! link.close().await;
//! # server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! What [`NotAReading`] tells costs that reply alone. A reply that is late is waited for and dropped; one that does not
//! come at all costs the session, and the link makes another. None is ever taken for another command's.

#![forbid(unsafe_code)]

mod reading;

use std::time::Duration;

use tcpip_client::{
    Backoff, Client, LinkBuilder, OutOfStep, RequestError, RequestOptions, Requester, Shape, WireLog, line,
    lines_before, scpi_block,
};

pub use self::reading::NotAReading;

/// The port on which the electrometer is found unless something else is said.
pub const DEFAULT_PORT: u16 = 5025;

/// The line that greets every client.
const WELCOME: &str = "PICO-1 electrometer";

/// Whatever listens there did not greet as the electrometer does: an attempt of the link that failed.
#[derive(Debug, thiserror::Error)]
#[error("this is not the electrometer: it greets with {0:?}")]
pub struct WrongWelcome(pub String);

/// Returns the options of a link to the device. Its frames go to `log`.
pub fn link(host: &str, port: u16, log: &WireLog) -> LinkBuilder {
    Client::builder(host, port)
        .name("electrometer")
        .terminator(b"\r\n")
        .write_terminator(b"\r")
        .wire_log(log)
        .link()
        .backoff(Backoff::exponential(Duration::from_millis(250), Duration::from_secs(10)))
        .requests(requests())
        .handshake(|session| async move {
            let welcome = session.receive(line()).await?;
            if welcome == WELCOME { Ok(()) } else { Err(WrongWelcome(welcome).into()) }
        })
}

/// Returns how the device is asked: it measures within a second, or is not well.
pub fn requests() -> RequestOptions {
    RequestOptions::new()
        .echo(b"\r")
        .ready_timeout(Duration::from_secs(5))
        .reply_timeout(Duration::from_secs(1))
        .out_of_step(OutOfStep::Abandon { at_most: Duration::from_secs(5) })
}

/// The electrometer's commands, over a link, or over what a link gives: one with other deadlines, or the turn for
/// several commands. Clones share it.
#[derive(Clone, Debug)]
pub struct Electrometer(Requester);

impl Electrometer {
    /// Returns the commands over that link.
    #[must_use]
    pub fn new(link: &Requester) -> Self {
        Self(link.clone())
    }

    /// Asks who made it, which model it is, its serial number and its firmware.
    ///
    /// # Errors
    ///
    /// Those of [`Requester::ask`].
    pub async fn identity(&self) -> Result<String, RequestError> {
        self.0.ask("*IDN?").await
    }

    /// Measures the current, in amperes.
    ///
    /// # Errors
    ///
    /// Those of [`Requester::ask`]; the value is [`NotAReading`] when it is beyond the range.
    pub async fn measure(&self) -> Result<f64, RequestError> {
        self.0.ask_for("MEAS?", line().try_map(|line| reading::of_line(&line))).await
    }

    /// Asks for the last readings, the oldest first.
    ///
    /// # Errors
    ///
    /// As [`measure`](Self::measure).
    pub async fn trace(&self) -> Result<Vec<f64>, RequestError> {
        self.0.ask_for("TRACE?", lines_before(b">").try_map(|lines| reading::of_lines(&lines))).await
    }

    /// Asks for the last readings as they are, in binary.
    ///
    /// # Errors
    ///
    /// As [`measure`](Self::measure).
    pub async fn fetch(&self) -> Result<Vec<f64>, RequestError> {
        self.0.ask_for("FETCH:BIN?", scpi_block().try_map(|block| reading::of_block(&block))).await
    }
}
