//! The read side of a session: the buffer, and the way from the stream into it.

use std::{
    future::poll_fn,
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    sync::MutexGuard,
    task::{Context, Poll, Waker},
};

use bytes::{BufMut, BytesMut};
use tokio::{
    io::AsyncRead,
    net::tcp::OwnedReadHalf,
    sync::{Notify, Semaphore, futures::Notified},
    task::coop::unconstrained,
    time::Instant,
};
use tokio_util::io::poll_read_buf;

use super::{Connection, later::Later, wire::discard_what_is_here};
use crate::{
    DisconnectReason, FrameBuffer, ReadError,
    catch_panic::{drop_caught, poll_stream},
    lock::Lock,
};

/// After so many receives in one poll others have their turn, however much there is and whatever the stream makes of
/// tokio's budget.
const MOST_RECEIVES: usize = 32;

/// How much is dropped of a stream that never stops.
const MOST_DISCARDED: usize = 1024 * 1024;

/// How much is read ahead at once.
const CHUNK: usize = 4096;

/// Reads take turns; the bytes are in the lock, not in the future of the read whose turn it is, so that dropping
/// one loses nothing, and one that nobody polls holds up nothing but the reads behind it, while the session lives.
///
/// Users' code (decoders, streams, what is called with a frame) runs outside of the lock: what it works on is lent out.
pub(super) struct Reading {
    /// Held by the read whose turn it is. Closed once the session has set the end: no read waits for the socket any
    /// more, so none needs to wait for another, which perhaps nobody polls.
    turn: Semaphore,
    inner: Lock<Inner>,
    /// Told when somebody has polled the stream.
    polled: Notify,
    /// Until when the reads that have a deadline wait.
    deadlines: Lock<Vec<Instant>>,
}

struct Inner {
    source: Source,
    frames: FrameBuffer,
    /// How many bytes of frames a read has that runs users' code on them.
    lent: Option<usize>,
    /// What has arrived is not to be kept.
    discarded: bool,
    /// Set once nothing more will come out of the source.
    end: Option<End>,
    /// The read whose turn it is, for what it does not find out from the socket itself.
    waker: Option<Waker>,
    waits: Waits,
    /// How many reads have come to a result.
    count: u64,
    /// How many bytes ever came out of the source.
    received: u64,
    /// When the last did, if somebody wants to know.
    last_arrival: Option<Instant>,
}

/// What the read whose turn it is does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// Nothing, or its result is on the way to the caller.
    No,
    /// It has looked and found too little.
    ForMore,
    /// Bytes have been read ahead since.
    ToLook,
}

/// Where bytes come from.
pub(super) enum Source {
    /// Each read takes them out of the socket as it needs them.
    Socket(OwnedReadHalf),
    /// The session's task reads ahead.
    Stream(ReadAhead),
    /// There is nothing more.
    Ended,
}

/// A stream from which the session's task reads ahead, as far as the next frame may reach.
pub(super) struct ReadAhead {
    /// `None` while it is being polled.
    stream: Option<Box<Input>>,
    /// How many bytes the read that waits needs in the buffer, whatever the limit is.
    wanted: usize,
    /// The session's task.
    waker: Option<Waker>,
    /// It waits for room in the buffer.
    is_held_up: bool,
}

/// A stream, and where its bytes go while no lock is held.
struct Input<S: ?Sized = dyn AsyncRead + Send + Unpin> {
    chunk: BytesMut,
    stream: S,
}

impl ReadAhead {
    pub(super) fn new(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let stream = Box::new(Input { chunk: BytesMut::new(), stream });
        Self { stream: Some(stream), wanted: 0, waker: None, is_held_up: false }
    }
}

impl Input {
    fn poll(&mut self, context: &mut Context<'_>, room: usize) -> Poll<io::Result<usize>> {
        let Self { chunk, stream } = self;
        chunk.clear();
        chunk.reserve(CHUNK);
        poll_stream(|| poll_read_buf(Pin::new(stream), context, &mut chunk.limit(room)))
    }
}

/// How the stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// In good order: the peer has sent all that it wanted to send.
    Stream,
    /// With the session.
    Session(DisconnectReason),
}

/// What a read makes of the buffer.
pub(super) trait Take {
    type Output;

    /// Whether code of the user's works on the buffer, which is then lent out.
    const RUNS_USERS_CODE: bool = false;

    /// How many bytes are certainly needed in all, if that is known: also the `expected` of an `Incomplete`.
    fn expected(&self) -> Option<usize> {
        None
    }

