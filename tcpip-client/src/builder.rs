//! The options of a client.

use std::{net::SocketAddr, time::Duration};

use tcpip_core::{
    CallbackFuture, ConnectCallback, ConnectError, ConnectionEvent, Family, Network, Serve,
    endpoint::{AnyNetwork, ConnectCallbacks, SessionOptions, SocketOrigin, deadline},
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    AnyClient, Client, Connected, Dial, ReadLoopClient, Target,
    target::{KIND, Opened},
};

/// The options of a [`Client`], until [`connect`](Self::connect) makes one.
///
/// Made by [`Client::builder`], or by [`Client::from_stream`] of a stream that is connected already. Dropping it does
/// nothing; a clone of it connects again.
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
pub struct ClientBuilder<T = Dial> {
    target: T,
    pub(crate) session: SessionOptions,
    callbacks: ConnectCallbacks,
}

impl<T> ClientBuilder<T> {
    fn of(target: T, name: &str) -> Self {
        Self { target, session: SessionOptions::new(name), callbacks: ConnectCallbacks::default() }
    }

    /// The name under which log events speak of this endpoint. Default: `host:port`, or `stream`.
    #[doc(alias = "log")]
    pub fn name(mut self, name: &str) -> Self {
        self.session.name = name.into();
        self
    }

    /// Adds an asynchronous function that is told of each connect and disconnect: a [`ConnectCallback`], which says
    /// how. Several are called in the order in which they were added.
    pub fn connect_callback<F, Fut>(mut self, callback: F) -> Self
    where
        F: FnOnce(ConnectionEvent) -> Fut + ConnectCallback<Fut> + Send + Sync + 'static,
        Fut: CallbackFuture + Send + 'static,
    {
        self.callbacks.add(callback);
        self
    }

    /// Sends a heartbeat so often, or never with `None`: the text [`HEARTBEAT`](crate::HEARTBEAT) as a message of its
    /// own, the first at once after connecting. For servers that give a silent client up; Python's send one every
    /// [`DEFAULT_HEARTBEAT_INTERVAL`](crate::DEFAULT_HEARTBEAT_INTERVAL). Zero, and a terminator that occurs in a
    /// heartbeat, are errors of `connect`. Default: `None`.
    #[doc(alias = "run_heartbeat_send_task")]
    #[doc(alias = "heartbeat_send_sleep")]
    pub fn heartbeat_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.session.heartbeat_interval = interval.into().map(deadline);
        self
    }
}

impl ClientBuilder {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self::of(Dial::new(host, port), &format!("{host}:{port}"))
    }

    /// How long connecting may take, name look-up and all addresses included, or `None` for no limit but the system's.
    /// Default: [`DEFAULT_CONNECT_TIMEOUT`](crate::DEFAULT_CONNECT_TIMEOUT).
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.target.connect_timeout = timeout.into().map(deadline);
        self
    }

    /// Which addresses of the host to try. Default: [`Family::Any`].
    ///
    /// ```
    /// # use tcpip_client::{Client, Family};
    /// let builder = Client::builder("localhost", 17310).family(Family::Ipv4);
    /// ```
    pub fn family(mut self, family: Family) -> Self {
        self.target.family = family;
        self
    }

    /// The network that looks the host up and dials it, of which the builder keeps a clone: for a host that is reached
    /// by a tunnel, or in memory. Default: [`Sockets`](crate::Sockets), the system's.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let port = listener.local_addr()?.port();
    /// use std::{io, net::SocketAddr};
    /// use tcpip_client::{BoxFuture, Client, ListenOptions, Listener, Network, NetworkStream, Sockets};
    ///
    /// /// Every device is a mock on this machine.
    /// #[derive(Clone, Debug)]
    /// struct Laboratory;
    ///
    /// impl Network for Laboratory {
    ///     fn look_up<'a>(&'a self, _: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
    ///         Box::pin(async move { Ok(vec![([127, 0, 0, 1], port).into()]) })
    ///     }
    ///
    ///     fn dial(&self, address: SocketAddr, from: Option<SocketAddr>) -> BoxFuture<'_, io::Result<NetworkStream>> {
    ///         println!("dialling {address}");
    ///         Sockets.dial(address, from)
    ///     }
    ///
    ///     fn listen(&self, address: SocketAddr, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
    ///         Sockets.listen(address, options)
    ///     }
    /// }
    ///
    /// let client = Client::builder("dome.observatory.example", port).network(&Laboratory).connect().await?;
    /// assert_eq!(client.connection().peer_addr(), Some(([127, 0, 0, 1], port).into()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn network(mut self, network: &(impl Network + Clone)) -> Self {
        self.target.network = AnyNetwork::of(network.clone());
        self
    }

    /// With the network in which it is, if it was given none, for as long as it connects again.
    pub(crate) fn here(mut self) -> Self {
        self.target.network = self.target.network.here();
        self
    }

    /// The address to connect from, which leaves the host's addresses of the same family; port 0 lets the system
    /// choose one. Default: the system chooses both.
    ///
    /// ```
    /// # use tcpip_client::Client;
    /// let builder = Client::builder("dome.example", 17310).local_addr(([192, 168, 1, 10], 0).into());
    /// ```
    pub fn local_addr(mut self, address: SocketAddr) -> Self {
        self.target.local_addr = Some(address);
        self
    }
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> ClientBuilder<Connected<S>> {
    pub(crate) fn over(stream: S) -> Self {
        let mut builder = Self::of(Connected(stream), "stream");
        builder.session.socket_origin = SocketOrigin::Given;
        builder
    }
}

