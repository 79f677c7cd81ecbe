//! The write side of a session: a queue of whole messages, and the way from it to the stream.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::tcp::OwnedWriteHalf,
    sync::{Notify, oneshot},
    time::Instant,
};

use super::wire::Wire;
use crate::{DisconnectReason, lock::Lock, structs::MOST_STRUCTS};

/// A message of up to so many bytes is copied together, which costs less than to have the system gather its parts: a
/// tenth of the time of sending a line.
const SMALL: usize = 256;

/// The most slices that a message has: its structs, or its text and terminator.
pub(super) const MOST_PARTS: usize = MOST_STRUCTS;

/// Messages are sent by the writer itself while the socket takes them whole. What it does not take is queued, and the
/// session's task sends it, whatever becomes of the writer. For a message that the queue has no room for, a copy waits,
/// which the session's task queues: a writer that nobody polls holds up nobody.
#[derive(Debug)]
pub(super) struct Writing {
    /// Told when there is something to do: the queue is no longer empty, or this end's half is to be ended.
    work: Notify,
    inner: Lock<Inner>,
}

#[derive(Debug)]
struct Inner {
    outlet: Outlet,
    /// Why nothing more is taken.
    error: Option<DisconnectReason>,
    /// How many bytes may be queued, unless they are one message.
    limit: usize,
    /// The bytes of `messages`.
    queue: VecDeque<u8>,
    messages: VecDeque<Message>,
    /// How many bytes at the front of the queue nothing may be put before: those of a message that has begun, and those
    /// that have been offered to the stream.
    begun: usize,
    /// What there is no room for. Empty while the queue is.
    waiting: VecDeque<Waiting>,
    half: Half,
    /// When a byte of the queue was last taken, or the queue began to fill.
    progress: Instant,
}

/// A message that is queued.
#[derive(Debug)]
struct Message {
    /// How many of its bytes have not been taken.
    left: usize,
    place: Place,
    writer: Writer,
}

/// A message that is not queued yet.
#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    writer: Writer,
}

/// Tells a writer that its message has been taken; dropped, that it will not be. Either way not under the lock.
type Writer = oneshot::Sender<()>;

