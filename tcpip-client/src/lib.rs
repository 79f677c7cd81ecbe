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
//! use tcpip_client::{Client, ConnectionEvent};
//!
//! let client = Client::builder("127.0.0.1", port)
//!     .name("dome")
//!     .terminator(b"\n")
//!     .connect_callback(|event: ConnectionEvent| async move {
//!         println!("connected: {} ({:?})", event.is_connected(), event.reason());
//!     })
//!     .connect_timeout(Duration::from_secs(2))
//!     .read_timeout(Duration::from_secs(1))
//!     .connect()
//!     .await?;
//!
//! client.read_until(b">").await?;
//! client.write_str("280.00 MV").await?;       // one task asks here; several share a `Requester`, as is shown below
//! match client.read_until(b">").await {
//!     Ok(reply) => assert_eq!(reply, b">"),
//!     // Nothing is lost if this times out. But a reply that comes late would be taken for the next one: so close.
//!     Err(error) => println!("no reply: {error}"),
//! }
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What to know
//!
//! - What each read, write and state does, its errors and what happens when its future is dropped are told in
//!   [`Connection`]. Generic code takes a [`ClientOrServer`]; code for clients with and without a read loop an
//!   [`AnyClient`].
//! - Several tasks may read and write at once, and no message is torn: a [`Connection`] is a cheap clone
//!   (`client.connection()`), and its methods take `&self`. But who reads gets the next message, whoever asked for it:
//!   a [`Requester`] has them take turns, from the request to its [reply](#requests-and-replies).
//! - `should_be_connected() && !is_connected()` means that the connection was lost: this end has not closed it.
//! - To add behaviour, hold a `Client` in a type of your own, where in Python you would derive a class. This and other
//!   habits of ts_tcpip are shown in the docs of `tcpip-testkit`, `coming_from_ts_tcpip`.
//!
//! # Requests and replies
//!
//! Two tasks that ask on one connection, by a write and a read, get each other's replies; and a reply that comes late
//! is taken for the next one's. A [`Requester`] has each request wait for its turn, keeps all deadlines, and never
//! takes a reply for another's: by default the session ends when one is late, or its caller is dropped.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let port = listener.local_addr()?.port();
//! # tokio::spawn(async move {
//! #     use tokio::io::AsyncBufReadExt;
//! #     let (reader, mut writer) = listener.accept().await.unwrap().0.into_split();
//! #     let mut lines = tokio::io::BufReader::new(reader).lines();
//! #     while let Some(line) = lines.next_line().await.unwrap().filter(|line| line != "say nothing") {
//! #         tokio::task::yield_now().await;
//! #         tokio::io::AsyncWriteExt::write_all(&mut writer, format!("{line} 1\r\n").as_bytes()).await.unwrap();
//! #     }
//! #     std::future::pending::<()>().await;
//! # });
//! use std::time::Duration;
//! use tcpip_client::{Client, RequestOptions, Requester, Shape, line};
//!
//! let client = Client::builder("127.0.0.1", port).connect().await?;
//! let device = Requester::new(client, RequestOptions::new().reply_timeout(Duration::from_secs(1)));
//! let (az, el) = tokio::try_join!(device.ask("az?"), device.ask("el?"))?;      // and from any other task, by `&self`
//! println!("at {az}, {el}");
//!
//! let position = line().try_map(|reply| reply.trim_start_matches("az? ").parse::<f64>());
//! let az = device.ask_for("az?", position).await?;
//! # assert_eq!((az, el.as_str()), (1.0, "el? 1"));
//!
//! match device.ask("say nothing").await {
//!     Err(error) if error.is_timeout() => println!("{error}"),      // and the session has ended
//!     outcome => println!("{}", outcome?),
//! }
//! # assert!(device.connection().should_be_connected() && !device.connection().is_connected());
//! # Ok(())
//! # }
//! ```
//!
//! # Commands among other frames
//!
//! A device that talks unasked, or that takes more commands before it has answered the first, has a handler that reads
//! all the time. [`Commands`] is one: its [`Protocol`] says what a frame is, a reply or an event, and the reply finds
//! its command by the id that it carries, or by the order. A reply may have several frames, which say that the command
//! is acknowledged, goes on, and has ended.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let port = listener.local_addr()?.port();
//! # tokio::spawn(async move {
//! #     use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
//! #     let (reader, mut writer) = listener.accept().await.unwrap().0.into_split();
//! #     let mut lines = tokio::io::BufReader::new(reader).lines();
//! #     while let Some(line) = lines.next_line().await.unwrap() {
//! #         writer.write_all(format!("!moving\r\n{line} 1\r\n").as_bytes()).await.unwrap();
//! #     }
//! # });
//! use tcpip_client::{Batch, Client, Commands, Connection, HandlerError, Kind, Phase, Protocol, WriteError};
//!
//! /// Answers each line with one line, in order, and says what happens in lines that begin with `!`.
//! struct Dome;
//!
//! impl Protocol for Dome {
//!     type Command = str;
//!     type Frame = String;
//!     type Id = ();                   // a reply carries none
//!
//!     fn id(&self, _number: u64) {}
//!
//!     fn write(&self, _id: &(), command: &str, message: &mut Batch) -> Result<(), WriteError> {
//!         message.write_str(command).map(drop)
//!     }
//!
//!     async fn read(&self, connection: &Connection) -> Result<String, HandlerError> {
//!         Ok(connection.read_str().await?)        // what is no text ends the session, too
//!     }
//!
//!     fn classify(&self, frame: &String) -> Kind<()> {
//!         if frame.starts_with('!') { Kind::Event } else { Kind::next(Phase::Done) }
//!     }
//!
//!     fn event(&self, frame: String) {
//!         println!("{frame}");                    // called by the reader: it must not wait
//!     }
//! }
//!
//! let client = Client::builder("127.0.0.1", port).connect_with(Commands::new(Dome)).await?;
//! let dome = client.handler();
//! let (az, el) = tokio::try_join!(dome.run("az?"), dome.run("el?"))?;         // both are on their way at once
//! println!("at {az}, {el}");
//! # assert_eq!((az.as_str(), el.as_str()), ("az? 1", "el? 1"));
//! # Ok(())
//! # }
//! ```
//!
//! What else is to be paired with what goes out is kept by [`Expected`].
//!
//! # Connecting again
//!
//! A `Client` connects once. To connect again, keep the builder; [`Client::closed`] holds the place meanwhile. Pause
//! before each attempt, also when the last one succeeded: a server that is busy with another client accepts, and hangs
//! up at once.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let port = listener.local_addr()?.port();
//! # tokio::spawn(async move {
//! #     for line in [b"1.0\r\n".as_slice(), b"\xb0\r\n2.0\r\nend\r\n"] {
//! #         tokio::io::AsyncWriteExt::write_all(&mut listener.accept().await.unwrap().0, line).await.unwrap();
//! #     }
//! # });
//! use std::time::Duration;
//! use tcpip_client::Client;
//!
//! # let began = std::time::Instant::now();
//! let builder = Client::builder("127.0.0.1", port).name("weather");
//! let mut client = builder.clone().connect().await.unwrap_or_else(|_| Client::closed());
//! loop {
//!     match client.read_str().await {
//!         Ok(line) if line == "end" => break,
//!         Ok(line) => println!("{line}"),
//!         Err(error) if error.ends_session() => {
//!             tokio::time::sleep(Duration::from_secs(1)).await;
//!             match builder.clone().connect().await {
//!                 Ok(connected) => client = connected,
//!                 Err(error) => println!("not connected: {error}"),
//!             }
//!         }
//!         Err(error) => println!("passed over: {error}"),
//!     }
//! }
//! # assert!(began.elapsed() >= Duration::from_secs(1), "it pauses after a connection that ended");
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
    Abort, Batch, BoxFuture, BytesMut, CallbackFuture, Checksum, ChunkTap, ClientOrServer, ConnectAttempt,
    ConnectCallback, ConnectError, ConnectFailure, Connection, ConnectionEvent, ConnectionOptions,
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
        AndThen, Cause, Command, IntoCommand, Map, Mismatch, OutOfStep, RequestError, RequestOptions, Requester, Shape,
        TryMap, Unsolicited, bytes, frame, json, line, lines, lines_before, lines_until, literal, of, scpi_block,
        silence, until,
    },
    target::{Connected, Target},
};
