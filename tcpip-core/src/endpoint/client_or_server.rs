//! What clients, servers and connections have in common.

use std::io;

use serde::{Serialize, de::DeserializeOwned};
use tokio::task::coop::consume_budget;
use tokio_util::codec::Decoder;
use zerocopy::TryFromBytes;

use crate::{Batch, Connection, ReadError, Structs, WriteError};

/// Anything that has a current [`Connection`]: a client, a server, a connection itself, or a type of your own that
/// holds one of these.
///
/// For generic code: clients, servers and connections have these methods themselves. The provided ones only forward to
/// the connection, whose documentation says what each does. But where a read loop reads, only its handler and a
/// [`Connection`] can read; a read through anything else is [`HandlerReads`](ReadError::HandlerReads).
///
/// Implement [`connection`](Self::connection), and leave the others; but a type that holds a server forwards
/// [`wait_connected`](Self::wait_connected) too (`self.server.wait_connected().await`), for only a server can wait.
/// There is no `dyn ClientOrServer`: hold a [`Connection`].
///
/// # Examples
///
/// ```
/// use tcpip_core::{ClientOrServer, Connection};
///
/// /// For one task at a time, which closes the link if no reply comes: a late one would be taken for the next.
/// async fn ask(link: &impl ClientOrServer, question: &str) -> tcpip_core::Result<String> {
///     link.write_str(question).await?;
///     Ok(link.read_str().await?)
/// }
///
/// struct Dome { link: Connection }
///
/// impl ClientOrServer for Dome {
///     fn connection(&self) -> Connection {
///         self.link.connection()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let dome = Dome { link: Connection::closed() };
/// assert!(ask(&dome, "status").await.is_err());
/// # }
/// ```
#[doc(alias = "BaseClientOrServer")]
pub trait ClientOrServer: Send + Sync {
    /// The current connection: of a server without a client the last one, or one that never was.
    fn connection(&self) -> Connection;

    /// The connection, for a read through this: not while the handler of a read loop reads.
    #[doc(hidden)]
    fn connection_to_read(&self) -> Result<Connection, ReadError> {
        self.connection().beside_handler()
    }

    /// See [`Connection::is_connected`].
    fn is_connected(&self) -> bool {
        self.connection().is_connected()
    }

    /// See [`Connection::should_be_connected`].
    fn should_be_connected(&self) -> bool {
        self.connection().should_be_connected()
    }

    /// The connection, once there is one; `None` once there will be none any more. Provided for a type with one
    /// connection, where this never waits.
    fn wait_connected(&self) -> impl Future<Output = Option<Connection>> + Send {
        let connection = self.connection();
        async move { connection.wait_connected().await }
    }

    /// See [`Connection::wait_disconnected`].
    fn wait_disconnected(&self) -> impl Future<Output = ()> + Send {
        let connection = self.connection();
        async move { connection.wait_disconnected().await }
    }

    /// See [`Connection::has_hung_up`].
    fn has_hung_up(&self) -> bool {
        self.connection().has_hung_up()
    }

    /// See [`Connection::wait_hung_up`].
    fn wait_hung_up(&self) -> impl Future<Output = bool> + Send {
        let connection = self.connection();
        async move { connection.wait_hung_up().await }
    }

