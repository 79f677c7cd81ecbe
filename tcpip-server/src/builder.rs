//! The options of both servers.

use std::{sync::Arc, time::Duration};

use tcpip_core::{
    CallbackFuture, ConnectCallback, ConnectionEvent, Family, Listener, Network, StartError,
    endpoint::{AnyNetwork, CallbackProgress, ConnectCallbacks, SessionOptions, deadline, spawn_read_loop},
};
use tracing::Instrument;

use crate::{
    Admission, AnyServer, OneClientReadLoopServer, OneClientServer, Serve,
    accept::{AcceptLoop, ClosedOnDrop, StartHandler, run_accept_loop},
    bind::{Host, Place},
    incoming::KIND,
    reception::Reception,
};

/// In the place of a handler: the server reads nothing by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReadLoop;

/// The options of a [`OneClientServer`] or, with a handler, of a [`OneClientReadLoopServer`].
///
/// Made by [`OneClientServer::builder`] or [`OneClientReadLoopServer::builder`]. Dropping it does nothing.
#[derive(Debug)]
#[must_use = "a builder does nothing until `start` is called"]
pub struct OneClientServerBuilder<H = NoReadLoop> {
    handler: H,
    place: Place,
    listener: Option<Box<dyn Listener>>,
    admission: Admission,
    rejection_message: Option<String>,
    pub(crate) session: SessionOptions,
    callbacks: ConnectCallbacks,
}

impl<H> OneClientServerBuilder<H> {
    pub(crate) fn new(handler: H) -> Self {
        Self {
            handler,
            place: Place::default(),
            listener: None,
            admission: Admission::default(),
            rejection_message: None,
            session: SessionOptions::new(""),
            callbacks: ConnectCallbacks::default(),
        }
    }

    /// The name under which log events speak of this endpoint. Default: the addresses that it listens on.
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