/// This end's half of the stream.
#[derive(Debug)]
enum Half {
    Open,
    /// To be ended behind what is queued.
    Ending(Vec<Writer>),
    Ended,
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

/// Where in the queue a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Last,
    /// Before all that has not begun, but behind others that went there.
    First,
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsendable {
    /// The session has ended, or nothing can be sent any more.
    Over,
    /// This end has ended its half.
    HalfEnded,
}

impl Writing {
    pub(super) fn new(outlet: Outlet, limit: usize) -> Self {
        Self {
            work: Notify::new(),
            inner: Lock::new(Inner {
                outlet,
                error: None,
                limit,
                queue: VecDeque::new(),
                messages: VecDeque::new(),
                begun: 0,
                waiting: VecDeque::new(),
                half: Half::Open,
                progress: Instant::now(),
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
        place: Place,
        open: impl FnOnce() -> bool,
    ) -> Result<(), Unsendable> {
        let sent = self.inner.lock().send(parts, place, open)?;
        match sent {
            None => Ok(()),
            Some(sent) => self.taken(sent).await,
        }
    }

    /// Ends this end's half of the stream behind what is queued, and returns when that has been done.
    pub(super) async fn end_half(&self) -> Result<(), Unsendable> {
        let ended = self.inner.lock().end_half()?;
        match ended {
            None => Ok(()),
            Some(ended) => self.taken(ended).await,
        }
    }

    async fn taken(&self, taken: oneshot::Receiver<()>) -> Result<(), Unsendable> {
        self.work.notify_one();
        let mut pending = Pending { writing: self, taken, is_over: false };
        let told = (&mut pending.taken).await;
        pending.is_over = true;
        told.map_err(|_| Unsendable::Over)
    }

    /// Sends what is queued, now and later, and ends this end's half when that is asked for and calls `half_ended` then.
    /// Returns only when that fails.
    pub(super) async fn run(
        &self,
        wire: &impl Wire,
        write_timeout: Option<Duration>,
        half_ended: impl Fn(),
    ) -> DisconnectReason {
        loop {
            // A message that is queued between the look and the wait leaves a permit, which ends the wait at once.
            if self.is_empty() && !self.is_half_ending() {
                self.work.notified().await;
            }
            if let Err(reason) = wire.flush(self, write_timeout).await {
                return reason;
            }
            if self.is_half_ending() {
                if let Err(reason) = wire.end_half(self, write_timeout).await {
                    return reason;
                }
                let told = std::mem::replace(&mut self.inner.lock().half, Half::Ended);
                half_ended();
                if let Half::Ending(writers) = told {
                    tell(writers);
                }
            }
        }
    }

    /// Offers the whole queue to `write`, once. How many bytes it took; none if it would have to wait.
    pub(super) fn send_some(
        &self,
        write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Result<usize, DisconnectReason> {
        let mut told = Vec::new();
        let mut inner = self.inner.lock();
        let (front, back) = inner.queue.as_slices();
        let count = match write(&[IoSlice::new(front), IoSlice::new(back)]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(inner.failed(&error)),
            Ok(count) => count,
        };
        inner.took(count, &mut told);
        drop(inner);
        tell(told);
        Ok(count)
    }

    /// Copies up to `count` bytes from the front of the queue, which are then to be offered to the stream: nothing is put
    /// before them any more.
    pub(super) fn offer(&self, count: usize) -> Vec<u8> {
        let mut inner = self.inner.lock();
        let count = count.min(inner.queue.len());
        let (front, back) = inner.queue.as_slices();
        let from_front = count.min(front.len());
        let offered = [&front[..from_front], &back[..count - from_front]].concat();
        inner.begun = inner.begun.max(offered.len());
        offered
    }

    /// Notes that the stream has taken so many bytes of what was offered.
    pub(super) fn took(&self, count: usize) {
        let mut told = Vec::new();
        self.inner.lock().took(count, &mut told);
        tell(told);
    }

    /// When a byte of the queue was last taken, or the queue began to fill.
    pub(super) fn progress(&self) -> Instant {
        self.inner.lock().progress
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inner.lock().queue.is_empty()
    }

    fn is_half_ending(&self) -> bool {
        matches!(self.inner.lock().half, Half::Ending(_))
    }

    /// Whether this end has ended its half.
    pub(super) fn has_half_ended(&self) -> bool {
        matches!(self.inner.lock().half, Half::Ended)
    }

    /// Notes what the stream has told of its end, which it tells once.
    pub(super) fn failed(&self, error: &io::Error) -> DisconnectReason {
        self.inner.lock().failed(error)
    }

    /// Gives up what is queued, and the outlet. How many bytes were queued, of messages that had been accepted.
    pub(super) fn close(&self) -> usize {
        let mut inner = self.inner.lock();
        let given_up = inner.queue.len();
        inner.begun = 0;
        let dropped = (
            std::mem::replace(&mut inner.outlet, Outlet::Closed),
            std::mem::take(&mut inner.queue),
            std::mem::take(&mut inner.messages),
            std::mem::take(&mut inner.waiting),
            std::mem::replace(&mut inner.half, Half::Ended),
        );
        drop(inner);
        drop(dropped);
        given_up
    }

    /// What the system has told a writer of the end.
    pub(super) fn error(&self) -> Option<DisconnectReason> {
        self.inner.lock().error.clone()
    }
}

/// A writer that waits for its message to be taken.
struct Pending<'a> {
    writing: &'a Writing,
    taken: oneshot::Receiver<()>,
    is_over: bool,
}

impl Drop for Pending<'_> {
    /// Takes back what is not queued yet.
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        self.taken.close();
        let is_wanted = |waiting: &Waiting| !waiting.writer.is_closed();
        let mut inner = self.writing.inner.lock();
        let taken_back =
            inner.waiting.iter().position(|waiting| !is_wanted(waiting)).and_then(|at| inner.waiting.remove(at));
        drop(inner);
        drop(taken_back);
    }
}

impl Inner {
    /// Sends or queues one message, or has a copy of it wait for room. `None` if the system has all of it.
    fn send(
        &mut self,
        parts: &[&[u8]],
        place: Place,
        open: impl FnOnce() -> bool,
    ) -> Result<Option<oneshot::Receiver<()>>, Unsendable> {
        if matches!(self.outlet, Outlet::Closed) || !open() {
            return Err(Unsendable::Over);
        }
        if !matches!(self.half, Half::Open) {
            return Err(Unsendable::HalfEnded);
        }
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length == 0 {
            return Ok(None);
        }
        let mut taken = 0;
        if self.queue.is_empty() {
            taken = self.send_directly(parts, length)?;
            if taken == length {
                return Ok(None);
            }
            self.progress = Instant::now();
            self.begun = if taken > 0 { length - taken } else { 0 };
        }
        let (writer, sent) = oneshot::channel();
        let rest = parts_behind(parts, taken);
        if self.queue.is_empty() || place == Place::Last && self.waiting.is_empty() && self.has_room_for(length) {
            rest.for_each(|part| self.queue.extend(part));
            self.messages.push_back(Message { left: length - taken, place, writer });
        } else if place == Place::First {
            self.insert(rest, length, writer);
        } else {
            self.waiting.push_back(Waiting { bytes: rest.collect::<Vec<_>>().concat(), writer });
        }
        Ok(Some(sent))
    }

