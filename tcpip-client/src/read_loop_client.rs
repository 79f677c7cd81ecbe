//! The client that reads by itself.

use std::{fmt, ops::Deref, sync::Arc};

use tcpip_core::{ClientOrServer, Connection, Serve, endpoint::spawn_read_loop};

use crate::AnyClient;

/// A client with a read loop: what the server sends goes to a handler, a
/// [`ReadAndDispatch`](tcpip_core::ReadAndDispatch) or [`Serve`], for as long as the session lasts. Made by
/// [`connect_with`](crate::ClientBuilder::connect_with).
///
/// Dropping it closes the connection in the background, and ends the loop where it waits.
///
/// Writes, states and closing are those of [`AnyClient`]; reads it has none, since they are the handler's. Generic code
/// that reads from it through [`ClientOrServer`] is told so ([`HandlerReads`](tcpip_core::ReadError::HandlerReads)),
/// and takes nothing from the handler. [`stop_reading`](Self::stop_reading) leaves the reading to the
/// [connection](AnyClient::connection), and to such code.
///
/// The loop ends in order: when the server has ended the session, the handler first reads all that had arrived, and its
/// read then finds the end; when this end closes, the handler's future is dropped where it waits. Either way
/// `on_disconnect` is the last that it hears, so that this is the place to tell those who wait for something that will
/// not come any more.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use tcpip_client::{Client, Connection, HandlerResult, Latest, ReadAndDispatch};
///
/// /// Keeps the latest telemetry.
/// #[derive(Default)]
/// struct Telemetry {
///     position: Latest<f64>,
/// }
///
/// impl ReadAndDispatch for Telemetry {
///     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
///         match connection.read_str().await {
///             Ok(line) => match line.parse() {
///                 Ok(position) => self.position.set(position),
///                 Err(error) => tracing::warn!("passed over {line:?}: {error}"),
///             },
///             Err(error) if error.ends_session() => return Err(error.into()),
///             Err(error) => tracing::warn!("passed over: {error}"),
///         }
///         Ok(())
///     }
///
///     async fn on_disconnect(&self, _connection: &Connection) {
///         self.position.close();
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let port = listener.local_addr()?.port();
/// # tokio::spawn(async move {
/// #     use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// #     let (mut stream, _) = listener.accept().await.unwrap();
/// #     stream.read_exact(&mut [0; 5]).await.unwrap();
/// #     stream.write_all(b"12,4\r\n\xb0\r\n12.5\r\n").await.unwrap();
/// # });
/// let client = Client::builder("127.0.0.1", port).connect_with(Telemetry::default()).await?;
/// client.write(b"begin").await?;
/// assert_eq!(client.handler().position.next().await, Some(12.5));
/// client.close().await;
/// assert_eq!(client.handler().position.next().await, None);
/// # Ok(())
/// # }
/// ```
pub struct ReadLoopClient<H> {
    client: AnyClient,
    handler: Arc<H>,
}

impl<H: Serve> ReadLoopClient<H> {
    pub(crate) fn start(client: AnyClient, handler: H) -> Self {
        let handler = Arc::new(handler);
        // The session knows when the task ends.
        drop(spawn_read_loop(Arc::clone(&handler), &client.connection));
        Self { client, handler }
    }

    /// The handler, which works meanwhile.
    #[must_use]
    pub fn handler(&self) -> &Arc<H> {
        &self.handler
    }

    /// Whether the read loop is at work: from connecting until the handler has done with the session, or has been
    /// stopped.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.client.connection.has_reader()
    }

    /// Stops the read loop without ending the session: what the server sends from then on is there to be read from the
    /// [connection](AnyClient::connection).
    ///
    /// The handler's future is dropped where it waits, in `on_connect` too, or when it returns, and nothing is lost
    /// that it has not read. When this returns, [`is_reading`](Self::is_reading) is false; a handler that neither waits
    /// nor returns is waited for without end. Called from the handler itself it returns at once.
    ///
    /// `on_disconnect` runs when the session is over, as ever; until then a hang-up ends the session as it does without
    /// a handler.
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
    /// use tcpip_client::{Client, Connection, HandlerResult, ReadAndDispatch};
    ///
    /// struct Ignore;
    ///
    /// impl ReadAndDispatch for Ignore {
    ///     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
    ///         connection.read_str().await?;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let (stream, other_end) = tokio::io::duplex(1024);
    /// # let peer = Client::from_stream(other_end).connect().await?;
    /// let client = Client::from_stream(stream).connect_with(Ignore).await?;
    /// client.stop_reading().await;
    /// # peer.write_str("status").await?;
    /// assert_eq!(client.connection().read_str().await?, "status");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stop_reading(&self) {
        self.client.connection.stop_read_loop().await;
    }
}

/// Whatever the handler is.
impl<H> fmt::Debug for ReadLoopClient<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReadLoopClient").field("client", &self.client).finish_non_exhaustive()
    }
}

/// All that a client has but the reads, which are the handler's.
impl<H> Deref for ReadLoopClient<H> {
    type Target = AnyClient;

    fn deref(&self) -> &AnyClient {
        &self.client
    }
}

impl<H: Serve> ClientOrServer for ReadLoopClient<H> {
    fn connection(&self) -> Connection {
        self.client.connection()
    }
}
