//! The last frames of sessions, for people.

use std::{
    borrow::Cow,
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{Direction, FrameTap};
use crate::{DisconnectReason, connection::Connection, sync::Lock};

/// How many bytes of a frame a [`WireLog`] keeps by default.
pub const DEFAULT_LOGGED_BYTES: usize = 128;

/// The last frames of one or several sessions, in both directions and with their times, and what arrived and nobody
/// took: an option, [`wire_log`](crate::ConnectionOptions::wire_log). Clones share it.
///
/// It is shown line by line, text as text and other bytes in hexadecimal. When a session ends otherwise than by a close
/// of either end, its last frames are logged as a warning, with the target `tcpip::wire`.
///
/// Without a `WireLog`, a program that is started with its log at the level `trace` for the target `tcpip::wire` shows
/// each frame as it passes.
///
/// # Examples
///
/// ```
/// use tcpip_core::{ConnectionOptions, WireLog};
///
/// let log = WireLog::ring(100);
/// let options = ConnectionOptions::new().wire_log(&log);
/// # assert_ne!(options, ConnectionOptions::new());
/// // Whenever somebody wants to know:
/// eprintln!("{log}");
/// ```
#[derive(Clone)]
pub struct WireLog(Arc<Inner>);

struct Inner {
    frames: usize,
    shown: usize,
    redact: Option<Arc<Redact>>,
    ring: Lock<VecDeque<WireFrame>>,
}

type Redact = dyn Fn(Direction, &[u8]) -> Option<Vec<u8>> + Send + Sync;

/// A frame in a [`WireLog`]. Its `Display` is a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WireFrame {
    /// The name of the session's client or server.
    pub endpoint: Arc<str>,
    /// The number of the session.
    pub session: u64,
    /// Which way it went.
    pub direction: Direction,
    /// It arrived, and no read took it.
    pub is_unread: bool,
    /// When its last byte arrived, or when it was queued, since the session began.
    pub at: Duration,
    /// Its bytes, terminator included, as many as are kept.
    pub bytes: Vec<u8>,
    /// How many bytes it had.
    pub length: usize,
}

impl WireLog {
    /// Returns a log that keeps that many frames.
    #[must_use]
    pub fn ring(frames: usize) -> Self {
        Self::with(Inner { frames, shown: DEFAULT_LOGGED_BYTES, redact: None, ring: Lock::default() })
    }

    fn with(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    fn empty(&self) -> Inner {
        let Inner { frames, shown, ref redact, .. } = *self.0;
        Inner { frames, shown, redact: redact.clone(), ring: Lock::default() }
    }

    /// Keeps so many bytes of each frame. By default [`DEFAULT_LOGGED_BYTES`]. What is kept so far is not in the new
    /// log.
    #[must_use]
    pub fn shortened_to(self, bytes: usize) -> Self {
        Self::with(Inner { shown: bytes, ..self.empty() })
    }

    /// Keeps what `redact` makes of a frame instead, if that is something: so that no password is ever in the log. What
    /// is kept so far is not in the new log.
    #[must_use]
    pub fn redacted(self, redact: impl Fn(Direction, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::with(Inner { redact: Some(Arc::new(redact)), ..self.empty() })
    }

    /// Returns the frames that are kept, the oldest first.
    #[must_use]
    pub fn frames(&self) -> Vec<WireFrame> {
        self.0.ring.lock().iter().cloned().collect()
    }

    /// Whether both are the same log.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn note(&self, connection: &Connection, direction: Direction, is_unread: bool, at: Instant, bytes: &[u8]) {
        let redacted = self.0.redact.as_ref().and_then(|redact| redact(direction, bytes));
        let bytes = redacted.map_or(Cow::Borrowed(bytes), Cow::Owned);
        let frame = WireFrame {
            endpoint: connection.shared.options.name.clone(),
            session: connection.number(),
            direction,
            is_unread,
            at: at.saturating_duration_since(connection.shared.began),
            bytes: bytes[..bytes.len().min(self.0.shown)].to_vec(),
            length: bytes.len(),
        };
        let mut ring = self.0.ring.lock();
        ring.push_back(frame);
        while ring.len() > self.0.frames {
            ring.pop_front();
        }
    }
}

impl FrameTap for WireLog {
    fn frame(&self, connection: &Connection, direction: Direction, at: Instant, bytes: &[u8]) {
        self.note(connection, direction, false, at, bytes);
    }

    fn unread(&self, connection: &Connection, at: Instant, bytes: &[u8]) {
        self.note(connection, Direction::Received, true, at, bytes);
    }

    fn ended(&self, connection: &Connection, reason: &DisconnectReason) {
        if matches!(reason, DisconnectReason::Closed | DisconnectReason::ClosedByPeer) {
            return;
        }
        let mut lines = String::new();
        let (endpoint, session) = (connection.name(), connection.number());
        for frame in self.frames().iter().filter(|frame| frame.session == session && *frame.endpoint == *endpoint) {
            let _ = write!(lines, "\n{frame}");
        }
        tracing::warn!(target: "tcpip::wire", endpoint, session, "{reason}; the last frames:{lines}");
    }
}

/// All frames, a line each.
impl fmt::Display for WireLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.frames().iter().try_for_each(|frame| writeln!(formatter, "{frame}"))
    }
}

impl fmt::Debug for WireLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { frames, shown, .. } = &*self.0;
        formatter.debug_struct("WireLog").field("frames", frames).field("shown", shown).finish_non_exhaustive()
    }
}

impl fmt::Display for WireFrame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, session, direction, is_unread, at, bytes, length } = self;
        let arrow = arrow(*direction);
        write!(formatter, "{:12.6} s {endpoint} {session} {arrow} {}", at.as_secs_f64(), Shown(bytes))?;
        if bytes.len() < *length {
            write!(formatter, "… {length} bytes")?;
        }
        formatter.write_str(if *is_unread { " unread" } else { "" })
    }
}

/// Shows each frame as it passes, to who subscribes to that.
#[derive(Debug)]
pub(super) struct WireTrace;

impl WireTrace {
    /// Whether anybody does.
    pub(super) fn is_wanted() -> bool {
        tracing::enabled!(target: "tcpip::wire", tracing::Level::TRACE)
    }
}

impl FrameTap for WireTrace {
    fn frame(&self, connection: &Connection, direction: Direction, _: Instant, bytes: &[u8]) {
        let (endpoint, session, arrow) = (connection.name(), connection.number(), arrow(direction));
        tracing::trace!(target: "tcpip::wire", endpoint, session, "{arrow} {}", Shown(bytes));
    }

    fn unread(&self, connection: &Connection, _: Instant, bytes: &[u8]) {
        let (endpoint, session) = (connection.name(), connection.number());
        tracing::trace!(target: "tcpip::wire", endpoint, session, "<- {} unread", Shown(bytes));
    }
}

fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::Received => "<-",
        Direction::Sent => "->",
    }
}

/// Text as text, other bytes in hexadecimal.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_text = |text: &&str| text.chars().all(|c| matches!(c, '\r' | '\n' | '\t') || !c.is_control());
        // A text may have been cut within a character.
        let text = match str::from_utf8(self.0) {
            Ok(text) => Some(text),
            Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
                str::from_utf8(&self.0[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        match text.filter(is_text) {
            Some(text) => write!(formatter, "{text:?}"),
            None => self.0.iter().enumerate().try_for_each(|(index, byte)| {
                let space = if index > 0 { " " } else { "" };
                write!(formatter, "{space}{byte:02x}")
            }),
        }
    }
}
