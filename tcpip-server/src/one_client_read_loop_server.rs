//! The server with a read loop.

use std::{fmt, ops::Deref, sync::Arc};

use tcpip_core::{ClientOrServer, Connection};

use crate::{AnyServer, OneClientServerBuilder, Serve, Server, builder::Open};

/// A server that serves one client at a time, as a [`OneClientServer`](crate::OneClientServer), but reads from it by
/// itself and gives what it reads to a handler.
///
/// Writes, states and closing are those of [`AnyServer`]; reads it has none, since they are the handler's. Generic code
/// that reads from it through [`ClientOrServer`] is told so ([`HandlerReads`](crate::ReadError::HandlerReads)), and
/// takes nothing from the handler. [`stop_reading`](Self::stop_reading) leaves the reading to the client's
/// [connection](AnyServer::connection), and to such code. Dropping it closes it in the background.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
///
/// #[derive(Default)]
/// struct MockDome {
///     fail_next: AtomicBool,
/// }
///
/// impl ReadAndDispatch for MockDome {
///     async fn on_connect(&self, connection: &Connection) -> HandlerResult {
///         connection.write(b"ACE Main Box\n>").await?;
///         Ok(())
///     }
///
///     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
///         let mut reply = connection.batch();
///         match connection.read_str().await {
///             Ok(_) if self.fail_next.swap(false, Ordering::Relaxed) => {}
///             Ok(command) => {
///                 reply.write_str(&format!("got {command}"))?;
///             }
///             Err(error) if error.ends_session() => return Err(error.into()),
///             Err(error) => tracing::warn!("passed over: {error}"),
///         }
///         reply.write(b">").send().await?;
///         Ok(())
///     }
/// }
///
/// let server =
///     OneClientReadLoopServer::builder(MockDome::default()).port(0).terminator(b"\n").start().await?;
/// server.handler().fail_next.store(true, Ordering::Relaxed);
/// server.close().await;
/// # Ok(())
/// # }
/// ```
pub struct OneClientReadLoopServer<H> {
    server: AnyServer,
    handler: Arc<H>,
}

impl<H: Serve> OneClientReadLoopServer<H> {
    pub(crate) fn new(open: Open, handler: Arc<H>) -> Self {
        Self { server: AnyServer::new(open), handler }
    }

    /// The options of a server with `handler`, which listens on a free port of this machine unless told otherwise.
    pub fn builder(handler: H) -> OneClientServerBuilder<H> {
        OneClientServerBuilder::new(handler)
    }

    /// The handler, for tests that steer a mock while it works.
    #[must_use]
    pub fn handler(&self) -> &Arc<H> {
        &self.handler
    }

    /// Whether the read loop is at work: from the client's connecting until the handler has done with it, or has been
    /// stopped.
    #[must_use]
    #[doc(alias = "read_loop_task")]
    pub fn is_reading(&self) -> bool {
        self.server.connection().has_reader()
    }

    /// Stops the read loop without ending the session: what the client sends from then on is there to be read from its
    /// [connection](AnyServer::connection).
    ///
    /// The handler's future is dropped where it waits, in `on_connect` too, or when it returns, and nothing is lost
    /// that it has not read. When this returns, [`is_reading`](Self::is_reading) is false; a handler that neither waits
    /// nor returns is waited for without end. Called from the handler itself it returns at once.
    ///
    /// `on_disconnect` runs when the session is over, as ever; until then a hang-up ends the session as it does without
    /// a handler. The next client is served by the handler again. Without a client this does nothing.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the handler stops without the future.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
    ///
    /// struct Echo;
    ///
    /// impl ReadAndDispatch for Echo {
    ///     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
    ///         connection.write_str(&connection.read_str().await?).await?;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let server = OneClientReadLoopServer::builder(Echo).start().await?;
    /// # let client = tcpip_client::Client::builder(server.host(), server.port()).connect().await?;
    /// # server.wait_connected().await;
    /// # client.write_str("first").await?;
    /// # assert_eq!(client.read_str().await?, "first");
    /// server.stop_reading().await;
    /// # client.write_str("status").await?;
    /// assert_eq!(server.connection().read_str().await?, "status");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stop_reading(&self) {
        self.server.connection().stop_read_loop().await;
    }
}

/// Whatever the handler is.
impl<H> fmt::Debug for OneClientReadLoopServer<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OneClientReadLoopServer").field("server", &self.server).finish_non_exhaustive()
    }
}

/// All that a server has but the reads, which are the handler's.
impl<H> Deref for OneClientReadLoopServer<H> {
    type Target = AnyServer;

    fn deref(&self) -> &AnyServer {
        &self.server
    }
}

impl<H: Serve> ClientOrServer for OneClientReadLoopServer<H> {
    fn connection(&self) -> Connection {
        self.server.connection()
    }

    async fn wait_connected(&self) -> Option<Connection> {
        self.server.wait_connected().await
    }
}

impl<H: Serve> Server for OneClientReadLoopServer<H> {
    fn server(&self) -> &AnyServer {
        &self.server
    }
}
