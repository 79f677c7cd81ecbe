//! The client itself.

use std::ops::Deref;

use serde::de::DeserializeOwned;
use tcpip_core::{ClientOrServer, Connection, Decoder, ReadError, ReadTurn, endpoint::CallbackProgress};
use tokio::io::{AsyncRead, AsyncWrite};
use zerocopy::TryFromBytes;

use crate::{AnyClient, ClientBuilder, Connected};

/// A client: one connection to one server, from [`connect`](ClientBuilder::connect) to its end.
///
/// Dropping it closes the connection in the background, as [`close`](AnyClient::close) does but without waiting,
/// whatever clones of its [`Connection`] live on.
///
/// Writes, states and closing are those of [`AnyClient`], reads its own; the streams, and the reads that lend what they
/// have read, are its [connection](AnyClient::connection)'s alone. To add behaviour, hold a client in a type of
/// your own, and implement [`ClientOrServer`] for that if generic code is to read from it and to write to it.
///
/// Nobody else pairs replies with requests: tasks that share a client [take turns](crate#requests-and-replies).
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
/// use tcpip_client::Client;
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
    client: AnyClient,
}

impl Client {
    pub(crate) fn new(client: AnyClient) -> Self {
        Self { client }
    }

    /// The options of a client of the server at `host`, a name or an IPv4 or IPv6 address, and `port`.
    pub fn builder(host: &str, port: u16) -> ClientBuilder {
        ClientBuilder::new(host, port)
    }

    /// The options of a client over a stream that is connected already: a [`TcpStream`](tokio::net::TcpStream), or any
    /// other, such as a TLS stream or one end of [`tokio::io::duplex`].
    ///
    /// A TCP stream is treated as one that was connected here, but keeps its keep-alive and no-delay unless
    /// [`keepalive`](ClientBuilder::keepalive) or [`nodelay`](ClientBuilder::nodelay) is called; so is a
    /// [`NetworkStream`](crate::NetworkStream) over a [`Transport`](crate::Transport). Over any other, all that is said
    /// of framing, cancelled reads and writes, deadlines and events holds too, but:
    ///
    /// - received bytes are read ahead of their readers, as many as [`limit`](ClientBuilder::limit) allows. A hang-up
    ///   is seen when all before it has been read, so never behind more than that;
    /// - a write returns when the stream has taken its bytes;
    /// - there is no abort: a stream that is given up is dropped;
    /// - a panic of the stream is an error of it: the session ends with [`Io`](tcpip_core::DisconnectReason::Io), and
    ///   what had arrived stays readable;
    /// - there is no address, and no option that is the socket's.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_client::Client;
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
    /// use tcpip_client::Client;
    ///
    /// let link = Client::closed();
    /// assert!(!link.is_connected() && !link.should_be_connected() && link.is_closed());
    /// ```
    #[must_use]
    pub fn closed() -> Self {
        Self::new(AnyClient::new(String::new(), 0, Connection::closed(), CallbackProgress::default()))
    }
}

/// The reads of the connection.
impl Client {
    /// As [`Connection::read_turn`].
    pub fn read_turn(&self) -> impl Future<Output = Result<ReadTurn, ReadError>> {
        self.client.connection.read_turn()
    }

    /// As [`Connection::unread`].
    #[must_use]
    pub fn unread(&self) -> usize {
        self.client.connection.unread()
    }

    /// As [`Connection::read`].
    pub fn read(&self, count: usize) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        self.client.connection.read(count)
    }

    /// As [`Connection::read_to_end`].
    pub fn read_to_end(&self) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        self.client.connection.read_to_end()
    }

    /// As [`Connection::read_exact`].
    #[doc(alias = "readexactly")]
    pub fn read_exact(&self, count: usize) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        self.client.connection.read_exact(count)
    }

    /// As [`Connection::read_exact_with`].
    pub fn read_exact_with<T>(
        &self,
        count: usize,
        convert: impl FnOnce(&[u8]) -> T,
    ) -> impl Future<Output = Result<T, ReadError>> {
        self.client.connection.read_exact_with(count, convert)
    }

    /// As [`Connection::discard_input`].
    pub fn discard_input(&self) -> impl Future<Output = Result<usize, ReadError>> {
        self.client.connection.discard_input()
    }

    /// As [`Connection::read_line`].
    #[doc(alias = "readline")]
    pub fn read_line(&self) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        self.client.connection.read_line()
    }

    /// As [`Connection::read_until`].
    #[doc(alias = "readuntil")]
    pub fn read_until(&self, separator: &[u8]) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        self.client.connection.read_until(separator)
    }

    /// As [`Connection::read_str`].
    pub fn read_str(&self) -> impl Future<Output = Result<String, ReadError>> {
        self.client.connection.read_str()
    }

    /// As [`Connection::read_str_into`].
    pub fn read_str_into(&self, target: &mut String) -> impl Future<Output = Result<(), ReadError>> {
        self.client.connection.read_str_into(target)
    }

    /// As [`Connection::read_json`].
    pub fn read_json<T: DeserializeOwned>(&self) -> impl Future<Output = Result<T, ReadError>> {
        self.client.connection.read_json()
    }

    /// As [`Connection::read_struct`].
    pub fn read_struct<T: TryFromBytes>(&self) -> impl Future<Output = Result<T, ReadError>> {
        self.client.connection.read_struct()
    }

    /// As [`Connection::read_into`].
    pub fn read_into<T: TryFromBytes>(&self, target: &mut T) -> impl Future<Output = Result<(), ReadError>> {
        self.client.connection.read_into(target)
    }

    /// As [`Connection::read_frame`].
    #[doc(alias = "Framed")]
    pub fn read_frame<D: Decoder>(&self, decoder: &mut D) -> impl Future<Output = Result<D::Item, D::Error>> {
        self.client.connection.read_frame(decoder)
    }
}

/// All but the reads.
impl Deref for Client {
    type Target = AnyClient;

    fn deref(&self) -> &AnyClient {
        &self.client
    }
}

impl ClientOrServer for Client {
    fn connection(&self) -> Connection {
        self.client.connection()
    }
}
