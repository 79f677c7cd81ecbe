//! A stream of whatever type.

use std::{
    any::Any,
    fmt,
    io::{self, ErrorKind, IoSlice},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    task::coop::poll_proceed,
};

use super::Transport;

/// A connected stream, as a [`Network`](crate::Network) dials it and a [`Listener`](crate::Listener) accepts it: a TCP
/// socket, another [`Transport`], or any other stream.
///
/// A session over a socket or another transport sees a hang-up behind unread data, can be reset, and has addresses.
/// What a session lacks over a stream that can only be read and written is told with `Client::from_stream` of
/// `tcpip-client`.
///
/// It is read and written as any stream. Dropping it ends the stream.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use tcpip_core::NetworkStream;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// let (near, far) = tokio::io::duplex(64);
/// let (mut near, mut far) = (NetworkStream::new(near), NetworkStream::new(far));
/// near.write_all(b"ready").await?;
/// far.read_exact(&mut [0; 5]).await?;
/// assert_eq!(far.peer_addr(), None);
/// # Ok(())
/// # }
/// ```
pub struct NetworkStream(Kind, Known);

/// This end's address and the peer's, as far as the system has told them of a socket, which need not be asked again.
pub(crate) type Known = (Option<SocketAddr>, Option<SocketAddr>);

pub(crate) enum Kind {
    Socket(TcpStream),
    Transport(Box<dyn Transport>),
    Stream(Pin<Box<dyn ReadWrite>>),
}

/// What can be read and written.
pub(crate) trait ReadWrite: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> ReadWrite for S {}

impl NetworkStream {
    /// One of any type. A [`TcpStream`], and a `NetworkStream`, is treated as what it is.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        match cast::<_, Self>(stream) {
            Ok(stream) => stream,
            Err(stream) => match cast(stream) {
                Ok(socket) => Self::socket(socket, Known::default()),
                Err(stream) => Self(Kind::Stream(Box::pin(stream)), Known::default()),
            },
        }
    }

    /// One that can do what a socket can.
    pub fn over(transport: impl Transport) -> Self {
        match cast(transport) {
            Ok(socket) => Self::socket(socket, Known::default()),
            Err(transport) => Self(Kind::Transport(Box::new(transport)), Known::default()),
        }
    }

    /// A socket.
    pub(crate) fn socket(socket: TcpStream, known: Known) -> Self {
        Self(Kind::Socket(socket), known)
    }

    /// The stream as a transport, if it is one.
    #[must_use]
    pub fn transport(&self) -> Option<&dyn Transport> {
        match &self.0 {
            Kind::Socket(stream) => Some(stream),
            Kind::Transport(transport) => Some(&**transport),
            Kind::Stream(_) => None,
        }
    }

    /// Takes the transport out, for one of your own to pass on what it is asked.
    ///
    /// # Errors
    ///
    /// The stream itself, if it is none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// use tcpip_core::{Network, NetworkStream, Sockets, Transport};
    ///
    /// let transport = Sockets.dial(address, None).await?.into_transport().expect("a socket is one");
    /// assert_eq!(transport.peer_addr(), Some(address));
    /// assert!(NetworkStream::new(tokio::io::duplex(64).0).into_transport().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_transport(self) -> Result<Box<dyn Transport>, Self> {
        match self.0 {
            Kind::Socket(stream) => Ok(Box::new(stream)),
            Kind::Transport(transport) => Ok(transport),
            Kind::Stream(_) => Err(self),
        }
    }

    /// This end's address; `None` if it has none.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.transport()?.local_addr()
    }

    /// The peer's address; `None` if it has none.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.transport()?.peer_addr()
    }

    pub(crate) fn into_kind(self) -> (Kind, Known) {
        (self.0, self.1)
    }
}

impl AsyncRead for NetworkStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Socket(stream) => Pin::new(stream).poll_read(context, buffer),
            Kind::Transport(transport) => within_budget(context, |context| transport.poll_read(context, buffer)),
            Kind::Stream(stream) => stream.as_mut().poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for NetworkStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Socket(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Kind::Transport(transport) => within_budget(context, |context| {
                loop {
                    match transport.try_write_vectored(parts) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        result => return Poll::Ready(result),
                    }
                    ready!(transport.poll_write_ready(context))?;
                }
            }),
            Kind::Stream(stream) => stream.as_mut().poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Kind::Socket(_) | Kind::Transport(_) => true,
            Kind::Stream(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Socket(stream) => Pin::new(stream).poll_flush(context),
            Kind::Transport(_) => Poll::Ready(Ok(())),
            Kind::Stream(stream) => stream.as_mut().poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Socket(stream) => Pin::new(stream).poll_shutdown(context),
            Kind::Transport(transport) => Poll::Ready(match transport.shutdown_write() {
                // As of a socket: there is nothing left to be ended.
                Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
                result => result,
            }),
            Kind::Stream(stream) => stream.as_mut().poll_shutdown(context),
        }
    }
}

/// With a unit of the task's budget, as a socket takes one: a transport that is always ready leaves others their turn.
fn within_budget<T>(
    context: &mut Context<'_>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<T>>,
) -> Poll<io::Result<T>> {
    let unit = ready!(poll_proceed(context));
    let result = poll(context);
    if result.is_ready() {
        unit.made_progress();
    }
    result
}

impl fmt::Debug for NetworkStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = formatter.debug_tuple("NetworkStream");
        match &self.0 {
            Kind::Socket(stream) => tuple.field(stream).finish(),
            Kind::Transport(transport) => tuple.field(transport).finish(),
            Kind::Stream(_) => tuple.finish_non_exhaustive(),
        }
    }
}

/// The value as a `T`, if it is one.
fn cast<S: 'static, T: 'static>(value: S) -> Result<T, S> {
    let mut value = Some(value);
    let any: &mut dyn Any = &mut value;
    match any.downcast_mut().and_then(Option::take) {
        Some(cast) => Ok(cast),
        None => Err(value.expect("it has not been taken as another type")),
    }
}
