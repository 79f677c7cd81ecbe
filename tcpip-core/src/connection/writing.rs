//! The write side of a session: a queue of whole messages, and the way from it to the socket.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    net::tcp::OwnedWriteHalf,
    sync::{Notify, Semaphore},
    time::{Instant, timeout_at},
};

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
    /// `None` once nothing can be sent any more.
    socket: Option<Arc<OwnedWriteHalf>>,
    /// Why the system takes nothing more.
    error: Option<DisconnectReason>,
    queue: VecDeque<u8>,
    /// How many bytes of the queue the system has ever taken.
    sent: u64,
    /// When the system last took a byte of the queue, or the queue began to fill.
    progress: Instant,
    /// The writers that wait for their last byte to be taken, in the order of these bytes.
    waiting: VecDeque<(u64, Waker)>,
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
    pub(super) fn new(socket: Option<Arc<OwnedWriteHalf>>) -> Self {
        Self {
            turn: Semaphore::new(1),
            room: Notify::new(),
            backlog: Notify::new(),
            inner: Lock::new(Inner {
                socket,
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
    pub(super) async fn run(&self, socket: &OwnedWriteHalf, write_timeout: Option<Duration>) -> DisconnectReason {
        loop {
            // A message that is queued between the look and the wait leaves a permit, which ends the wait at once.
            if self.is_empty() {
                self.backlog.notified().await;
            }
            if let Err(reason) = self.flush(socket, write_timeout).await {
                return reason;
            }
        }
    }

    /// Sends all that is queued. The deadline counts from the last byte that the system took.
    pub(super) async fn flush(
        &self,
        socket: &OwnedWriteHalf,
        write_timeout: Option<Duration>,
    ) -> Result<(), DisconnectReason> {
        while !self.is_empty() {
            let progress = self.inner.lock().progress;
            // Readiness is looked at before the deadline: a task that runs late does not take its own delay for the peer's.
            let writable = socket.writable();
            let ready = match write_timeout {
                Some(after) => timeout_at(progress + after, writable).await.map_err(|_| after),
                None => Ok(writable.await),
            };
            match ready {
                Ok(ready) => {
                    ready.map_err(|error| DisconnectReason::from_io(&error))?;
                    self.inner.lock().send_some(OwnedWriteHalf::try_write_vectored)?;
                }
                Err(after) => {
                    // The system reports room only when much of its buffer is free. It may have some all the same.
                    let direct = |socket: &OwnedWriteHalf, slices: &[IoSlice<'_>]| {
                        SockRef::from(socket.as_ref()).send_vectored(slices)
                    };
                    if self.inner.lock().send_some(direct)? == 0 {
                        return Err(DisconnectReason::WriteTimeout { after });
                    }
                }
            }
            self.room.notify_one();
        }
        Ok(())
    }

    /// Gives up what is queued, and the socket.
    pub(super) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.socket = None;
        inner.queue = VecDeque::new();
        let waiting = std::mem::take(&mut inner.waiting);
        drop(inner);
        for (_, waker) in waiting {
            waker.wake();
        }
        self.turn.close();
        self.room.notify_one();
    }

    /// The socket, while something can be sent.
    pub(super) fn socket(&self) -> Option<Arc<OwnedWriteHalf>> {
        self.inner.lock().socket.clone()
    }

    /// What the system has told a writer of the end.
    pub(super) fn error(&self) -> Option<DisconnectReason> {
        self.inner.lock().error
    }

    fn is_empty(&self) -> bool {
        self.inner.lock().queue.is_empty()
    }
}

impl Inner {
    /// Sends or queues one message.
    fn queue(&mut self, parts: &[&[u8]], limit: usize, open: &impl Fn() -> bool) -> Result<Queued, Unsendable> {
        let Some(socket) = self.socket.as_ref().filter(|_| open()) else { return Err(Unsendable) };
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length == 0 {
            return Ok(Queued::Sent);
        }
        let mut sent = 0;
        if self.queue.is_empty() {
            sent = match offer(socket, parts, length) {
                Ok(sent) if sent == length => return Ok(Queued::Sent),
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => {
                    self.failed(&error);
                    return Err(Unsendable);
                }
            };
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
        if self.socket.is_none() {
            return Poll::Ready(Err(Unsendable));
        }
        match self.waiting.binary_search_by_key(&end, |(end, _)| *end) {
            Ok(index) => self.waiting[index].1.clone_from(context.waker()),
            Err(index) => self.waiting.insert(index, (end, context.waker().clone())),
        }
        Poll::Pending
    }

    /// Offers the whole queue to the system, once, and wakes the writers whose messages it took. How many bytes it took.
    fn send_some(
        &mut self,
        write: impl FnOnce(&OwnedWriteHalf, &[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Result<usize, DisconnectReason> {
        let Some(socket) = &self.socket else { return Ok(0) };
        let (front, back) = self.queue.as_slices();
        let count = match write(socket, &[IoSlice::new(front), IoSlice::new(back)]) {
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

    /// Notes what the system has told, which it tells once, and under the lock: whoever finds the socket closed
    /// meanwhile finds out why.
    fn failed(&mut self, error: &io::Error) -> DisconnectReason {
        *self.error.insert(DisconnectReason::from_io(error))
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
