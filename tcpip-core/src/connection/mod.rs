//! One TCP session, from connect or accept to its end.

mod batch;
mod liveness;
pub(crate) mod options;
mod owner;
mod read;
mod read_frame;
mod read_loop;
mod reading;
mod session;
mod state;
mod tasks;
mod wire;
mod write;
mod writing;

use std::{
    fmt,
    hash::{Hash, Hasher},
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout};

pub use self::batch::Batch;
pub(crate) use self::read_loop::Interruption;
use self::{
    options::SessionOptions,
    reading::{End, Reading, Source},
    state::{Phase, SessionState},
    writing::{Outlet, Writing},
};
use crate::{
    DisconnectReason, Encoding, JsonMode, OptionError, callbacks::CallbackProgress, lock::Lock, text_format::TextFormat,
};

/// How much longer than the session's own task `close` waits for it: it may be late on a loaded machine.
const CLOSE_GRACE: Duration = Duration::from_millis(50);

/// One TCP session, from connect or accept to its end.
///
/// A `Connection` is a handle: cheap to clone, usable from several tasks at once, one reading while others write.
/// Dropping a handle closes nothing; the session belongs to the client or server that made it.
///
/// A later session of the same server is another `Connection`: code that serves one client can never touch the
/// stream of the next.
///
/// # Cancel safety
///
/// *Cancel safe* means here, for every method of this type:
///
/// - **Reads**: dropping the future before it is done loses nothing and repeats nothing; the next read finds all the
///   bytes. (With [`read_frame`](Self::read_frame) some may be in the decoder.)
/// - **Writes**: the message goes out whole, in order, at most once, or not at all; no other call is needed for it. A
///   caller that drops a write and tries again may send the message twice.
/// - **Turns**: reads take turns, and so do writes while the queue is full. A future that is neither polled nor
///   dropped keeps its turn, and those behind it wait, at most until this end closes the session. So do not read in the body of a
///   `select!` loop while another read is pinned outside it; the same holds for writes.
/// - **Waits** (`wait_…`, `close`): dropping the future changes nothing; a close that has been polled goes on without it.
///
/// As every future, one that is dropped before it was polled at all has done nothing.
///
/// # After the end
///
/// What had arrived when the peer ended the session stays readable until this end closes it (or the next client of
/// the server replaces it): first the frames, then [`Incomplete`](crate::ReadError::Incomplete) if the peer closed in
/// good order or within a frame, or else [`Disconnected`](crate::ReadError::Disconnected) with the reason. This is
/// told once; after that, reads fail with [`NotConnected`](crate::ReadError::NotConnected).
///
/// # Urgent data
///
/// A byte that the peer sends as urgent (`MSG_OOB`) is not part of the stream and does no harm, but a receive ends at its
/// place: what follows it may be read only when the next bytes arrive, or the stream ends.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    number: u64,
    addresses: Option<(SocketAddr, SocketAddr)>,
    options: Arc<SessionOptions>,
    limit: AtomicUsize,
    text: Lock<TextFormat>,
    /// When a heartbeat last came, or the session began.
    last_heartbeat: Lock<Instant>,
    state: SessionState,
    reading: Reading,
    writing: Writing,
    callbacks: CallbackProgress,
    span: tracing::Span,
}

impl Connection {
    /// A connection that never was: not connected, already closed, every read and write an error.
    #[must_use]
    pub fn closed() -> Self {
        Self {
            shared: Arc::new(Shared {
                number: 0,
                addresses: None,
                options: SessionOptions::new("").into(),
                limit: AtomicUsize::new(crate::DEFAULT_LIMIT),
                text: Lock::new(TextFormat::default()),
                last_heartbeat: Lock::new(Instant::now()),
                state: SessionState::never_connected(),
                reading: Reading::new(Source::Ended, None),
                writing: Writing::new(Outlet::Closed),
                callbacks: CallbackProgress::default(),
                span: tracing::Span::none(),
            }),
        }
    }

