//! What a TCP/IP client and a one-client server for control software have in common: stream helpers, framing,
//! sessions and their events. Controllers use it through `tcpip-client`, mocks through `tcpip-server`, which
//! re-export what their users need.
//!
//! # The model
//!
//! - A [`Connection`] is one TCP session, from connect or accept to its end: a cheap clonable handle with methods on
//!   `&self`. Several tasks may read and write at once; frames and messages never tear or interleave.
//! - Received bytes wait in the connection until a read finds all that it needs. So a read that is dropped loses
//!   nothing, and strings, JSON and binary structures may alternate on one connection.
//! - A message is sent or queued whole. So a write that is dropped is never torn.
//! - A hang-up is seen as it happens, without reading and without polling, and ends the session for a
//!   [`DisconnectReason`]. What had arrived before it stays readable.
//! - Connect callbacks are told a [`ConnectionEvent`] of each beginning and each end: exactly one of each, in order.
//! - Every limit and deadline is finite by default (the constants below) and can be set, but a read waits as long as
//!   it takes unless it is given a deadline. `close` always returns within its own.
//! - A handler serves each session of a server, or that of a client, in the background: message by message
//!   ([`ReadAndDispatch`]) or as a whole ([`Serve`]).
//! - Replies are paired with requests by [`Expected`], or by a [`ReadTurn`] that is kept from the one to the other.
//! - A [`Framing`] says how a device makes frames, with checksums and escapes, for
//!   [`read_frame`](Connection::read_frame) and [`frames`](Connection::frames).
//! - A [`Filter`] such as [`Telnet`] speaks a protocol below the messages, a [`WireLog`] keeps the last frames, a
//!   [`FrameTap`] or [`ChunkTap`] listens in, and a [`Network`] of your own takes the place of the system's sockets.
//! - [`ClientOrServer`] is for code that takes a client, a server or a connection alike.
//!
//! # If you drop this future
//!
//! | future | the peer sees | this end |
//! |---|---|---|
//! | a read of a [`Connection`] | nothing | all bytes are there for the next read |
//! | a write, [`Batch::send`], [`Batch::send_expecting`] | the whole message, once, or nothing of it | later messages follow in order |
//! | a client's `connect`, a server's `start` | the end of the stream, if it was connected at all | nothing is left |
//! | `close`, `close_client`, `shutdown_write`, `stop_reading` | the same as without dropping | it goes on |
//! | `discard_input`, [`read_turn`](Connection::read_turn) | nothing | nothing is dropped, and no place in the queue kept, while it waits for its turn |
//! | `wait_…`, `callbacks_done` | nothing | nothing has changed |
//! | the stream helpers [`read_struct`], [`read_into`], [`write_from`] | maybe half a message | bytes may be lost |
//!
//! # Names in Python and in Rust
//!
//! | ts_tcpip | here |
//! |---|---|
//! | `BaseClientOrServer` | [`ClientOrServer`], which a type of your own may implement |
//! | `readexactly` `readline` `readuntil` `writelines` | [`read_exact`](Connection::read_exact) [`read_line`](Connection::read_line) [`read_until`](Connection::read_until) [`write_lines`](Connection::write_lines) |
//! | `read(-1)` | [`read_to_end`](Connection::read_to_end) |
//! | `read_into` with a `ctypes` structure | [`read_struct`](Connection::read_struct), [`read_into`](Connection::read_into) with a zerocopy type |
//! | `IncompleteReadError`, `LimitOverrunError` | [`ReadError::Incomplete`] and [`ReadError::EndOfStream`], [`ReadError::FrameTooLong`] |
//! | `ConnectionError` when not connected | [`ReadError::NotConnected`], [`WriteError::NotConnected`] |
//! | `connected`, `done_task` | [`is_connected`](Connection::is_connected), [`wait_closed`](Connection::wait_closed) |
//!
//! # Example
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tcpip_core::ClientOrServer;
//! # use tcpip_core::Connection;
//!
//! /// Asks any client, server or connection for its position: for one task at a time, which closes it if no reply
//! /// comes in time, since a late one would be taken for the next.
//! async fn position(link: &impl ClientOrServer) -> Result<Option<f64>, Box<dyn std::error::Error>> {
//!     link.write_str("position?").await?;
//!     match link.read_str().await {
//!         Ok(reply) => Ok(Some(reply.parse()?)),
//!         Err(error) if error.ends_session() => Ok(None),
//!         Err(error) => Err(error.into()),
//!     }
//! }
//! assert!(position(&Connection::closed()).await.is_err());
//! # Ok(())
//! # }
//! ```

mod codec;
mod connection;
#[doc(hidden)]
pub mod endpoint;
mod error;
mod framing;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod handler;
mod network;
mod session;
mod stream_helpers;
mod sync;
mod text;

pub use bytes::{Bytes, BytesMut};
pub use socket2::SockRef;
pub use tokio_util::codec::{Decoder, Encoder};

pub use self::{
    codec::{Checksum, DEFAULT_FRAME_LIMIT, Damage, Escape, FrameCodec, Framing, LengthField, Unframable},
    connection::{
        Batch, ChunkEnd, ChunkTap, Connection, ConnectionOptions, DEFAULT_LOGGED_BYTES, Direction, Expected, Filter,
        FrameTap, HalfClose, ReadTurn, Sending, Stats, Telnet, WireFrame, WireLog,
    },
    endpoint::{
        CallbackFuture, ClientOrServer, ConnectCallback, ConnectionEvent, DEFAULT_BACKLOG, DEFAULT_CLOSE_TIMEOUT,
        DEFAULT_CONNECT_TIMEOUT, DEFAULT_DRAIN_TIMEOUT, DEFAULT_ENCODING, DEFAULT_HEARTBEAT_INTERVAL, DEFAULT_LIMIT,
        DEFAULT_LOCALHOST, DEFAULT_MAX_HEARTBEAT_INTERVAL, DEFAULT_MONITOR_CONNECTION_INTERVAL, DEFAULT_TERMINATOR,
        DEFAULT_WRITE_LIMIT, DEFAULT_WRITE_TIMEOUT, DisconnectReason, Family, HEARTBEAT, KEEPALIVE_INTERVAL,
        KEEPALIVE_PROBES, KEEPALIVE_TIME, Keepalive, LOCALHOST_IPV4, LOCALHOST_IPV6, Latest, STD_TIMEOUT,
        set_socket_options,
    },
    error::{
        ConnectAttempt, ConnectError, ConnectFailure, Error, LookUpError, OptionError, ReadError, Result, Sent,
        StartError, UnexpectedHeartbeat, WriteError,
    },
    framing::{FrameBuffer, Terminator, TooLong},
    handler::{HandlerError, HandlerResult, IntoHandlerError, ReadAndDispatch, Serve},
    network::{Abort, BoxFuture, ListenOptions, Listener, Network, NetworkStream, Sockets, Transport},
    stream_helpers::{Parts, Structs, close_stream_writer, read_into, read_struct, write_from},
    text::{Encoding, JsonMode},
};
