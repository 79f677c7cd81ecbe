//! One TCP session, from connect or accept to its end.

mod connection_options;
mod deadlines;
mod driver;
mod interceptors;
mod liveness;
#[cfg(any(test, fuzzing))]
pub(crate) mod model;
pub(crate) mod options;
mod owner;
mod read;
mod read_loop;
mod requests;
mod rest;
mod shared;
#[cfg(all(test, tcpip_loom))]
mod shell_loom;
mod socket;
mod stats;
mod tasks;
mod transport;
mod write;

use std::{
    fmt,
    hash::{Hash, Hasher},
    net::SocketAddr,
    sync::Arc,
};

pub(crate) use self::connection_options::HangUpDetection;
pub(crate) use self::read_loop::Interruption;
use self::shared::Shared;
pub use self::{
    connection_options::{ConnectionOptions, HalfClose},
    deadlines::within,
    interceptors::{ChunkEnd, ChunkTap, DEFAULT_LOGGED_BYTES, Direction, Filter, FrameTap, Telnet, WireFrame, WireLog},
    read::{Input, ReadTurn, ReplyRead, TakeReply},
    requests::Requests,
    stats::Stats,
    write::{Batch, Expected, Sending},
};
use crate::{
    Abort, DisconnectReason, Encoding, JsonMode, OptionError, Terminator,
    session::{Ending, Session},
    text::TextFormat,
};

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
/// - **Turns**: reads take turns, and so do writes while the queue is full. A read that is neither polled nor
///   dropped keeps its turn, and those behind it wait, at most until their deadline or the end of the session. So do
///   not read in the body of a `select!` loop while another read is pinned outside it. A write that is not polled keeps
///   nobody waiting: the session's task sends it.
/// - **Waits** (`wait_…`, `close`): dropping the future changes nothing; a close that has been polled goes on without
///   it.
///
/// As every future, one that is dropped before it was polled at all has done nothing.
///
/// # After the end
///
/// What had arrived when the peer ended the session stays readable until this end closes it (or the next client of
/// the server replaces it): first the frames, then [`Incomplete`](crate::ReadError::Incomplete) if part of a frame had
/// come, then [`EndOfStream`](crate::ReadError::EndOfStream) if the peer closed in good order, or else
/// [`Disconnected`](crate::ReadError::Disconnected) with the reason. The end is told once (an `Incomplete` of a peer
/// that closed in good order tells it too); after that, reads fail with
/// [`NotConnected`](crate::ReadError::NotConnected).
///
/// # Who has hung up, and what of it
///
/// | what | says |
/// |---|---|
/// | [`has_hung_up`](Self::has_hung_up), [`wait_hung_up`](Self::wait_hung_up) | the peer has ended its half of the stream, or all of it: at once, whatever is unread |
/// | [`is_connected`](Self::is_connected), [`wait_disconnected`](Self::wait_disconnected) | the session has ended: at the hang-up, or once what had come before it has been read and answered. A session without a handler that nobody reads *drains* for `drain_timeout` at most |
/// | [`should_be_connected`](Self::should_be_connected) | this end has not closed it |
/// | [`reason`](Self::reason) | who ended it and why, from the moment that it has ended |
///
/// Draining is for peers that say all they have to say, end their half and wait for the answer, as
/// `printf 'status\r\n' | nc -N` does. A peer that goes on listening after that needs [`HalfClose::Allowed`].
///
/// # Executors
///
/// A session begins on a tokio runtime, and its own task, which sees hang-ups and sends what is queued, lives there.
/// Reads, writes, waits and closes may be polled by any executor: deadlines go by the clock of the session's runtime,
/// and no waker is called while a lock of the session is held. Where that runtime only runs now and then, as in a
/// program of one thread that calls `block_on` for each step, [`is_connected`](Self::is_connected),
/// [`has_hung_up`](Self::has_hung_up) and the first write after a rest ask the system, over a socket; heartbeats,
/// deadlines of writes, and events wait for the next step.
///
/// # Urgent data
///
/// A byte that the peer sends as urgent (`MSG_OOB`) is not part of the stream and does no harm, but a receive ends at
/// its place: what follows it may be read only when the next bytes arrive, or the stream ends. The system keeps one
/// urgent byte: when the next one comes before a read has passed the first, the first becomes part of the stream.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

impl Connection {
    /// A connection that never was: not connected, already closed, every read and write an error.
    #[must_use]
    pub fn closed() -> Self {
        Self { shared: Arc::new(Shared::never_connected()) }
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

    /// This end's address; `None` for a connection that never was, and over a stream that has none.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.shared.addresses.0
    }

