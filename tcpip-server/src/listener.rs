//! Where a server's clients come from.

use std::{
    any::Any,
    fmt,
    io::{self, Read},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use socket2::SockRef;
use tcpip_core::{
    Connection,
    endpoint::{EventSource, Pushed, SessionOptions, catch_panic_in},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, sink},
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
    /// alone was at fault (`ConnectionAborted`, `ConnectionReset`) or nothing was (`Interrupted`), unless that is all
    /// that comes. A panic counts as an error.
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
    /// Takes the next client. Does not panic, whatever the listener does.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<Result<Incoming, AcceptError>>;
    fn local_addr(&self) -> Option<SocketAddr>;
}

impl<L: Listener> AnyListener for L {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<Result<Incoming, AcceptError>> {
        let poll = || match Listener::poll_accept(self, context) {
            Poll::Ready(Ok(stream)) => Poll::Ready(Ok(Incoming(Some(Box::new(stream))))),
            // With its text and without itself, which may be a user's own type.
            Poll::Ready(Err(error)) => Poll::Ready(Err(AcceptError { kind: error.kind(), text: error.to_string() })),
            Poll::Pending => Poll::Pending,
        };
        catch_panic_in(poll).unwrap_or_else(|panic| {
            let text = format!("the listener panicked: {panic}");
            Poll::Ready(Err(AcceptError { kind: io::ErrorKind::Other, text }))
        })
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr()
    }
}

/// What a listener says instead of giving a client.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct AcceptError {
    kind: io::ErrorKind,
    text: String,
}

impl AcceptError {
    /// Whether it concerns one client alone, or none: the next may be there.
    pub(crate) fn is_passing(&self) -> bool {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
        matches!(self.kind, ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
    }
}

impl fmt::Debug for dyn AnyListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Listener").field(&self.local_addr()).finish()
    }
}

/// A client that has not been admitted yet. Dropping it ends its stream, and does not panic, whatever the stream does.
pub(crate) struct Incoming(Option<Box<dyn AnyStream>>);

impl Incoming {
    fn stream(&self) -> &dyn AnyStream {
        &**self.0.as_ref().expect("what takes the stream takes all")
    }

    /// Why it is gone already, if it is.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.stream().failure()
    }

    /// Ends the stream at once, and in good order if the client has sent little.
    pub(crate) fn refuse(self) {
        self.stream().discard_input();
    }

    /// Sends `message`, ends the stream, and waits for the client to end it too: what it still sends would turn the end
    /// into a reset, which may overtake the message.
    pub(crate) fn say_farewell(mut self, message: Vec<u8>) -> impl Future<Output = ()> + Send + 'static {
        self.0.take().expect("what takes the stream takes all").say_farewell(message)
    }

    /// Starts the session, unless `admit` refuses it.
    pub(crate) fn start(mut self, options: Arc<SessionOptions>, events: EventSource, admit: Admit<'_>) -> Started {
        self.0.take().expect("what takes the stream takes all").start(options, events, admit)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let stream = self.0.take();
        guarded("stream", || drop(stream));
    }
}

/// Runs code of a user's. A panic of it is logged as one of `what`.
pub(crate) fn guarded(what: &str, call: impl FnOnce()) {
    if let Err(panic) = catch_panic_in(call) {
        tracing::error!("the {what} panicked: {panic}");
    }
}

/// Gives a session its place, or refuses it.
pub(crate) type Admit<'a> = &'a mut dyn FnMut(&Connection) -> Option<Pushed>;

/// A session, if it was admitted.
type Started = io::Result<Option<Connection>>;

/// A client's stream, of whatever type.
trait AnyStream: Send {
    /// The error that a socket has, if it is one.
    fn failure(&self) -> Option<io::Error>;

    /// Takes what a socket has received: unread input would turn the end of the stream into a reset.
    fn discard_input(&self);

    fn say_farewell(self: Box<Self>, message: Vec<u8>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    fn start(self: Box<Self>, options: Arc<SessionOptions>, events: EventSource, admit: Admit<'_>) -> Started;
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> AnyStream for S {
    fn failure(&self) -> Option<io::Error> {
        tcp(self)?.take_error().ok().flatten()
    }

    fn discard_input(&self) {
        const READ_AT_MOST: usize = 64 * 1024;
        let Some(socket) = tcp(self).map(SockRef::from) else { return };
        let mut scratch = [0; 4096];
        let mut discarded = 0;
        while discarded < READ_AT_MOST
            && let Ok(count @ 1..) = (&*socket).read(&mut scratch)
        {
            discarded += count;
        }
    }

    fn say_farewell(self: Box<Self>, message: Vec<u8>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut stream = Box::into_pin(self);
        Box::pin(async move {
            let told = async {
                stream.write_all(&message).await?;
                stream.shutdown().await?;
                copy(&mut stream, &mut sink()).await
            };
            if let Err(error) = told.await {
                tracing::debug!("a client is turned away, and perhaps not told so: {error}");
            }
        })
    }

    fn start(self: Box<Self>, options: Arc<SessionOptions>, events: EventSource, admit: Admit<'_>) -> Started {
        Connection::start_admitted(*self, options, KIND, events, admit)
    }
}

/// The stream as a TCP stream, if it is one.
fn tcp(stream: &dyn Any) -> Option<&TcpStream> {
    stream.downcast_ref()
}
