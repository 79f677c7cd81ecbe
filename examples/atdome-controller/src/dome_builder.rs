//! How to connect to the dome.

use std::time::Duration;

use tcpip_client::{Client, ClientBuilder, ConnectionEvent, RequestOptions, literal};

use crate::{dome::Dome, dome_error::DomeError};

/// The port on which the dome is found unless something else is said.
pub const DEFAULT_PORT: u16 = 17310;

/// What greets every client.
const GREETING: &[u8] = b"ACE Main Box\n>";

/// How long a reply may take to begin, and from there to end: 2 s. The dome answers at once, whatever it is doing.
pub const DEFAULT_REPLY_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause between two statuses while waiting for something: 0.1 s.
pub const DEFAULT_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The options of a [`Dome`]. Dropping it does nothing.
#[derive(Debug)]
#[must_use]
pub struct DomeBuilder {
    client: ClientBuilder,
    reply_timeout: Duration,
    poll_interval: Duration,
}

impl DomeBuilder {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self {
            client: Client::builder(host, port).name("atdome-controller").terminator(b"\n").write_terminator(b"\r\n"),
            reply_timeout: DEFAULT_REPLY_TIMEOUT,
            poll_interval: DEFAULT_POLL_INTERVAL,
        }
    }

    /// How long to wait for a connection. Default:
    /// [`DEFAULT_CONNECT_TIMEOUT`](tcpip_client::DEFAULT_CONNECT_TIMEOUT).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.client = self.client.connect_timeout(timeout);
        self
    }

    /// How long the greeting and each reply may take to begin, and from there to end, before the session ends. Default:
    /// [`DEFAULT_REPLY_TIMEOUT`].
    pub fn reply_timeout(mut self, timeout: Duration) -> Self {
        self.reply_timeout = timeout;
        self
    }

    /// The pause between two statuses while waiting for something. Default: [`DEFAULT_POLL_INTERVAL`].
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Adds a callback that is told of each session and of its end. Default: none.
    pub fn connect_callback<F, Fut>(mut self, callback: F) -> Self
    where
        F: Fn(ConnectionEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.client = self.client.connect_callback(callback);
        self
    }

    /// Connects, and waits for the dome's greeting. From then on it connects again by itself whenever the session ends.
    ///
    /// # Errors
    ///
    /// - [`DomeError::TurnedAway`] when the dome hangs up at once, because it serves another client;
    /// - [`DomeError::Link`] when there is no connection, or no such greeting comes in time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn connect(self) -> Result<Dome, DomeError> {
        let timeout = self.reply_timeout;
        let link = self
            .client
            .link()
            .requests(RequestOptions::new().reply_timeout(timeout).gap_timeout(timeout).whole_timeout(timeout))
            .handshake_timeout(timeout.saturating_mul(2))
            .handshake(|session| async move { Ok(session.receive(literal(GREETING)).await?) })
            .connect()
            .await?;
        Ok(Dome::over(link, self.poll_interval))
    }
}
