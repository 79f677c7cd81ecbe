//! What is between the stream and the session: a filter, and those who listen in.

use std::{
    collections::VecDeque,
    fmt, io,
    sync::Arc,
    task::{Poll, ready},
};

use bytes::BufMut;
use tokio::time::Instant;

use super::wire_log::WireTrace;
use crate::{
    DisconnectReason, FrameBuffer,
    connection::{ChunkEnd, ChunkTap, Connection, Direction, Filter, FrameTap, WireLog},
    session::{Place, Queued, TapKind, Tapped},
    sync::{
        Lock, catch_panic_in, drop_caught,
        oneshot::{Receiver, error::TryRecvError},
    },
};

/// How many bytes of answers may wait to be sent.
const MOST_ANSWERS: usize = 64 * 1024;

/// How much is received at once on its way through a filter or a tap.
const LEAST_CHUNK: usize = 4096;
const LARGEST_CHUNK: usize = 64 * 1024;

type MakeFilter = dyn Fn() -> Arc<dyn Filter> + Send + Sync;

/// The options of a passage: mostly none.
#[derive(Clone, Default)]
pub(crate) struct PassageOptions(Option<Arc<Parts>>);

#[derive(Clone, Default)]
struct Parts {
    filter: Option<Arc<MakeFilter>>,
    chunks: Option<Arc<dyn ChunkTap>>,
    frames: Option<Arc<dyn FrameTap>>,
    log: Option<WireLog>,
}

impl PassageOptions {
    pub(in crate::connection) fn filter<F: Filter>(&mut self, filter: impl Fn() -> F + Send + Sync + 'static) {
        self.parts().filter = Some(Arc::new(move || Arc::new(filter())));
    }

    pub(in crate::connection) fn tap_chunks(&mut self, tap: Arc<dyn ChunkTap>) {
        self.parts().chunks = Some(tap);
    }

    pub(in crate::connection) fn tap_frames(&mut self, tap: Arc<dyn FrameTap>) {
        self.parts().frames = Some(tap);
    }

    pub(in crate::connection) fn wire_log(&mut self, log: &WireLog) {
        self.parts().log = Some(log.clone());
    }

    fn parts(&mut self) -> &mut Parts {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// Whether somebody listens in on frames.
    pub(crate) fn taps_frames(&self) -> bool {
        WireTrace::is_wanted() || self.0.as_ref().is_some_and(|parts| parts.frames.is_some() || parts.log.is_some())
    }

    /// That of one session, if there is anything in it; an error if there is no filter to be had.
    pub(in crate::connection) fn begin(&self) -> io::Result<Option<Box<Passage>>> {
        let none = Parts::default();
        let Parts { filter, chunks, frames, log } = match self.0.as_deref() {
            Some(parts) => parts,
            None if WireTrace::is_wanted() => &none,
            None => return Ok(None),
        };
        let filter = filter.as_ref().map(|begin| catch_panic_in(|| begin())).transpose().map_err(|panic| {
            tracing::error!("no filter could be made for a session: {panic}");
            io::Error::other(format!("no filter could be made: {panic}"))
        })?;
        Ok(Some(Box::new(Passage {
            filter,
            chunks: chunks.clone(),
            frames: [
                frames.clone(),
                log.clone().map(|log| Arc::new(log) as Arc<dyn FrameTap>),
                WireTrace::is_wanted().then(|| Arc::new(WireTrace) as Arc<dyn FrameTap>),
            ]
            .into_iter()
            .flatten()
            .collect(),
            ends: Lock::default(),
            answers: Lock::default(),
            untold: Lock::default(),
        })))
    }
}

/// Whether both have the same filter and the same taps.
impl PartialEq for PassageOptions {
    fn eq(&self, other: &Self) -> bool {
        fn is_same<T: ?Sized>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
            match (one, other) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (one, other) => one.is_none() && other.is_none(),
            }
        }
        let none = Parts::default();
        let (one, other) = (self.0.as_deref().unwrap_or(&none), other.0.as_deref().unwrap_or(&none));
        is_same(one.filter.as_ref(), other.filter.as_ref())
            && is_same(one.chunks.as_ref(), other.chunks.as_ref())
            && is_same(one.frames.as_ref(), other.frames.as_ref())
            && match (&one.log, &other.log) {
                (Some(one), Some(other)) => one.is_same(other),
                (one, other) => one.is_none() && other.is_none(),
            }
    }
}

