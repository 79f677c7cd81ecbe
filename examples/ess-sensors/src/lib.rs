//! A controller of environmental sensors: JSON lines over one socket, on which the replies to commands come in order
//! and telemetry comes between them. The sensors are configured whenever they have come back, and what they measured
//! last is there for any number of tasks.
//!
//! ```
//! use ess_sensors::{Configuration, Sensors, link};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = ess_sensors_mock::MockSensors::new().server().port(0).start().await?;
//! # let (host, port) = (server.host(), server.port());
//! let configuration = Configuration::new().sensor("TempSensor1", 4).sensor("TempSensor2", 2);
//! let sensors = Sensors::new(link(host, port, configuration).connect().await?); // or `start`, which goes on trying
//! let outside = sensors.telemetry("TempSensor1").ok_or("it is not configured")?;
//! match outside.next().await {
//!     Some(reading) => println!("{:?}", reading.sensor_data), // NaN where there is none
//!     None => println!("the session has ended before"),       // after `sensors.link().ready()` there is another
//! }
//! sensors.zero("TempSensor2").await?;
//! sensors.link().close().await;
//! # server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Who shows that it lives, and how
//!
//! This end sends a heartbeat each second, and a device from which none comes for long hangs up, so that the next
//! controller finds it free. The device sends none: it tells what it measures each second, so one that says nothing for
//! [`SILENCE`] is given up, and connected to again.
//!
//! # What goes wrong
//!
//! What the device refuses is the error of its command, whose `refusal` is a [`Refusal`]. One of the configuration that
//! no repetition mends is for good: the link has failed. A reply carries no id: so one command is in flight at a time,
//! and a device that swallows one, or says what is no message, costs the session.

#![forbid(unsafe_code)]

mod messages;
mod protocol;
mod refusal;

use std::{sync::Arc, time::Duration};

use tcpip_client::{
    Backoff, Client, Commands, DEFAULT_HEARTBEAT_INTERVAL, Latest, Link, LinkBuilder, LinkError, RequestError,
};

pub use self::{
    messages::{Command, Configuration, Message, Reading, SensorConfiguration},
    protocol::Ess,
    refusal::Refusal,
};

/// The port on which the sensors are found unless something else is said.
pub const DEFAULT_PORT: u16 = 5000;

/// How long the device may say nothing: 5 s.
pub const SILENCE: Duration = Duration::from_secs(5);

/// Returns the options of a link to the device, which is configured so at the beginning of each session.
pub fn link(host: &str, port: u16, configuration: Configuration) -> LinkBuilder<Commands<Ess>> {
    Client::builder(host, port)
        .name("ess-sensors")
        .terminator(b"\r\n")
        .heartbeat_interval(DEFAULT_HEARTBEAT_INTERVAL)
        .idle_timeout(SILENCE)
        .link()
        .backoff(Backoff::exponential(Duration::from_millis(250), Duration::from_secs(10)))
        .handler(Commands::new(Ess::new(configuration)).in_flight(1))
        .ready_when(|commands| async move {
            commands.run(&Command::Configure(commands.protocol().configuration().clone())).await?;
            Ok(())
        })
        .final_when(is_final)
}

/// The sensors, over a link. Clones share it; when the last is dropped, it is closed.
#[derive(Clone, Debug)]
pub struct Sensors(Arc<Link<Commands<Ess>>>);

impl Sensors {
    /// Returns the sensors over that link.
    #[must_use]
    pub fn new(link: Link<Commands<Ess>>) -> Self {
        Self(Arc::new(link))
    }

    /// Returns the link.
    #[must_use]
    pub fn link(&self) -> &Link<Commands<Ess>> {
        &self.0
    }

    /// Returns what that sensor tells; `None` if it is none of the configuration.
    #[must_use]
    pub fn telemetry(&self, name: &str) -> Option<&Latest<Reading>> {
        self.0.handler().protocol().telemetry(name)
    }

    /// Has what the sensor reads now be zero from now on. It waits for the end of the configuration; while the device
    /// is not there, it fails at once.
    ///
    /// # Errors
    ///
    /// Those of [`Commands::run`], with a [`Refusal`] if the device refuses it.
    pub async fn zero(&self, name: &str) -> Result<(), RequestError> {
        self.0.handler().run(&Command::Zero { name: name.to_owned() }).await.map(drop)
    }
}

/// Whether the configuration will never do.
fn is_final(error: &LinkError) -> bool {
    let LinkError::Handshake(error) = error else { return false };
    let refusal = error.downcast_ref().and_then(RequestError::refusal::<Refusal>);
    refusal.is_some_and(|refusal| refusal.is_final())
}
