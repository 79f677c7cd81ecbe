//! What a session is made with.

use std::{
    io,
    ops::Deref,
    sync::{Arc, LazyLock},
    time::Duration,
};

use tokio::net::TcpStream;

use super::ConnectionOptions;
use crate::{HEARTBEAT, OptionError, endpoint::SocketOrigin, text::TextFormat};

/// The longest deadline. A longer one counts as this: about 30 years.
const LONGEST: Duration = Duration::from_hours(30 * 365 * 24);

/// How much longer than `close_timeout` a close waits for those who have that deadline themselves: they may be late on
/// a loaded machine.
pub const CLOSE_GRACE: Duration = Duration::from_millis(100);

/// A deadline that can be added to any instant.
#[must_use]
pub fn deadline(timeout: Duration) -> Duration {
    timeout.min(LONGEST)
}

/// What most sessions have.
static DEFAULTS: LazyLock<Arc<ConnectionOptions>> = LazyLock::new(Arc::default);

/// The options of a session: those of its connection, and what the client or server adds.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the builders' setters document each field; this is the plumbing behind them")]
pub struct SessionOptions {
    pub name: Arc<str>,
    /// Those of one value are shared by all sessions that have it.
    pub connection: Arc<ConnectionOptions>,
    /// How often this end sends a heartbeat.
    pub heartbeat_interval: Option<Duration>,
    /// How long this end waits for one.
    pub max_heartbeat_interval: Option<Duration>,
    /// Who has made the socket.
    pub socket_origin: SocketOrigin,
    /// Whether a handler reads this session, so that a hang-up is for the handler to find.
    pub has_handler: bool,
}

impl SessionOptions {
    /// The defaults, for an endpoint called `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            connection: Arc::clone(&DEFAULTS),
            heartbeat_interval: None,
            max_heartbeat_interval: None,
            socket_origin: SocketOrigin::default(),
            has_handler: false,
        }
    }

    /// How text becomes a message.
    #[must_use]
    pub fn text(&self) -> &TextFormat {
        &self.text
    }

    /// The most bytes that a searching read accepts as one frame.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Changes the limit.
    pub fn set_limit(&mut self, limit: usize) {
        Arc::make_mut(&mut self.connection).limit = limit;
    }

    /// Changes those of the connection.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(ConnectionOptions) -> ConnectionOptions) -> Self {
        let options = Arc::make_mut(&mut self.connection);
        *options = change(std::mem::take(options));
        self
    }

    /// How long a close may take.
    #[must_use]
    pub fn close_timeout(&self) -> Duration {
        self.close_timeout
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
    /// [`OptionError::TerminatorInHeartbeat`]. Nothing is changed.
    pub fn change_text(&mut self, change: impl FnOnce(&mut TextFormat)) -> Result<(), OptionError> {
        let mut text = TextFormat::clone(&self.text);
        change(&mut text);
        self.check_heartbeats(&text)?;
        Arc::make_mut(&mut self.connection).text = text.into();
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

    /// Sets the options of the session's socket.
    pub(crate) fn apply_to(&self, socket: &TcpStream) -> io::Result<()> {
        self.socket.apply(socket, self.socket_origin)
    }
}

/// Those of its connection are a session's own.
impl Deref for SessionOptions {
    type Target = ConnectionOptions;

    fn deref(&self) -> &ConnectionOptions {
        &self.connection
    }
}
