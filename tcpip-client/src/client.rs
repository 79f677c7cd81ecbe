//! The client itself.

use tcpip_core::{ClientOrServer, Connection, DisconnectReason, Encoding, OptionError, endpoint::CallbackProgress};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{ClientBuilder, Connected};

/// A client: one connection to one server, from [`connect`](ClientBuilder::connect) to its end.
///
/// Dropping it closes the connection in the background, as [`close`](Self::close) does but without waiting, whatever clones
/// of its [`Connection`] live on.
///
/// Reads, writes and states come from [`ClientOrServer`], which must be in scope. To add behaviour, hold a client in
/// a type of your own, and implement `ClientOrServer` for that if it is to be read from and written to as well.
///
/// Nobody pairs replies with requests: tasks that share a client [take turns](crate#requests-and-replies).
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let port = listener.local_addr()?.port();
/// # tokio::spawn(async move {
/// #     let (mut stream, _) = listener.accept().await.unwrap();
/// #     let (mut reader, mut writer) = stream.split();
/// #     let _ = tokio::io::copy(&mut reader, &mut writer).await;
/// # });
/// use tcpip_client::{Client, ClientOrServer};
///
/// let client = Client::builder("127.0.0.1", port).connect().await?;
/// client.write_str("status").await?;
/// assert_eq!(client.read_str().await?, "status");
/// client.close().await;
/// assert!(!client.is_connected() && !client.should_be_connected());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client {
    host: String,
    port: u16,
    connection: Connection,
    callbacks: CallbackProgress,
}

impl Client {
    pub(crate) fn new(host: String, port: u16, connection: Connection, callbacks: CallbackProgress) -> Self {
        Self { host, port, connection, callbacks }
    }

    /// The options of a client of the server at `host`, a name or an IPv4 or IPv6 address, and `port`.
    pub fn builder(host: &str, port: u16) -> ClientBuilder {
        ClientBuilder::new(host, port)
    }

    /// The options of a client over a stream that is connected already: a [`TcpStream`](tokio::net::TcpStream), or any
    /// other, such as a TLS stream or one end of [`tokio::io::duplex`].
    ///
    /// A TCP stream is treated as one that was connected here, but keeps its keep-alive and no-delay unless
    /// [`keepalive`](ClientBuilder::keepalive) or [`nodelay`](ClientBuilder::nodelay) is called. Over any other, all
    /// that is said of framing, cancelled reads and writes, deadlines and events holds too, but:
    ///
    /// - received bytes are read ahead of their readers, as many as [`limit`](ClientBuilder::limit) allows. A hang-up is
    ///   seen when all before it has been read, so never behind more than that;
    /// - a write returns when the stream has taken its bytes;
    /// - there is no abort: a stream that is given up is dropped;
    /// - a panic of the stream is an error of it: the session ends with [`Io`](DisconnectReason::Io), and what had arrived
    ///   stays readable;
    /// - there is no address, and no option that is the socket's.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_client::{Client, ClientOrServer};
    ///
    /// let (stream, other_end) = tokio::io::duplex(1024);
    /// let client = Client::from_stream(stream).terminator(b"\n").connect().await?;
    /// let peer = Client::from_stream(other_end).terminator(b"\n").connect().await?;
    /// client.write_str("status").await?;
    /// assert_eq!(peer.read_str().await?, "status");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "sock")]
    #[doc(alias = "ssl")]
    pub fn from_stream<S: AsyncRead + AsyncWrite + Send + 'static>(stream: S) -> ClientBuilder<Connected<S>> {
        ClientBuilder::over(stream)
    }

    /// A client that was never connected and is closed already, to hold the place of one.
    ///
    /// ```
    /// use tcpip_client::{Client, ClientOrServer};
    ///
    /// let link = Client::closed();
    /// assert!(!link.is_connected() && !link.should_be_connected() && link.is_closed());
    /// ```
    #[must_use]
    pub fn closed() -> Self {
        Self::new(String::new(), 0, Connection::closed(), CallbackProgress::default())
    }

    /// The host as it was given; empty for one that was never connected, or is not over TCP.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port as it was given; 0 for one that was never connected, or is not over TCP.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is over and at rest.
    #[must_use]
    #[doc(alias = "done_task")]
    pub fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// Waits until the connection is over and at rest.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn wait_closed(&self) {
        self.connection.wait_closed().await;
    }

    /// Closes the connection: what is queued is sent, then the stream is ended, or aborted after `close_timeout`.
    ///
    /// May be called again, by several tasks at once, and from a connect callback.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the close goes on without the future.
    pub async fn close(&self) {
        self.connection.close().await;
    }

    /// As [`close`](Self::close), but leaves `should_be_connected` as it is: for a connection that was lost, or is given
    /// up, and is still wanted.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the close goes on without the future.
    pub async fn basic_close(&self) {
        self.connection.basic_close().await;
    }

    /// Resets the connection, at once: see [`Connection::abort`].
    pub fn abort(&self) {
        self.connection.abort();
    }

    /// Waits until the connect callbacks have returned for every event so far. At once from within one; a task that
    /// one of them waits for must not wait for this.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn callbacks_done(&self) {
        self.callbacks.callbacks_done().await;
    }

    /// The encoding of text messages.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.connection.encoding()
    }

    /// Changes the encoding, from the next message on.
    ///
    /// # Errors
    ///
    /// [`OptionError::TerminatorInHeartbeat`] if heartbeats are sent, and could not be any more. Nothing is changed.
    pub fn set_encoding(&self, encoding: Encoding) -> Result<(), OptionError> {
        self.connection.set_encoding(encoding)
    }

    /// The terminator of text messages.
    #[must_use]
    pub fn terminator(&self) -> Vec<u8> {
        self.connection.terminator()
    }

    /// Changes the terminator, from the next message on.
    ///
    /// # Errors
    ///
    /// [`OptionError::EmptyTerminator`]; [`OptionError::TerminatorInHeartbeat`] if heartbeats are sent, and could not be
    /// any more. Nothing is changed.
    pub fn set_terminator(&self, terminator: impl AsRef<[u8]>) -> Result<(), OptionError> {
        self.connection.set_terminator(terminator)
    }

    /// The most bytes that a searching read accepts as one frame.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.connection.limit()
    }

    /// Changes the limit, also for a read that waits, as soon as more arrives for it.
    pub fn set_limit(&self, limit: usize) {
        self.connection.set_limit(limit);
    }
}

impl ClientOrServer for Client {
    fn connection(&self) -> Connection {
        self.connection.clone()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.start_close(DisconnectReason::Closed);
    }
}
