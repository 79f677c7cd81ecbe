//! Between the two connections of a session and its stages.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tcpip_core::{BoxFuture, Bytes};
use tokio::{
    io::ReadBuf,
    sync::watch,
    time::{Instant, Sleep, sleep_until},
};

use super::{Passed, ProxyTap, What, Wire, fault_guard::Settings, peer::Peer, turn::Turn};
use crate::{
    faults::{Direction, Item, Session},
    transcript::proxied::SessionRecording,
};

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// How many chunks are read in each direction before others have their turn.
const CHUNKS_IN_A_TURN: usize = 16;

/// Who is told what passes.
pub(super) struct Listeners {
    pub(super) tap: Option<Arc<dyn ProxyTap>>,
    pub(super) recording: SessionRecording,
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Both peers have been given the end of the stream.
    Done,
    /// Both are to be reset.
    Reset,
}

/// Moves bytes: from a connection into its lane, and out of the lane into the other connection.
pub(super) struct Pump<'a> {
    number: u64,
    session: Session,
    client: End<'a>,
    server: End<'a>,
    listeners: Listeners,
    settings: watch::Receiver<Settings>,
    /// What is read goes here first.
    buffer: Vec<u8>,
    timer: Pin<Box<Sleep>>,
    /// One direction has changed what is to be done in the other.
    is_restless: bool,
    others_turn: Option<Turn>,
}

/// A connection.
struct End<'a> {
    peer: &'a Peer,
    failed: BoxFuture<'a, ()>,
    /// All has been read.
    has_ended: bool,
    /// It has been given the end of the stream.
    is_finished: bool,
    is_reset: bool,
}

/// What came of moving bytes.
enum Moved {
    /// All that could be.
    All,
    /// There is more, but others have their turn first.
    Some,
    /// A reset has come.
    Reset,
}