    /// Takes the result out, if all of it is there.
    fn take(&mut self, frames: &mut FrameBuffer, limit: usize) -> Option<Result<Self::Output, ReadError>>;

    /// Takes the result out at the end of the stream.
    fn take_at_end(&mut self, frames: &mut FrameBuffer) -> Taken<Self::Output> {
        Taken { result: self.take_rest(frames.take_rest()), reports_end: true }
    }

    /// Takes the result out at the end of the stream, of which `rest` is left.
    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Self::Output, ReadError> {
        Err(ReadError::Incomplete { partial: rest, expected: self.expected() })
    }

    /// Why the session ends with this result, if nobody knows any more where the next frame begins.
    fn loses_track(_result: &Result<Self::Output, ReadError>) -> Option<DisconnectReason> {
        None
    }
}

/// What a read came to.
pub(super) struct Taken<T> {
    pub(super) result: Result<T, ReadError>,
    /// The result tells the caller that there is nothing more to read.
    pub(super) reports_end: bool,
}

/// What is left to read when the peer hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Data waits in the buffer.
    pub(super) unread: bool,
    /// A read waits, and so will find the end by itself.
    pub(super) being_read: bool,
}

/// What has arrived, as the liveness of the peer is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    /// How many bytes ever arrived, read or unread. It only grows.
    pub(super) total: u64,
    /// Some wait in the system, since when nobody knows.
    pub(super) beneath: bool,
    /// Some have not been looked at by the read that waits.
    pub(super) unread: bool,
    /// A read waits for more.
    pub(super) being_read: bool,
    /// When bytes last came out of the source.
    pub(super) last: Option<Instant>,
}

impl Reading {
    /// `now` if the times of arrivals are to be noted.
    pub(super) fn new(source: Source, now: Option<Instant>) -> Self {
        let end = matches!(source, Source::Ended).then_some(End::Session(DisconnectReason::Closed));
        Self {
            turn: Semaphore::new(1),
            inner: Lock::new(Inner {
                source,
                frames: FrameBuffer::default(),
                lent: None,
                discarded: false,
                end,
                waker: None,
                waits: Waits::No,
                count: 0,
                received: 0,
                last_arrival: now,
            }),
            polled: Notify::new(),
            deadlines: Lock::default(),
        }
    }

    /// Takes one result out, in turn.
    pub(super) async fn take<T: Take>(&self, connection: &Connection, mut take: T) -> Taken<T::Output> {
        let _turn = self.turn.acquire().await;
        poll_fn(|context| {
            let mut later = Later::default();
            let polled = self.poll_take(context, connection, &mut take, &mut later);
            later.run();
            polled
        })
        .await
    }

    fn poll_take<T: Take>(
        &self,
        context: &mut Context<'_>,
        connection: &Connection,
        take: &mut T,
        later: &mut Later,
    ) -> Poll<Taken<T::Output>> {
        let mut inner = self.inner.lock();
        if inner.lent.is_some() {
            // After the end there are no turns, and what another read has may come back.
            later.wake(Some(context.waker().clone()));
            return Poll::Pending;
        }
        inner.waits = Waits::No;
        for _ in 0..MOST_RECEIVES {
            let (limit, seen) = (connection.limit(), inner.received);
            let taken;
            (inner, taken) = self.with_frames::<T, _>(inner, later, |frames| take.take(frames, limit));
            if let Some(result) = taken {
                inner.count += 1;
                if let Some(reason) = T::loses_track(&result) {
                    inner.frames = FrameBuffer::default();
                    inner.at_end(connection, Some(reason), later);
                }
                inner.room_for(0, later);
                return Poll::Ready(Taken { result, reports_end: false });
            }
            if inner.received != seen {
                // More was read ahead while the frames were lent.
                continue;
            }
            if let Some(end) = inner.end.clone() {
                let taken;
                (inner, taken) = self.with_frames::<T, _>(inner, later, |frames| take_at_end(take, end, frames));
                inner.count += u64::from(!taken.reports_end);
                return Poll::Ready(taken);
            }
            let Inner { source, frames, .. } = &mut *inner;
            let received = match source {
                Source::Socket(socket) => {
                    let missing = take.expected().map_or(0, |expected| expected.saturating_sub(frames.len()));
                    poll_read_buf(Pin::new(socket), context, frames.spare(missing))
                }
                Source::Stream(_) => {
                    let wanted = take.expected().unwrap_or(0).max(frames.len() + 1);
                    inner.room_for(wanted, later);
                    Poll::Pending
                }
                Source::Ended => unreachable!("a source is there until the end is"),
            };
            match received {
                Poll::Pending => {
                    later.replace(&mut inner.waker, context);
                    inner.waits = Waits::ForMore;
                    return Poll::Pending;
                }
                Poll::Ready(Ok(count)) if count > 0 => {
                    inner.frames.received(count);
                    inner.note_arrival(count);
                }
                Poll::Ready(result) => {
                    let cause = result.err().as_ref().map(DisconnectReason::from_io);
                    inner.at_end(connection, cause, later);
                }
            }
        }
        later.wake(Some(context.waker().clone()));
        Poll::Pending
    }

