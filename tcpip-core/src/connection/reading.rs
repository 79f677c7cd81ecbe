//! The read side of a session: the buffer, and the way from the stream into it.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::MutexGuard,
    task::{Context, Poll, Waker},
};

use bytes::BufMut;
use tokio::{io::AsyncRead, net::tcp::OwnedReadHalf, sync::Semaphore, task::coop::unconstrained, time::Instant};
use tokio_util::io::poll_read_buf;

use crate::{DisconnectReason, FrameBuffer, ReadError, catch_panic::poll_stream, lock::Lock};

/// Reads take turns; the bytes are in the lock, not in the future of the read whose turn it is, so that dropping
/// one loses nothing, and one that nobody polls holds up nothing but the reads behind it, while the session lives.
pub(super) struct Reading {
    /// Held by the read whose turn it is. Closed once the session has set the end: no read waits for the socket any
    /// more, so none needs to wait for another, which perhaps nobody polls.
    turn: Semaphore,
    inner: Lock<Inner>,
}

struct Inner {
    source: Source,
    frames: FrameBuffer,
    /// Set once nothing more will come out of the source.
    end: Option<End>,
    /// The read whose turn it is, for what it does not find out from the socket itself.
    waker: Option<Waker>,
    /// The read whose turn it is has looked and found too little. A result that is on its way to the caller is none.
    waiting: bool,
    /// How many reads have come to a result.
    count: u64,
    /// When bytes last came out of the source, if somebody wants to know.
    last_arrival: Option<Instant>,
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
    stream: Box<dyn AsyncRead + Send + Unpin>,
    /// How many bytes the read that waits needs in the buffer, whatever the limit is.
    wanted: usize,
    /// The session's task.
    waker: Option<Waker>,
    /// It waits for room in the buffer.
    is_full: bool,
}