    /// Offers a message to the system, once, if that is the way. How many bytes it took.
    fn send_directly(&mut self, parts: &[&[u8]], length: usize) -> Result<usize, Unsendable> {
        let Outlet::Socket(socket) = &self.outlet else { return Ok(0) };
        match offer(socket, parts, length) {
            Ok(taken) => Ok(taken),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => {
                self.failed(&error);
                Err(Unsendable::Over)
            }
        }
    }

    /// Puts a message behind what has begun and what is ahead already.
    fn insert<'a>(&mut self, parts: impl Iterator<Item = &'a [u8]>, length: usize, writer: Writer) {
        let (mut index, mut offset) = (0, 0);
        while let Some(message) = self.messages.get(index)
            && (offset < self.begun || message.place == Place::First)
        {
            offset += message.left;
            index += 1;
        }
        let behind = self.queue.split_off(offset);
        parts.for_each(|part| self.queue.extend(part));
        self.queue.extend(behind);
        self.messages.insert(index, Message { left: length, place: Place::First, writer });
    }

    fn has_room_for(&self, length: usize) -> bool {
        self.queue.is_empty() || self.queue.len().saturating_add(length) <= self.limit
    }

    /// Notes that the first `count` bytes of the queue have been taken, and whom to tell. Queues what there is room for.
    fn took(&mut self, count: usize, told: &mut Vec<Writer>) {
        self.queue.drain(..count);
        self.progress = Instant::now();
        self.begun = self.begun.saturating_sub(count);
        let mut rest = count;
        while let Some(message) = self.messages.front_mut() {
            if message.left > rest {
                message.left -= rest;
                if rest > 0 {
                    self.begun = self.begun.max(message.left);
                }
                break;
            }
            rest -= message.left;
            told.extend(self.messages.pop_front().map(|message| message.writer));
        }
        while let Some(waiting) = self.waiting.front()
            && self.has_room_for(waiting.bytes.len())
            && let Some(Waiting { bytes, writer }) = self.waiting.pop_front()
        {
            self.messages.push_back(Message { left: bytes.len(), place: Place::Last, writer });
            self.queue.extend(bytes);
        }
        if self.queue.is_empty() {
            // A backlog is the exception: nothing is kept for the next one.
            self.begun = 0;
            self.queue = VecDeque::new();
            self.messages = VecDeque::new();
            self.waiting = VecDeque::new();
        }
    }

    fn end_half(&mut self) -> Result<Option<oneshot::Receiver<()>>, Unsendable> {
        if matches!(self.outlet, Outlet::Closed) {
            return Err(Unsendable::Over);
        }
        let (writer, ended) = oneshot::channel();
        match &mut self.half {
            Half::Open => self.half = Half::Ending(vec![writer]),
            Half::Ending(writers) => writers.push(writer),
            Half::Ended => return Ok(None),
        }
        Ok(Some(ended))
    }

