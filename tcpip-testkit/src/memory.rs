//! Clients and servers that meet in memory, without a socket.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
};

use tcpip_client::{BoxFuture, Client, ClientBuilder, ConnectError, Connected, ListenOptions, Network};
use tcpip_server::{Listener, NetworkStream};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
};

/// How many bytes a stream in memory takes in each direction before its writer waits for the reader: 64 KiB.
pub const MEMORY_STREAM_CAPACITY: usize = 64 * 1024;

/// Two clients that are connected to each other in memory, both with the options that `options` adds: one to test, and
/// one to play the device by a script.
///
/// There is no socket, so a paused clock passes no time while the two are at work, and all of it while both wait.
///
/// # Errors
///
/// [`ConnectError::Option`] if an option was given a value that it cannot have.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::time::Duration;
/// use tcpip_client::ReadError;
/// use tcpip_testkit::memory_pair;
///
/// # /*
/// #[tokio::test(start_paused = true)]
/// async fn a_reply_is_awaited_for_an_hour() {
/// # */
///     let hour = Duration::from_secs(3600);
///     let (client, device) = memory_pair(|end| end.terminator(b"\n").read_timeout(hour)).await.unwrap();
///     client.write_str("status").await.unwrap();
///     assert_eq!(device.read_str().await.unwrap(), "status");
///     assert!(matches!(client.read_str().await, Err(ReadError::Timeout { .. })));   // at once: the clock jumps
/// # /*
/// }
/// # */
/// # }
/// ```
pub async fn memory_pair(
    options: impl Fn(ClientBuilder<Connected<DuplexStream>>) -> ClientBuilder<Connected<DuplexStream>>,
) -> Result<(Client, Client), ConnectError> {
    let (near, far) = duplex(MEMORY_STREAM_CAPACITY);
    let near = options(Client::from_stream(near)).connect().await?;
    let far = options(Client::from_stream(far)).connect().await?;
    Ok((near, far))
}

/// A listener in memory, and what connects to it.
///
/// Give the listener to a server's builder, and each stream that [`connect`](MemoryDialler::connect) makes to
/// [`Client::from_stream`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tcpip_client::Client;
/// use tcpip_testkit::{TestOneClientReadLoopServer, memory_listener};
///
/// let (listener, dialler) = memory_listener();
/// let server = TestOneClientReadLoopServer::builder().options(|server| server.listener(listener)).start().await?;
/// let client = Client::from_stream(dialler.connect()?).connect().await?;
/// client.write_str("one").await?;
/// assert_eq!(server.get_next_data().await?, "one");
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn memory_listener() -> (MemoryListener, MemoryDialler) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (MemoryListener(receiver), MemoryDialler(sender))
}

/// Takes what a [`MemoryDialler`] connects. Dropping it refuses all that it has not taken.
#[derive(Debug)]
pub struct MemoryListener(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for MemoryListener {
    /// Never ready again once every dialler is gone.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<NetworkStream>> {
        match self.0.poll_recv(context) {
            Poll::Ready(Some(stream)) => Poll::Ready(Ok(NetworkStream::new(stream))),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Connects to a [`MemoryListener`]; a clone connects to the same. Dropping it changes nothing for those connected.
///
/// It is also the [`network`](ClientBuilder::network) of a client that connects by itself, and so of a link: every host
/// and port is that listener.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tcpip_client::Client;
/// use tcpip_testkit::{TestOneClientReadLoopServer, memory_listener};
///
/// let (listener, dialler) = memory_listener();
/// let server = TestOneClientReadLoopServer::builder().options(|server| server.listener(listener)).start().await?;
/// let link = Client::builder("gauge", 5025).network(&dialler).link().connect().await?;
/// link.tell("one").await?;
/// assert_eq!(server.get_next_data().await?, "one");
/// server.close_client().await;
/// link.connection().wait_disconnected().await;
/// link.ready().await?; // the pause takes no time
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryDialler(mpsc::UnboundedSender<DuplexStream>);

impl MemoryDialler {
    /// A stream to the server. As over TCP, the server may then refuse it: its end has come at once.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if the server is closed.
    pub fn connect(&self) -> io::Result<DuplexStream> {
        let (near, far) = duplex(MEMORY_STREAM_CAPACITY);
        self.0.send(far).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(near)
    }
}

impl Network for MemoryDialler {
    /// Any host is there.
    fn look_up<'a>(&'a self, _: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(vec![([127, 0, 0, 1], port).into()]) })
    }

    fn dial(&self, _: SocketAddr, _: Option<SocketAddr>) -> BoxFuture<'_, io::Result<NetworkStream>> {
        Box::pin(async { self.connect().map(NetworkStream::new) })
    }

    /// `Unsupported`: a server is given the [`MemoryListener`] itself.
    fn listen(&self, _: SocketAddr, _: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
