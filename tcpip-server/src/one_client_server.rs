//! The server without a read loop.

use std::ops::Deref;

use serde::de::DeserializeOwned;
use tcpip_core::{ClientOrServer, Connection, Decoder, ReadError, ReadTurn};
use zerocopy::TryFromBytes;

use crate::{AnyServer, NoReadLoop, OneClientServerBuilder, Server};

/// A server that serves one client at a time: a surplus client sees the end of its stream at once, or takes the place
/// of the other, as [`admission`](OneClientServerBuilder::admission) says.
///
/// Dropping it closes it in the background, as [`close`](AnyServer::close) does, whatever clones of its [`Connection`]s
/// live on.
///
/// Writes, states and closing are those of [`AnyServer`], reads its own. Reads and writes are those of the current
/// client: without one they fail with `NotConnected`. To hold on to one client, take its [`Connection`].
///
/// A client's hang-up ends the session as soon as nothing of what it sent is unread. So a client that half-closes
/// behind its last request, and waits for the reply, needs a server with a read loop, whose handler is left to answer,
/// or one with [`HalfClose::Allowed`](crate::HalfClose::Allowed).
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tcpip_server::OneClientServer;
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
    server: AnyServer,
}

impl OneClientServer {
    pub(crate) fn new(server: AnyServer) -> Self {
        Self { server }
    }

    /// The options of a server, which listens on a free port of this machine unless told otherwise.
    pub fn builder() -> OneClientServerBuilder<NoReadLoop> {
        OneClientServerBuilder::new(NoReadLoop)
    }
}

/// The reads of the current client's connection, the one that is current when a method is called.
impl OneClientServer {
    /// As [`Connection::read_turn`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_turn`].
    pub fn read_turn(&self) -> impl Future<Output = Result<ReadTurn, ReadError>> + Send {
        let connection = self.connection();
        async move { connection.read_turn().await }
    }

    /// As [`Connection::unread`].
    #[must_use]
    pub fn unread(&self) -> usize {
        self.connection().unread()
    }

    /// As [`Connection::read`].
    pub fn read(&self, count: usize) -> impl Future<Output = Result<Vec<u8>, ReadError>> + Send {
        ClientOrServer::read(self, count)
    }

    /// As [`Connection::read_to_end`].
    pub fn read_to_end(&self) -> impl Future<Output = Result<Vec<u8>, ReadError>> + Send {
        ClientOrServer::read_to_end(self)
    }

    /// As [`Connection::read_exact`].
    #[doc(alias = "readexactly")]
    pub fn read_exact(&self, count: usize) -> impl Future<Output = Result<Vec<u8>, ReadError>> + Send {
        ClientOrServer::read_exact(self, count)
    }

    /// As [`Connection::read_exact_with`].
    pub fn read_exact_with<T: Send>(
        &self,
        count: usize,
        convert: impl FnOnce(&[u8]) -> T + Send,
    ) -> impl Future<Output = Result<T, ReadError>> + Send {
        ClientOrServer::read_exact_with(self, count, convert)
    }

    /// As [`Connection::discard_input`].
    pub fn discard_input(&self) -> impl Future<Output = Result<usize, ReadError>> + Send {
        ClientOrServer::discard_input(self)
    }

    /// As [`Connection::read_line`].
    #[doc(alias = "readline")]
    pub fn read_line(&self) -> impl Future<Output = Result<Vec<u8>, ReadError>> + Send {
        ClientOrServer::read_line(self)
    }

    /// As [`Connection::read_until`].
    #[doc(alias = "readuntil")]
    pub fn read_until(&self, separator: &[u8]) -> impl Future<Output = Result<Vec<u8>, ReadError>> + Send {
        ClientOrServer::read_until(self, separator)
    }

    /// As [`Connection::read_str`].
    pub fn read_str(&self) -> impl Future<Output = Result<String, ReadError>> + Send {
        ClientOrServer::read_str(self)
    }

    /// As [`Connection::read_str_into`].
    pub fn read_str_into(&self, target: &mut String) -> impl Future<Output = Result<(), ReadError>> + Send {
        ClientOrServer::read_str_into(self, target)
    }

    /// As [`Connection::read_json`].
    pub fn read_json<T: DeserializeOwned + Send>(&self) -> impl Future<Output = Result<T, ReadError>> + Send {
        ClientOrServer::read_json(self)
    }

    /// As [`Connection::read_struct`].
    pub fn read_struct<T: TryFromBytes + Send>(&self) -> impl Future<Output = Result<T, ReadError>> + Send {
        ClientOrServer::read_struct(self)
    }

    /// As [`Connection::read_into`].
    pub fn read_into<T: TryFromBytes + Send>(
        &self,
        target: &mut T,
    ) -> impl Future<Output = Result<(), ReadError>> + Send {
        ClientOrServer::read_into(self, target)
    }

    /// As [`Connection::read_frame`].
    #[doc(alias = "Framed")]
    pub fn read_frame<D: Decoder + Send>(
        &self,
        decoder: &mut D,
    ) -> impl Future<Output = Result<D::Item, D::Error>> + Send {
        ClientOrServer::read_frame(self, decoder)
    }
}

/// All but the reads.
impl Deref for OneClientServer {
    type Target = AnyServer;

    fn deref(&self) -> &AnyServer {
        &self.server
    }
}

impl ClientOrServer for OneClientServer {
    fn connection(&self) -> Connection {
        self.server.connection()
    }

    async fn wait_connected(&self) -> Option<Connection> {
        self.server.wait_connected().await
    }
}

impl Server for OneClientServer {
    fn server(&self) -> &AnyServer {
        &self.server
    }
}
