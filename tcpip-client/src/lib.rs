//! A TCP/IP client for the controllers of hardware.
//!
//! ```
//! # use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
//! # struct Dome;
//! # impl ReadAndDispatch for Dome {
//! #     async fn on_connect(&self, connection: &Connection) -> HandlerResult {
//! #         Ok(connection.write(b"ACE Main Box\n>").await?)
//! #     }
//! #     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
//! #         connection.read_str().await?;
//! #         Ok(connection.write(b">").await?)
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let server = OneClientReadLoopServer::builder(Dome).terminator(b"\n").start().await?;
//! # let (host, port) = (server.host(), server.port());
//! use std::time::Duration;
//! use tcpip_client::{Client, Link, RequestOptions, literal, lines_before};
//!
//! let dome: Link = Client::builder(host, port)
//!     .name("dome")
//!     .terminator(b"\n")
//!     .link()
//!     .requests(RequestOptions::new().reply_timeout(Duration::from_secs(1)))
//!     .handshake(|session| async move { Ok(session.receive(literal(b"ACE Main Box\n>")).await?) })
//!     .start(); // goes on trying until it is closed, and connects again whenever the dome was gone
//! dome.ready().await?;
//!
//! // From any task, by `&self`: each command gets its own reply, or an error that says how far it went.
//! let answer = dome.ask_for("280.00 MV", lines_before(b">")).await?;
//! # assert!(answer.is_empty());
//! dome.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! | | |
//! |---|---|
//! | [`Link`] | a client that comes back: a handle that is valid while the device is down, with requests, or a handler for a device that talks unasked |
//! | [`Requester`] | requests and replies, one in flight, from many tasks: what a link lends, or a client becomes |
//! | [`Commands`] | a handler for devices that send other frames between their replies, several commands in flight |
//! | [`Group`] | links that are up together or not at all |
//! | [`Client`] | connects once; whoever holds it reads and writes |
//! | [`ReadLoopClient`] | connects once; a handler reads |
//!
//! [`a_controller_step_by_step`] goes from the first question to a controller of several ports.
//!
//! # What to know
//!
//! - What each read, write and state does, its errors and what happens when its future is dropped are told in
//!   [`Connection`]. Generic code takes a [`ClientOrServer`]; code for clients with and without a read loop an
//!   [`AnyClient`].
//! - Several tasks may read and write at once, and no message is torn: a [`Connection`] is a cheap clone
//!   (`client.connection()`), and its methods take `&self`. But who reads gets the next message, whoever asked for it.
//! - `should_be_connected() && !is_connected()` means that the connection was lost: this end has not closed it.
//! - To add behaviour, hold a link or a client in a type of your own, where in Python you would derive a class. This
//!   and other habits of ts_tcpip are shown in the docs of `tcpip-testkit`, `coming_from_ts_tcpip`.
//!
//! # Requests and replies
//!
//! Two tasks that ask on one connection, by a write and a read, get each other's replies; and a reply that comes late
//! is taken for the next one's. A [`Requester`] has each request wait for its turn, keeps all deadlines, and never
//! takes a reply for another's: by default the session ends when one is late, or its caller is dropped. A [`Link`]
//! lends one; so does a client that was connected by itself, `Requester::new(client, RequestOptions::new())`.
//!
//! # If you drop this future
//!
//! | future | the peer sees | this end |
//! |---|---|---|
//! | a request of a [`Requester`] or [`Link`] that waits for its turn, or for the link | nothing | nothing has changed |
//! | one whose command may be on its way | the whole command, or nothing of it | its reply is late: [`OutOfStep`] says what becomes of the session |
//! | [`Commands::submit`] and [`run`](Commands::run) that wait for a place, or for the link | nothing | nothing has changed |
//! | the same behind that, and [`Pending`] | the whole command, or nothing of it | its reply is [late](Commands#what-becomes-of-a-late-reply), and never another command's |
//! | [`LinkBuilder::connect`] | the end of the stream, if it was connected at all | the link is closed, and its group with it |
//! | [`Link::ready`], [`Link::lost`], [`Group::connect`], [`Group::ready`] | nothing | the links go on |
//! | [`Link::close`], [`Group::close`] | the same as without dropping | it goes on |
//! | all else | see [`Connection`] and [`ClientBuilder`] | |
//!
//! # Connecting once
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = tcpip_server::OneClientServer::builder().start().await?;
//! # let (host, port) = (server.host(), server.port());
//! # let serving = async {
//! #     server.wait_connected().await;
//! #     server.write(b"1.0\r\n\xb0\r\n2.0\r\n").await.unwrap();
//! #     server.close_client().await;
//! # };
//! use std::time::Duration;
//! use tcpip_client::{Client, ConnectionEvent};
//!
//! # let mut lines = Vec::new();
//! # let reading = async {
//! let weather = Client::builder(host, port)
//!     .name("weather")
//!     .connect_callback(|event: ConnectionEvent| async move {
//!         println!("connected: {} ({:?})", event.is_connected(), event.reason());
//!     })
//!     .connect_timeout(Duration::from_secs(2))
//!     .read_timeout(Duration::from_secs(10))
//!     .connect()
//!     .await?;
//! loop {
//!     match weather.read_str().await {
//!         Ok(line) => {
//!             println!("{line}");
//! #           lines.push(line);
//!         }
//!         Err(error) if error.ends_session() => break,
//!         Err(error) => println!("passed over: {error}"),
//!     }
//! }
//! weather.close().await;
//! # Ok::<(), tcpip_client::ConnectError>(())
//! # };
//! # let ((), outcome) = tokio::join!(serving, reading);
//! # outcome?;
//! # assert_eq!(lines, ["1.0", "2.0"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Names in Python and in Rust
//!
//! | ts_tcpip | here |
//! |---|---|
//! | `Client(host, port, log, …)`, `await client.start_task` | [`Client::builder`]` … `[`connect`](ClientBuilder::connect)`().await` |
//! | `Client(host="", port=0, …)` | [`Client::closed`] |
//! | `async with Client(…)` | [`close`](AnyClient::close)`().await`, or drop |
//! | `client.connected`, `client.should_be_connected` | [`is_connected`](AnyClient::is_connected), [`should_be_connected`](AnyClient::should_be_connected) |
//! | `client.done_task` | [`is_closed`](AnyClient::is_closed), [`wait_closed`](AnyClient::wait_closed) |
//! | `limit`, `family`, `local_addr` as keyword arguments | options of the [builder](ClientBuilder) |

