//! The write side of a session: a queue of whole messages, and the way from it to the socket.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    net::tcp::OwnedWriteHalf,
    sync::{Notify, Semaphore},
    time::Instant,
};

use super::wire::Wire;
use crate::{DisconnectReason, lock::Lock, structs::MOST_STRUCTS};

/// A message of up to so many bytes is copied together, which costs less than to have the system gather its parts: a
/// tenth of the time of sending a line.
const SMALL: usize = 256;

/// The most slices that a message has: its structs, or its text and terminator.
pub(super) const MOST_PARTS: usize = MOST_STRUCTS;

/// Messages are sent by the writer itself while the socket takes them whole. What it does not take is queued, and
/// the session's task sends it, whatever becomes of the writer.
#[derive(Debug)]
pub(super) struct Writing {
    /// Held by the writer that is next to queue a message. Closed once nothing can be sent any more, so that a writer
    /// that holds it, and that nobody polls, does not keep the others waiting.
    turn: Semaphore,
    /// Told when the queue has become shorter, or is gone.
    room: Notify,
    /// Told when the queue is no longer empty.
    backlog: Notify,
    inner: Lock<Inner>,
}

#[derive(Debug)]
struct Inner {
    outlet: Outlet,
    /// Why nothing more is taken.
    error: Option<DisconnectReason>,
    queue: VecDeque<u8>,
    /// How many bytes of the queue have ever been taken.
    sent: u64,
    /// When a byte of the queue was last taken, or the queue began to fill.
    progress: Instant,
    /// The writers that wait for their last byte to be taken, in the order of these bytes.
    waiting: VecDeque<(u64, Waker)>,
}

/// The way out of a message.
#[derive(Debug)]
pub(super) enum Outlet {
    /// Directly into the socket, and what it does not take through the queue.
    Socket(Arc<OwnedWriteHalf>),
    /// Through the queue, since the stream is the session task's alone.
    Queue,
    /// Nothing can be sent any more.
    Closed,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queued {
    /// The system has it.
    Sent,
    /// It is in the queue, and sent when so many bytes are.
    Until(u64),
    /// There was no room: nothing was queued.
    NoRoom,
}

/// Nothing can be sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsendable;

impl Writing {
    pub(super) fn new(outlet: Outlet) -> Self {
        Self {
            turn: Semaphore::new(1),
            room: Notify::new(),
            backlog: Notify::new(),
            inner: Lock::new(Inner {
                outlet,
                error: None,
                queue: VecDeque::new(),
                sent: 0,
                progress: Instant::now(),
                waiting: VecDeque::new(),
            }),
        }
    }

    /// Sends one message, which has at most [`MOST_PARTS`] parts, and returns when the system has all of it.
    ///
    /// Up to the moment when it is queued, dropping the future leaves nothing behind; from then on it changes nothing.
    /// `open` says, under the queue's lock, whether new messages are welcome.
    pub(super) async fn send(
        &self,
        parts: &[&[u8]],
        write_limit: usize,
        open: impl Fn() -> bool,
    ) -> Result<(), Unsendable> {
        let Ok(turn) = self.turn.acquire().await else { return Err(Unsendable) };
        let end = loop {
            match self.inner.lock().queue(parts, write_limit, &open)? {
                Queued::Sent => return Ok(()),
                Queued::Until(end) => break end,
                Queued::NoRoom => {}
            }
            // What made room since the look has left a permit, which ends the wait at once.
            self.room.notified().await;
        };
        drop(turn);
        self.backlog.notify_one();
        poll_fn(|context| self.inner.lock().poll_sent(end, context)).await
    }

    /// Sends what is queued, now and later. Returns only when that fails.
    pub(super) async fn run(&self, wire: &impl Wire, write_timeout: Option<Duration>) -> DisconnectReason {
        loop {
            // A message that is queued between the look and the wait leaves a permit, which ends the wait at once.
            if self.is_empty() {
                self.backlog.notified().await;
            }
            if let Err(reason) = wire.flush(self, write_timeout).await {
                return reason;
            }
        }
    }

