//! The read side of a session: the buffer, and the way from the socket into it.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio::{net::tcp::OwnedReadHalf, sync::Semaphore};
use tokio_util::io::poll_read_buf;

use crate::{DisconnectReason, FrameBuffer, ReadError, lock::Lock};

/// Reads take turns; the bytes are in the lock, not in the future of the read whose turn it is, so that dropping
/// one loses nothing, and one that nobody polls holds up nothing but the reads behind it, while the session lives.
#[derive(Debug)]
pub(super) struct Reading {
    /// Held by the read whose turn it is. Closed once the session has set the end: no read waits for the socket any
    /// more, so none needs to wait for another, which perhaps nobody polls.
    turn: Semaphore,
    inner: Lock<Inner>,
}

#[derive(Debug)]
struct Inner {
    socket: Option<OwnedReadHalf>,
    frames: FrameBuffer,
    /// Set once nothing more will come out of the socket.
    end: Option<End>,
    /// The read whose turn it is, for an end that does not come out of the socket.
    waker: Option<Waker>,
    /// The read whose turn it is has looked and found too little. A result that is on its way to the caller is none.
    waiting: bool,
    /// How many reads have come to a result.
    count: u64,
}

/// How the stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// Takes the result out at the end of the stream, of which `rest` is left.
    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Self::Output, ReadError> {
        Err(ReadError::Incomplete { partial: rest, expected: self.expected() })
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
    pub(super) fn new(socket: Option<OwnedReadHalf>) -> Self {
        let end = socket.is_none().then_some(End::Session(DisconnectReason::Closed));
        Self {
            turn: Semaphore::new(1),
            inner: Lock::new(Inner {
                socket,
                frames: FrameBuffer::default(),
                end,
                waker: None,
                waiting: false,
                count: 0,
            }),
        }
    }

    /// Takes one result out, in turn. `ended` says how the stream ended once the socket has nothing more, or an error.
    pub(super) async fn take<T: Take>(
        &self,
        limit: impl Fn() -> usize,
        ended: impl Fn(Option<&io::Error>) -> End,
        mut take: T,
    ) -> Taken<T::Output> {
        let _turn = self.turn.acquire().await;
        poll_fn(|context| self.inner.lock().poll_take(context, limit(), &ended, &mut take)).await
    }

    /// Looks at what is left, with reads held off while `act` draws the consequence.
    pub(super) fn look(&self, act: impl FnOnce(Left)) {
        let inner = self.inner.lock();
        let being_read = inner.waiting && self.turn.try_acquire().is_err();
        act(Left { unread: !inner.frames.is_empty(), being_read });
    }

    pub(super) fn count(&self) -> u64 {
        self.inner.lock().count
    }

    /// Closes the socket for reading. What is in the buffer stays readable, then reads report `reason`.
    pub(super) fn close(&self, reason: DisconnectReason) {
        self.close_and(reason, |_| ());
    }

    /// Closes the socket for reading and drops what is in the buffer.
    pub(super) fn discard(&self, reason: DisconnectReason) {
        self.close_and(reason, |frames| *frames = FrameBuffer::default());
    }

    fn close_and(&self, reason: DisconnectReason, change: impl FnOnce(&mut FrameBuffer)) {
        let mut inner = self.inner.lock();
        change(&mut inner.frames);
        inner.socket = None;
        let end = if reason == DisconnectReason::ClosedByPeer { End::Stream } else { End::Session(reason) };
        inner.end.get_or_insert(end);
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
        ended: &impl Fn(Option<&io::Error>) -> End,
        take: &mut T,
    ) -> Poll<Taken<T::Output>> {
        self.waiting = false;
        loop {
            if let Some(result) = take.take(&mut self.frames, limit) {
                self.count += 1;
                return Poll::Ready(Taken { result, reports_end: false });
            }
            if let Some(end) = self.end {
                return Poll::Ready(self.take_at_end(end, take));
            }
            let Some(socket) = self.socket.as_mut() else { unreachable!("a socket is there until the end is") };
            let missing = take.expected().map_or(0, |expected| expected.saturating_sub(self.frames.len()));
            match poll_read_buf(Pin::new(socket), context, self.frames.spare(missing)) {
                Poll::Pending => {
                    let waker = self.waker.get_or_insert_with(|| context.waker().clone());
                    waker.clone_from(context.waker());
                    self.waiting = true;
                    return Poll::Pending;
                }
                Poll::Ready(Ok(count)) if count > 0 => self.frames.received(count),
                Poll::Ready(Ok(_)) => self.at_end(ended(None)),
                Poll::Ready(Err(error)) => self.at_end(ended(Some(&error))),
            }
        }
    }

    fn at_end(&mut self, end: End) {
        self.end = Some(end);
        self.socket = None;
    }

    /// What a read gets once nothing more will come: the rest, and the end itself when that has been told.
    fn take_at_end<T: Take>(&mut self, end: End, take: &mut T) -> Taken<T::Output> {
        let rest = self.frames.take_rest();
        match end {
            End::Stream => Taken { result: take.take_rest(rest), reports_end: true },
            End::Session(reason) if rest.is_empty() => {
                Taken { result: Err(ReadError::Disconnected { reason }), reports_end: true }
            }
            End::Session(_) => {
                let error = ReadError::Incomplete { partial: rest, expected: take.expected() };
                Taken { result: Err(error), reports_end: false }
            }
        }
    }
}
