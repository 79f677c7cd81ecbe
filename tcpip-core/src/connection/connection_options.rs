//! The options of a connection.

use std::{sync::Arc, time::Duration};

use super::{ChunkTap, Filter, FrameTap, WireLog, interceptors::PassageOptions, options::deadline};
use crate::{
    DEFAULT_CLOSE_TIMEOUT, DEFAULT_DRAIN_TIMEOUT, DEFAULT_LIMIT, DEFAULT_MONITOR_CONNECTION_INTERVAL,
    DEFAULT_WRITE_LIMIT, DEFAULT_WRITE_TIMEOUT, Encoding, JsonMode, Keepalive, Terminator,
    endpoint::{Setting, SocketOptions},
    text::TextFormat,
};

/// The options of a connection, those that its two ends have in common: a value, to be cloned and given to any number
/// of clients and servers. Dropping it does nothing.
///
/// The builders of clients and servers have each of the setters too, for options that serve once.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tcpip_core::{ConnectionOptions, JsonMode};
///
/// /// What the devices of one manufacturer have in common.
/// fn options() -> ConnectionOptions {
///     ConnectionOptions::new().terminator(b"\r").json(JsonMode::Strict).read_timeout(Duration::from_secs(2))
/// }
/// assert_ne!(options(), ConnectionOptions::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until a client or a server has them"]
pub struct ConnectionOptions {
    pub(crate) text: Arc<TextFormat>,
    pub(crate) json: JsonMode,
    pub(crate) limit: usize,
    pub(crate) write_limit: usize,
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) write_timeout: Option<Duration>,
    pub(crate) close_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) monitor_connection_interval: Duration,
    pub(crate) hang_up_detection: HangUpDetection,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) half_close: HalfClose,
    pub(crate) socket: SocketOptions,
    pub(crate) passage: PassageOptions,
}

impl ConnectionOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The encoding of text messages. Default: [`DEFAULT_ENCODING`](crate::DEFAULT_ENCODING).
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        Arc::make_mut(&mut self.text).encoding = encoding;
        self
    }

    /// The end of a text message: `b"\n"`, or whatever becomes a [`Terminator`].
    /// It serves both directions, unless there is a [`write_terminator`](Self::write_terminator).
    /// Default: [`DEFAULT_TERMINATOR`](crate::DEFAULT_TERMINATOR).
    pub fn terminator(mut self, terminator: impl Into<Terminator>) -> Self {
        Arc::make_mut(&mut self.text).set_terminator(terminator.into());
        self
    }

    /// The end of the text messages that are sent, for peers that end theirs otherwise.
    /// Default: the [`terminator`](Self::terminator).
    pub fn write_terminator(mut self, terminator: impl Into<Terminator>) -> Self {
        Arc::make_mut(&mut self.text).set_write_terminator(terminator.into());
        self
    }

    /// Which JSON is written and read. Default: [`JsonMode::Python`](crate::JsonMode::Python), with NaN and the
    /// infinities.
    pub fn json(mut self, mode: JsonMode) -> Self {
        self.json = mode;
        self
    }

    /// The longest frame, in bytes with its terminator, that a searching read accepts; also the most that
    /// `read_to_end` returns. Default: [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// How many bytes may wait to be sent before writers wait for room. A larger message is queued alone.
    /// Default: [`DEFAULT_WRITE_LIMIT`](crate::DEFAULT_WRITE_LIMIT).
    pub fn write_limit(mut self, limit: usize) -> Self {
        self.write_limit = limit;
        self
    }

    /// How long one read may take as a whole, or `None` for no limit. A read that times out loses nothing and
    /// the session lives. Default: `None`.
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.read_timeout = timeout.into().map(deadline);
        self
    }

    /// For how long the system may take no byte of a message, or `None` for no limit. It ends the session. The
    /// system takes bytes into buffers of its own, the last of them perhaps when this has passed once: a peer that is
    /// frozen is given up after one to two times this.
    /// Default: [`DEFAULT_WRITE_TIMEOUT`](crate::DEFAULT_WRITE_TIMEOUT).
    pub fn write_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.write_timeout = timeout.into().map(deadline);
        self
    }

    /// How long closing may take before it becomes an abort.
    /// Default: [`DEFAULT_CLOSE_TIMEOUT`](crate::DEFAULT_CLOSE_TIMEOUT).
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = deadline(timeout);
        self
    }

    /// How long a session outlives its peer's hang-up while unread data waits, counted from the last read that
    /// returned. A server's handler has all the time it wants.
    /// Default: [`DEFAULT_DRAIN_TIMEOUT`](crate::DEFAULT_DRAIN_TIMEOUT).
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = deadline(timeout);
        self
    }

    /// How often to look for a hang-up on systems that do not report one as an event (Linux does, at once).
    /// Zero turns this fallback off; reads, writes and `is_connected` then notice.
    /// Default: [`DEFAULT_MONITOR_CONNECTION_INTERVAL`](crate::DEFAULT_MONITOR_CONNECTION_INTERVAL).
    pub fn monitor_connection_interval(mut self, interval: Duration) -> Self {
        self.monitor_connection_interval = interval;
        self
    }

    /// Ends a session from which nothing has arrived for so long, or `None` for never: for peers that may vanish
    /// without a word and have no heartbeat. What nobody has read yet counts from when it is noticed, so that such a
    /// session may end as late as after twice this. A session whose handler is at work is not idle, nor is one in which
    /// a read waits that has a [`read_timeout`](Self::read_timeout), before that has passed; a handler's reads do not
    /// count. Default: `None`.
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = timeout.into().map(deadline);
        self
    }

    /// How long the system tries to deliver what was sent before it gives the link up (`TCP_USER_TIMEOUT`), or
    /// `None` for the system's own time, minutes. In whole milliseconds, from 1 ms to 24 days: a time beyond these
    /// counts as the nearest, and zero is an error of the last step. Without effect where the system is not Linux
    /// or the stream is not TCP. Default: `None`.
    pub fn tcp_user_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.socket.user_timeout = timeout.into();
        self
    }

    /// Whether and how the system asks a silent peer whether it is still there, or `None` not to ask.
    ///
    /// Default: [`Keepalive::default`](crate::Keepalive) on a socket that is dialled or accepted here; a connected
    /// socket that is handed in keeps what it has. Without effect where the stream is not TCP.
    #[doc(alias = "SO_KEEPALIVE")]
    pub fn keepalive(mut self, keepalive: impl Into<Option<Keepalive>>) -> Self {
        self.socket.keepalive = Setting::To(keepalive.into());
        self
    }

    /// Whether the system sends a small message at once, also while the last one is not acknowledged (Nagle's
    /// algorithm is off).
    ///
    /// Default: `true` on a socket that is dialled or accepted here; a connected socket that is handed in keeps
    /// what it has. Without effect where the stream is not TCP.
    #[doc(alias = "TCP_NODELAY")]
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.socket.nodelay = Setting::To(nodelay);
        self
    }

    /// What becomes of the session when the peer ends its half of the stream. Default:
    /// [`HalfClose::EndsSession`](crate::HalfClose::EndsSession).
    pub fn half_close(mut self, half_close: HalfClose) -> Self {
        self.half_close = half_close;
        self
    }

    /// Has each session begin with a filter of its own, which `begin` makes: a protocol between the stream and the
    /// messages, such as telnet's. A panic of `begin` is logged: a client cannot connect then, and a server hangs up on
    /// the client that has come. Default: none.
    pub fn filter<F: Filter>(mut self, begin: impl Fn() -> F + Send + Sync + 'static) -> Self {
        self.passage.filter(begin);
        self
    }

    /// Has `tap` listen in on the bytes of each session as they pass the transport. Default: nobody does, and it costs
    /// nothing.
    pub fn tap_chunks(mut self, tap: Arc<dyn ChunkTap>) -> Self {
        self.passage.tap_chunks(tap);
        self
    }

    /// Has `tap` listen in on the frames of each session as reads take them and writes queue them. Reads take turns
    /// then also where a frame is in the buffer. Default: nobody does, and it costs nothing.
    pub fn tap_frames(mut self, tap: Arc<dyn FrameTap>) -> Self {
        self.passage.tap_frames(tap);
        self
    }

    /// Has `log` keep the last frames of each session, as if it were [tapped](Self::tap_frames). Default: none does,
    /// and it costs nothing.
    pub fn wire_log(mut self, log: &WireLog) -> Self {
        self.passage.wire_log(log);
        self
    }

    /// Uses the fallback of [`monitor_connection_interval`](Self::monitor_connection_interval) on every system.
    #[doc(hidden)]
    pub fn poll_for_hang_up(mut self) -> Self {
        self.hang_up_detection = HangUpDetection::Polling;
        self
    }
}