    /// Offers the whole queue to `write`, once. How many bytes it took; none if it would have to wait.
    pub(super) fn send_some(
        &self,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Result<usize, DisconnectReason> {
        let count = self.inner.lock().send_some(write)?;
        self.room.notify_one();
        Ok(count)
    }

    /// When a byte of the queue was last taken, or the queue began to fill.
    pub(super) fn progress(&self) -> Instant {
        self.inner.lock().progress
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inner.lock().queue.is_empty()
    }

    /// Notes what the stream has told of its end, which it tells once.
    pub(super) fn failed(&self, error: &io::Error) -> DisconnectReason {
        self.inner.lock().failed(error)
    }

    /// Gives up what is queued, and the outlet.
    pub(super) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.outlet = Outlet::Closed;
        inner.queue = VecDeque::new();
        let waiting = std::mem::take(&mut inner.waiting);
        drop(inner);
        for (_, waker) in waiting {
            waker.wake();
        }
        self.turn.close();
        self.room.notify_one();
    }

    /// The socket, if there is one, while something can be sent.
    pub(super) fn socket(&self) -> Option<Arc<OwnedWriteHalf>> {
        match &self.inner.lock().outlet {
            Outlet::Socket(socket) => Some(Arc::clone(socket)),
            Outlet::Queue | Outlet::Closed => None,
        }
    }

    /// What the system has told a writer of the end.
    pub(super) fn error(&self) -> Option<DisconnectReason> {
        self.inner.lock().error.clone()
    }
}

impl Inner {
    /// Sends or queues one message.
    fn queue(&mut self, parts: &[&[u8]], limit: usize, open: &impl Fn() -> bool) -> Result<Queued, Unsendable> {
        if matches!(self.outlet, Outlet::Closed) || !open() {
            return Err(Unsendable);
        }
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length == 0 {
            return Ok(Queued::Sent);
        }
        let mut sent = 0;
        if self.queue.is_empty() {
            if let Outlet::Socket(socket) = &self.outlet {
                sent = match offer(socket, parts, length) {
                    Ok(sent) if sent == length => return Ok(Queued::Sent),
                    Ok(sent) => sent,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                    Err(error) => {
                        self.failed(&error);
                        return Err(Unsendable);
                    }
                };
            }
            self.progress = Instant::now();
        } else if self.queue.len() + length > limit {
            return Ok(Queued::NoRoom);
        }
        for part in parts {
            let skipped = sent.min(part.len());
            self.queue.extend(&part[skipped..]);
            sent -= skipped;
        }
        Ok(Queued::Until(self.sent + self.queue.len() as u64))
    }

    fn poll_sent(&mut self, end: u64, context: &mut Context<'_>) -> Poll<Result<(), Unsendable>> {
        if self.sent >= end {
            return Poll::Ready(Ok(()));
        }
        if matches!(self.outlet, Outlet::Closed) {
            return Poll::Ready(Err(Unsendable));
        }
        match self.waiting.binary_search_by_key(&end, |(end, _)| *end) {
            Ok(index) => self.waiting[index].1.clone_from(context.waker()),
            Err(index) => self.waiting.insert(index, (end, context.waker().clone())),
        }
        Poll::Pending
    }

    /// Offers the whole queue, once, and wakes the writers whose messages were taken. How many bytes were.
    fn send_some(
        &mut self,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Result<usize, DisconnectReason> {
        let (front, back) = self.queue.as_slices();
        let count = match write(&[IoSlice::new(front), IoSlice::new(back)]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(self.failed(&error)),
            Ok(count) => count,
        };
        self.queue.drain(..count);
        self.sent += count as u64;
        self.progress = Instant::now();
        while let Some((_, waker)) = self.waiting.pop_front_if(|(end, _)| *end <= self.sent) {
            waker.wake();
        }
        if self.queue.is_empty() {
            // A backlog is the exception: nothing is kept for the next one.
            self.queue = VecDeque::new();
            self.waiting = VecDeque::new();
        }
        Ok(count)
    }

    /// Notes it under the lock: whoever finds the stream closed meanwhile finds out why.
    fn failed(&mut self, error: &io::Error) -> DisconnectReason {
        self.error.insert(DisconnectReason::from_io(error)).clone()
    }
}

/// Offers one message to the system, once.
fn offer(socket: &OwnedWriteHalf, parts: &[&[u8]], length: usize) -> io::Result<usize> {
    if length <= SMALL {
        let mut small = [0; SMALL];
        let mut rest = &mut small[..];
        for part in parts {
            let (place, behind) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = behind;
        }
        return socket.try_write(&small[..length]);
    }
    let mut slices = [IoSlice::new(&[]); MOST_PARTS];
    for (slice, part) in slices.iter_mut().zip(parts) {
        *slice = IoSlice::new(part);
    }
    socket.try_write_vectored(&slices[..parts.len()])
}
