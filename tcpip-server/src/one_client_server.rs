//! The server without a read loop, and what both servers do.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tcpip_core::{
    ClientOrServer, Connection, DisconnectReason, Encoding, OptionError,
    endpoint::{CLOSE_GRACE, CallbackProgress, within},
};
use tokio::runtime::Handle;

use crate::{
    NoReadLoop, OneClientServerBuilder, Server,
    builder::Open,
    reception::{Reception, ShouldBeConnected},
};

/// A server that serves one client at a time: a surplus client sees the end of its stream at once, or takes the place
/// of the other, as [`admission`](OneClientServerBuilder::admission) says.
///
/// Dropping it closes it in the background, as [`close`](Self::close) does, whatever clones of its [`Connection`]s
/// live on.
///
/// Reads, writes and states come from [`ClientOrServer`], which must be in scope, and are those of the current client:
/// without one they fail with `NotConnected`. To hold on to one client, take its [`Connection`].
///
/// A client's hang-up ends the session as soon as nothing of what it sent is unread. So a client that half-closes behind
/// its last request, and waits for the reply, needs a server with a read loop, whose handler is left to answer, or one
/// with [`HalfClose::Allowed`](crate::HalfClose::Allowed).
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tcpip_server::{ClientOrServer, OneClientServer};
///
/// let server = OneClientServer::builder().port(0).start().await?;
/// println!("listening on {}:{}", server.host(), server.port());
/// # let client = tcpip_client::Client::builder("127.0.0.1", server.port()).connect().await?;
/// # client.write_str("status").await?;
/// let client = server.wait_connected().await.expect("the server is not closed");
/// let command = client.read_str().await?;     // also an error if it is no text; the client stays connected
/// client.write_str(&format!("got {command}")).await?;
/// server.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OneClientServer {
    host: String,
    close_timeout: Duration,
    /// That of the accept loop.
    runtime: Handle,
    reception: Arc<Reception>,
    callbacks: CallbackProgress,
}

impl OneClientServer {
    pub(crate) fn new(open: Open) -> Self {
        let close_timeout = open.reception.session.lock().close_timeout;
        Self {
            host: open.host,
            close_timeout,
            runtime: Handle::current(),
            reception: open.reception,
            callbacks: open.callbacks,
        }
    }

    /// The options of a server, which listens on a free port of this machine unless told otherwise.
    pub fn builder() -> OneClientServerBuilder<NoReadLoop> {
        OneClientServerBuilder::new(NoReadLoop)
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
    /// Returns when the session is at rest and its handler has ended, at the latest after `close_timeout`. Called from the session's own handler
    /// it returns at once, and the handler is dropped where it next waits.
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
            let closed = self.reception.wait_closed();
            let _ = within(&self.runtime, self.close_timeout + CLOSE_GRACE, closed).await;
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
        self.reception.session.lock().text.encoding
    }

    /// Changes the encoding, from the next message on, for this client and later ones.
    ///
    /// # Errors
    ///
    /// [`OptionError::TerminatorInHeartbeat`] if heartbeats are expected, and could not be any more. Nothing is changed.
    pub fn set_encoding(&self, encoding: Encoding) -> Result<(), OptionError> {
        Arc::make_mut(&mut self.reception.session.lock()).change_text(|text| {
            text.encoding = encoding;
            Ok(())
        })?;
        self.reception.current().set_encoding(encoding)
    }

    /// The terminator of text messages, of the next client's too.
    #[must_use]
    pub fn terminator(&self) -> Vec<u8> {
        self.reception.session.lock().text.terminator().to_vec()
    }

    /// Changes the terminator, from the next message on, for this client and later ones.
    ///
    /// # Errors
    ///
    /// [`OptionError::EmptyTerminator`]; [`OptionError::TerminatorInHeartbeat`] if heartbeats are expected, and could not
    /// be any more. Nothing is changed.
    pub fn set_terminator(&self, terminator: impl AsRef<[u8]>) -> Result<(), OptionError> {
        let terminator = terminator.as_ref();
        Arc::make_mut(&mut self.reception.session.lock()).change_text(|text| text.set_terminator(terminator))?;
        self.reception.current().set_terminator(terminator)
    }

    /// The most bytes that a searching read accepts as one frame, of the next client too.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.reception.session.lock().limit
    }

    /// Changes the limit for this client, also for a read that waits as soon as more arrives for it, and for later ones.
    pub fn set_limit(&self, limit: usize) {
        Arc::make_mut(&mut self.reception.session.lock()).limit = limit;
        self.reception.current().set_limit(limit);
    }

    /// Waits until the client at `address` has been admitted, whatever has become of it since. Whether it has; not if
    /// the server is being closed.
    #[doc(hidden)]
    pub async fn wait_admitted(&self, address: Option<SocketAddr>) -> bool {
        self.reception.wait_admitted(address).await
    }
}

impl ClientOrServer for OneClientServer {
    fn connection(&self) -> Connection {
        self.reception.current()
    }

    async fn wait_connected(&self) -> Option<Connection> {
        self.wait_connected().await
    }
}

impl Server for OneClientServer {
    fn server(&self) -> &OneClientServer {
        self
    }
}

impl Drop for OneClientServer {
    fn drop(&mut self) {
        self.reception.start_close(ShouldBeConnected::Cleared);
    }
}