    /// The network that looks the host up and listens on its addresses, of which the builder keeps a clone. Without
    /// effect on a [`listener`](Self::listener). Default: [`Sockets`](crate::Sockets), the system's.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use tcpip_server::{Network, OneClientServer, Sockets, StartError};
    ///
    /// /// The mock of the dome, in whatever network the test is.
    /// async fn mock_dome(network: &Arc<dyn Network>) -> Result<OneClientServer, StartError> {
    ///     OneClientServer::builder().network(network).host("127.0.0.1").start().await
    /// }
    ///
    /// let network: Arc<dyn Network> = Arc::new(Sockets);
    /// let server = mock_dome(&network).await?;
    /// assert_ne!(server.port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn network(mut self, network: &(impl Network + Clone)) -> Self {
        self.place.network = AnyNetwork::of(network.clone());
        self
    }

    /// The host to listen on: a name, all of whose addresses are bound, or an IPv4 or IPv6 address. What the machine
    /// lacks is passed over with a line in the log, such as `::1` where there is no IPv6: an address at least must be
    /// bound, and one that is in use is an error.
    /// Default: [`DEFAULT_LOCALHOST`](crate::DEFAULT_LOCALHOST).
    pub fn host(mut self, host: &str) -> Self {
        self.place.host = Host::Named(host.to_owned());
        self
    }

    /// Listens on all interfaces, over IPv4 and IPv6 (Python's `host=None`) unless [`family`](Self::family) is set or
    /// the machine has only one of them.
    pub fn all_interfaces(mut self) -> Self {
        self.place.host = Host::AllInterfaces;
        self
    }

    /// The port to listen on; 0 lets the system choose one, the same on all addresses. Default: 0.
    pub fn port(mut self, port: u16) -> Self {
        self.place.port = port;
        self
    }

    /// Which addresses of the host to listen on, or over what on all interfaces. Default: [`Family::Any`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_server::{Family, OneClientServer};
    ///
    /// let server = OneClientServer::builder().all_interfaces().family(Family::Ipv4).start().await?;
    /// assert_ne!(server.port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn family(mut self, family: Family) -> Self {
        self.place.family = family;
        self
    }

    /// How many clients may wait to be accepted, which a server that is not starved does at once. The system may allow
    /// fewer. Default: [`DEFAULT_BACKLOG`](crate::DEFAULT_BACKLOG).
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.place.options.backlog = backlog;
        self
    }

    /// Whether to set `SO_REUSEADDR` on the listening sockets. On Unix it frees a port that nobody listens on any more,
    /// but whose last connections the system still remembers. On Windows it would let the server take a port from
    /// another program. Default: `true` on Unix, else `false`.
    #[doc(alias = "SO_REUSEADDR")]
    pub fn reuse_address(mut self, reuse_address: bool) -> Self {
        self.place.options.reuse_address = reuse_address;
        self
    }

    /// Whether to set `SO_REUSEPORT` on the listening sockets: several servers, also of several processes, which all
    /// set it, then listen on the same port, and the system gives each client to one of them. Where there is no such
    /// option, `true` makes [`StartError::Bind`] of kind `Unsupported`. Default: `false`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[cfg(unix)] {
    /// use tcpip_server::OneClientServer;
    ///
    /// let first = OneClientServer::builder().reuse_port(true).start().await?;
    /// let second = OneClientServer::builder().reuse_port(true).port(first.port()).start().await?;
    /// assert_eq!(first.local_addrs(), second.local_addrs());
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "SO_REUSEPORT")]
    pub fn reuse_port(mut self, reuse_port: bool) -> Self {
        self.place.options.reuse_port = reuse_port;
        self
    }

    /// Takes clients from a listener that is there already, instead of binding host and port: a
    /// [`TcpListener`](tokio::net::TcpListener), or any other [`Listener`]. The options of the listening socket are
    /// then its own; those of the sockets that it accepts are set as ever. Default: none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// let port = listener.local_addr()?.port();
    /// let server = tcpip_server::OneClientServer::builder().listener(listener).start().await?;
    /// assert_eq!((server.host(), server.port()), ("127.0.0.1", port));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "sock")]
    #[doc(alias = "from_listener")]
    pub fn listener(mut self, listener: impl Listener) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// What becomes of a client that comes while another one is connected. Default: [`Admission::Reject`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_server::{Admission, DisconnectReason, OneClientServer};
    ///
    /// let server = OneClientServer::builder().admission(Admission::Replace).start().await?;
    /// # let _first = tcpip_client::Client::builder("127.0.0.1", server.port()).connect().await?;
    /// let first = server.wait_connected().await.expect("the server is not closed");
    /// # let _second = tcpip_client::Client::builder("127.0.0.1", server.port()).connect().await?;
    /// // When a second client connects:
    /// first.wait_disconnected().await;
    /// assert_eq!(first.reason(), Some(DisconnectReason::Replaced));
    /// # Ok(())
    /// # }
    /// ```
    pub fn admission(mut self, admission: Admission) -> Self {
        self.admission = admission;
        self
    }

    /// What a client is told that is turned away, before the end of its stream: a text message in the encoding that the
    /// server then has, and with the terminator of messages that are sent. Without effect where
    /// [`admission`](Self::admission) turns nobody away. A text that cannot be such a message is an error of `start`.
    /// Default: nothing is said.
    ///
    /// Nobody waits for it: a client that does not take it and end its own stream within `close_timeout` is given up,
    /// and of many that are turned away at once only some are told. Over a stream that is no socket the same holds.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_server::OneClientServer;
    ///
    /// let server = OneClientServer::builder().rejection_message("busy").start().await?;
    /// # use tcpip_client::Client;
    /// # let first = Client::builder("127.0.0.1", server.port()).connect().await?;
    /// # let second = Client::builder("127.0.0.1", server.port()).connect().await?;
    /// # assert_eq!(second.read_str().await?, "busy");
    /// # Ok(())
    /// # }
    /// ```
    pub fn rejection_message(mut self, text: &str) -> Self {
        self.rejection_message = Some(text.to_owned());
        self
    }

    /// Ends the session of a client from which no heartbeat has come for so long, or never with `None`. It counts anew
    /// for each client, from its connecting. Usual is
    /// [`DEFAULT_MAX_HEARTBEAT_INTERVAL`](crate::DEFAULT_MAX_HEARTBEAT_INTERVAL).
    ///
    /// A heartbeat is a message that is exactly [`HEARTBEAT`](crate::HEARTBEAT), in the connection's encoding or in
    /// ASCII. Text reads, and `read_until` with the terminator, take it out and note it; a handler that reads in
    /// another way notes it by [`handle_received_heartbeat`](crate::Connection::handle_received_heartbeat). A handler
    /// at work counts as alive. Without a handler somebody must read all the time, since a heartbeat that nobody reads
    /// is none.
    ///
    /// Zero, and a terminator that occurs in a heartbeat, are errors of `start`. Default: `None`; a heartbeat is then a
    /// message as any other.
    #[doc(alias = "run_heartbeat_monitor_task")]
    #[doc(alias = "monitor_received_heartbeats")]
    pub fn max_heartbeat_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.session.max_heartbeat_interval = interval.into().map(deadline);
        self
    }

    /// Binds, and starts the accept loop.
    async fn open(mut self, start_handler: impl FnOnce(Arc<H>) -> StartHandler) -> Result<(Open, Arc<H>), StartError> {
        self.session.check()?;
        if let Some(text) = &self.rejection_message {
            self.session.text().message(text).map_err(StartError::RejectionMessage)?;
        }
        let (listeners, host) = if let Some(listener) = self.listener {
            let host = listener.local_addr().map_or_else(String::new, |address| address.ip().to_string());
            (vec![listener], host)
        } else {
            self.place.network = self.place.network.here();
            (self.place.bind().await?, self.place.host.into_name())
        };
        let mut addresses: Vec<_> = listeners.iter().filter_map(|listener| listener.local_addr()).collect();
        addresses.shrink_to_fit();
        let listed = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        if self.session.name.is_empty() {
            self.session.name = listed.as_str().into();
        }
        // Nothing waits from here on: the server is there, or nothing is.
        let span = tracing::info_span!("server", endpoint = %self.session.name, otel.kind = KIND);
        let (events, callbacks) = self.callbacks.start(&span);
        let close_timeout = self.session.close_timeout();
        let reception = Arc::new(Reception::new(addresses, self.session));
        let handler = Arc::new(self.handler);
        let accept_loop = AcceptLoop {
            listeners,
            next_listener: 0,
            events,
            start_handler: start_handler(Arc::clone(&handler)),
            close_timeout,
            admission: self.admission,
            rejection_message: self.rejection_message,
            farewells: None,
            handler: None,
            ending: Vec::new(),
            said: None,
            errors: 0,
            reception: ClosedOnDrop(Arc::clone(&reception)),
        };
        let place = if listed.is_empty() { String::new() } else { format!(" on {listed}") };
        span.in_scope(|| tracing::info!("listening{place}"));
        // In a box: tokio rounds what is in a task itself up to whole cache lines.
        tokio::spawn(Box::pin(run_accept_loop(accept_loop).instrument(span)));
        Ok((Open { host, reception, callbacks }, handler))
    }
}