/// What each setter says.
impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            text: TextFormat::shared_default(),
            json: JsonMode::default(),
            limit: DEFAULT_LIMIT,
            write_limit: DEFAULT_WRITE_LIMIT,
            read_timeout: None,
            write_timeout: Some(DEFAULT_WRITE_TIMEOUT),
            close_timeout: DEFAULT_CLOSE_TIMEOUT,
            drain_timeout: DEFAULT_DRAIN_TIMEOUT,
            monitor_connection_interval: DEFAULT_MONITOR_CONNECTION_INTERVAL,
            hang_up_detection: HangUpDetection::default(),
            idle_timeout: None,
            half_close: HalfClose::default(),
            socket: SocketOptions::default(),
            passage: PassageOptions::default(),
        }
    }
}

/// What a session makes of it that the peer ends its half of the stream: that it has said all, and may still listen.
///
/// Most peers that do so have closed, which looks the same. This end's own half is ended by
/// [`shutdown_write`](crate::Connection::shutdown_write).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HalfClose {
    /// The peer has hung up: the session ends as soon as what had arrived has been read.
    #[default]
    EndsSession,
    /// The session goes on, and what is written still reaches the peer. Reads find the end of the stream, each of them.
    /// It ends as any other session does, but for the peer's hang-up; and when this end ends its own half too, by
    /// [`shutdown_write`](crate::Connection::shutdown_write), or the handler of a read loop, and all tasks of the
    /// session, are done.
    ///
    /// A peer that has closed is found by the next write or, by keep-alive, after minutes. Until then a server has no
    /// place for the next client, unless its admission says that the newest wins.
    Allowed,
}

/// How a session learns that its peer has hung up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum HangUpDetection {
    /// As the system's event where there is one (Linux), else by polling.
    #[default]
    Automatic,
    /// By polling, everywhere.
    Polling,
}