    /// See [`Connection::read`].
    fn read(&self, count: usize) -> impl Future<Output = Result<Vec<u8>, ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.read(count).await }
    }

    /// See [`Connection::read_to_end`].
    fn read_to_end(&self) -> impl Future<Output = Result<Vec<u8>, ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.read_to_end().await }
    }

    /// See [`Connection::read_exact`].
    fn read_exact(&self, count: usize) -> impl Future<Output = Result<Vec<u8>, ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.read_exact(count).await }
    }

    /// See [`Connection::read_exact_with`].
    fn read_exact_with<T: Send>(
        &self,
        count: usize,
        convert: impl FnOnce(&[u8]) -> T + Send,
    ) -> impl Future<Output = Result<T, ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.read_exact_with(count, convert).await }
    }

    /// See [`Connection::discard_input`].
    fn discard_input(&self) -> impl Future<Output = Result<usize, ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.discard_input().await }
    }

    /// See [`Connection::read_line`].
    fn read_line(&self) -> impl Future<Output = Result<Vec<u8>, ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.read_line().await }
    }

    /// See [`Connection::read_until`].
    fn read_until(&self, separator: &[u8]) -> impl Future<Output = Result<Vec<u8>, ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.read_until(separator).await }
    }

    /// See [`Connection::read_str`].
    fn read_str(&self) -> impl Future<Output = Result<String, ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.read_str().await }
    }

    /// See [`Connection::read_str_into`].
    fn read_str_into(&self, target: &mut String) -> impl Future<Output = Result<(), ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.read_str_into(target).await }
    }

    /// See [`Connection::read_json`].
    fn read_json<T: DeserializeOwned + Send>(&self) -> impl Future<Output = Result<T, ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.read_json().await }
    }

    /// See [`Connection::read_struct`].
    fn read_struct<T: TryFromBytes + Send>(&self) -> impl Future<Output = Result<T, ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.read_struct().await }
    }

    /// See [`Connection::read_into`].
    fn read_into<T: TryFromBytes + Send>(&self, target: &mut T) -> impl Future<Output = Result<(), ReadError>> + Send {
        let connection = self.connection_to_read();
        async move { in_turn(connection).await?.read_into(target).await }
    }

    /// See [`Connection::read_frame`].
    fn read_frame<D: Decoder + Send>(&self, decoder: &mut D) -> impl Future<Output = Result<D::Item, D::Error>> + Send {
        let connection = self.connection_to_read();
        async move { connection.map_err(io::Error::from)?.read_frame(decoder).await }
    }

    /// See [`Connection::write`].
    fn write(&self, data: &[u8]) -> impl Future<Output = Result<(), WriteError>> + Send {
        let connection = self.connection();
        async move { connection.write(data).await }
    }

    /// See [`Connection::write_lines`].
    fn write_lines(&self, lines: &[impl AsRef<[u8]> + Sync]) -> impl Future<Output = Result<(), WriteError>> + Send {
        let connection = self.connection();
        async move { connection.write_lines(lines).await }
    }

    /// See [`Connection::write_str`].
    fn write_str(&self, line: &str) -> impl Future<Output = Result<(), WriteError>> + Send {
        let connection = self.connection();
        async move { connection.write_str(line).await }
    }

    /// See [`Connection::write_json`].
    fn write_json<T: Serialize + ?Sized>(&self, value: &T) -> impl Future<Output = Result<(), WriteError>> + Send {
        self.connection().write_json(value)
    }

    /// See [`Connection::write_from`].
    fn write_from(&self, structs: impl Structs) -> impl Future<Output = Result<(), WriteError>> + Send {
        let connection = self.connection();
        async move { connection.write_from(structs).await }
    }

    /// See [`Connection::write_ahead`].
    fn write_ahead(&self, data: &[u8]) -> impl Future<Output = Result<(), WriteError>> + Send {
        let connection = self.connection();
        async move { connection.write_ahead(data).await }
    }

    /// See [`Connection::shutdown_write`].
    fn shutdown_write(&self) -> impl Future<Output = Result<(), WriteError>> + Send {
        let connection = self.connection();
        async move { connection.shutdown_write().await }
    }

    /// See [`Connection::batch`].
    #[must_use = "a batch that is not sent is dropped"]
    fn batch(&self) -> Batch {
        self.connection().batch()
    }
}

impl ClientOrServer for Connection {
    fn connection(&self) -> Connection {
        self.clone()
    }

    /// Handlers read by it.
    fn connection_to_read(&self) -> Result<Connection, ReadError> {
        Ok(self.clone())
    }
}

macro_rules! forward {
    ($($pointer:ty),+) => {$(
        impl<T: ClientOrServer + ?Sized> ClientOrServer for $pointer {
            fn connection(&self) -> Connection {
                (**self).connection()
            }

            fn connection_to_read(&self) -> Result<Connection, ReadError> {
                (**self).connection_to_read()
            }

            fn wait_connected(&self) -> impl Future<Output = Option<Connection>> + Send {
                (**self).wait_connected()
            }
        }
    )+};
}

forward!(&T, Box<T>, std::sync::Arc<T>);

/// A connection to read from, or an error: a loop that does not mind it must not keep others waiting.
async fn in_turn(connection: Result<Connection, ReadError>) -> Result<Connection, ReadError> {
    if connection.is_err() {
        consume_budget().await;
    }
    connection
}