    /// The session's number, unique in this process; 0 for one that never was.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.shared.number
    }

    /// The name of the client or server that made it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.options.name
    }

    /// This end's address; `None` for a connection that never was.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.shared.addresses.map(|(local, _)| local)
    }

    /// The other end's address; `None` for a connection that never was.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.shared.addresses.map(|(_, peer)| peer)
    }

    /// Whether the session lives. It does while what the peer sent before it hung up is still being read.
    #[must_use]
    #[doc(alias = "connected")]
    pub fn is_connected(&self) -> bool {
        self.shared.state.is_connected()
    }

    /// Whether it ought to live: true from connecting until this end closes it or drops its owner. So
    /// `should_be_connected() && !is_connected()` means that the connection was lost.
    #[must_use]
    pub fn should_be_connected(&self) -> bool {
        self.shared.state.look(|state| state.should_be_connected)
    }

    /// Whether the session is over and at rest: nothing of it is left but what may still be read.
    #[must_use]
    #[doc(alias = "done_task")]
    pub fn is_closed(&self) -> bool {
        self.shared.state.look(|state| state.finished)
    }

    /// Why the session ended; `None` while it lives.
    #[must_use]
    pub fn reason(&self) -> Option<DisconnectReason> {
        self.shared.state.look(|state| state.reason.clone())
    }

    /// This connection, or `None` if it is over. Never waits: a server's `wait_connected` does.
    #[expect(clippy::unused_async, reason = "the same shape as the method of a server, which waits")]
    pub async fn wait_connected(&self) -> Option<Self> {
        self.is_connected().then(|| self.clone())
    }

    /// Waits until the session has ended.
    ///
    /// A session whose peer has hung up lives on while what had arrived is being read, in a handler until a read has
    /// found the end: a handler that only waits for this waits for itself.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Self#cancel-safety).
    pub async fn wait_disconnected(&self) {
        self.shared.state.wait_for(|state| (state.phase == Phase::Ended).then_some(())).await;
    }

    /// Waits until the session is over and at rest.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Self#cancel-safety).
    pub async fn wait_closed(&self) {
        self.shared.state.wait_for(|state| state.finished.then_some(())).await;
    }

    /// Waits until the connect callbacks have returned for every event so far: in `on_connect`, for the one that tells
    /// of this session's beginning. At once from within a callback; a task that one of them waits for must not wait for
    /// this.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Self#cancel-safety).
    pub async fn callbacks_done(&self) {
        self.shared.callbacks.callbacks_done().await;
    }

    /// Closes the session: what is queued is sent, then the stream is ended, or aborted after `close_timeout`.
    ///
    /// May be called again, by several tasks at once, and from anywhere. Called from the session's own handler it
    /// returns at once, and the handler is dropped where it next waits.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Self#cancel-safety): once polled, the close goes on without the future.
    pub async fn close(&self) {
        self.start_close(DisconnectReason::Closed);
        self.closed_within_deadline().await;
    }

    /// As [`close`](Self::close), but leaves `should_be_connected` as it is.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Self#cancel-safety): once polled, the close goes on without the future.
    pub async fn basic_close(&self) {
        self.revoke(DisconnectReason::Closed);
        self.closed_within_deadline().await;
    }

    /// The terminator of text messages; those that are sent may have another (`write_terminator` of the builder).
    #[must_use]
    pub fn terminator(&self) -> Vec<u8> {
        self.text_format().terminator().to_vec()
    }

    /// The encoding of text messages.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.text_format().encoding
    }

    /// Which JSON is written and read.
    #[must_use]
    pub fn json(&self) -> JsonMode {
        self.shared.options.json
    }

    /// The most bytes that a searching read accepts as one frame.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.shared.limit()
    }

    /// Changes the terminator, from the next message on.
    ///
    /// # Errors
    ///
    /// [`OptionError::EmptyTerminator`]; nothing is changed.
    pub fn set_terminator(&self, terminator: impl AsRef<[u8]>) -> Result<(), OptionError> {
        self.shared.text.lock().set_terminator(terminator.as_ref())
    }

    /// Changes the encoding, from the next message on.
    pub fn set_encoding(&self, encoding: Encoding) {
        self.shared.text.lock().encoding = encoding;
    }

    /// Changes the limit, also for a read that waits, as soon as more arrives for it.
    pub fn set_limit(&self, limit: usize) {
        self.shared.limit.store(limit, Ordering::Relaxed);
        self.shared.reading.limit_changed();
    }

    fn text_format(&self) -> TextFormat {
        self.shared.text.lock().clone()
    }

    /// Waits for the end of a close, unless it is the caller that must end first. At rest already, it needs no timer,
    /// and so no runtime.
    async fn closed_within_deadline(&self) {
        if !self.is_closed() && !self.is_own_task() {
            let _ = timeout(self.shared.options.close_timeout + CLOSE_GRACE, self.wait_closed()).await;
        }
    }

    /// The peer has hung up: ends the session, or lets it drain if there is something left to read. `ask` says whether
    /// there is beneath the buffer, and the cause if it is told one.
    fn peer_hung_up(&self, ask: impl FnOnce() -> (bool, Option<io::Error>)) {
        // With reads held off, so that no reader sees an end without its cause.
        self.shared.reading.look(|left| {
            let (beneath, told_here) = ask();
            let told_here = told_here.as_ref().map(DisconnectReason::from_io);
            if let Some(reason) = told_here.or_else(|| self.shared.writing.error()) {
                self.end(reason);
            } else if !beneath && !left.unread && (left.being_read || !self.has_reader()) {
                self.end(DisconnectReason::ClosedByPeer);
            } else {
                self.shared.state.drain();
            }
        });
    }

    /// How the stream has ended, for the read that has found its end there, or `cause`. A cause, of which a writer may
    /// have been told instead, ends the session before anybody else finds a socket without it.
    fn stream_end(&self, cause: Option<DisconnectReason>) -> End {
        if let Some(cause) = cause.or_else(|| self.shared.writing.error()) {
            self.end(cause);
        }
        match self.reason() {
            None | Some(DisconnectReason::ClosedByPeer) => End::Stream,
            Some(reason) => End::Session(reason),
        }
    }
}

impl Shared {
    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }
}

impl PartialEq for Connection {
    /// Whether both are handles of the same session.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for Connection {}

impl Hash for Connection {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.shared).hash(state);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("name", &self.name())
            .field("number", &self.number())
            .field("peer_addr", &self.peer_addr())
            .field("phase", &self.shared.state.phase())
            .field("reason", &self.reason())
            .finish_non_exhaustive()
    }
}
