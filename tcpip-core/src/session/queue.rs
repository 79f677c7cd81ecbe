//! The queue of a session: whole messages, in the order of the wire.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::{
    Effects,
    frame_log::{TapKind, Tapped},
    message::{Lane, Message, Numbered, Place, Queued, Waiting},
};
use crate::{Sent, sync::oneshot};

/// What an empty queue keeps of its memory.
const KEPT: usize = 4096;

/// The messages that have been accepted, and how far each has left.
///
/// Who sends is lent the bytes, or copies some. What is offered past the queue, while that is empty, is numbered here
/// as well.
#[derive(Debug)]
pub(crate) struct Queue {
    /// How many bytes may be queued, unless they are one message.
    limit: usize,
    /// The bytes of `messages`, but for those that are lent.
    bytes: VecDeque<u8>,
    /// How many bytes in front of `bytes` are lent to who sends them.
    lent: usize,
    messages: VecDeque<Message>,
    /// How many bytes in front nothing may be put before: those of a message that has begun, and those that have been
    /// offered to the stream.
    begun: usize,
    /// How many bytes the message has that is offered past the queue, just now.
    direct: usize,
    /// The messages that go last.
    last: Lane,
    /// In a box, so that a session that is at rest costs nothing for it.
    rare: Option<Box<Rare>>,
    /// When a byte of the queue was last taken, or the queue began to fill.
    progress: Instant,
    sent: u64,
    messages_sent: u64,
}

/// What there seldom is.
#[derive(Debug, Default)]
struct Rare {
    /// What there is no room for. Empty while the queue is, and no message is offered directly.
    waiting: VecDeque<Waiting>,
    /// What is to go ahead of what is lent, as far as that comes back.
    ahead: Vec<Waiting>,
    /// The messages that go first.
    first: Lane,
    /// Somebody listens in on what is queued.
    is_tapped: bool,
}

