//! A TCP/IP client for the controllers of hardware: one [`Client`] is one connection to one server.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let port = listener.local_addr()?.port();
//! # tokio::spawn(async move {
//! #     use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! #     let (mut stream, _) = listener.accept().await.unwrap();
//! #     stream.write_all(b"ACE Main Box\n>").await.unwrap();
//! #     stream.read_exact(&mut [0; 10]).await.unwrap();
//! #     stream.write_all(b">").await.unwrap();
//! #     let _ = stream.read_to_end(&mut Vec::new()).await;
//! # });
//! use std::time::Duration;
//! use tcpip_client::{Client, ClientOrServer, ConnectionEvent};
//!
//! let client = Client::builder("127.0.0.1", port)
//!     .name("dome")
//!     .terminator(b"\n")
//!     .connect_callback(|event: ConnectionEvent| async move {
//!         println!("connected: {} ({:?})", event.is_connected(), event.reason());
//!     })
//!     .connect_timeout(Duration::from_secs(2))
//!     .connect()
//!     .await?;
//!
//! client.read_until(b">").await?;
//! client.write_str("280.00 MV").await?;
//! // Nothing is lost if this times out. A reply that comes late is then still to be read, so read it, or close.
//! let reply = tokio::time::timeout(Duration::from_secs(1), client.read_until(b">")).await??;
//! assert_eq!(reply, b">");
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What to know
//!
//! - Reads, writes and states come from [`ClientOrServer`], which must be in scope. What each does, its errors and
//!   what happens when its future is dropped are told in [`Connection`].
//! - Reading and writing at once, from several tasks, needs no lock: a [`Connection`] is a cheap clone
//!   (`client.connection()`), and its methods take `&self`.
//! - `should_be_connected() && !is_connected()` means that the connection was lost: this end has not closed it.
//! - A reply that did not come in time, or whose request was dropped halfway, may still come, and nobody can tell it from
//!   the next one. Unless the protocol numbers its replies, close then: with [`basic_close`](Client::basic_close) if the
//!   connection is still wanted.
//! - A `Client` connects once. To connect again, keep the builder; [`Client::closed`] holds the place meanwhile:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let port = listener.local_addr()?.port();
//! # tokio::spawn(async move {
//! #     for line in ["1.0\r\n", "2.0\r\nend\r\n"] {
//! #         tokio::io::AsyncWriteExt::write_all(&mut listener.accept().await.unwrap().0, line.as_bytes()).await.unwrap();
//! #     }
//! # });
//! use tcpip_client::{Client, ClientOrServer, ReadError};
//!
//! let builder = Client::builder("127.0.0.1", port).name("weather");
//! let mut client = Client::closed();
//! loop {
//!     match client.read_str().await {
//!         Ok(line) if line == "end" => break,
//!         Ok(line) => println!("{line}"),
//!         Err(error) if error.ends_session() => match builder.clone().connect().await {
//!             Ok(connected) => client = connected,
//!             Err(_) => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
//!         },
//!         Err(error) => return Err(error.into()),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - To add behaviour, hold a `Client` in a type of your own, where in Python you would derive a class. This and other
//!   habits of ts_tcpip are shown in the docs of `tcpip-testkit`, `coming_from_ts_tcpip`.
//!
//! | ts_tcpip | here |
//! |---|---|
//! | `Client(host, port, log, …)`, `await client.start_task` | [`Client::builder`]` … `[`connect`](ClientBuilder::connect)`().await` |
//! | `Client(host="", port=0, …)` | [`Client::closed`] |
//! | `async with Client(…)` | [`close`](Client::close)`().await`, or drop |
//! | `client.connected`, `client.should_be_connected` | [`is_connected`](ClientOrServer::is_connected), [`should_be_connected`](ClientOrServer::should_be_connected) |
//! | `client.done_task` | [`is_closed`](Client::is_closed), [`wait_closed`](Client::wait_closed) |
//! | `limit`, `family`, `local_addr` as keyword arguments | options of the [builder](ClientBuilder) |

mod builder;
mod client;
mod dial;
mod read_loop_client;

pub use tcpip_core::{
    Batch, BytesMut, CallbackFuture, ClientOrServer, ConnectCallback, ConnectError, Connection, ConnectionEvent,
    DEFAULT_CLOSE_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_DRAIN_TIMEOUT, DEFAULT_ENCODING,
    DEFAULT_HEARTBEAT_INTERVAL, DEFAULT_LIMIT, DEFAULT_LOCALHOST, DEFAULT_MAX_HEARTBEAT_INTERVAL,
    DEFAULT_MONITOR_CONNECTION_INTERVAL, DEFAULT_TERMINATOR, DEFAULT_WRITE_LIMIT, DEFAULT_WRITE_TIMEOUT, Decoder,
    DisconnectReason, Encoding, Error, Family, HEARTBEAT, HandlerError, HandlerResult, IntoHandlerError, JsonMode,
    KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME, LOCALHOST_IPV4, LOCALHOST_IPV6, Latest, OptionError,
    ReadAndDispatch, ReadError, Result, STD_TIMEOUT, Structs, UnexpectedHeartbeat, WriteError, close_stream_writer,
    read_into, read_struct, set_socket_options, write_from,
};

pub use self::{
    builder::{ClientBuilder, Connected, Dial},
    client::Client,
    read_loop_client::ReadLoopClient,
};