/// A server that has been opened, to be wrapped in its type.
pub(crate) struct Open {
    pub(crate) host: String,
    pub(crate) reception: Arc<Reception>,
    pub(crate) callbacks: CallbackProgress,
}

impl OneClientServerBuilder<NoReadLoop> {
    /// Starts the server: it listens when this returns.
    ///
    /// # Errors
    ///
    /// - [`LookUp`](StartError::LookUp): the host cannot be looked up, or has no such address;
    /// - [`Bind`](StartError::Bind): the port is in use, or no address is one of this machine's;
    /// - [`RejectionMessage`](StartError::RejectionMessage): the rejection message cannot be sent as text;
    /// - [`Option`](StartError::Option): an option was given a value that it cannot have.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is done leaves nothing behind.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its I/O and time enabled.
    #[doc(alias = "start_task")]
    pub async fn start(self) -> Result<OneClientServer, StartError> {
        let (open, _) = self.open(|_| Box::new(|_| None)).await?;
        Ok(OneClientServer::new(AnyServer::new(open)))
    }
}

impl<H: Serve> OneClientServerBuilder<H> {
    /// Starts the server: it listens when this returns.
    ///
    /// # Errors
    ///
    /// Those of `OneClientServer`'s `start`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is done leaves nothing behind.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its I/O and time enabled.
    #[doc(alias = "start_task")]
    pub async fn start(mut self) -> Result<OneClientReadLoopServer<H>, StartError> {
        self.session.has_handler = true;
        let start_handler = |handler: Arc<H>| -> StartHandler {
            Box::new(move |connection| Some(spawn_read_loop(Arc::clone(&handler), &connection)))
        };
        let (open, handler) = self.open(start_handler).await?;
        Ok(OneClientReadLoopServer::new(open, handler))
    }
}