impl Queue {
    pub(super) fn new(limit: usize, is_tapped: bool) -> Self {
        Self {
            limit,
            bytes: VecDeque::new(),
            lent: 0,
            messages: VecDeque::new(),
            begun: 0,
            direct: 0,
            last: Lane::default(),
            rare: is_tapped.then(|| Box::new(Rare { is_tapped, ..Rare::default() })),
            progress: Instant::now(),
            sent: 0,
            messages_sent: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many bytes are queued.
    pub(super) fn len(&self) -> usize {
        let ahead = self.rare.iter().flat_map(|rare| &rare.ahead).map(|waiting| waiting.bytes.len());
        self.bytes.len() + self.lent + ahead.sum::<usize>()
    }

    /// When a byte was last taken, or the queue began to fill.
    pub(super) fn progress(&self) -> Instant {
        self.progress
    }

    /// How many bytes have been taken, and how many whole messages.
    pub(super) fn sent(&self) -> (u64, u64) {
        (self.sent, self.messages_sent)
    }

    /// Whether a byte of that message has left. While the queue is lent, one of each that is in it may have.
    pub(crate) fn has_sent(&self, numbered: Numbered) -> Sent {
        let begun = match (numbered.place, &self.rare) {
            (Place::Last, _) => self.last.begun,
            (Place::First, Some(rare)) => rare.first.begun,
            (Place::First, None) => 0,
        };
        let may_have =
            numbered.number <= begun || self.messages_within(self.lent).any(|message| message.numbered == numbered);
        if may_have { Sent::Maybe } else { Sent::No }
    }

    /// Notes that a message of so many bytes is offered past the queue. Its number.
    pub(super) fn pass(&mut self, parts: &[&[u8]], length: usize, place: Place, effects: &mut Effects) -> Numbered {
        self.direct = length;
        self.tap(parts.iter().copied(), effects);
        self.number(place)
    }

    /// Notes how many bytes have been taken of the message that was offered past the queue. How many are left.
    pub(super) fn passed(&mut self, numbered: Numbered, taken: usize, effects: &mut Effects) -> usize {
        let left = std::mem::take(&mut self.direct) - taken;
        self.sent += taken as u64;
        if taken > 0 {
            self.note_begun(numbered);
        }
        if left == 0 {
            self.messages_sent += 1;
            self.queue_waiting(effects);
        }
        left
    }

    /// Queues what is left of the message that was offered past the queue, behind the `taken` bytes in front of it.
    pub(super) fn push_rest(&mut self, parts: &[&[u8]], taken: usize, left: usize, numbered: Numbered) -> Queued {
        self.progress = Instant::now();
        let (writer, told) = oneshot::channel();
        // Before what was queued meanwhile, but for what is ahead of all that has not begun.
        let is_first = taken > 0 || numbered.place == Place::First;
        let at = if is_first { (0, 0) } else { self.behind_the_first(0) };
        self.insert(parts_behind(parts, taken), at, Message { left, numbered, writer });
        if taken > 0 {
            self.begun = left;
        }
        Queued { numbered, taken: told }
    }

    /// Queues a message of so many bytes, or has a copy of it wait for room.
    pub(super) fn push(&mut self, parts: &[&[u8]], length: usize, place: Place, effects: &mut Effects) -> Queued {
        let parts = parts.iter().copied();
        let numbered = self.number(place);
        let (writer, taken) = oneshot::channel();
        if self.is_empty() {
            self.progress = Instant::now();
        }
        let waits = place == Place::Last && (self.has_waiting() || !self.has_room_for(length));
        if !waits {
            self.tap(parts.clone(), effects);
        }
        if place == Place::First && self.lent > 0 {
            self.rare.get_or_insert_default().ahead.push(Waiting::new(parts, numbered, writer));
        } else if place == Place::First {
            let at = self.behind_the_first(self.begun);
            self.insert(parts, at, Message { left: length, numbered, writer });
        } else if !waits {
            parts.for_each(|part| self.bytes.extend(part));
            self.messages.push_back(Message { left: length, numbered, writer });
        } else {
            self.rare.get_or_insert_default().waiting.push_back(Waiting::new(parts, numbered, writer));
        }
        Queued { numbered, taken }
    }

    /// Lends all bytes.
    pub(super) fn lend(&mut self) -> VecDeque<u8> {
        self.lent = self.bytes.len();
        std::mem::take(&mut self.bytes)
    }

    /// Takes the bytes back. What has come meanwhile is behind them.
    pub(super) fn take_bytes_back(&mut self, mut bytes: VecDeque<u8>) {
        bytes.append(&mut self.bytes);
        self.bytes = bytes;
        self.lent = 0;
    }

    /// Puts what was to go ahead of what was lent before what of that has not begun.
    pub(super) fn insert_ahead(&mut self) {
        let ahead = self.rare.as_mut().map(|rare| std::mem::take(&mut rare.ahead));
        for Waiting { bytes, numbered, writer } in ahead.into_iter().flatten() {
            let message = Message { left: bytes.len(), numbered, writer };
            self.insert([&bytes[..]].into_iter(), self.behind_the_first(self.begun), message);
        }
    }

    /// Copies up to `count` bytes from the front, which are then to be offered to the stream: nothing is put before
    /// them any more.
    pub(crate) fn offer(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.bytes.len());
        let (front, back) = self.bytes.as_slices();
        let from_front = count.min(front.len());
        let offered = [&front[..from_front], &back[..count - from_front]].concat();
        self.begun = self.begun.max(offered.len());
        offered
    }

    /// Notes that the first `count` bytes have been taken, and whom to tell. Queues what there is room for.
    pub(super) fn took(&mut self, count: usize, effects: &mut Effects) {
        let count = count.min(self.bytes.len());
        self.bytes.drain(..count);
        self.progress = Instant::now();
        self.sent += count as u64;
        self.begun = self.begun.saturating_sub(count);
        let mut rest = count;
        while let Some(message) = self.messages.front_mut() {
            let (left, numbered) = (message.left, message.numbered);
            message.left -= rest.min(left);
            if rest > 0 {
                self.note_begun(numbered);
            }
            if left > rest {
                if rest > 0 {
                    self.begun = self.begun.max(left - rest);
                }
                break;
            }
            rest -= left;
            self.messages_sent += 1;
            effects.tell_taken(self.messages.pop_front().map(|message| message.writer));
        }
        self.queue_waiting(effects);
        if self.is_empty() {
            self.begun = 0;
            // A backlog is the exception: nothing much is kept for the next one.
            if self.bytes.capacity() > KEPT {
                self.bytes = VecDeque::new();
                self.messages = VecDeque::new();
                if let Some(rare) = &mut self.rare {
                    rare.waiting = VecDeque::new();
                }
            }
        }
    }

    /// Lets go of a message that waits for room and whose writer is gone. Whether it waited.
    pub(crate) fn take_back(&mut self, numbered: Numbered, effects: &mut Effects) -> bool {
        let Some(rare) = &mut self.rare else { return false };
        let at = rare.waiting.iter().position(|waiting| waiting.numbered == numbered);
        let Some(waiting) = at.and_then(|at| rare.waiting.remove(at)) else { return false };
        effects.refuse([waiting.writer]);
        true
    }

    /// Gives up all that is queued. How many bytes that was, of messages that had been accepted.
    pub(super) fn give_up(&mut self, effects: &mut Effects) -> usize {
        let given_up = self.len();
        // What comes back does not tell any more how much of it has been taken.
        self.begun = 0;
        self.lose_count();
        self.bytes = VecDeque::new();
        self.lent = 0;
        effects.refuse(std::mem::take(&mut self.messages).into_iter().map(|message| message.writer));
        if let Some(Rare { waiting, ahead, .. }) = self.rare.as_deref_mut() {
            effects.refuse(std::mem::take(waiting).into_iter().map(|waiting| waiting.writer));
            effects.refuse(std::mem::take(ahead).into_iter().map(|waiting| waiting.writer));
        }
        given_up
    }

    /// Tells those who listen in that a message is queued.
    fn tap<'a>(&self, parts: impl Iterator<Item = &'a [u8]>, effects: &mut Effects) {
        if self.rare.as_ref().is_some_and(|rare| rare.is_tapped) {
            effects.tap(Tapped { kind: TapKind::Sent, at: Instant::now(), bytes: parts.collect::<Vec<_>>().concat() });
        }
    }

