//! The client itself.

use moog_protocol::Parameters;
use tcpip_client::{Client, ClientOrServer, Commands, Connection, Link, LinkError, RequestError};
use tokio::select;

use crate::{
    Builder,
    frame::{Body, Frame},
    moog::Moog,
};

/// A client of a Moog controller whose configuration is a `C` and whose telemetry is a `T`.
///
/// It connects again by itself whenever the controller was gone; meanwhile commands fail at once. Dropping it closes
/// the connection.
///
/// Several tasks may use it at once: their commands wait for each other.
#[derive(Debug)]
pub struct CommandTelemetryClient<C: Body, T: Body> {
    pub(crate) link: Link<Commands<Moog<C, T>>>,
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
    /// The options of a client of the controller at `host` and `port`.
    pub fn builder(host: &str, port: u16) -> Builder<C, T> {
        Builder::over(Client::builder(host, port).name("moog-client").link())
    }

    /// The configuration, once it has come: the latest. While the controller is gone it is the last one, and once it is
    /// back, none but a new one.
    ///
    /// # Errors
    ///
    /// Why none has come: a session that ended meanwhile, an attempt to connect that failed, a client that is closed.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn configured(&self) -> Result<C, LinkError> {
        self.unless_lost(self.moog().config.wait_for(|_| true)).await
    }

    /// Waits until the controller is ready: its configuration and a first telemetry have come. If it was lost, they
    /// have come anew.
    ///
    /// # Errors
    ///
    /// Those of [`Link::ready`].
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn ready(&self) -> Result<(), LinkError> {
        self.link.ready().await
    }

    /// The next telemetry that comes after this is first polled.
    ///
    /// # Errors
    ///
    /// Those of [`configured`](Self::configured).
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn next_telemetry(&self) -> Result<T, LinkError> {
        self.unless_lost(self.moog().telemetry.next()).await
    }

    /// The latest telemetry; `None` before the first of a session.
    #[must_use]
    pub fn telemetry(&self) -> Option<T> {
        self.moog().telemetry.get()
    }

    /// Sends a command and waits for its status. Further parameters are 0.
    ///
    /// Commands wait for each other: only one is under way, and none before the controller is ready.
    ///
    /// # Errors
    ///
    /// By their [`cause`](RequestError::cause):
    ///
    /// - [`Refused`](tcpip_client::Cause::Refused): the controller says no, and why;
    /// - [`NoReply`](tcpip_client::Cause::NoReply): it says nothing in time; the connection lives;
    /// - [`Busy`](tcpip_client::Cause::Busy): others had their turn for 5 s, or the controller was connected and not
    ///   [ready](Self::ready); nothing was sent;
    /// - [`NotConnected`](tcpip_client::Cause::NotConnected): the controller is gone, also while this waits;
    ///   [`sent`](RequestError::sent) says whether it may have the command.
    ///
    /// # Panics
    ///
    /// With more than six parameters.
    ///
    /// # Cancel safety
    ///
    /// A command that is dropped while it waits for its status has been sent, and may be carried out; its status is
    /// ignored, and never taken for that of another.
    pub async fn run_command(&self, code: u32, parameters: &[f64]) -> Result<Acknowledged, RequestError> {
        let mut all = Parameters::default();
        all[..parameters.len()].copy_from_slice(parameters);
        match self.link.handler().run(&(code, all)).await? {
            Frame::Status { counter, status } => Ok(Acknowledged { counter, duration: status.duration.get() }),
            _ => unreachable!("nothing else is a reply"),
        }
    }

    /// Whether the controller is connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection().is_connected()
    }

    /// Closes the connection for good; whoever waits is told so, and the callbacks are let go. May be called again.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the close goes on without the future.
    pub async fn close(&self) {
        self.moog().end_callbacks();
        self.link.close().await;
    }

    fn moog(&self) -> &Moog<C, T> {
        self.link.handler().protocol()
    }

    /// What comes, or why it does not.
    async fn unless_lost<V>(&self, value: impl Future<Output = Option<V>>) -> Result<V, LinkError> {
        select! {
            biased;
            Some(value) = value => Ok(value),
            error = self.link.lost() => Err(error),
        }
    }
}

/// The present session, or the last one.
impl<C: Body, T: Body> ClientOrServer for CommandTelemetryClient<C, T> {
    fn connection(&self) -> Connection {
        self.link.handler().connection()
    }
}
