//! Where a server's clients come from.

use std::{
    any::Any,
    fmt,
    io::{self, Read},
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use socket2::SockRef;
use tcpip_core::{
    Connection,
    endpoint::{EventSource, SessionOptions},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

/// What logs call a server.
pub(crate) const KIND: &str = "server";

/// A source of clients: a [`TcpListener`], or a type of your own, for streams in memory or TLS streams.
///
/// Dropping it must free the address, if it has one.
pub trait Listener: Send + Sync + 'static {
    /// A client's stream. A [`TcpStream`] is treated as such; what a session over another lacks is told with
    /// `Client::from_stream` of `tcpip-client`.
    type Stream: AsyncRead + AsyncWrite + Send + 'static;

    /// Takes the next client.
    ///
    /// # Errors
    ///
    /// An error is logged and is not the end: the server asks again after a pause of 0.1 s, or at once if the client
    /// alone was at fault (`ConnectionAborted`, `ConnectionReset`).
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Self::Stream>>;

    /// Where it listens, if that is an address. Default: `None`.
    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        Self::poll_accept(self, context).map_ok(|(stream, _)| stream)
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr().ok()
    }
}

/// A listener of whatever type.
pub(crate) trait AnyListener: Send + Sync {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Caller>>>;
    fn local_addr(&self) -> Option<SocketAddr>;
}

impl<L: Listener> AnyListener for L {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Caller>>> {
        self.poll_accept(context).map_ok(|stream| Box::new(stream) as Box<dyn Caller>)
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr()
    }
}

impl fmt::Debug for dyn AnyListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Listener").field(&self.local_addr()).finish()
    }
}

/// A client that has not been admitted yet, over a stream of whatever type.
pub(crate) trait Caller: Send {
    /// Why it is gone already, if it is.
    fn failure(&self) -> Option<io::Error>;

    /// Ends the stream at once, and in good order if the client has sent little.
    fn refuse(self: Box<Self>);

    /// Starts the session.
    fn start(self: Box<Self>, options: Arc<SessionOptions>, events: EventSource) -> io::Result<Connection>;
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Caller for S {
    fn failure(&self) -> Option<io::Error> {
        tcp(self)?.take_error().ok().flatten()
    }

    fn refuse(self: Box<Self>) {
        const READ_AT_MOST: usize = 64 * 1024;
        let Some(socket) = tcp(&*self).map(SockRef::from) else { return };
        let mut scratch = [0; 4096];
        let mut discarded = 0;
        // Unread input would turn the end of the stream into a reset.
        while discarded < READ_AT_MOST
            && let Ok(count @ 1..) = (&*socket).read(&mut scratch)
        {
            discarded += count;
        }
    }

    fn start(self: Box<Self>, options: Arc<SessionOptions>, events: EventSource) -> io::Result<Connection> {
        Connection::start_over(*self, options, KIND, events)
    }
}

/// The stream as a TCP stream, if it is one.
fn tcp(stream: &dyn Any) -> Option<&TcpStream> {
    stream.downcast_ref()
}