    fn lane(&mut self, place: Place) -> &mut Lane {
        match place {
            Place::Last => &mut self.last,
            Place::First => &mut self.rare.get_or_insert_default().first,
        }
    }

    fn number(&mut self, place: Place) -> Numbered {
        let lane = self.lane(place);
        lane.written += 1;
        Numbered { place, number: lane.written }
    }

    /// Nobody knows any more how much has been taken of what is offered to the stream: a byte of each message of that
    /// may have.
    pub(super) fn lose_count(&mut self) {
        let offered: Vec<_> = self.messages_within(self.lent.max(self.begun)).map(|message| message.numbered).collect();
        for numbered in offered {
            self.note_begun(numbered);
        }
    }

    /// A byte of that message has left, or may have.
    pub(super) fn note_begun(&mut self, Numbered { place, number }: Numbered) {
        let lane = self.lane(place);
        lane.begun = lane.begun.max(number);
    }

    /// The messages of which some of the first `count` bytes are.
    fn messages_within(&self, count: usize) -> impl Iterator<Item = &Message> {
        let mut before = 0;
        self.messages.iter().take_while(move |message| {
            let is_within = before < count;
            before += message.left;
            is_within
        })
    }

    fn has_waiting(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.waiting.is_empty())
    }

    fn has_room_for(&self, length: usize) -> bool {
        let before = self.len() + self.direct;
        before == 0 || before.saturating_add(length) <= self.limit
    }

    /// Queues what there is room for.
    fn queue_waiting(&mut self, effects: &mut Effects) {
        while let Some(waiting) = self.rare.as_ref().and_then(|rare| rare.waiting.front())
            && self.has_room_for(waiting.bytes.len())
            && let Some(Waiting { bytes, numbered, writer }) =
                self.rare.as_mut().and_then(|rare| rare.waiting.pop_front())
        {
            self.messages.push_back(Message { left: bytes.len(), numbered, writer });
            self.tap([&bytes[..]].into_iter(), effects);
            self.bytes.extend(bytes);
        }
    }

    /// The place, as a message and as a byte, behind the first `begun` bytes and those messages that are ahead already.
    fn behind_the_first(&self, begun: usize) -> (usize, usize) {
        let (mut index, mut offset) = (0, 0);
        while let Some(message) = self.messages.get(index)
            && (offset < begun || message.numbered.place == Place::First)
        {
            offset += message.left;
            index += 1;
        }
        (index, offset)
    }

    fn insert<'a>(&mut self, parts: impl Iterator<Item = &'a [u8]>, (index, offset): (usize, usize), message: Message) {
        let behind = self.bytes.split_off(offset);
        parts.for_each(|part| self.bytes.extend(part));
        self.bytes.extend(behind);
        self.messages.insert(index, message);
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