    /// Notes it under the lock: whoever finds the stream closed meanwhile finds out why.
    fn failed(&mut self, error: &io::Error) -> DisconnectReason {
        self.error.insert(DisconnectReason::from_io(error)).clone()
    }
}

/// Tells writers that their messages have been taken.
fn tell(writers: Vec<Writer>) {
    for writer in writers {
        // Nobody waits for a write that was dropped.
        let _ = writer.send(());
    }
}

/// What is left of a message behind the first `taken` bytes.
fn parts_behind<'a>(parts: &[&'a [u8]], mut taken: usize) -> impl Iterator<Item = &'a [u8]> {
    parts.iter().map(move |part| {
        let skipped = taken.min(part.len());
        taken -= skipped;
        &part[skipped..]
    })
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

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    use memchr::memchr_iter;
    use proptest::prelude::*;

    use super::*;

    /// What happens to a queue.
    #[derive(Clone, Debug)]
    enum Step {
        /// A message of so many bytes is written, and waited for.
        Write(Place, usize),
        /// The write that is the so-manieth of those that wait is dropped.
        Drop(usize),
        /// The stream is offered so many bytes and takes so many of them.
        Take(usize, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let place = prop_oneof![3 => Just(Place::Last), 1 => Just(Place::First)];
        prop_oneof![
            3 => (place, 1_usize..20).prop_map(|(place, length)| Step::Write(place, length)),
            1 => (0_usize..5).prop_map(Step::Drop),
            3 => (1_usize..40, 0_usize..40).prop_map(|(offered, taken)| Step::Take(offered, taken)),
        ]
    }

    type Writes<'a> = Vec<(u8, Pin<Box<dyn Future<Output = Result<(), Unsendable>> + 'a>>)>;

    /// Lets the stream take some, and notes it.
    fn take(writing: &Writing, offered: &mut Vec<u8>, wire: &mut Vec<u8>, (count, taken): (usize, usize)) {
        if offered.is_empty() {
            *offered = writing.offer(count);
        }
        let taken: Vec<u8> = offered.drain(..taken.min(offered.len())).collect();
        writing.took(taken.len());
        wire.extend(taken);
    }

    /// Polls all writes, and lets go of those that are done. Those whose last byte is not on the wire must not be.
    fn poll_all(writes: &mut Writes<'_>, wire: &[u8], lengths: &[usize]) {
        writes.retain_mut(|(number, write)| {
            let is_there = memchr_iter(*number, wire).count() == lengths[usize::from(*number)];
            let polled = write.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(polled, if is_there { Poll::Ready(Ok(())) } else { Poll::Pending }, "message {number}");
            !is_there
        });
    }

    proptest! {
        /// Messages go out whole, at most once and all that were not dropped; those for the end in the order of their
        /// writing, those for the front too and before what had not begun. A write ends with its message's last byte.
        #[test]
        fn messages_go_out_whole_and_in_order(
            steps in prop::collection::vec(step(), 1..60),
            limit in 1_usize..100,
        ) {
            let writing = Writing::new(Outlet::Queue, limit);
            let (mut wire, mut offered, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
            let (mut writes, mut dropped, mut ahead): (Writes<'_>, Vec<u8>, Vec<u8>) = Default::default();
            for step in steps {
                match step {
                    Step::Write(place, length) => {
                        let number = u8::try_from(lengths.len()).expect("there are few");
                        lengths.push(length);
                        if place == Place::First {
                            ahead.push(number);
                        }
                        let message = vec![number; length];
                        let writing = &writing;
                        writes.push((number, Box::pin(async move { writing.send(&[&message], place, || true).await })));
                    }
                    Step::Drop(index) if index < writes.len() => dropped.push(writes.remove(index).0),
                    Step::Drop(_) => {}
                    Step::Take(count, taken) => take(&writing, &mut offered, &mut wire, (count, taken)),
                }
                poll_all(&mut writes, &wire, &lengths);
            }
            while !writing.is_empty() {
                take(&writing, &mut offered, &mut wire, (7, 5));
                poll_all(&mut writes, &wire, &lengths);
            }
            prop_assert!(writes.is_empty());
            let order: Vec<u8> = wire.chunk_by(|one, next| one == next).map(|message| message[0]).collect();
            for number in &order {
                prop_assert_eq!(memchr_iter(*number, &wire).count(), lengths[usize::from(*number)], "whole");
                prop_assert_eq!(memchr_iter(*number, &order).count(), 1, "in one piece");
            }
            for number in 0..u8::try_from(lengths.len()).expect("there are few") {
                prop_assert!(order.contains(&number) || dropped.contains(&number), "{} is lost", number);
            }
            let (first, last): (Vec<u8>, Vec<u8>) = order.iter().partition(|number| ahead.contains(number));
            prop_assert!(first.is_sorted() && last.is_sorted(), "{:?} {:?}", first, last);
        }
    }
}
