//! The client itself.

use std::time::Duration;

use moog_protocol::{Command, Parameters};
use tcpip_client::{ClientOrServer, Connection, DisconnectReason, ReadLoopClient};
use tokio::{sync::Mutex, time::timeout};

use crate::{Builder, CommandError, frame::Body, incoming::Incoming};

/// A client of a Moog controller whose configuration is a `C` and whose telemetry is a `T`.
///
/// Dropping it closes the connection. It connects once.
///
/// Several tasks may use it at once: their commands wait for each other.
#[derive(Debug)]
pub struct CommandTelemetryClient<C, T> {
    client: ReadLoopClient<Incoming<C, T>>,
    /// The number of the next command. Held while a command waits for its status.
    counter: Mutex<u32>,
    command_timeout: Duration,
}

/// A command that the controller has accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Acknowledged {
    /// The number of the command.
    pub counter: u32,
    /// How long it will take.
    pub duration: f64,
}

impl<C: Body, T: Body> CommandTelemetryClient<C, T> {
    pub(crate) fn new(client: ReadLoopClient<Incoming<C, T>>, counter: u32, command_timeout: Duration) -> Self {
        Self { client, counter: Mutex::new(counter), command_timeout }
    }

    /// The options of a client of the controller at `host` and `port`.
    pub fn builder(host: &str, port: u16) -> Builder<C, T> {
        Builder::new(host, port)
    }

    /// The configuration, once it has come: the latest.
    ///
    /// # Errors
    ///
    /// [`CommandError::Lost`], [`CommandError::Closed`] when the connection is over and none has come.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn configured(&self) -> Result<C, CommandError> {
        self.incoming().config.wait_for(|_| true).await.ok_or_else(|| self.gone())
    }

    /// Waits until the controller is ready: its configuration and a first telemetry have come.
    ///
    /// # Errors
    ///
    /// Those of [`configured`](Self::configured).
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn ready(&self) -> Result<(), CommandError> {
        self.configured().await?;
        self.incoming().telemetry.wait_for(|_| true).await.map(|_| ()).ok_or_else(|| self.gone())
    }

    /// The next telemetry that comes after this is first polled.
    ///
    /// # Errors
    ///
    /// [`CommandError::Lost`], [`CommandError::Closed`] when none will come.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn next_telemetry(&self) -> Result<T, CommandError> {
        self.incoming().telemetry.next().await.ok_or_else(|| self.gone())
    }

    /// The latest telemetry; `None` before the first.
    #[must_use]
    pub fn telemetry(&self) -> Option<T> {
        self.incoming().telemetry.get()
    }

    /// Sends a command and waits for its status. Further parameters are 0.
    ///
    /// Commands wait for each other: only one is under way.
    ///
    /// # Errors
    ///
    /// - [`CommandError::Refused`]: the controller says no, and why;
    /// - [`CommandError::NoStatus`]: it says nothing in time; the connection lives;
    /// - [`CommandError::Lost`], [`CommandError::Closed`]: the connection is over, also while this waits.
    ///
    /// # Panics
    ///
    /// With more than six parameters.
    ///
    /// # Cancel safety
    ///
    /// A command that is dropped while it waits for its status has been sent, and may be carried out; its status is
    /// ignored, and never taken for that of another.
    pub async fn run_command(&self, code: u32, parameters: &[f64]) -> Result<Acknowledged, CommandError> {
        let mut all = Parameters::default();
        all[..parameters.len()].copy_from_slice(parameters);
        let mut next = self.counter.lock().await;
        let counter = *next;
        *next = counter.wrapping_add(1);
        let status = self.incoming().in_flight.begin(counter);
        let answered = async {
            self.client.write_from(&Command::new(counter, code, all)).await.map_err(|_| self.gone())?;
            status.await.map_err(|_| self.gone())
        };
        let after = self.command_timeout;
        let status = timeout(after, answered).await.unwrap_or(Err(CommandError::NoStatus { counter, after }))?;
        if status.status.get() == moog_protocol::ACK {
            Ok(Acknowledged { counter, duration: status.duration.get() })
        } else {
            Err(CommandError::Refused { counter, reason: status.reason().into_owned() })
        }
    }

    /// Whether the controller is connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    /// Closes the connection; whoever waits is told so. May be called again.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the close goes on without the future.
    pub async fn close(&self) {
        self.client.close().await;
    }

    fn incoming(&self) -> &Incoming<C, T> {
        self.client.handler()
    }

    /// Why the connection is over.
    fn gone(&self) -> CommandError {
        match self.client.connection().reason() {
            Some(DisconnectReason::Closed) => CommandError::Closed,
            Some(reason) => CommandError::Lost { reason },
            // The read loop has ended before the session.
            None => CommandError::Lost { reason: DisconnectReason::ClosedByPeer },
        }
    }
}

impl<C: Body, T: Body> ClientOrServer for CommandTelemetryClient<C, T> {
    fn connection(&self) -> Connection {
        self.client.connection()
    }
}