impl Eq for PassageOptions {}

impl fmt::Debug for PassageOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = Parts::default();
        let Parts { filter, chunks, frames, log } = self.0.as_deref().unwrap_or(&none);
        formatter
            .debug_struct("PassageOptions")
            .field("filter", &filter.is_some())
            .field("chunks", &chunks.is_some())
            .field("frames", &frames.is_some())
            .field("log", log)
            .finish()
    }
}

/// What is between the stream and one session.
pub(in crate::connection) struct Passage {
    filter: Option<Arc<dyn Filter>>,
    chunks: Option<Arc<dyn ChunkTap>>,
    frames: Vec<Arc<dyn FrameTap>>,
    ends: Lock<ChunkEnds>,
    answers: Lock<Answers>,
    untold: Lock<TapQueue>,
}

/// What has been told of the ends of a session's directions.
#[derive(Default)]
struct ChunkEnds {
    received: Option<ChunkEnd>,
    sent: Option<ChunkEnd>,
}

/// Answers that are on their way.
#[derive(Default)]
struct Answers {
    waiting: VecDeque<(usize, Receiver<()>)>,
    bytes: usize,
}

/// Frames that are still to be told, in their order, by one at a time.
#[derive(Default)]
struct TapQueue {
    frames: VecDeque<Tapped>,
    is_telling: bool,
}

impl Passage {
    /// Has `poll` receive, and puts what is made of that into `frames`. The result, and what was put there.
    pub(in crate::connection) fn receive(
        &self,
        connection: &Connection,
        wanted: usize,
        frames: &mut FrameBuffer,
        poll: impl FnOnce(&mut dyn BufMut) -> Poll<io::Result<usize>>,
    ) -> Poll<(io::Result<usize>, Vec<u8>)> {
        let mut chunk = Vec::with_capacity(wanted.clamp(LEAST_CHUNK, LARGEST_CHUNK));
        let result = ready!(poll(&mut chunk));
        let input = if chunk.is_empty() { chunk } else { self.arrived(connection, &chunk) };
        frames.append(&input);
        Poll::Ready((result, input))
    }

    /// Bytes have come out of the transport. What is made of them.
    pub(in crate::connection) fn arrived(&self, connection: &Connection, chunk: &[u8]) -> Vec<u8> {
        if let Some(tap) = &self.chunks {
            let at = Instant::now();
            heard(|| tap.chunk(connection, Direction::Received, at, chunk));
        }
        let Some(filter) = &self.filter else { return chunk.to_vec() };
        let (mut input, mut answer) = (Vec::new(), Vec::new());
        if let Err(panic) = catch_panic_in(|| filter.received(chunk, &mut input, &mut answer)) {
            connection.end(DisconnectReason::HandlerFailed { cause: format!("the filter panicked: {panic}").into() });
        } else if !answer.is_empty() {
            self.answer(connection, &answer);
        }
        input
    }

    /// A direction ends, behind all that has been told of it.
    fn ended(&self, tap: &dyn ChunkTap, connection: &Connection, direction: Direction, end: ChunkEnd) {
        let at = Instant::now();
        let mut ends = self.ends.lock();
        let told = match direction {
            Direction::Received => &mut ends.received,
            Direction::Sent => &mut ends.sent,
        };
        if *told < Some(end) {
            *told = Some(end);
            drop(ends);
            heard(|| tap.ended(connection, direction, at, end));
        }
    }

    /// Queues an answer, which goes out without anybody's help.
    fn answer(&self, connection: &Connection, answer: &[u8]) {
        // Without a session there is nobody to answer.
        let Ok(queued) = connection.begin_unfiltered(&[answer], Place::Last, |_| ()) else { return };
        let Some(Queued { taken, .. }) = queued else { return };
        let mut answers = self.answers.lock();
        while let Some((length, taken)) = answers.waiting.front_mut()
            && taken.try_recv() != Err(TryRecvError::Empty)
        {
            answers.bytes -= *length;
            answers.waiting.pop_front();
        }
        answers.bytes += answer.len();
        answers.waiting.push_back((answer.len(), taken));
        let is_too_much = answers.bytes > MOST_ANSWERS;
        drop(answers);
        if is_too_much {
            connection
                .end(DisconnectReason::HandlerFailed { cause: "the peer does not read the filter's answers".into() });
        }
    }

