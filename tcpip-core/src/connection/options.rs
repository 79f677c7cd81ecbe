//! What a session is made with.

use std::{sync::Arc, time::Duration};

use crate::{
    DEFAULT_CLOSE_TIMEOUT, DEFAULT_DRAIN_TIMEOUT, DEFAULT_LIMIT, DEFAULT_MONITOR_CONNECTION_INTERVAL,
    DEFAULT_WRITE_LIMIT, DEFAULT_WRITE_TIMEOUT, HEARTBEAT, JsonMode, OptionError, socket_options::SocketOptions,
    text_format::TextFormat,
};

/// The longest deadline. A longer one counts as this: about 30 years.
const LONGEST: Duration = Duration::from_hours(30 * 365 * 24);

/// How much longer than `close_timeout` a close waits for those who have that deadline themselves: they may be late on a
/// loaded machine.
pub const CLOSE_GRACE: Duration = Duration::from_millis(100);

/// A deadline that can be added to any instant.
#[must_use]
pub fn deadline(timeout: Duration) -> Duration {
    timeout.min(LONGEST)
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
    /// [`shutdown_write`](crate::Connection::shutdown_write), or the handler of a read loop, and all tasks of the session,
    /// are done.
    ///
    /// A peer that has closed is found by the next write or, by keep-alive, after minutes. Until then a server has no
    /// place for the next client, unless its admission says that the newest wins.
    Allowed,
}

/// How a session learns that its peer has hung up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HangUpDetection {
    /// As the system's event where there is one (Linux), else by polling.
    #[default]
    Automatic,
    /// By polling, everywhere.
    Polling,
}

/// The options of a session, which the builders of clients and servers have in common.
///
/// The setters in [`session_setters!`](crate::session_setters) say what each one means.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the setters document each field; this is the plumbing behind them")]
pub struct SessionOptions {
    pub name: Arc<str>,
    pub text: TextFormat,
    pub json: JsonMode,
    pub limit: usize,
    pub write_limit: usize,
    pub read_timeout: Option<Duration>,
    pub write_timeout: Option<Duration>,
    pub close_timeout: Duration,
    pub drain_timeout: Duration,
    pub monitor_connection_interval: Duration,
    pub hang_up_detection: HangUpDetection,
    /// How often this end sends a heartbeat.
    pub heartbeat_interval: Option<Duration>,
    /// How long this end waits for one.
    pub max_heartbeat_interval: Option<Duration>,
    pub idle_timeout: Option<Duration>,
    pub half_close: HalfClose,
    pub socket: SocketOptions,
    /// Whether a handler reads this session, so that a hang-up is for the handler to find.
    pub has_handler: bool,
}

impl SessionOptions {
    /// The defaults, for an endpoint called `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            text: TextFormat::default(),
            json: JsonMode::default(),
            limit: DEFAULT_LIMIT,
            write_limit: DEFAULT_WRITE_LIMIT,
            read_timeout: None,
            write_timeout: Some(DEFAULT_WRITE_TIMEOUT),
            close_timeout: DEFAULT_CLOSE_TIMEOUT,
            drain_timeout: DEFAULT_DRAIN_TIMEOUT,
            monitor_connection_interval: DEFAULT_MONITOR_CONNECTION_INTERVAL,
            hang_up_detection: HangUpDetection::default(),
            heartbeat_interval: None,
            max_heartbeat_interval: None,
            idle_timeout: None,
            half_close: HalfClose::default(),
            socket: SocketOptions::default(),
            has_handler: false,
        }
    }

    /// Checks what one option alone does not show.
    ///
    /// # Errors
    ///
    /// [`OptionError::ZeroInterval`], [`OptionError::TerminatorInHeartbeat`].
    pub fn check(&self) -> Result<(), OptionError> {
        for (option, interval) in [
            ("heartbeat_interval", self.heartbeat_interval),
            ("max_heartbeat_interval", self.max_heartbeat_interval),
            ("idle_timeout", self.idle_timeout),
            ("tcp_user_timeout", self.socket.user_timeout),
        ] {
            if interval.is_some_and(|interval| interval.is_zero()) {
                return Err(OptionError::ZeroInterval { option });
            }
        }
        self.check_heartbeats(&self.text)
    }

    /// Changes the format of text, if heartbeats can still be sent and received as far as they are to be.
    ///
    /// # Errors
    ///
    /// Those of `change`; [`OptionError::TerminatorInHeartbeat`]. Nothing is changed.
    pub fn change_text(
        &mut self,
        change: impl FnOnce(&mut TextFormat) -> Result<(), OptionError>,
    ) -> Result<(), OptionError> {
        let mut text = self.text.clone();
        change(&mut text)?;
        self.check_heartbeats(&text)?;
        self.text = text;
        Ok(())
    }

    /// Checks that heartbeats can be sent and received as `text`, as far as they are to be.
    pub(crate) fn check_heartbeats(&self, text: &TextFormat) -> Result<(), OptionError> {
        let sends = self.heartbeat_interval.is_some() && text.encode(HEARTBEAT).is_err();
        let receives = self.max_heartbeat_interval.is_some() && !text.can_receive(HEARTBEAT);
        if sends || receives { Err(OptionError::TerminatorInHeartbeat) } else { Ok(()) }
    }

    /// Whether anything watches for a peer that says nothing.
    pub(crate) fn watches_liveness(&self) -> bool {
        self.heartbeat_interval.or(self.max_heartbeat_interval).or(self.idle_timeout).is_some()
    }
}

