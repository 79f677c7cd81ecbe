//! What a server is, whoever reads from its client.

use std::{net::SocketAddr, sync::Arc};

use serde::Serialize;
use tcpip_core::{
    Batch, ClientOrServer, Connection, DisconnectReason, Encoding, OptionError, Stats, Structs, Terminator, WriteError,
    endpoint::{CLOSE_GRACE, CallbackProgress, within},
};
use tokio::runtime::Handle;

use crate::{
    Server,
    builder::Open,
    reception::{Reception, ShouldBeConnected},
};

/// What every server has, whoever reads from its client: a [`OneClientServer`](crate::OneClientServer) and a
/// [`OneClientReadLoopServer`](crate::OneClientReadLoopServer) lend it by [`Deref`](std::ops::Deref). So a function
/// that takes a server of either kind takes an `&AnyServer`.
///
/// Dropping the server closes it in the background.
///
/// What it writes goes to the current client: without one, a write is
/// [`NotConnected`](tcpip_core::WriteError::NotConnected).
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tcpip_server::{AnyServer, OneClientServer};
///
/// fn address_of(server: &AnyServer) -> String {
///     format!("{}:{}", server.host(), server.port())
/// }
///
/// let server = OneClientServer::builder().start().await?;
/// println!("listening on {}", address_of(&server));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AnyServer {
    host: Box<str>,
    /// That of the accept loop.
    runtime: Handle,
    reception: Arc<Reception>,
    callbacks: CallbackProgress,
}

impl AnyServer {
    pub(crate) fn new(open: Open) -> Self {
        Self {
            host: open.host.into(),
            runtime: Handle::current(),
            reception: open.reception,
            callbacks: open.callbacks,
        }
    }