impl<'a> Pump<'a> {
    pub(super) fn new(
        number: u64,
        [client, server]: [&'a Peer; 2],
        window: usize,
        listeners: Listeners,
        settings: watch::Receiver<Settings>,
    ) -> Self {
        let now = Instant::now();
        let mut pump = Self {
            number,
            session: Session::new(number, window, now),
            client: End::new(client),
            server: End::new(server),
            listeners,
            settings,
            buffer: Vec::new(),
            is_restless: false,
            others_turn: None,
            timer: Box::pin(sleep_until(now)),
        };
        pump.tell(Wire::Client, Direction::ToServer, What::Open);
        pump.tell(Wire::Server, Direction::ToServer, What::Open);
        pump.settings.mark_changed();
        pump
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        if let Some(turn) = &self.others_turn {
            ready!(turn.poll_over(context));
            self.others_turn = None;
        }
        loop {
            self.follow_settings();
            if self.session.has_faults() {
                self.session.advance(Instant::now());
            }
            self.is_restless = false;
            let mut is_all = true;
            for direction in [Direction::ToServer, Direction::ToClient] {
                match self.move_bytes(direction, context) {
                    Moved::Reset => return Poll::Ready(Ending::Reset),
                    Moved::Some => is_all = false,
                    Moved::All => {}
                }
            }
            if self.session.is_done() || (self.client.is_reset && self.server.is_reset) {
                return Poll::Ready(Ending::Done);
            }
            if self.is_restless {
                continue;
            }
            if !is_all {
                self.others_turn = Some(Turn::begin(context));
                return Poll::Pending;
            }
            let Some(time) = self.session.next_time() else { return Poll::Pending };
            if self.timer.deadline() != time {
                self.timer.as_mut().reset(time);
            }
            ready!(self.timer.as_mut().poll(context));
        }
    }

    /// Has the stages follow what is installed.
    fn follow_settings(&mut self) {
        if self.settings.has_changed().unwrap_or(false) {
            let settings = self.settings.borrow_and_update().clone();
            self.session.sync(&settings.installed, Instant::now());
        }
    }

    /// Moves what there is in one direction.
    fn move_bytes(&mut self, direction: Direction, context: &mut Context<'_>) -> Moved {
        for _ in 0..CHUNKS_IN_A_TURN {
            match self.write(direction, context) {
                Moved::All => {}
                moved => return moved,
            }
            if self.read(direction, context).is_pending() {
                return Moved::All;
            }
        }
        Moved::Some
    }

    /// Gives the peer what has left the lane: of several chunks one, so that it may find it alone.
    fn write(&mut self, direction: Direction, context: &mut Context<'_>) -> Moved {
        while let Some(item) = self.session.lane(direction).front().cloned() {
            if item == Item::Reset {
                self.cut();
                return Moved::Reset;
            }
            let sink = self.end(sink_of(direction));
            if sink.is_reset {
                // As a system answers for whom there is no connection any more.
                self.session.lane(direction).took(item.len());
                self.on_reset(sink_of(direction));
                continue;
            }
            match sink.give(&item, context) {
                Poll::Pending => return Moved::All,
                Poll::Ready(Err(_)) => self.on_reset(sink_of(direction)),
                Poll::Ready(Ok(count)) => {
                    self.session.lane(direction).took(count);
                    if let Item::Chunk(bytes) = item {
                        self.tell(sink_of(direction), direction, What::Bytes(&bytes[..count]));
                        if count == bytes.len() && matches!(self.session.lane(direction).front(), Some(Item::Chunk(_)))
                        {
                            return Moved::Some;
                        }
                    } else {
                        self.end(sink_of(direction)).is_finished = true;
                        self.tell(sink_of(direction), direction, What::End);
                        // The other direction may have to end as well.
                        self.session.advance(Instant::now());
                        self.is_restless = true;
                    }
                }
            }
        }
        Moved::All
    }

    /// Reads a chunk, and hands it to the lane, if there is room for any. Ready if something has come.
    fn read(&mut self, direction: Direction, context: &mut Context<'_>) -> Poll<()> {
        let room = self.session.lane(direction).room();
        let wire = source_of(direction);
        let source = self.end(wire);
        if source.is_reset {
            return Poll::Pending;
        }
        if source.has_ended || room == 0 {
            ready!(source.failed.as_mut().poll(context));
            self.on_reset(wire);
            return Poll::Ready(());
        }
        let result = ready!(self.read_chunk(wire, room.min(CHUNK), context));
        // What was installed before the peer sent this must not miss it.
        self.follow_settings();
        match result {
            Ok(0) => {
                self.end(wire).has_ended = true;
                self.tell(wire, direction, What::End);
                self.session.lane(direction).end(Instant::now());
            }
            Ok(count) => self.chunk_has_come(direction, count, context),
            Err(_) => self.on_reset(wire),
        }
        Poll::Ready(())
    }

    /// Reads into the buffer. How many bytes came.
    fn read_chunk(&mut self, wire: Wire, room: usize, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.buffer.resize(CHUNK, 0);
        let peer = self.end(wire).peer;
        let mut buffer = ReadBuf::new(&mut self.buffer[..room]);
        ready!(peer.poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Hands on what has been read: to the peer at once if there is nothing between.
    fn chunk_has_come(&mut self, direction: Direction, count: usize, context: &mut Context<'_>) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut chunk = &buffer[..count];
        self.tell(source_of(direction), direction, What::Bytes(chunk));
        let is_bare = self.session.lane(direction).is_bare();
        let sink = self.end(sink_of(direction));
        if is_bare && !sink.is_reset {
            match sink.peer.poll_write(context, chunk) {
                Poll::Pending => {}
                Poll::Ready(Err(_)) => self.on_reset(sink_of(direction)),
                Poll::Ready(Ok(taken)) => {
                    self.tell(sink_of(direction), direction, What::Bytes(&chunk[..taken]));
                    self.session.lane(direction).has_passed(taken);
                    chunk = &chunk[taken..];
                }
            }
        }
        if !chunk.is_empty() {
            self.session.lane(direction).chunk(Instant::now(), Bytes::copy_from_slice(chunk));
        }
        self.buffer = buffer;
    }

    /// A connection is reset: nothing more comes from it.
    fn on_reset(&mut self, wire: Wire) {
        let direction = match wire {
            Wire::Client => Direction::ToServer,
            Wire::Server => Direction::ToClient,
        };
        let end = self.end(wire);
        if !std::mem::replace(&mut end.is_reset, true) {
            self.tell(wire, direction, What::Reset);
        }
        self.session.lane(direction).reset(Instant::now());
        self.is_restless = true;
    }

    /// Both are about to be reset.
    pub(super) fn cut(&mut self) {
        if !self.client.is_over() {
            self.tell(Wire::Client, Direction::ToClient, What::Reset);
        }
        if !self.server.is_over() {
            self.tell(Wire::Server, Direction::ToServer, What::Reset);
        }
    }

    fn end(&mut self, wire: Wire) -> &mut End<'a> {
        match wire {
            Wire::Client => &mut self.client,
            Wire::Server => &mut self.server,
        }
    }

    fn tell(&mut self, wire: Wire, direction: Direction, what: What<'_>) {
        let Listeners { tap, recording } = &mut self.listeners;
        if tap.is_none() && !recording.is_on() {
            return;
        }
        let passed = Passed { session: self.number, wire, direction, at: Instant::now(), what };
        recording.note(&passed);
        if let Some(tap) = tap {
            tap.passed(&passed);
        }
    }
}

impl<'a> End<'a> {
    fn new(peer: &'a Peer) -> Self {
        Self { peer, failed: peer.failed(), has_ended: false, is_finished: false, is_reset: false }
    }

    /// Whether nothing passes any more, a reset neither.
    fn is_over(&self) -> bool {
        self.is_reset || (self.has_ended && self.is_finished)
    }

    /// Gives it an item that is no reset. How many bytes of it were taken.
    fn give(&self, item: &Item, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match item {
            Item::Chunk(bytes) => self.peer.poll_write(context, bytes),
            Item::End | Item::Reset => self.peer.poll_end(context).map_ok(|()| 0),
        }
    }
}

fn source_of(direction: Direction) -> Wire {
    match direction {
        Direction::ToServer => Wire::Client,
        Direction::ToClient => Wire::Server,
    }
}

fn sink_of(direction: Direction) -> Wire {
    source_of(direction.reverse())
}
