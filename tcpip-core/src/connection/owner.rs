//! What the client or server that owns a session does with it, and its users do not.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::io::split;
use tracing::Instrument;

use super::{
    Connection, Shared,
    driver::{Finish, run_session},
    interceptors::Passage,
    options::SessionOptions,
    shared::Beginning,
    transport::{Beneath, DirectWire, Guarded, Source, StreamWire, Wire, WriteHalf},
};
use crate::{
    ConnectionEvent, DisconnectReason, NetworkStream, Transport,
    endpoint::{EventSource, Pushed},
    network::Kind,
    session::{Ending, Phase, Session},
};

#[doc(hidden)]
impl Connection {
    /// Starts a session on `stream`; `kind` says in logs what it belongs to.
    pub fn start(
        stream: NetworkStream,
        options: impl Into<Arc<SessionOptions>>,
        kind: &'static str,
        events: EventSource,
    ) -> io::Result<Self> {
        Self::start_admitted(stream, options.into(), kind, events, |connection| Some(connection.announce()))
            .map(|admitted| admitted.expect("it is admitted"))
    }

    /// Starts a session if it is admitted. `admit` is called before anything of the session happens: it puts the
    /// connection where others find it, and [announces](Self::announce) it in the same step, or gives `None`.
    pub fn start_admitted(
        stream: NetworkStream,
        options: Arc<SessionOptions>,
        kind: &'static str,
        events: EventSource,
        admit: impl FnOnce(&Self) -> Option<Pushed>,
    ) -> io::Result<Option<Self>> {
        let passage = options.passage.begin()?;
        let (kind_of_stream, (local, peer)) = stream.into_kind();
        let (source, beneath, addresses) = match kind_of_stream {
            Kind::Socket(socket) => {
                options.apply_to(&socket)?;
                let local = local.map_or_else(|| socket.local_addr(), Ok)?;
                let addresses = (Some(local), Some(peer.map_or_else(|| socket.peer_addr(), Ok)?));
                let (read_half, write_half) = socket.into_split();
                (Source::Socket(read_half), Beneath::Socket(write_half), addresses)
            }
            Kind::Transport(transport) => {
                let transport = Arc::new(Guarded::new(transport));
                if let Some(socket) = transport.socket() {
                    options.apply_to(socket)?;
                }
                let addresses = (transport.local_addr(), transport.peer_addr());
                let write_half = WriteHalf::new(Arc::clone(&transport));
                (Source::Transport(transport), Beneath::Other(write_half), addresses)
            }
            Kind::Stream(stream) => {
                let (read_half, write_half) = split(stream);
                let (source, wire) = (Source::of_stream(read_half), StreamWire::new(write_half));
                return Ok(Self::begin(source, wire, (None, None), Weak::new(), options, passage, kind, events, admit));
            }
        };
        let beneath = Arc::new(beneath);
        let transport = Arc::downgrade(&beneath);
        Ok(Self::begin(source, DirectWire::new(beneath), addresses, transport, options, passage, kind, events, admit))
    }

    #[expect(clippy::too_many_arguments, reason = "what a session begins with")]
    fn begin(
        source: Source,
        wire: impl Wire,
        addresses: (Option<SocketAddr>, Option<SocketAddr>),
        transport: Weak<Beneath>,
        options: Arc<SessionOptions>,
        passage: Option<Box<Passage>>,
        kind: &'static str,
        events: EventSource,
        admit: impl FnOnce(&Self) -> Option<Pushed>,
    ) -> Option<Self> {
        static SESSIONS: AtomicU64 = AtomicU64::new(1);
        let number = SESSIONS.fetch_add(1, Ordering::Relaxed);
        // As OpenTelemetry names them.
        let span = tracing::info_span!(
            "session",
            endpoint = %options.name,
            otel.kind = kind,
            network.peer.address = addresses.1.map(|peer| tracing::field::display(peer.ip())),
            network.peer.port = addresses.1.map(|peer| peer.port()),
            number,
        );
        let connection = Self {
            shared: Arc::new(Shared::new(Beginning {
                number,
                addresses,
                options,
                passage,
                source,
                transport,
                events,
                span: span.clone(),
            })),
        };
        let announced = admit(&connection)?;
        let finish = Finish::new(connection.clone());
        span.in_scope(|| tracing::info!("connected"));
        connection.tell_beginning();
        announced.tell();
        // In a box: tokio rounds what is in a task itself up to whole cache lines.
        tokio::spawn(Box::pin(run_session(finish, wire).instrument(span)));
        Some(connection)
    }

    /// Queues the event of the session's beginning. Takes no lock that others' code runs under.
    pub fn announce(&self) -> Pushed {
        let event = ConnectionEvent::connected(self.clone());
        self.shared.locked.lock().events.push(event)
    }

    /// Has the session begin with what was set since its options were read.
    pub fn begin_with(&self, options: &SessionOptions) {
        self.input(|session, _| session.begin_with(options));
    }

    /// Ends the session for good, without waiting: `should_be_connected` is cleared.
    pub fn start_close(&self, reason: DisconnectReason) {
        self.input(|session, effects| session.close(reason, Ending::Revoked, effects));
    }

    /// As [`start_close`](Self::start_close). What had arrived before a session was lost stays readable, where no
    /// handler reads it.
    pub fn let_go(&self, reason: DisconnectReason) {
        self.input(|session, effects| session.let_go(reason, effects));
    }

    /// Ends the session, and what of it is still readable or at work.
    pub fn revoke(&self, reason: DisconnectReason) {
        self.input(|session, effects| session.revoke(reason, Ending::Revoked, effects));
    }

    /// Ends the session, unless it has ended before. What has arrived stays readable.
    pub fn end(&self, reason: DisconnectReason) {
        self.input(|session, effects| session.end(reason, effects));
    }

    /// Whether reads have nothing more to tell: a read has reported the end, or the session was revoked.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.look(Session::is_exhausted)
    }

    /// How many reads have returned a result.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.look(|session| session.counts().reads)
    }

    /// Whether the session lives, as far as is known: nobody is asked, and so nobody told.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.look(|session| session.life().is_connected())
    }

    /// Asks the stream whether the peer has hung up, and acts on it. Whether the session still stands in the way of
    /// another: one that drains does not.
    #[must_use]
    pub async fn is_occupied(&self) -> bool {
        self.look_well_for_hang_up().await;
        self.look(|session| *session.life().phase() == Phase::Connected)
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
