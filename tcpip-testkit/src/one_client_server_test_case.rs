//! The fixture for tests with a server and its clients.

use std::{
    error::Error,
    future::{Ready, ready},
    panic::Location,
    time::Duration,
};

use tcpip_client::{Client, ClientBuilder};
use tcpip_server::{AnyServer, ConnectionEvent, LOCALHOST_IPV4, Server, ServerBuilder, StartError};
use tokio::time::timeout;

use crate::{FixtureError, STD_TIMEOUT, event_queue::EventQueue};

/// Makes a server on a free port, clients for it, and checks what a connect callback was told.
///
/// One case belongs to one test. Dropping it does nothing: the server and the clients that it made live on.
///
/// [The crate's documentation](crate) shows a test with it.
#[derive(Debug, Default)]
#[doc(alias = "BaseOneClientServerTestCase")]
pub struct OneClientServerTestCase {
    events: EventQueue<ConnectionEvent>,
}

impl OneClientServerTestCase {
    /// A case with an empty queue of events.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a server on a free port of this machine.
    ///
    /// # Errors
    ///
    /// Those of the builder's `start`.
    pub async fn create_server<B: ServerBuilder>(&self, builder: B) -> Result<B::Server, StartError> {
        builder.host(LOCALHOST_IPV4).port(0).start().await
    }

    /// Connects a client to `server`, with the options that `options` adds, and waits until the server has admitted it.
    ///
    /// # Errors
    ///
    /// Those of the client's `connect`; [`FixtureError::NotAdmitted`] if the server has not admitted it within
    /// [`STD_TIMEOUT`], [`FixtureError::Closing`] if it is being closed; [`FixtureError::NoPort`] if it has no port.
    pub async fn create_client(
        &self,
        server: &impl Server,
        options: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Client, FixtureError> {
        let client = self.create_client_without_waiting(server, options).await?;
        within(server.server().wait_admitted(client.connection().local_addr())).await?;
        Ok(client)
    }

    /// Makes a controller of `server`, the user's own, by what `connect` does with host and port, and waits until the
    /// server has admitted it.
    ///
    /// # Errors
    ///
    /// [`FixtureError::Controller`] with the error of `connect`; [`FixtureError::NotAdmitted`] if the server has
    /// admitted nobody since within [`STD_TIMEOUT`], [`FixtureError::Closing`] if it is being closed;
    /// [`FixtureError::NoPort`] if it has no port.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_client::{Client, ConnectError};
    /// use tcpip_server::OneClientServer;
    /// use tcpip_testkit::OneClientServerTestCase;
    ///
    /// /// Knows nothing of tests.
    /// struct Dome(Client);
    ///
    /// impl Dome {
    ///     async fn connect(host: &str, port: u16) -> Result<Self, ConnectError> {
    ///         Ok(Self(Client::builder(host, port).connect().await?))
    ///     }
    /// }
    ///
    /// let case = OneClientServerTestCase::new();
    /// let server = case.create_server(OneClientServer::builder()).await?;
    /// let dome = case.create_controller(&server, async |host, port| Dome::connect(&host, port).await).await?;
    /// assert!(server.is_connected() && dome.0.is_connected());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_controller<C, E, F>(
        &self,
        server: &impl Server,
        connect: impl FnOnce(String, u16) -> F,
    ) -> Result<C, FixtureError>
    where
        F: Future<Output = Result<C, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let server = server.server();
        let (host, port) = address(server)?;
        let before = server.connection();
        let controller =
            connect(host.to_owned(), port).await.map_err(|error| FixtureError::Controller(error.into()))?;
        let admitted = async {
            while server.connection() == before {
                match server.wait_connected().await {
                    Some(session) if session == before => session.wait_disconnected().await,
                    session => return session.is_some(),
                }
            }
            true
        };
        within(admitted).await?;
        Ok(controller)
    }

    /// Connects a client to `server`, with the options that `options` adds. The server may not have admitted it yet,
    /// and may never do so.
    ///
    /// # Errors
    ///
    /// Those of the client's `connect`; [`FixtureError::NoPort`] if the server has no port.
    pub async fn create_client_without_waiting(
        &self,
        server: &impl Server,
        options: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Client, FixtureError> {
        let (host, port) = address(server.server())?;
        Ok(options(Client::builder(host, port)).connect().await?)
    }

    /// A connect callback that adds each event to this case's queue. Give it to one server or client: the events of two
    /// would mix, and a second case costs nothing.
    pub fn connect_callback(&self) -> impl Fn(ConnectionEvent) -> Ready<()> + Send + Sync + 'static {
        let sender = self.events.sender().clone();
        move |event| {
            let _ = sender.send(event);
            ready(())
        }
    }

    /// The next event that the callback was told of.
    ///
    /// # Errors
    ///
    /// [`FixtureError::Nothing`] if none comes within [`STD_TIMEOUT`].
    #[doc(alias = "connect_queue")]
    pub async fn next_event(&self) -> Result<ConnectionEvent, FixtureError> {
        self.events.next(STD_TIMEOUT).await
    }

    /// Checks that the next event, within [`STD_TIMEOUT`], is that of a session that begins (`true`) or ends (`false`),
    /// as `is_connected` of the event says. For the reason see [`next_event`](Self::next_event).
    ///
    /// # Panics
    ///
    /// If it is not, or none comes: the message says where this was called.
    #[track_caller]
    pub fn assert_next_connected(&self, connected: bool) -> impl Future<Output = ()> {
        self.assert_next_connected_within(connected, STD_TIMEOUT)
    }

    /// As [`assert_next_connected`](Self::assert_next_connected), but waits for `after`.
    ///
    /// # Panics
    ///
    /// If the event is another, or none comes: the message says where this was called.
    #[track_caller]
    pub fn assert_next_connected_within(&self, connected: bool, after: Duration) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            let next = self.events.next(after).await;
            if next.as_ref().is_ok_and(|event| event.is_connected() == connected) {
                return;
            }
            let came = next.map_or_else(|error| error.to_string(), |event| format!("the next event is {event:?}"));
            panic!("expected at {place}: an event whose is_connected is {connected}\ncame: {came}");
        }
    }
}

/// Where a client finds the server.
fn address(server: &AnyServer) -> Result<(&str, u16), FixtureError> {
    if server.port() == 0 {
        return Err(FixtureError::NoPort);
    }
    // All interfaces have no name of their own: this machine's loopback is one of them.
    Ok((if server.host().is_empty() { LOCALHOST_IPV4 } else { server.host() }, server.port()))
}

/// Waits for an admission, which a server that is being closed makes none of.
async fn within(admitted: impl Future<Output = bool>) -> Result<(), FixtureError> {
    match timeout(STD_TIMEOUT, admitted).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(FixtureError::Closing),
        Err(_) => Err(FixtureError::NotAdmitted { after: STD_TIMEOUT }),
    }
}