impl ReadAhead {
    pub(super) fn new(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self { stream: Box::new(stream), wanted: 0, waker: None, is_full: false }
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

impl Reading {
    /// `now` if the times of arrivals are to be noted.
    pub(super) fn new(source: Source, now: Option<Instant>) -> Self {
        let end = matches!(source, Source::Ended).then_some(End::Session(DisconnectReason::Closed));
        Self {
            turn: Semaphore::new(1),
            inner: Lock::new(Inner {
                source,
                frames: FrameBuffer::default(),
                end,
                waker: None,
                waiting: false,
                count: 0,
                last_arrival: now,
            }),
        }
    }

    /// Takes one result out, in turn. `ended` says how the stream ended once the socket has nothing more, or for a
    /// cause.
    pub(super) async fn take<T: Take>(
        &self,
        limit: impl Fn() -> usize,
        ended: impl Fn(Option<DisconnectReason>) -> End,
        mut take: T,
    ) -> Taken<T::Output> {
        let _turn = self.turn.acquire().await;
        poll_fn(|context| self.inner.lock().poll_take(context, limit(), &ended, &mut take)).await
    }

    /// Reads ahead, in the session's task, until the source has ended.
    pub(super) fn poll_ahead(
        &self,
        context: &mut Context<'_>,
        limit: usize,
        ended: impl Fn(Option<DisconnectReason>) -> End,
    ) -> Poll<()> {
        self.poll_ahead_and_tell(self.inner.lock(), context, limit, &ended)
    }

    /// Reads ahead what is there now, from outside the session's task. Whether the source has ended.
    pub(super) fn read_ahead(&self, limit: usize, ended: impl Fn(Option<DisconnectReason>) -> End) -> bool {
        let look = poll_fn(|context| {
            let mut inner = self.inner.lock();
            // The task must look again: the source remembers one waker, and now it is another's.
            inner.wake_ahead();
            self.poll_ahead_and_tell(inner, context, limit, &ended)
        });
        // However much the caller's task has done: a stream may else pretend to have nothing, to let others run.
        let look = pin!(unconstrained(look));
        look.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Reads ahead, and wakes the read that waits if there is anything new for it.
    fn poll_ahead_and_tell(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        context: &mut Context<'_>,
        limit: usize,
        ended: &impl Fn(Option<DisconnectReason>) -> End,
    ) -> Poll<()> {
        let before = inner.frames.len();
        let polled = inner.poll_ahead(context, limit, self.has_reader(), ended);
        let has_news = polled.is_ready() || inner.frames.len() > before;
        let waker = if has_news { inner.waker.take() } else { None };
        drop(inner);
        waker.inspect(Waker::wake_by_ref);
        polled
    }

    /// Has the session's task look again, for the limit is another.
    pub(super) fn limit_changed(&self) {
        self.inner.lock().wake_ahead();
    }

    /// Whether it is the turn of some read.
    fn has_reader(&self) -> bool {
        self.turn.available_permits() == 0
    }

    /// Looks at what is left, with reads held off while `act` draws the consequence.
    pub(super) fn look(&self, act: impl FnOnce(Left)) {
        let inner = self.inner.lock();
        let being_read = inner.waiting && self.has_reader();
        act(Left { unread: !inner.frames.is_empty(), being_read });
    }

    /// When bytes last arrived, if that is noted.
    pub(super) fn last_arrival(&self) -> Option<Instant> {
        self.inner.lock().last_arrival
    }

    pub(super) fn count(&self) -> u64 {
        self.inner.lock().count
    }

    /// Closes the socket for reading. What is in the buffer stays readable, then reads report `reason`.
    pub(super) fn close(&self, reason: &DisconnectReason) {
        self.close_and(reason, |_| ());
    }

    /// Closes the socket for reading and drops what is in the buffer.
    pub(super) fn discard(&self, reason: &DisconnectReason) {
        self.close_and(reason, |frames| *frames = FrameBuffer::default());
    }

    fn close_and(&self, reason: &DisconnectReason, change: impl FnOnce(&mut FrameBuffer)) {
        let mut inner = self.inner.lock();
        change(&mut inner.frames);
        inner.source = Source::Ended;
        inner.end.get_or_insert_with(|| match reason {
            DisconnectReason::ClosedByPeer => End::Stream,
            reason => End::Session(reason.clone()),
        });
        let waker = inner.waker.take();
        drop(inner);
        self.turn.close();
        waker.inspect(Waker::wake_by_ref);
    }
}

impl Inner {
    fn poll_take<T: Take>(
        &mut self,
        context: &mut Context<'_>,
        limit: usize,
        ended: &impl Fn(Option<DisconnectReason>) -> End,
        take: &mut T,
    ) -> Poll<Taken<T::Output>> {
        self.waiting = false;
        loop {
            if let Some(result) = take.take(&mut self.frames, limit) {
                self.count += 1;
                if let Some(reason) = T::loses_track(&result) {
                    self.frames = FrameBuffer::default();
                    self.at_end(ended(Some(reason)));
                }
                self.room_for(0);
                return Poll::Ready(Taken { result, reports_end: false });
            }
            if let Some(end) = self.end.clone() {
                return Poll::Ready(self.take_at_end(end, take));
            }
            let received = match &mut self.source {
                Source::Socket(socket) => {
                    let missing = take.expected().map_or(0, |expected| expected.saturating_sub(self.frames.len()));
                    poll_read_buf(Pin::new(socket), context, self.frames.spare(missing))
                }
                Source::Stream(_) => {
                    self.room_for(take.expected().unwrap_or(0).max(self.frames.len() + 1));
                    Poll::Pending
                }
                Source::Ended => unreachable!("a source is there until the end is"),
            };
            match received {
                Poll::Pending => {
                    let waker = self.waker.get_or_insert_with(|| context.waker().clone());
                    waker.clone_from(context.waker());
                    self.waiting = true;
                    return Poll::Pending;
                }
                Poll::Ready(result) => self.arrived(result, ended),
            }
        }
    }

    fn poll_ahead(
        &mut self,
        context: &mut Context<'_>,
        limit: usize,
        has_reader: bool,
        ended: &impl Fn(Option<DisconnectReason>) -> End,
    ) -> Poll<()> {
        while let Source::Stream(ahead) = &mut self.source {
            let most = if has_reader { ahead.wanted.max(limit) } else { limit };
            let room = most.saturating_sub(self.frames.len());
            let received = match room {
                0 => Poll::Pending,
                _ => poll_stream(|| {
                    poll_read_buf(Pin::new(&mut ahead.stream), context, &mut self.frames.spare(0).limit(room))
                }),
            };
            match received {
                Poll::Pending => {
                    let waker = ahead.waker.get_or_insert_with(|| context.waker().clone());
                    waker.clone_from(context.waker());
                    ahead.is_full = room == 0;
                    return Poll::Pending;
                }
                Poll::Ready(result) => self.arrived(result, ended),
            }
        }
        Poll::Ready(())
    }

    /// A read has made room in the buffer, or waits for so many bytes to be in it.
    fn room_for(&mut self, wanted: usize) {
        if let Source::Stream(ahead) = &mut self.source {
            ahead.wanted = wanted;
            if std::mem::take(&mut ahead.is_full) {
                self.wake_ahead();
            }
        }
    }

    fn wake_ahead(&mut self) {
        if let Source::Stream(ahead) = &mut self.source {
            ahead.waker.take().inspect(Waker::wake_by_ref);
        }
    }

    fn arrived(&mut self, received: io::Result<usize>, ended: &impl Fn(Option<DisconnectReason>) -> End) {
        match received {
            Ok(count) if count > 0 => {
                self.frames.received(count);
                if let Some(last) = &mut self.last_arrival {
                    *last = Instant::now();
                }
            }
            Ok(_) => self.at_end(ended(None)),
            Err(error) => self.at_end(ended(Some(DisconnectReason::from_io(&error)))),
        }
    }

    fn at_end(&mut self, end: End) {
        self.end = Some(end);
        self.source = Source::Ended;
    }

    /// What a read gets once nothing more will come: the rest, and the end itself when that has been told.
    fn take_at_end<T: Take>(&mut self, end: End, take: &mut T) -> Taken<T::Output> {
        let taken = match end {
            End::Stream => take.take_at_end(&mut self.frames),
            End::Session(reason) => match self.frames.take_rest() {
                rest if rest.is_empty() => Taken { result: Err(ReadError::Disconnected { reason }), reports_end: true },
                partial => {
                    let error = ReadError::Incomplete { partial, expected: take.expected() };
                    Taken { result: Err(error), reports_end: false }
                }
            },
        };
        self.count += u64::from(!taken.reports_end);
        taken
    }
}