    /// Does `work` on the frames: outside of the lock if it is users' code, which may take its time.
    fn with_frames<'a, T: Take, R>(
        &'a self,
        mut inner: MutexGuard<'a, Inner>,
        later: &mut Later,
        work: impl FnOnce(&mut FrameBuffer) -> R,
    ) -> (MutexGuard<'a, Inner>, R) {
        if !T::RUNS_USERS_CODE {
            let result = work(&mut inner.frames);
            return (inner, result);
        }
        let mut frames = std::mem::take(&mut inner.frames);
        inner.lent = Some(frames.len());
        drop(inner);
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut frames)));
        let mut inner = self.inner.lock();
        inner.lent = None;
        if !inner.discarded {
            let arrived = std::mem::replace(&mut inner.frames, frames).take_rest();
            if !arrived.is_empty() {
                inner.append(&arrived);
            }
        }
        inner.wake_ahead(later);
        match result {
            Ok(result) => (inner, result),
            Err(panic) => {
                drop(inner);
                std::mem::take(later).run();
                resume_unwind(panic)
            }
        }
    }

    /// Reads ahead, in the session's task, until the source has ended.
    pub(super) fn poll_ahead(&self, context: &mut Context<'_>, connection: &Connection) -> Poll<()> {
        let mut later = Later::default();
        let found = self.poll_ahead_and(context, connection, &mut later, Reader::Task);
        later.run();
        self.polled.notify_waiters();
        if found == Found::End { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Reads ahead what is there now, from outside the session's task.
    pub(super) fn read_ahead(&self, connection: &Connection) -> Found {
        let look = poll_fn(|context| {
            let mut later = Later::default();
            let found = self.poll_ahead_and(context, connection, &mut later, Reader::Visitor);
            // The task must look again: the source remembers one waker, and now it is another's.
            self.inner.lock().wake_task(&mut later);
            later.run();
            if found != Found::Busy {
                self.polled.notify_waiters();
            }
            Poll::Ready(found)
        });
        // However much the caller's task has done: a stream may else pretend to have nothing, to let others run.
        let look = pin!(unconstrained(look));
        match look.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(found) => found,
            Poll::Pending => unreachable!("it never waits"),
        }
    }

    /// Reads ahead, and wakes the read that waits if there is anything new for it.
    fn poll_ahead_and(
        &self,
        context: &mut Context<'_>,
        connection: &Connection,
        later: &mut Later,
        reader: Reader,
    ) -> Found {
        for _ in 0..MOST_RECEIVES {
            let mut inner = self.inner.lock();
            let room = inner.room(connection.limit(), self.has_reader());
            let Source::Stream(ahead) = &mut inner.source else { return Found::End };
            if reader == Reader::Task {
                later.replace(&mut ahead.waker, context);
            }
            if room == 0 {
                ahead.is_held_up = true;
                return Found::Nothing;
            }
            // A visitor that has it wakes the task when it is done.
            let Some(mut input) = ahead.stream.take() else { return Found::Busy };
            drop(inner);
            let received = input.poll(context, room);
            let mut inner = self.inner.lock();
            let count = match received {
                Poll::Pending => {
                    later.let_go(inner.put_back(input));
                    return Found::Nothing;
                }
                Poll::Ready(Ok(count)) => count,
                Poll::Ready(Err(error)) => {
                    let cause = Some(DisconnectReason::from_io(&error));
                    later.let_go(inner.put_back(input));
                    inner.at_end(connection, cause, later);
                    later.wake(inner.waker.take());
                    return Found::End;
                }
            };
            if count == 0 {
                later.let_go(inner.put_back(input));
                inner.at_end(connection, None, later);
            } else if matches!(inner.source, Source::Stream(_)) {
                inner.append(&input.chunk);
                inner.note_arrival(count);
                if inner.waits == Waits::ForMore {
                    inner.waits = Waits::ToLook;
                }
                later.let_go(inner.put_back(input));
            } else {
                later.let_go(inner.put_back(input));
            }
            later.wake(inner.waker.take());
        }
        later.wake(Some(context.waker().clone()));
        Found::Enough
    }

    /// Returns once somebody who polls the stream when this is called has done so.
    pub(super) fn polled(&self) -> Notified<'_> {
        self.polled.notified()
    }

    /// Has the session's task look again, and the read that waits: the limit is another, or the text's format.
    pub(super) fn look_again(&self) {
        let mut later = Later::default();
        let mut inner = self.inner.lock();
        inner.wake_task(&mut later);
        later.wake(inner.waker.take());
        drop(inner);
        later.run();
    }

    /// Whether it is the turn of some read.
    fn has_reader(&self) -> bool {
        self.turn.available_permits() == 0
    }

    /// Looks at what is left, with reads held off while `act` draws the consequence.
    pub(super) fn look(&self, act: impl FnOnce(Left, &mut Later)) {
        let mut later = Later::default();
        let inner = self.inner.lock();
        let being_read = inner.waits != Waits::No && self.has_reader();
        act(Left { unread: inner.lent.is_some() || !inner.frames.is_empty(), being_read }, &mut later);
        drop(inner);
        later.run();
    }

    /// What has arrived, the bytes that wait beneath included.
    pub(super) fn arrived(&self, beneath: impl FnOnce() -> u64) -> Arrived {
        let inner = self.inner.lock();
        let beneath = beneath();
        Arrived {
            total: inner.received + beneath,
            beneath: beneath > 0,
            unread: beneath > 0 || inner.waits == Waits::ToLook,
            being_read: inner.waits != Waits::No && self.has_reader(),
            last: inner.last_arrival,
        }
    }

    /// Notes that a read waits until `deadline`, as long as the value lives.
    pub(super) fn waits_until(&self, deadline: Instant) -> impl Drop {
        struct Waits<'a>(&'a Reading, Instant);

        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                let mut deadlines = self.0.deadlines.lock();
                if let Some(at) = deadlines.iter().position(|deadline| *deadline == self.1) {
                    deadlines.swap_remove(at);
                }
            }
        }

        self.deadlines.lock().push(deadline);
        Waits(self, deadline)
    }

    /// Until when some read waits that has a deadline.
    pub(super) fn awaited_until(&self) -> Option<Instant> {
        self.deadlines.lock().iter().max().copied()
    }

    pub(super) fn count(&self) -> u64 {
        self.inner.lock().count
    }

    /// How many bytes ever came out of the source.
    pub(super) fn received(&self) -> u64 {
        self.inner.lock().received
    }

    /// Drops what is in the buffer and beneath, in turn. How many bytes that was.
    pub(super) async fn discard_input(&self, connection: &Connection) -> usize {
        let _turn = self.turn.acquire().await;
        // Nothing waits from here on, or a count could be lost.
        let mut discarded = self.discard_what_is_here(connection);
        // A stream is read ahead as far as there is room: there may be more.
        while self.inner.lock().reads_ahead() && discarded < MOST_DISCARDED {
            connection.look_for_hang_up();
            match self.discard_what_is_here(connection) {
                0 => break,
                count => discarded += count,
            }
        }
        discarded
    }

    fn discard_what_is_here(&self, connection: &Connection) -> usize {
        let mut later = Later::default();
        let mut inner = self.inner.lock();
        let mut discarded = inner.frames.discard();
        if let Source::Socket(socket) = &inner.source {
            let beneath = discard_what_is_here(socket.as_ref());
            discarded += beneath.count;
            inner.note_arrival(beneath.count);
            if let Some(error) = beneath.error {
                let cause = Some(DisconnectReason::from_io(&error));
                inner.at_end(connection, cause, &mut later);
            }
        }
        inner.room_for(0, &mut later);
        drop(inner);
        later.run();
        discarded
    }

    /// Lets all reads go on: there is nothing that they wait for.
    pub(super) fn end_turns(&self) {
        self.turn.close();
    }

    /// Closes the socket for reading. What is in the buffer stays readable, then reads report `reason`.
    pub(super) fn close(&self, reason: &DisconnectReason) {
        self.close_and(reason, |_| ());
    }

    /// Closes the socket for reading and drops what is in the buffer.
    pub(super) fn discard(&self, reason: &DisconnectReason) {
        self.close_and(reason, |inner| {
            inner.discarded = true;
            inner.frames = FrameBuffer::default();
            if let Source::Socket(socket) = &inner.source {
                // A socket that is closed with unread input sends a reset, which overtakes what was written.
                discard_what_is_here(socket.as_ref());
            }
        });
    }

    fn close_and(&self, reason: &DisconnectReason, change: impl FnOnce(&mut Inner)) {
        let mut later = Later::default();
        let mut inner = self.inner.lock();
        change(&mut inner);
        inner.end.get_or_insert_with(|| match reason {
            DisconnectReason::ClosedByPeer => End::Stream,
            reason => End::Session(reason.clone()),
        });
        later.let_go(std::mem::replace(&mut inner.source, Source::Ended));
        later.wake(inner.waker.take());
        drop(inner);
        self.turn.close();
        later.run();
    }
}