    /// What is sent for a message, if a filter makes another of it. Of an empty one nothing is sent.
    pub(in crate::connection) fn filtered(&self, parts: &[&[u8]]) -> Option<Vec<u8>> {
        let filter = self.filter.as_ref()?;
        let (message, mut output) = (parts.concat(), Vec::new());
        if !message.is_empty() {
            filter.sent(&message, &mut output);
        }
        Some(output)
    }

    /// Something is about to be given to the transport: whom to tell then.
    fn tapping(&self) -> Option<Tapping<'_>> {
        let tap = self.chunks.as_deref()?;
        Some(Tapping { tap, at: Instant::now() })
    }

    /// Notes, under the session's lock, what is to be [told](Self::tell).
    pub(in crate::connection) fn note(&self, frames: Vec<Tapped>) {
        self.untold.lock().frames.extend(frames);
    }

    /// Tells what is noted, unless somebody is at it, who then tells that too.
    pub(in crate::connection) fn tell(&self, connection: &Connection) {
        if self.frames.is_empty() || std::mem::replace(&mut self.untold.lock().is_telling, true) {
            return;
        }
        loop {
            let mut untold = self.untold.lock();
            let Some(Tapped { kind, at, bytes }) = untold.frames.pop_front() else {
                untold.is_telling = false;
                return;
            };
            drop(untold);
            for tap in &self.frames {
                heard(|| match kind {
                    TapKind::Received => tap.frame(connection, Direction::Received, at, &bytes),
                    TapKind::Sent => tap.frame(connection, Direction::Sent, at, &bytes),
                    TapKind::Unread => tap.unread(connection, at, &bytes),
                    TapKind::Ended => connection.reason().iter().for_each(|reason| tap.ended(connection, reason)),
                });
            }
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        drop_caught("a filter", self.filter.take());
    }
}

/// Somebody who is to be told what the transport takes, and when that began.
pub(in crate::connection) struct Tapping<'a> {
    tap: &'a dyn ChunkTap,
    at: Instant,
}

impl Tapping<'_> {
    /// The transport has taken so many bytes in front of these.
    pub(in crate::connection) fn took(self, connection: &Connection, parts: &[&[u8]], taken: usize) {
        let mut chunk = parts.concat();
        chunk.truncate(taken);
        if !chunk.is_empty() {
            heard(|| self.tap.chunk(connection, Direction::Sent, self.at, &chunk));
        }
    }
}

impl Connection {
    /// The session has begun.
    pub(in crate::connection) fn tell_beginning(&self) {
        if let Some((_, tap)) = self.chunk_tap() {
            heard(|| tap.began(self));
        }
    }

    /// This end is about to end what it sends.
    pub(in crate::connection) fn tell_end_of_sending(&self, end: ChunkEnd) {
        if let Some((passage, tap)) = self.chunk_tap() {
            passage.ended(tap, self, Direction::Sent, end);
        }
    }

    /// If the peer has ended what it sends, tells so once all before that has been told. Whether this `is_empty` is
    /// what is known of the stream.
    pub(in crate::connection) fn tell_end_of_receiving(&self, is_empty: impl FnOnce() -> bool) {
        if let Some((passage, tap)) = self.chunk_tap() {
            let is_empty = is_empty();
            if let Some(end) = self.look(|session| session.peers_end(is_empty)) {
                passage.ended(tap, self, Direction::Received, end);
            }
        }
    }

    fn chunk_tap(&self) -> Option<(&Passage, &dyn ChunkTap)> {
        let passage = self.shared.passage.as_deref()?;
        Some((passage, passage.chunks.as_deref()?))
    }

    /// Something is about to be given to the transport: whom to tell then.
    pub(in crate::connection) fn tapping(&self) -> Option<Tapping<'_>> {
        self.shared.passage.as_ref()?.tapping()
    }
}

/// Runs the code of who listens, whose panic is nobody else's.
fn heard(listen: impl FnOnce()) {
    if let Err(panic) = catch_panic_in(listen) {
        tracing::error!("a tap panicked: {panic}");
    }
}
