//! The options of a client.

use std::{net::SocketAddr, time::Duration};

use tcpip_core::{
    ConnectError, Connection, DEFAULT_CONNECT_TIMEOUT, OptionError,
    endpoint::{ConnectCallbacks, SessionOptions},
};
use tokio::time::timeout;

use crate::{Client, dial::dial};

/// Which addresses of a host to try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// All of them, in the resolver's order.
    #[default]
    Any,
    /// IPv4 alone.
    Ipv4,
    /// IPv6 alone.
    Ipv6,
}

impl Family {
    /// Whether `address` is one of the family.
    #[must_use]
    pub fn contains(self, address: SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }
}

/// The options of a [`Client`], until [`connect`](Self::connect) makes one.
///
/// Made by [`Client::builder`]. Dropping it does nothing; a clone of it connects again.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let port = listener.local_addr()?.port();
/// use std::time::Duration;
/// use tcpip_client::Client;
///
/// let client = Client::builder("127.0.0.1", port)
///     .name("dome")
///     .terminator(b"\n")
///     .connect_timeout(Duration::from_secs(2))
///     .read_timeout(Duration::from_secs(1))
///     .connect()
///     .await?;
/// client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `connect` is called"]
pub struct ClientBuilder {
    host: String,
    port: u16,
    family: Family,
    local_addr: Option<SocketAddr>,
    connect_timeout: Option<Duration>,
    session: SessionOptions,
    callbacks: ConnectCallbacks,
    option_error: Option<OptionError>,
}

impl ClientBuilder {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            family: Family::default(),
            local_addr: None,
            connect_timeout: Some(DEFAULT_CONNECT_TIMEOUT),
            session: SessionOptions::new(&format!("{host}:{port}")),
            callbacks: ConnectCallbacks::default(),
            option_error: None,
        }
    }

    tcpip_core::session_setters!();

    /// How long connecting may take, name look-up and all addresses included, or `None` for no limit but the system's.
    /// Default: [`DEFAULT_CONNECT_TIMEOUT`].
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = timeout.into();
        self
    }

    /// Which addresses of the host to try. Default: [`Family::Any`].
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// The address to connect from, which leaves the host's addresses of the same family; port 0 lets the system
    /// choose one. Default: the system chooses both.
    pub fn local_addr(mut self, address: SocketAddr) -> Self {
        self.local_addr = Some(address);
        self
    }

    /// Connects: looks the host up and tries its addresses in turn.
    ///
    /// Connect callbacks are told of the connection, but not waited for. A server that is busy with another client, as
    /// those of `tcpip-server`, accepts the connection and hangs up at once: this succeeds, and the first read finds the
    /// end.
    ///
    /// # Errors
    ///
    /// - [`Resolve`](ConnectError::Resolve), [`NoAddress`](ConnectError::NoAddress): the host has no such address;
    /// - [`Refused`](ConnectError::Refused), [`Failed`](ConnectError::Failed): what the last address came to;
    /// - [`Timeout`](ConnectError::Timeout): all of it took too long;
    /// - [`Option`](ConnectError::Option): an option was given a value that it cannot have.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is done leaves nothing behind: no connection, no task, no event.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its I/O and time enabled.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        if let Some(error) = self.option_error {
            return Err(error.into());
        }
        let dialling = dial(&self.host, self.port, self.family, self.local_addr);
        let stream = match self.connect_timeout {
            None => dialling.await?,
            Some(after) => {
                timeout(after, dialling).await.map_err(|_| ConnectError::Timeout { operation: "connect", after })??
            }
        };
        // Nothing waits from here on: the client is there, with its events, or nothing is.
        let peer = stream.peer_addr();
        let span = tracing::info_span!("callbacks", endpoint = %self.session.name, kind = "client");
        let (events, progress) = self.callbacks.start(&span);
        match Connection::start(stream, self.session, "client", events) {
            Ok(connection) => Ok(Client::new(self.host, self.port, connection, progress)),
            Err(source) => {
                let address = peer.unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], self.port)));
                Err(ConnectError::Failed { address, source })
            }
        }
    }
}