/// What reading ahead has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The end of the stream; all of it is in the buffer.
    End,
    /// Nothing more for now, or no room for it.
    Nothing,
    /// Enough for once: others have their turn.
    Enough,
    /// That the stream is being polled just now, by somebody else.
    Busy,
}

/// Who reads ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Task,
    Visitor,
}

impl Inner {
    fn reads_ahead(&self) -> bool {
        matches!(self.source, Source::Stream(_))
    }

    /// How much may be read ahead.
    fn room(&self, limit: usize, has_reader: bool) -> usize {
        let Source::Stream(ahead) = &self.source else { return 0 };
        let most = if has_reader { ahead.wanted.max(limit) } else { limit };
        // At least one byte, or the end of the stream would never be seen.
        most.max(1).saturating_sub(self.frames.len() + self.lent.unwrap_or(0))
    }

    /// A read has made room in the buffer, or waits for so many bytes to be in it.
    fn room_for(&mut self, wanted: usize, later: &mut Later) {
        if let Source::Stream(ahead) = &mut self.source {
            ahead.wanted = wanted;
            self.wake_ahead(later);
        }
    }

    /// Wakes the session's task if it is held up.
    fn wake_ahead(&mut self, later: &mut Later) {
        if let Source::Stream(ahead) = &mut self.source
            && std::mem::take(&mut ahead.is_held_up)
        {
            later.wake(ahead.waker.take());
        }
    }