    /// The host as it was given; empty for all interfaces, or for a listener without an address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the same on all addresses; 0 for a listener without an address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.reception.addresses.first().map_or(0, SocketAddr::port)
    }

    /// Every address that the server listens on.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.reception.addresses
    }

    /// Waits for a client, if there is none; `None` once the server is being closed.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    #[doc(alias = "connected_task")]
    pub async fn wait_connected(&self) -> Option<Connection> {
        self.reception.wait_connected().await
    }

    /// Ends the session, if there is one, and goes on listening. Clears `should_be_connected`.
    ///
    /// Returns when the session is at rest and its handler has ended, at the latest after `close_timeout`. Called from
    /// the session's own handler it returns at once, and the handler is dropped where it next waits.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the session ends without the future.
    pub async fn close_client(&self) {
        let current = self.reception.current();
        current.start_close(DisconnectReason::Closed);
        current.served_within_deadline().await;
    }

    /// As [`close_client`](Self::close_client), but leaves `should_be_connected` as it is.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the session ends without the future.
    pub async fn basic_close_client(&self) {
        let current = self.reception.current();
        current.revoke(DisconnectReason::Closed);
        current.served_within_deadline().await;
    }

    /// Resets the connection of the client, if there is one, at once, and goes on listening: see [`Connection::abort`].
    pub fn abort_client(&self) {
        self.reception.current().abort();
    }

    /// Closes listener and session. When it returns, the port can be bound again.
    ///
    /// What is queued is sent, and the handler ends, within `close_timeout`; else they are given up. May be called
    /// again, by several tasks at once, and from anywhere. Called from the session's own handler it returns at once,
    /// and the handler is dropped where it next waits.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the close goes on without the future.
    pub async fn close(&self) {
        self.close_and(ShouldBeConnected::Cleared).await;
    }

    /// As [`close`](Self::close), but leaves `should_be_connected` as it is.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the close goes on without the future.
    pub async fn basic_close(&self) {
        self.close_and(ShouldBeConnected::Kept).await;
    }

    async fn close_and(&self, should_be_connected: ShouldBeConnected) {
        self.reception.start_close(should_be_connected);
        if !self.is_closed() && !self.reception.current().is_own_task() {
            let close_timeout = self.reception.session.lock().close_timeout();
            let closed = self.reception.wait_closed();
            let _ = within(&self.runtime, close_timeout + CLOSE_GRACE, closed).await;
        }
    }

    /// Whether the server is closed and at rest.
    #[must_use]
    #[doc(alias = "done_task")]
    pub fn is_closed(&self) -> bool {
        self.reception.is_closed()
    }

    /// Waits until the server is closed and at rest.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn wait_closed(&self) {
        self.reception.wait_closed().await;
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

    /// The encoding of text messages, of the next client's too.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.reception.session.lock().text().encoding
    }

    /// Changes the encoding, from the next message on, for this client and later ones.
    ///
    /// # Errors
    ///
    /// [`OptionError::TerminatorInHeartbeat`] if heartbeats are expected, and could not be any more. Nothing is
    /// changed.
    pub fn set_encoding(&self, encoding: Encoding) -> Result<(), OptionError> {
        Arc::make_mut(&mut self.reception.session.lock()).change_text(|text| text.encoding = encoding)?;
        self.reception.current().set_encoding(encoding)
    }

    /// The terminator of text messages, of the next client's too.
    #[must_use]
    pub fn terminator(&self) -> Terminator {
        self.reception.session.lock().text().terminator().clone()
    }

    /// Changes the terminator, from the next message on, for this client and later ones.
    ///
    /// # Errors
    ///
    /// [`OptionError::TerminatorInHeartbeat`] if heartbeats are expected, and could not be any more. Nothing is
    /// changed.
    pub fn set_terminator(&self, terminator: impl Into<Terminator>) -> Result<(), OptionError> {
        let terminator = terminator.into();
        Arc::make_mut(&mut self.reception.session.lock())
            .change_text(|text| text.set_terminator(terminator.clone()))?;
        self.reception.current().set_terminator(terminator)
    }

    /// The most bytes that a searching read accepts as one frame, of the next client too.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.reception.session.lock().limit()
    }

    /// Changes the limit for this client, also for a read that waits as soon as more arrives for it, and for later
    /// ones.
    pub fn set_limit(&self, limit: usize) {
        Arc::make_mut(&mut self.reception.session.lock()).set_limit(limit);
        self.reception.current().set_limit(limit);
    }

    /// Waits until the client at `address` has been admitted, whatever has become of it since. Whether it has; not if
    /// the server is being closed.
    #[doc(hidden)]
    pub async fn wait_admitted(&self, address: Option<SocketAddr>) -> bool {
        self.reception.wait_admitted(address).await
    }

    /// The connection of the current client, a cheap clone; without a client the last one, or one that never was.
    #[must_use]
    pub fn connection(&self) -> Connection {
        self.reception.current()
    }

    /// As [`Connection::is_connected`].
    #[must_use]
    #[doc(alias = "connected")]
    pub fn is_connected(&self) -> bool {
        self.connection().is_connected()
    }

    /// As [`Connection::should_be_connected`].
    #[must_use]
    pub fn should_be_connected(&self) -> bool {
        self.connection().should_be_connected()
    }

    /// As [`Connection::reason`]: without a client, why the last one's session ended.
    #[must_use]
    pub fn reason(&self) -> Option<DisconnectReason> {
        self.connection().reason()
    }

    /// As [`Connection::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.connection().stats()
    }

    /// As [`Connection::wait_disconnected`], for the client that is current when this is called.
    pub fn wait_disconnected(&self) -> impl Future<Output = ()> + Send {
        ClientOrServer::wait_disconnected(self)
    }

    /// As [`Connection::has_hung_up`].
    #[must_use]
    pub fn has_hung_up(&self) -> bool {
        self.connection().has_hung_up()
    }

    /// As [`Connection::wait_hung_up`], for the client that is current when this is called.
    pub fn wait_hung_up(&self) -> impl Future<Output = bool> + Send {
        ClientOrServer::wait_hung_up(self)
    }

    /// As [`Connection::write`].
    pub fn write(&self, data: &[u8]) -> impl Future<Output = Result<(), WriteError>> + Send {
        ClientOrServer::write(self, data)
    }

    /// As [`Connection::write_lines`].
    #[doc(alias = "writelines")]
    pub fn write_lines(
        &self,
        lines: &[impl AsRef<[u8]> + Sync],
    ) -> impl Future<Output = Result<(), WriteError>> + Send {
        ClientOrServer::write_lines(self, lines)
    }

    /// As [`Connection::write_str`].
    pub fn write_str(&self, line: &str) -> impl Future<Output = Result<(), WriteError>> + Send {
        ClientOrServer::write_str(self, line)
    }

    /// As [`Connection::write_json`].
    pub fn write_json<T: Serialize + ?Sized>(
        &self,
        value: &T,
    ) -> impl Future<Output = Result<(), WriteError>> + Send + use<T> {
        self.connection().write_json(value)
    }

    /// As [`Connection::write_from`].
    pub fn write_from(&self, structs: impl Structs) -> impl Future<Output = Result<(), WriteError>> + Send {
        ClientOrServer::write_from(self, structs)
    }

    /// As [`Connection::write_ahead`].
    pub fn write_ahead(&self, data: &[u8]) -> impl Future<Output = Result<(), WriteError>> + Send {
        ClientOrServer::write_ahead(self, data)
    }

    /// As [`Connection::shutdown_write`].
    #[doc(alias = "close_write")]
    pub fn shutdown_write(&self) -> impl Future<Output = Result<(), WriteError>> + Send {
        ClientOrServer::shutdown_write(self)
    }

    /// As [`Connection::batch`].
    #[must_use = "a batch that is not sent is dropped"]
    pub fn batch(&self) -> Batch {
        self.connection().batch()
    }
}

impl ClientOrServer for AnyServer {
    fn connection(&self) -> Connection {
        self.connection()
    }

    async fn wait_connected(&self) -> Option<Connection> {
        self.wait_connected().await
    }
}

impl Server for AnyServer {
    fn server(&self) -> &Self {
        self
    }
}

impl Drop for AnyServer {
    fn drop(&mut self) {
        self.reception.start_close(ShouldBeConnected::Cleared);
    }
}