#![forbid(unsafe_code)]

#[doc = include_str!("a_controller_step_by_step.md")]
pub mod a_controller_step_by_step {}
mod any_client;
mod builder;
mod client;
mod commands;
mod dial;
mod links;
mod options;
mod read_loop_client;
mod requests;
mod target;

pub use tcpip_core::{
    Abort, Batch, BoxFuture, Bytes, BytesMut, CallbackFuture, Checksum, ChunkEnd, ChunkTap, ClientOrServer,
    ConnectAttempt, ConnectCallback, ConnectError, ConnectFailure, Connection, ConnectionEvent, ConnectionOptions,
    DEFAULT_CLOSE_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_DRAIN_TIMEOUT, DEFAULT_ENCODING, DEFAULT_FRAME_LIMIT,
    DEFAULT_HEARTBEAT_INTERVAL, DEFAULT_LIMIT, DEFAULT_LOCALHOST, DEFAULT_LOGGED_BYTES, DEFAULT_MAX_HEARTBEAT_INTERVAL,
    DEFAULT_MONITOR_CONNECTION_INTERVAL, DEFAULT_TERMINATOR, DEFAULT_WRITE_LIMIT, DEFAULT_WRITE_TIMEOUT, Damage,
    Decoder, Direction, DisconnectReason, Encoder, Encoding, Error, Escape, Expected, Family, Filter, FrameCodec,
    FrameTap, Framing, HEARTBEAT, HalfClose, HandlerError, HandlerResult, IntoHandlerError, JsonMode,
    KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME, Keepalive, LOCALHOST_IPV4, LOCALHOST_IPV6, Latest,
    LengthField, ListenOptions, Listener, LookUpError, Network, NetworkStream, OptionError, ReadAndDispatch, ReadError,
    ReadTurn, Result, STD_TIMEOUT, Sending, Sent, Serve, SockRef, Sockets, Stats, Structs, Telnet, Terminator,
    Transport, UnexpectedHeartbeat, Unframable, WireFrame, WireLog, WriteError, close_stream_writer, read_into,
    read_struct, set_socket_options, write_from,
};

pub use self::{
    any_client::AnyClient,
    builder::ClientBuilder,
    client::Client,
    commands::{CommandOptions, Commands, Kind, Pending, Phase, Protocol},
    dial::Dial,
    links::{Backoff, DEFAULT_HANDSHAKE_TIMEOUT, Group, Link, LinkBuilder, LinkError, LinkReader, LinkState, OnDemand},
    read_loop_client::ReadLoopClient,
    requests::{
        Cause, Command, IntoCommand, OutOfStep, RequestError, RequestOptions, Requester, Shape, Unsolicited, bytes,
        frame, json, line, lines, lines_before, lines_until, literal, of, scpi_block, silence, until,
    },
    target::{Connected, Target},
};