    fn wake_task(&mut self, later: &mut Later) {
        if let Source::Stream(ahead) = &mut self.source {
            later.wake(ahead.waker.take());
        }
    }

    /// Puts a stream back where it was lent from, or returns it to be let go of: the session has ended meanwhile.
    fn put_back(&mut self, input: Box<Input>) -> Source {
        match &mut self.source {
            Source::Stream(ahead) => {
                ahead.stream = Some(input);
                Source::Ended
            }
            _ => Source::Stream(ReadAhead { stream: Some(input), wanted: 0, waker: None, is_held_up: false }),
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        self.frames.spare(bytes.len()).put_slice(bytes);
        self.frames.received(bytes.len());
    }

    fn note_arrival(&mut self, count: usize) {
        self.received += count as u64;
        if count > 0
            && let Some(last) = &mut self.last_arrival
        {
            *last = Instant::now();
        }
    }

    /// Nothing more will come, for a cause or because the peer has said all.
    fn at_end(&mut self, connection: &Connection, cause: Option<DisconnectReason>, later: &mut Later) {
        self.end = Some(connection.stream_end(cause, later));
        later.let_go(std::mem::replace(&mut self.source, Source::Ended));
    }
}

impl Drop for Source {
    /// A stream is the user's, and its end may panic.
    fn drop(&mut self) {
        if let Self::Stream(ahead) = self {
            drop_caught("a stream", ahead.stream.take());
        }
    }
}

/// What a read gets once nothing more will come: the rest, and the end itself when that has been told.
fn take_at_end<T: Take>(take: &mut T, end: End, frames: &mut FrameBuffer) -> Taken<T::Output> {
    match end {
        End::Stream => take.take_at_end(frames),
        End::Session(reason) => match frames.take_rest() {
            rest if rest.is_empty() => Taken { result: Err(ReadError::Disconnected { reason }), reports_end: true },
            partial => {
                let error = ReadError::Incomplete { partial, expected: take.expected() };
                Taken { result: Err(error), reports_end: false }
            }
        },
    }
}
