//! A server that keeps what its client sends, for tests.

use std::sync::atomic::{AtomicBool, Ordering};

use tcpip_server::{
    AnyServer, CallbackFuture, ClientOrServer, ConnectCallback, Connection, ConnectionEvent, DisconnectReason,
    HEARTBEAT, HandlerResult, OneClientReadLoopServer, OneClientServerBuilder, ReadAndDispatch, Server, ServerBuilder,
    StartError,
};

use crate::{FixtureError, STD_TIMEOUT, event_queue::EventQueue};

/// A read-loop server that keeps each text message for [`get_next_data`](Self::get_next_data).
///
/// Dropping it closes it in the background.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use tcpip_testkit::{OneClientServerTestCase, TestOneClientReadLoopServer};
///
/// let case = OneClientServerTestCase::new();
/// let server = case.create_server(TestOneClientReadLoopServer::builder()).await.unwrap();
/// let client = case.create_client(&server, |client| client).await.unwrap();
/// client.write_str("one").await.unwrap();
/// assert_eq!(server.get_next_data().await.unwrap(), "one");
/// server.fail_next_read();
/// client.write_str("two").await.unwrap();
/// client.wait_disconnected().await;
/// # }
/// ```
#[derive(Debug)]
pub struct TestOneClientReadLoopServer {
    server: OneClientReadLoopServer<TestReadLoop>,
}

impl TestOneClientReadLoopServer {
    /// The options of such a server.
    pub fn builder() -> TestServerBuilder {
        TestServerBuilder { builder: OneClientReadLoopServer::builder(TestReadLoop::default()) }
    }

    /// The next message that a client has sent, in order. An empty string when a client has left.
    ///
    /// # Errors
    ///
    /// [`FixtureError::Nothing`] if nothing comes within [`STD_TIMEOUT`].
    pub async fn get_next_data(&self) -> Result<String, FixtureError> {
        self.server.handler().data.next(STD_TIMEOUT).await
    }

    /// Makes the next message fail the handler, which ends the session. The message is not kept.
    pub fn fail_next_read(&self) {
        self.server.handler().fail_next_read.store(true, Ordering::SeqCst);
    }
}

/// It is a read-loop server: this lends all its methods.
impl std::ops::Deref for TestOneClientReadLoopServer {
    type Target = OneClientReadLoopServer<TestReadLoop>;

    fn deref(&self) -> &Self::Target {
        &self.server
    }
}

impl ClientOrServer for TestOneClientReadLoopServer {
    fn connection(&self) -> Connection {
        self.server.connection()
    }

    async fn wait_connected(&self) -> Option<Connection> {
        self.server.wait_connected().await
    }
}

impl Server for TestOneClientReadLoopServer {
    fn server(&self) -> &AnyServer {
        self.server.server()
    }
}

/// The options of a [`TestOneClientReadLoopServer`]. Dropping it does nothing.
#[derive(Debug)]
#[must_use = "a builder does nothing until `start` is called"]
pub struct TestServerBuilder {
    builder: OneClientServerBuilder<TestReadLoop>,
}

impl TestServerBuilder {
    /// Sets options, with all the setters that a server has: `.options(|server| server.terminator(b"\n"))`.
    pub fn options(
        self,
        options: impl FnOnce(OneClientServerBuilder<TestReadLoop>) -> OneClientServerBuilder<TestReadLoop>,
    ) -> Self {
        Self { builder: options(self.builder) }
    }

    /// Adds a connect callback, as the builder of every server does.
    pub fn connect_callback<F, Fut>(self, callback: F) -> Self
    where
        F: FnOnce(ConnectionEvent) -> Fut + ConnectCallback<Fut> + Send + Sync + 'static,
        Fut: CallbackFuture + Send + 'static,
    {
        self.options(|server| server.connect_callback(callback))
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// Those of every server's `start`.
    pub async fn start(self) -> Result<TestOneClientReadLoopServer, StartError> {
        Ok(TestOneClientReadLoopServer { server: self.builder.start().await? })
    }
}

impl ServerBuilder for TestServerBuilder {
    type Server = TestOneClientReadLoopServer;

    fn host(self, host: &str) -> Self {
        self.options(|server| server.host(host))
    }

    fn port(self, port: u16) -> Self {
        self.options(|server| server.port(port))
    }

    fn connect_callback<F, Fut>(self, callback: F) -> Self
    where
        F: Fn(ConnectionEvent) -> Fut + Send + Sync + 'static,
        Fut: CallbackFuture + Send + 'static,
    {
        self.connect_callback(callback)
    }

    async fn start(self) -> Result<TestOneClientReadLoopServer, StartError> {
        self.start().await
    }
}

/// The handler of a [`TestOneClientReadLoopServer`].
#[derive(Debug, Default)]
pub struct TestReadLoop {
    data: EventQueue<String>,
    fail_next_read: AtomicBool,
}

impl ReadAndDispatch for TestReadLoop {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let data = connection.read_str().await?;
        if self.fail_next_read.swap(false, Ordering::SeqCst) {
            return Err("the test asked for this read to fail".into());
        }
        if data == HEARTBEAT {
            connection.handle_received_heartbeat()?;
        } else {
            self.data.push(data);
        }
        Ok(())
    }

    async fn on_disconnect(&self, connection: &Connection) {
        use DisconnectReason::{ClosedByPeer, HeartbeatMissed, Idle, LinkDead, Replaced, Reset};
        if let Some(ClosedByPeer | HeartbeatMissed { .. } | Idle { .. } | LinkDead | Replaced | Reset) =
            connection.reason()
        {
            self.data.push(String::new());
        }
    }
}
