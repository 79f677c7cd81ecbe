//! A TCP/IP server for the mocks of hardware: one client at a time, others see the end of their stream at once, or take
//! its place ([`Admission`]).
//!
//! - [`OneClientReadLoopServer`] reads from its client by itself and gives what it reads to a [`ReadAndDispatch`]
//!   handler: most mocks are this. A [`Serve`] handler takes the whole session, where a loop over messages does not
//!   fit.
//! - [`OneClientServer`] leaves reading and writing to its owner.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
//!
//! struct MockDome;
//!
//! impl ReadAndDispatch for MockDome {
//!     async fn on_connect(&self, connection: &Connection) -> HandlerResult {
//!         connection.write(b"ACE Main Box\n>").await?;
//!         Ok(())
//!     }
//!
//!     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
//!         match connection.read_str().await {
//!             Ok(command) => connection.batch().write_str(&format!("got {command}"))?.write(b">").send().await?,
//!             Err(error) if error.ends_session() => return Err(error.into()),
//!             // An error that is passed on ends the session, and one bad message need not.
//!             Err(error) => tracing::warn!("passed over: {error}"),
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let server = OneClientReadLoopServer::builder(MockDome).port(0).terminator(b"\n").start().await?;
//! println!("listening on {}:{}", server.host(), server.port());
//! server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What to know
//!
//! - What each read, write and state does, its errors and what happens when its future is dropped are told in
//!   [`Connection`]. Generic code takes a [`ClientOrServer`]; code for servers with and without a read loop an
//!   [`AnyServer`].
//! - Each client is a [`Connection`] of its own: code that serves one can never touch the stream of the next.
//! - A client that has hung up never keeps the next one out, whatever it left unread: the accept loop asks the kernel
//!   before it refuses anybody.
//! - [`ReadAndDispatch`] tells when its methods are called, how a session ends for them, and what to do with bad
//!   messages.
//! - [`a_mock_step_by_step`] goes from the first reply to a device in trouble. The habits of ts_tcpip are shown in the
//!   docs of `tcpip-testkit`, `coming_from_ts_tcpip`.
//!
//! | ts_tcpip | here |
//! |---|---|
//! | `OneClientServer(host, port, log, …)`, `await server.start_task` | [`OneClientServer::builder`]` … `[`start`](OneClientServerBuilder::start)`().await` |
//! | `host=None` | [`all_interfaces`](OneClientServerBuilder::all_interfaces) |
//! | `OneClientReadLoopServer` with `read_and_dispatch` overridden | [`OneClientReadLoopServer::builder`] with a [`ReadAndDispatch`] handler |
//! | `family`, `backlog`, `reuse_address`, `reuse_port`, `limit` as keyword arguments | options of the [builder](OneClientServerBuilder) |
//! | `server.connected_task` | [`wait_connected`](AnyServer::wait_connected) |
//! | `server.read_loop_task` | [`is_reading`](OneClientReadLoopServer::is_reading) |
//! | `server.done_task` | [`is_closed`](AnyServer::is_closed), [`wait_closed`](AnyServer::wait_closed) |
//! | `async with OneClientServer(…)` | [`close`](AnyServer::close)`().await`, or drop |

#![forbid(unsafe_code)]

#[doc = include_str!("a_mock_step_by_step.md")]
pub mod a_mock_step_by_step {}
mod accept;
mod admission;
#[cfg(all(test, tcpip_loom))]
mod admission_loom;
mod any_server;
mod bind;
mod builder;
mod incoming;
mod one_client_read_loop_server;
mod one_client_server;
mod options;
mod reception;
mod server;

pub use tcpip_core::{
    Abort, Batch, BoxFuture, Bytes, BytesMut, CallbackFuture, Checksum, ChunkEnd, ChunkTap, ClientOrServer,
    ConnectCallback, Connection, ConnectionEvent, ConnectionOptions, DEFAULT_BACKLOG, DEFAULT_CLOSE_TIMEOUT,
    DEFAULT_DRAIN_TIMEOUT, DEFAULT_ENCODING, DEFAULT_FRAME_LIMIT, DEFAULT_HEARTBEAT_INTERVAL, DEFAULT_LIMIT,
    DEFAULT_LOCALHOST, DEFAULT_LOGGED_BYTES, DEFAULT_MAX_HEARTBEAT_INTERVAL, DEFAULT_MONITOR_CONNECTION_INTERVAL,
    DEFAULT_TERMINATOR, DEFAULT_WRITE_LIMIT, DEFAULT_WRITE_TIMEOUT, Damage, Decoder, Direction, DisconnectReason,
    Encoder, Encoding, Error, Escape, Expected, Family, Filter, FrameCodec, FrameTap, Framing, HEARTBEAT, HalfClose,
    HandlerError, HandlerResult, IntoHandlerError, JsonMode, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME,
    Keepalive, LOCALHOST_IPV4, LOCALHOST_IPV6, Latest, LengthField, ListenOptions, Listener, LookUpError, Network,
    NetworkStream, OptionError, ReadAndDispatch, ReadError, ReadTurn, Result, STD_TIMEOUT, Sending, Sent, Serve,
    SockRef, Sockets, StartError, Stats, Structs, Telnet, Terminator, Transport, UnexpectedHeartbeat, Unframable,
    WireFrame, WireLog, WriteError, close_stream_writer, read_into, read_struct, set_socket_options, write_from,
};

pub use self::{
    admission::Admission,
    any_server::AnyServer,
    builder::{NoReadLoop, OneClientServerBuilder},
    one_client_read_loop_server::OneClientReadLoopServer,
    one_client_server::OneClientServer,
    server::{Server, ServerBuilder},
};