impl<T: Target> ClientBuilder<T> {
    /// Connects: looks the host up and tries its addresses, as RFC 8305 says: IPv4 and IPv6 by turns, beginning with
    /// the resolver's first, each as soon as one has failed, or 250 ms after the last. The first that answers wins, and
    /// nothing is left of the other attempts. So an address behind which nobody answers costs a quarter of a second.
    /// On a stream that is [connected already](Client::from_stream) it only begins the session, and never waits.
    ///
    /// The look-up is a thread of its own, which the system's resolver keeps for as long as it takes: neither the
    /// deadline nor the end of the runtime waits for it.
    ///
    /// Connect callbacks are told of the connection, but not waited for. A server that is busy with another client, as
    /// those of `tcpip-server`, accepts the connection and hangs up at once: this succeeds, and the first read finds
    /// the end.
    ///
    /// # Errors
    ///
    /// - [`LookUp`](ConnectError::LookUp): the host cannot be looked up, or has no such address;
    /// - [`Refused`](ConnectError::Refused), [`Failed`](ConnectError::Failed): no address could be connected to;
    /// - [`Timeout`](ConnectError::Timeout): all of it took too long;
    /// - [`Stream`](ConnectError::Stream): the TCP stream that was given is not connected any more;
    /// - [`Option`](ConnectError::Option): an option was given a value that it cannot have.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is done leaves nothing behind: no connection, no task, no event.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its time enabled, and its I/O for all that is a socket.
    #[doc(alias = "start_task")]
    pub async fn connect(self) -> Result<Client, ConnectError> {
        Ok(Client::new(self.open().await?))
    }

    /// As [`connect`](Self::connect), and gives what the server sends to `handler`, from the first byte on.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// That of [`connect`](Self::connect).
    ///
    /// # Panics
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_with<H: Serve>(mut self, handler: H) -> Result<ReadLoopClient<H>, ConnectError> {
        self.session.has_handler = true;
        Ok(ReadLoopClient::start(self.open().await?, handler))
    }

    async fn open(self) -> Result<AnyClient, ConnectError> {
        self.session.check()?;
        let start = self.target.connect().await?;
        // Nothing waits from here on: the client is there, with its events, or nothing is.
        let span = tracing::info_span!("callbacks", endpoint = %self.session.name, otel.kind = KIND);
        let (events, progress) = self.callbacks.start(&span);
        let Opened { host, port, connection } = start(self.session, events)?;
        Ok(AnyClient::new(host, port, connection, progress))
    }
}