/// Writes the setters that the builders of clients and servers share.
///
/// The type has fields `session: SessionOptions` and `option_error: Option<OptionError>`.
#[doc(hidden)]
#[macro_export]
macro_rules! session_setters {
    () => {
        /// The name under which log events speak of this endpoint. Default: `host:port`.
        #[must_use]
        #[doc(alias = "log")]
        pub fn name(mut self, name: &str) -> Self {
            self.session.name = name.into();
            self
        }

        /// The encoding of text messages. Default: [`DEFAULT_ENCODING`](crate::DEFAULT_ENCODING).
        #[must_use]
        pub fn encoding(mut self, encoding: $crate::Encoding) -> Self {
            self.session.text.encoding = encoding;
            self
        }

        /// The end of a text message: any bytes, at least one (an empty terminator is an error of the last step).
        /// It serves both directions, unless there is a [`write_terminator`](Self::write_terminator).
        /// Default: [`DEFAULT_TERMINATOR`](crate::DEFAULT_TERMINATOR).
        #[must_use]
        pub fn terminator(mut self, terminator: impl AsRef<[u8]>) -> Self {
            if let Err(error) = self.session.text.set_terminator(terminator.as_ref()) {
                self.option_error = Some(error);
            }
            self
        }

        /// The end of the text messages that are sent, for peers that end theirs otherwise: any bytes, at least one (an
        /// empty one is an error of the last step). Default: the [`terminator`](Self::terminator).
        #[must_use]
        pub fn write_terminator(mut self, terminator: impl AsRef<[u8]>) -> Self {
            if let Err(error) = self.session.text.set_write_terminator(terminator.as_ref()) {
                self.option_error = Some(error);
            }
            self
        }

        /// Which JSON is written and read. Default: [`JsonMode::Python`](crate::JsonMode::Python), with NaN and the
        /// infinities.
        #[must_use]
        pub fn json(mut self, mode: $crate::JsonMode) -> Self {
            self.session.json = mode;
            self
        }

        /// The longest frame, in bytes with its terminator, that a searching read accepts; also the most that
        /// `read_to_end` returns. Default: [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
        #[must_use]
        pub fn limit(mut self, limit: usize) -> Self {
            self.session.limit = limit;
            self
        }

        /// How many bytes may wait to be sent before writers wait for room. A larger message is queued alone.
        /// Default: [`DEFAULT_WRITE_LIMIT`](crate::DEFAULT_WRITE_LIMIT).
        #[must_use]
        pub fn write_limit(mut self, limit: usize) -> Self {
            self.session.write_limit = limit;
            self
        }

        /// How long one read may take as a whole, or `None` for no limit. A read that times out loses nothing and
        /// the session lives. Default: `None`.
        #[must_use]
        pub fn read_timeout(mut self, timeout: impl Into<Option<::std::time::Duration>>) -> Self {
            self.session.read_timeout = timeout.into().map($crate::endpoint::deadline);
            self
        }

        /// For how long the system may take no byte of a message, or `None` for no limit. It ends the session. The
        /// system takes bytes into buffers of its own, the last of them perhaps when this has passed once: a peer that is
        /// frozen is given up after one to two times this.
        /// Default: [`DEFAULT_WRITE_TIMEOUT`](crate::DEFAULT_WRITE_TIMEOUT).
        #[must_use]
        pub fn write_timeout(mut self, timeout: impl Into<Option<::std::time::Duration>>) -> Self {
            self.session.write_timeout = timeout.into().map($crate::endpoint::deadline);
            self
        }

        /// How long closing may take before it becomes an abort.
        /// Default: [`DEFAULT_CLOSE_TIMEOUT`](crate::DEFAULT_CLOSE_TIMEOUT).
        #[must_use]
        pub fn close_timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.session.close_timeout = $crate::endpoint::deadline(timeout);
            self
        }

        /// How long a session outlives its peer's hang-up while unread data waits, counted from the last read that
        /// returned. A server's handler has all the time it wants.
        /// Default: [`DEFAULT_DRAIN_TIMEOUT`](crate::DEFAULT_DRAIN_TIMEOUT).
        #[must_use]
        pub fn drain_timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.session.drain_timeout = $crate::endpoint::deadline(timeout);
            self
        }

        /// How often to look for a hang-up on systems that do not report one as an event (Linux does, at once).
        /// Zero turns this fallback off; reads, writes and `is_connected` then notice.
        /// Default: [`DEFAULT_MONITOR_CONNECTION_INTERVAL`](crate::DEFAULT_MONITOR_CONNECTION_INTERVAL).
        #[must_use]
        pub fn monitor_connection_interval(mut self, interval: ::std::time::Duration) -> Self {
            self.session.monitor_connection_interval = interval;
            self
        }

        /// Ends a session from which nothing has arrived for so long, or `None` for never: for peers that may vanish
        /// without a word and have no heartbeat. What nobody has read yet counts from when it is noticed, so that such a
        /// session may end as late as after twice this. A session whose handler is at work is not idle, nor is one in which
        /// a read waits that has a [`read_timeout`](Self::read_timeout), before that has passed; a handler's reads do not
        /// count. Default: `None`.
        #[must_use]
        pub fn idle_timeout(mut self, timeout: impl Into<Option<::std::time::Duration>>) -> Self {
            self.session.idle_timeout = timeout.into().map($crate::endpoint::deadline);
            self
        }

        /// How long the system tries to deliver what was sent before it gives the link up (`TCP_USER_TIMEOUT`), or
        /// `None` for the system's own time, minutes. In whole milliseconds, from 1 ms to 24 days: a time beyond these
        /// counts as the nearest, and zero is an error of the last step. Without effect where the system is not Linux
        /// or the stream is not TCP. Default: `None`.
        #[must_use]
        pub fn tcp_user_timeout(mut self, timeout: impl Into<Option<::std::time::Duration>>) -> Self {
            self.session.socket.user_timeout = timeout.into();
            self
        }

        /// Whether and how the system asks a silent peer whether it is still there, or `None` not to ask.
        ///
        /// Default: [`Keepalive::default`](crate::Keepalive) on a socket that is dialled or accepted here; a connected
        /// socket that is handed in keeps what it has. Without effect where the stream is not TCP.
        #[must_use]
        #[doc(alias = "SO_KEEPALIVE")]
        pub fn keepalive(mut self, keepalive: impl Into<Option<$crate::Keepalive>>) -> Self {
            self.session.socket.keepalive = $crate::endpoint::Setting::To(keepalive.into());
            self
        }

        /// Whether the system sends a small message at once, also while the last one is not acknowledged (Nagle's
        /// algorithm is off).
        ///
        /// Default: `true` on a socket that is dialled or accepted here; a connected socket that is handed in keeps
        /// what it has. Without effect where the stream is not TCP.
        #[must_use]
        #[doc(alias = "TCP_NODELAY")]
        pub fn nodelay(mut self, nodelay: bool) -> Self {
            self.session.socket.nodelay = $crate::endpoint::Setting::To(nodelay);
            self
        }

        /// What becomes of the session when the peer ends its half of the stream. Default:
        /// [`HalfClose::EndsSession`](crate::HalfClose::EndsSession).
        #[must_use]
        pub fn half_close(mut self, half_close: $crate::HalfClose) -> Self {
            self.session.half_close = half_close;
            self
        }

        /// Uses the fallback of [`monitor_connection_interval`](Self::monitor_connection_interval) on every system.
        #[doc(hidden)]
        #[must_use]
        pub fn poll_for_hang_up(mut self) -> Self {
            self.session.hang_up_detection = $crate::endpoint::HangUpDetection::Polling;
            self
        }

        /// Adds an asynchronous function that is told of each connect and disconnect.
        ///
        /// Events come one at a time and in order, in a task of their own: the callback may take its time, panic, or
        /// close the very thing that it is told of, and nobody else suffers. Several callbacks are called in the order
        /// in which they were added.
        ///
        /// Write `|event| async move { … }`, or `async |event| { … }` where nothing is captured; with nothing to wait for,
        /// return `std::future::ready(())`. A closure with captured state clones it for each call,
        /// `move |event| { let state = state.clone(); async move { … } }`, which `async move |event|` cannot do.
        #[must_use]
        pub fn connect_callback<F, Fut>(mut self, callback: F) -> Self
        where
            F: FnOnce($crate::ConnectionEvent) -> Fut + $crate::ConnectCallback<Fut> + Send + Sync + 'static,
            Fut: $crate::CallbackFuture + Send + 'static,
        {
            self.callbacks.add(callback);
            self
        }
    };
}