    /// The other end's address; `None` for a connection that never was, and over a stream that has none.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.shared.addresses.1
    }

    /// Returns whether the session lives. It does while what the peer sent before it hung up is still being read.
    ///
    /// Over a socket this is also right in a program whose runtime rests between its calls (`block_on` now and then),
    /// where nobody learns of a hang-up as it happens: the system is then asked, at most every 50 ms, as it is by a
    /// write. Over any other stream such a program learns of it with its next step.
    #[must_use]
    #[doc(alias = "connected")]
    pub fn is_connected(&self) -> bool {
        self.look_after_rest();
        self.is_live()
    }

    /// Returns whether the peer has ended its half of the stream, or all of it: at once, whatever is unread, and
    /// whatever the session makes of it. The system is asked.
    ///
    /// Over a stream that is no socket, a hang-up is seen when all before it has been read ahead.
    #[must_use]
    pub fn has_hung_up(&self) -> bool {
        if !self.has_noted_hang_up() {
            self.look_for_hang_up();
        }
        self.has_noted_hang_up()
    }

    /// Waits until the peer has hung up, as [`has_hung_up`](Self::has_hung_up) says, or the session has ended
    /// otherwise. Returns whether the peer has hung up.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Self#cancel-safety).
    pub async fn wait_hung_up(&self) -> bool {
        self.wait_for(|life| (life.has_hung_up() || !life.is_connected()).then_some(life.has_hung_up())).await
    }

    fn has_noted_hang_up(&self) -> bool {
        self.look(|session| session.life().has_hung_up())
    }

    /// Whether it ought to live: true from connecting until this end closes it or drops its owner. So
    /// `should_be_connected() && !is_connected()` means that the connection was lost.
    #[must_use]
    pub fn should_be_connected(&self) -> bool {
        self.look(|session| session.life().is_wanted())
    }

    /// Whether the session is over and at rest: nothing of it is left but what may still be read.
    #[must_use]
    #[doc(alias = "done_task")]
    pub fn is_closed(&self) -> bool {
        self.look(|session| session.life().is_finished())
    }

    /// Why the session ended; `None` while it lives.
    #[must_use]
    pub fn reason(&self) -> Option<DisconnectReason> {
        self.look(|session| session.life().reason().cloned())
    }

    /// This connection, or `None` if it is over. Never waits: a server's `wait_connected` does.
    #[expect(clippy::unused_async, reason = "the same shape as the method of a server, which waits")]
    pub async fn wait_connected(&self) -> Option<Self> {
        self.is_connected().then(|| self.clone())
    }

    /// Waits until the session has ended. For the moment of the peer's hang-up see
    /// [`wait_hung_up`](Self::wait_hung_up).
    ///
    /// A session whose peer has hung up lives on while what had arrived is being read, in a handler until a read has
    /// found the end: a handler that only waits for this waits for itself.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Self#cancel-safety).
    pub async fn wait_disconnected(&self) {
        self.wait_for(|life| (!life.is_connected()).then_some(())).await;
    }

    /// Waits until the session is over and at rest.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Self#cancel-safety).
    pub async fn wait_closed(&self) {
        self.wait_for(|life| life.is_finished().then_some(())).await;
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

    /// Resets the connection, at once: nothing more is sent, not even what is queued, and what has arrived is dropped.
    /// The peer sees a reset. Where the system cannot reset a socket that is in use (it is not Linux), it comes with
    /// the session's task; over a stream that is no socket, the stream is dropped.
    ///
    /// May be called again, and from anywhere; during a [`close`](Self::close) it cuts that short. The session ends
    /// with [`Aborted`](DisconnectReason::Aborted), and clears `should_be_connected`.
    pub fn abort(&self) {
        let transport = self.shared.transport.upgrade();
        if let Some(transport) = &transport
            && self.look(|session| session.life().ending() < Some(Ending::Aborted))
        {
            // Before the reset, after which the system tells nonsense.
            let beneath = transport.unacknowledged().unwrap_or(0);
            self.input(|session, _| {
                session.give_up(beneath.saturating_sub(usize::from(session.outgoing.has_half_ended())))
            });
        }
        self.input(|session, effects| session.close(DisconnectReason::Aborted, Ending::Aborted, effects));
        if let Some(transport) = transport {
            transport.abort(Abort::Now);
        }
    }

    /// Returns how many bytes the end of the session gave up: written without an error, and not acknowledged by the
    /// peer's system, or still queued, when `close_timeout` had passed or the session was aborted. Some of them may
    /// have arrived all the same. 0 while the session lives, and where the peer or the link ended it.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.look(Session::given_up)
    }

    /// The terminator of text messages; those that are sent may have another (`write_terminator` of the builder).
    #[must_use]
    pub fn terminator(&self) -> Terminator {
        self.text_format().terminator().clone()
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
        self.look(Session::limit)
    }

    /// Changes the terminator, from the next message on. For a text read that waits, that is the message for which it
    /// waits, also if part of it has come. Where messages that are sent have a terminator of their own
    /// (`write_terminator` of the builder), that stays.
    ///
    /// # Errors
    ///
    /// [`OptionError::TerminatorInHeartbeat`] if heartbeats are sent or expected, and could not be any more. Nothing is
    /// changed.
    pub fn set_terminator(&self, terminator: impl Into<Terminator>) -> Result<(), OptionError> {
        let terminator = terminator.into();
        self.change_text(|text| text.set_terminator(terminator))
    }

    /// Changes the encoding, from the next message on, as [`set_terminator`](Self::set_terminator) does.
    ///
    /// # Errors
    ///
    /// [`OptionError::TerminatorInHeartbeat`] if heartbeats are sent or expected, and could not be any more. Nothing is
    /// changed.
    pub fn set_encoding(&self, encoding: Encoding) -> Result<(), OptionError> {
        self.change_text(|text| text.encoding = encoding)
    }

    fn change_text(&self, change: impl FnOnce(&mut TextFormat)) -> Result<(), OptionError> {
        self.input(|session, effects| session.change_text(change, effects))
    }

    /// Changes the limit, also for a read that waits, as soon as more arrives for it.
    pub fn set_limit(&self, limit: usize) {
        self.input(|session, effects| session.set_limit(limit, effects));
    }

    fn text_format(&self) -> Arc<TextFormat> {
        self.look(|session| Arc::clone(session.text()))
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
            .field("phase", &self.look(|session| session.life().phase().clone()))
            .finish_non_exhaustive()
    }
}
