//! The server with a read loop.

use std::{fmt, ops::Deref, sync::Arc};

use tcpip_core::{ClientOrServer, Connection};

use crate::{OneClientServer, OneClientServerBuilder, ReadAndDispatch, Server, builder::Open};

/// A [`OneClientServer`] that reads from its client by itself and gives what it reads to a handler.
///
/// All that a [`OneClientServer`] can do, this can do. Dropping it closes it in the background.
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
///         let command = connection.read_str().await?;
///         let mut reply = connection.batch();
///         if !self.fail_next.swap(false, Ordering::Relaxed) {
///             reply.write_str(&format!("got {command}"))?;
///         }
///         reply.write(b">");
///         reply.send().await?;
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
    server: OneClientServer,
    handler: Arc<H>,
}

impl<H: ReadAndDispatch> OneClientReadLoopServer<H> {
    pub(crate) fn new(open: Open, handler: Arc<H>) -> Self {
        Self { server: OneClientServer::new(open), handler }
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

    /// Whether the read loop is at work: from the client's connecting until the handler has done with it.
    #[must_use]
    #[doc(alias = "read_loop_task")]
    pub fn is_reading(&self) -> bool {
        self.server.connection().has_reader()
    }
}

/// Whatever the handler is.
impl<H> fmt::Debug for OneClientReadLoopServer<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OneClientReadLoopServer").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A server with a read loop is a server: this lends all its methods.
impl<H> Deref for OneClientReadLoopServer<H> {
    type Target = OneClientServer;

    fn deref(&self) -> &OneClientServer {
        &self.server
    }
}

impl<H: ReadAndDispatch> ClientOrServer for OneClientReadLoopServer<H> {
    fn connection(&self) -> Connection {
        self.server.connection()
    }

    async fn wait_connected(&self) -> Option<Connection> {
        self.server.wait_connected().await
    }
}

impl<H: ReadAndDispatch> Server for OneClientReadLoopServer<H> {
    fn server(&self) -> &OneClientServer {
        &self.server
    }
}
