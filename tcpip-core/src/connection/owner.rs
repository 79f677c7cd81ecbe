//! What the client or server that owns a session does with it, and its users do not.

use std::{
    any::Any,
    io,
    net::SocketAddr,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio::{
    io::{AsyncRead, AsyncWrite, split},
    net::{TcpStream, tcp::OwnedWriteHalf},
    runtime::Handle,
};
use tracing::Instrument;

use super::{
    Connection, Shared,
    options::SessionOptions,
    reading::{ReadAhead, Reading, Source},
    rest::clock,
    session::{Finish, run_session},
    state::{Inner, Phase, SessionState},
    wire::{StreamWire, TcpWire, Wire},
    writing::{Outlet, Writing},
};
use crate::{
    DisconnectReason,
    callbacks::{EventSource, Pushed},
    lock::Lock,
    text_format::TextFormat,
};

#[doc(hidden)]
impl Connection {
    /// Starts a session on `stream`; `kind` says in logs what it belongs to.
    pub fn start(
        stream: TcpStream,
        options: impl Into<Arc<SessionOptions>>,
        kind: &'static str,
        events: EventSource,
    ) -> io::Result<Self> {
        Self::start_socket(stream, options.into(), kind, events, |connection| Some(connection.announce()))
            .map(|admitted| admitted.expect("it is admitted"))
    }

    /// Starts a session on a stream that may be no TCP stream.
    pub fn start_over<S>(
        stream: S,
        options: impl Into<Arc<SessionOptions>>,
        kind: &'static str,
        events: EventSource,
    ) -> io::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        Self::start_admitted(stream, options.into(), kind, events, |connection| Some(connection.announce()))
            .map(|admitted| admitted.expect("it is admitted"))
    }

    fn start_socket(
        stream: TcpStream,
        options: Arc<SessionOptions>,
        kind: &'static str,
        events: EventSource,
        admit: impl FnOnce(&Self) -> Option<Pushed>,
    ) -> io::Result<Option<Self>> {
        options.apply_to(&stream)?;
        let addresses = Some((stream.local_addr()?, stream.peer_addr()?));
        let (read_half, write_half) = stream.into_split();
        let write_half = Arc::new(write_half);
        let wire = TcpWire::new(Arc::clone(&write_half));
        let socket = Arc::downgrade(&write_half);
        let (source, outlet) = (Source::Socket(read_half), Outlet::Socket(write_half));
        Ok(Self::begin(source, outlet, wire, addresses, socket, options, kind, events, admit))
    }

    /// Starts a session if it is admitted. `admit` is called before anything of the session happens: it puts the
    /// connection where others find it, and [announces](Self::announce) it in the same step, or gives `None`.
    pub fn start_admitted<S>(
        stream: S,
        options: Arc<SessionOptions>,
        kind: &'static str,
        events: EventSource,
        admit: impl FnOnce(&Self) -> Option<Pushed>,
    ) -> io::Result<Option<Self>>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let mut stream = Some(stream);
        if let Some(tcp) = (&mut stream as &mut dyn Any).downcast_mut().and_then(Option::take) {
            return Self::start_socket(tcp, options, kind, events, admit);
        }
        let (read_half, write_half) = split(stream.expect("it has not been taken as a TCP stream"));
        let source = Source::Stream(ReadAhead::new(read_half));
        let wire = StreamWire::new(write_half);
        Ok(Self::begin(source, Outlet::Queue, wire, None, Weak::new(), options, kind, events, admit))
    }

    #[expect(clippy::too_many_arguments, reason = "what a session begins with")]
    fn begin(
        source: Source,
        outlet: Outlet,
        wire: impl Wire,
        addresses: Option<(SocketAddr, SocketAddr)>,
        socket: Weak<OwnedWriteHalf>,
        options: Arc<SessionOptions>,
        kind: &'static str,
        events: EventSource,
        admit: impl FnOnce(&Self) -> Option<Pushed>,
    ) -> Option<Self> {
        static SESSIONS: AtomicU64 = AtomicU64::new(1);
        let now = Instant::now();
        let first_arrival = options.idle_timeout.map(|_| now);
        let number = SESSIONS.fetch_add(1, Ordering::Relaxed);
        let peer = addresses.map(|(_, peer)| tracing::field::display(peer));
        let span = tracing::info_span!("session", endpoint = %options.name, kind, peer, number);
        let connection = Self {
            shared: Arc::new(Shared {
                number,
                addresses,
                limit: AtomicUsize::new(options.limit),
                text: Lock::new(options.text.clone()),
                began: now,
                last_heartbeat: Lock::new(None),
                callbacks: events.progress(),
                state: SessionState::connected(events, options.has_handler),
                reading: Reading::new(source, first_arrival),
                writing: Writing::new(outlet, options.write_limit),
                socket,
                looked: AtomicU64::new(clock()),
                given_up: AtomicU64::new(0),
                runtime: Some(Handle::current()),
                span: span.clone(),
                options,
            }),
        };
        let announced = admit(&connection)?;
        let finish = Finish::new(connection.clone());
        span.in_scope(|| tracing::info!("connected"));
        announced.tell();
        tokio::spawn(run_session(finish, wire).instrument(span));
        Some(connection)
    }

    /// Queues the event of the session's beginning. Takes no lock that others' code runs under.
    pub fn announce(&self) -> Pushed {
        self.shared.state.announce(self)
    }

    /// Has the session begin with another format of text than that of its options.
    pub fn begin_with(&self, text: TextFormat) {
        *self.shared.text.lock() = text;
    }

    /// Ends the session for good, without waiting: `should_be_connected` is cleared.
    pub fn start_close(&self, reason: DisconnectReason) {
        self.revoke_and(reason, |state| state.should_be_connected = false);
    }

    /// Ends the session, and what of it is still readable or at work.
    pub fn revoke(&self, reason: DisconnectReason) {
        self.revoke_and(reason, |_| ());
    }

    pub(super) fn revoke_and(&self, reason: DisconnectReason, change: impl FnOnce(&mut Inner)) {
        self.end_and(reason, |state| {
            state.revoked = true;
            change(state);
        });
        if self.is_closed() {
            self.shared.reading.discard(&self.shared.state.reason());
        }
    }

    /// Ends the session, unless it has ended before. What has arrived stays readable.
    pub fn end(&self, reason: DisconnectReason) {
        self.end_and(reason, |_| ());
    }

    pub(super) fn end_and(&self, reason: DisconnectReason, change: impl FnOnce(&mut Inner)) {
        self.shared.state.end(self, reason, change).tell(self);
    }

    /// Whether reads have nothing more to tell: a read has reported the end, or the session was revoked.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.shared.state.look(|state| state.end_reported || state.revoked)
    }

    /// How many reads have returned a result.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.shared.reading.count()
    }

    /// Whether the session lives, as far as is known: nobody is asked, and so nobody told.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.shared.state.is_connected()
    }

    /// Asks the stream whether the peer has hung up, and acts on it. Whether the session still stands in the way of
    /// another: one that drains does not.
    #[must_use]
    pub async fn is_occupied(&self) -> bool {
        self.look_well_for_hang_up().await;
        self.shared.state.phase() == Phase::Connected
    }

    /// How long a close may take.
    #[must_use]
    pub fn close_timeout(&self) -> Duration {
        self.shared.options.close_timeout
    }

    /// The span of the session's log events.
    #[must_use]
    pub fn span(&self) -> &tracing::Span {
        &self.shared.span
    }
}
