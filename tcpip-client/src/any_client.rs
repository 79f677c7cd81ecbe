//! What a client is, whoever reads from it.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use tcpip_core::{
    Batch, ClientOrServer, Connection, DisconnectReason, Encoding, OptionError, Stats, Structs, Terminator, WriteError,
    endpoint::CallbackProgress,
};

/// What every client has, whoever reads from it: a [`Client`](crate::Client) and a
/// [`ReadLoopClient`](crate::ReadLoopClient) lend it by [`Deref`](std::ops::Deref). So a function that takes a client
/// of either kind takes an `&AnyClient`. What it lacks, such as the peer's address, its [connection](Self::connection)
/// has.
///
/// Dropping the client closes the connection in the background.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tcpip_client::{AnyClient, Client, Connection, HandlerResult, ReadAndDispatch, WriteError};
///
/// async fn stop(device: &AnyClient) -> Result<(), WriteError> {
///     device.write_ahead(b"!").await
/// }
///
/// struct Telemetry;
///
/// impl ReadAndDispatch for Telemetry {
///     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
///         println!("{}", connection.read_str().await?);
///         Ok(())
///     }
/// }
///
/// # let (stream, _other_end) = tokio::io::duplex(1024);
/// # let (another, _its_other_end) = tokio::io::duplex(1024);
/// let asked = Client::from_stream(stream).connect().await?;
/// let told = Client::from_stream(another).connect_with(Telemetry).await?;
/// stop(&asked).await?;
/// stop(&told).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AnyClient {
    host: Box<str>,
    port: u16,
    pub(crate) connection: Connection,
    callbacks: CallbackProgress,
    /// What had arrived before the session was lost is for others to read, when this is dropped.
    leaves_the_rest: AtomicBool,
}

impl AnyClient {
    pub(crate) fn new(host: String, port: u16, connection: Connection, callbacks: CallbackProgress) -> Self {
        Self { host: host.into(), port, connection, callbacks, leaves_the_rest: AtomicBool::new(false) }
    }

    /// What had arrived before the session was lost is for others to read, when this is dropped.
    pub(crate) fn leave_the_rest(&self) {
        self.leaves_the_rest.store(true, Ordering::Relaxed);
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

    /// Whether the connection is over and at rest, and its handler has done with it if there is one.
    #[must_use]
    #[doc(alias = "done_task")]
    pub fn is_closed(&self) -> bool {
        self.connection.is_closed() && !self.connection.has_read_loop()
    }

    /// Waits until the connection is over and at rest, and its handler has done with it if there is one.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn wait_closed(&self) {
        self.connection.wait_closed().await;
        self.connection.read_loop_ended().await;
    }

    /// Closes the connection: what is queued is sent, then the stream is ended, or aborted after `close_timeout`.
    /// Waits, within the same deadline, for the handler too if there is one.
    ///
    /// May be called again, by several tasks at once, and from a connect callback. Called from the session's own
    /// handler it returns at once, and the handler is dropped where it next waits.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the close goes on without the future.
    pub async fn close(&self) {
        self.connection.start_close(DisconnectReason::Closed);
        self.connection.served_within_deadline().await;
    }

    /// As [`close`](Self::close), but leaves `should_be_connected` as it is: for a connection that was lost, or is
    /// given up, and is still wanted.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the close goes on without the future.
    pub async fn basic_close(&self) {
        self.connection.revoke(DisconnectReason::Closed);
        self.connection.served_within_deadline().await;
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
    pub fn terminator(&self) -> Terminator {
        self.connection.terminator()
    }

    /// Changes the terminator, from the next message on.
    ///
    /// # Errors
    ///
    /// [`OptionError::TerminatorInHeartbeat`] if heartbeats are sent, and could not be any more. Nothing is changed.
    pub fn set_terminator(&self, terminator: impl Into<Terminator>) -> Result<(), OptionError> {
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

    /// The connection: a cheap clone, for a task that reads or writes by itself.
    #[must_use]
    pub fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// As [`Connection::is_connected`].
    #[must_use]
    #[doc(alias = "connected")]
    pub fn is_connected(&self) -> bool {
        self.connection.is_connected()
    }

    /// As [`Connection::should_be_connected`].
    #[must_use]
    pub fn should_be_connected(&self) -> bool {
        self.connection.should_be_connected()
    }

    /// As [`Connection::reason`].
    #[must_use]
    pub fn reason(&self) -> Option<DisconnectReason> {
        self.connection.reason()
    }

    /// As [`Connection::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.connection.stats()
    }

    /// As [`Connection::wait_connected`].
    pub async fn wait_connected(&self) -> Option<Connection> {
        self.connection.wait_connected().await
    }

    /// As [`Connection::wait_disconnected`].
    pub async fn wait_disconnected(&self) {
        self.connection.wait_disconnected().await;
    }

    /// As [`Connection::has_hung_up`].
    #[must_use]
    pub fn has_hung_up(&self) -> bool {
        self.connection.has_hung_up()
    }

    /// As [`Connection::wait_hung_up`].
    pub async fn wait_hung_up(&self) -> bool {
        self.connection.wait_hung_up().await
    }

    /// As [`Connection::write`].
    pub fn write(&self, data: &[u8]) -> impl Future<Output = Result<(), WriteError>> + Send {
        self.connection.write(data)
    }

    /// As [`Connection::write_lines`].
    #[doc(alias = "writelines")]
    pub fn write_lines(
        &self,
        lines: &[impl AsRef<[u8]> + Sync],
    ) -> impl Future<Output = Result<(), WriteError>> + Send {
        self.connection.write_lines(lines)
    }

    /// As [`Connection::write_str`].
    pub fn write_str(&self, line: &str) -> impl Future<Output = Result<(), WriteError>> + Send {
        self.connection.write_str(line)
    }

    /// As [`Connection::write_json`].
    pub fn write_json<T: Serialize + ?Sized>(
        &self,
        value: &T,
    ) -> impl Future<Output = Result<(), WriteError>> + Send + use<T> {
        self.connection.write_json(value)
    }

    /// As [`Connection::write_from`].
    pub fn write_from(&self, structs: impl Structs) -> impl Future<Output = Result<(), WriteError>> + Send {
        self.connection.write_from(structs)
    }

    /// As [`Connection::write_ahead`].
    pub fn write_ahead(&self, data: &[u8]) -> impl Future<Output = Result<(), WriteError>> + Send {
        self.connection.write_ahead(data)
    }

    /// As [`Connection::shutdown_write`].
    #[doc(alias = "close_write")]
    pub fn shutdown_write(&self) -> impl Future<Output = Result<(), WriteError>> + Send {
        self.connection.shutdown_write()
    }

    /// As [`Connection::batch`].
    #[must_use = "a batch that is not sent is dropped"]
    pub fn batch(&self) -> Batch {
        self.connection.batch()
    }
}

impl ClientOrServer for AnyClient {
    fn connection(&self) -> Connection {
        self.connection()
    }
}

impl Drop for AnyClient {
    fn drop(&mut self) {
        if *self.leaves_the_rest.get_mut() {
            self.connection.let_go(DisconnectReason::Closed);
        } else {
            self.connection.start_close(DisconnectReason::Closed);
        }
    }
}
