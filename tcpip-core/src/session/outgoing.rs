//! The write side of a session: a queue of whole messages.

use std::{collections::VecDeque, io};

use tokio::{task, time::Instant};

use super::{
    Effects,
    frame_log::{Kind, Tapped},
    gathering::Gathering,
    message::{Begun, Lane, Message, Numbered, Place, Queued, Unsendable, Waiting, Writer},
};
use crate::{DisconnectReason, Sent, sync::oneshot};

/// Messages are sent by the writer itself while the socket takes them whole. What it does not take is queued, and the
/// session's task sends it, whatever becomes of the writer. For a message that the queue has no room for, a copy waits,
/// which the session's task queues: a writer that nobody polls holds up nobody.
#[derive(Debug)]
pub(crate) struct Outgoing {
    way: Way,
    /// Who calls the system to send.
    sending: Sending,
    /// How many bytes the message has that is offered to the system directly, just now.
    direct: usize,
    /// Why nothing more is taken.
    error: Option<DisconnectReason>,
    /// How many bytes may be queued, unless they are one message.
    limit: usize,
    /// The bytes of `messages`, but for those that are lent.
    queue: VecDeque<u8>,
    /// How many bytes in front of `queue` are lent to who sends them.
    lent: usize,
    messages: VecDeque<Message>,
    /// How many bytes in front nothing may be put before: those of a message that has begun, and those that have been
    /// offered to the stream.
    begun: usize,
    /// The messages that go last.
    last: Lane,
    /// In a box, so that a session that is at rest costs nothing for it.
    rare: Option<Box<Rare>>,
    half: Half,
    /// Somebody listens in on what is queued.
    is_tapped: bool,
    /// When a byte of the queue was last taken, or the queue began to fill.
    progress: Instant,
    gathering: Gathering,
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
}

/// Whether somebody calls the system to send. Nobody else does meanwhile, or messages would tear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Nobody,
    Somebody,
    /// And the session's task waits for it.
    Awaited,
}

/// What there is to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    Nothing,
    /// Nothing until somebody who sends is done: then there is [work](Effects::has_work).
    Busy,
    /// The queue, of which a byte was last taken then, or which began to fill then.
    Queue(Instant),
}

/// This end's half of the stream.
#[derive(Debug)]
enum Half {
    Open,
    /// To be ended behind what is queued.
    Ending(Vec<Writer>),
    Ended,
}

/// The way out of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Directly into the socket, and what it does not take through the queue.
    Direct,
    /// Through the queue, since the stream is the session task's alone.
    Queue,
    /// Nothing can be sent any more.
    Closed,
}

impl Outgoing {
    pub(super) fn new(way: Way, limit: usize, is_tapped: bool) -> Self {
        Self {
            way,
            sending: Sending::Nobody,
            direct: 0,
            error: None,
            limit,
            queue: VecDeque::new(),
            lent: 0,
            messages: VecDeque::new(),
            begun: 0,
            last: Lane::default(),
            rare: None,
            half: Half::Open,
            is_tapped,
            progress: Instant::now(),
            gathering: Gathering::default(),
            sent: 0,
            messages_sent: 0,
        }
    }

    /// Begins to send one message, by `writer`: has it offered to the system, queues it, or has a copy of it wait for
    /// room.
    pub(super) fn begin(
        &mut self,
        parts: &[&[u8]],
        place: Place,
        writer: Option<task::Id>,
        effects: &mut Effects,
    ) -> Result<Begun, Unsendable> {
        self.check_open()?;
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length == 0 {
            return Ok(Begun::Empty);
        }
        if self.messages.is_empty() && !self.is_sending() && self.way == Way::Direct && !self.gathering.waits(writer) {
            self.sending = Sending::Somebody;
            self.direct = length;
            self.tap(parts.iter().copied(), effects);
            return Ok(Begun::Direct(self.number(place)));
        }
        self.gathering.note_queued(writer);
        Ok(Begun::Queued(self.queue_up(parts.iter().copied(), length, place, effects)))
    }

    /// Notes what the system has made of a message that was offered to it directly. Queues what it has not taken.
    pub(super) fn offered(
        &mut self,
        parts: &[&[u8]],
        numbered: Numbered,
        result: io::Result<usize>,
        effects: &mut Effects,
    ) -> Result<Begun, Unsendable> {
        effects.has_work |= std::mem::replace(&mut self.sending, Sending::Nobody) == Sending::Awaited;
        let length = std::mem::take(&mut self.direct);
        let taken = match result {
            Ok(taken) => taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => {
                self.failed(&error);
                return Err(Unsendable::Over(Sent::No));
            }
        };
        self.sent += taken as u64;
        if taken > 0 {
            self.note_begun(numbered);
        }
        if taken == length {
            self.messages_sent += 1;
            self.queue_waiting(effects);
            effects.has_work |= !self.queue.is_empty() || matches!(self.half, Half::Ending(_));
            return Ok(Begun::Empty);
        }
        if self.way == Way::Closed {
            // It was closed meanwhile, and what is left will not be sent.
            return Err(Unsendable::Over(self.has_sent(numbered)));
        }
        self.progress = Instant::now();
        let (writer, told) = oneshot::channel();
        // Before what was queued meanwhile, but for what is ahead of all that has not begun.
        let is_first = taken > 0 || numbered.place == Place::First;
        let at = if is_first { (0, 0) } else { self.behind_the_first(0) };
        self.insert(parts_behind(parts, taken), at, Message { left: length - taken, numbered, writer });
        if taken > 0 {
            self.begun = length - taken;
        }
        effects.has_work = true;
        Ok(Begun::Queued(Queued { numbered, taken: told }))
    }

    /// Tells those who listen in that a message is queued.
    fn tap<'a>(&self, parts: impl Iterator<Item = &'a [u8]>, effects: &mut Effects) {
        if self.is_tapped {
            effects.tap(Tapped { kind: Kind::Sent, at: Instant::now(), bytes: parts.collect::<Vec<_>>().concat() });
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

    /// A byte of that message has left.
    fn note_begun(&mut self, Numbered { place, number }: Numbered) {
        let lane = self.lane(place);
        lane.begun = lane.begun.max(number);
    }

    /// Whether a byte of that message has left. While the queue is lent, one of each that is in it may have.
    pub(crate) fn has_sent(&self, numbered: Numbered) -> Sent {
        let begun = match (numbered.place, &self.rare) {
            (Place::Last, _) => self.last.begun,
            (Place::First, Some(rare)) => rare.first.begun,
            (Place::First, None) => 0,
        };
        let may_have = numbered.number <= begun || self.lent_messages().any(|message| message.numbered == numbered);
        if may_have { Sent::Maybe } else { Sent::No }
    }

    /// The messages of which bytes are lent to who sends them.
    fn lent_messages(&self) -> impl Iterator<Item = &Message> {
        let mut before = 0;
        self.messages.iter().take_while(move |message| {
            let is_lent = before < self.lent;
            before += message.left;
            is_lent
        })
    }

    fn check_open(&self) -> Result<(), Unsendable> {
        match (self.way, &self.half) {
            (Way::Closed, _) => Err(Unsendable::Over(Sent::No)),
            (_, Half::Open) => Ok(()),
            (_, Half::Ending(_) | Half::Ended) => Err(Unsendable::HalfEnded),
        }
    }

    fn queue_up<'a>(
        &mut self,
        parts: impl Iterator<Item = &'a [u8]> + Clone,
        length: usize,
        place: Place,
        effects: &mut Effects,
    ) -> Queued {
        effects.has_work = true;
        let numbered = self.number(place);
        let (writer, taken) = oneshot::channel();
        if self.messages.is_empty() {
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
            parts.for_each(|part| self.queue.extend(part));
            self.messages.push_back(Message { left: length, numbered, writer });
        } else {
            self.rare.get_or_insert_default().waiting.push_back(Waiting::new(parts, numbered, writer));
        }
        Queued { numbered, taken }
    }

    fn has_waiting(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.waiting.is_empty())
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
        let behind = self.queue.split_off(offset);
        parts.for_each(|part| self.queue.extend(part));
        self.queue.extend(behind);
        self.messages.insert(index, message);
    }

    fn has_room_for(&self, length: usize) -> bool {
        let before = self.queued() + self.direct;
        before == 0 || before.saturating_add(length) <= self.limit
    }

    /// How many bytes are queued.
    pub(super) fn queued(&self) -> usize {
        let ahead = self.rare.iter().flat_map(|rare| &rare.ahead).map(|waiting| waiting.bytes.len());
        self.queue.len() + self.lent + ahead.sum::<usize>()
    }

    /// What there is to send.
    pub(crate) fn next(&mut self) -> Next {
        if self.is_sending() {
            self.sending = Sending::Awaited;
            Next::Busy
        } else if self.queue.is_empty() {
            Next::Nothing
        } else {
            Next::Queue(self.progress)
        }
    }

    /// Lends the queue to who offers it to the system, once and now. `None` if somebody does so already, or there is
    /// none.
    pub(crate) fn lend(&mut self) -> Option<VecDeque<u8>> {
        if self.is_sending() || self.queue.is_empty() {
            return None;
        }
        self.sending = Sending::Somebody;
        self.lent = self.queue.len();
        Some(std::mem::take(&mut self.queue))
    }

    /// Takes the queue back, of which the system has taken so many bytes in front.
    pub(super) fn give_back(
        &mut self,
        mut queue: VecDeque<u8>,
        result: io::Result<usize>,
        effects: &mut Effects,
    ) -> Result<usize, DisconnectReason> {
        self.sending = Sending::Nobody;
        if self.way == Way::Closed {
            return Ok(0);
        }
        queue.append(&mut self.queue);
        self.queue = queue;
        self.lent = 0;
        let taken = match result {
            Ok(count) => {
                self.took(count, effects);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(self.failed(&error)),
        };
        let ahead = self.rare.as_mut().map(|rare| std::mem::take(&mut rare.ahead));
        for Waiting { bytes, numbered, writer } in ahead.into_iter().flatten() {
            let message = Message { left: bytes.len(), numbered, writer };
            self.insert([&bytes[..]].into_iter(), self.behind_the_first(self.begun), message);
        }
        taken
    }

    /// Copies up to `count` bytes from the front of the queue, which are then to be offered to the stream: nothing is
    /// put before them any more.
    pub(crate) fn offer(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.queue.len());
        let (front, back) = self.queue.as_slices();
        let from_front = count.min(front.len());
        let offered = [&front[..from_front], &back[..count - from_front]].concat();
        self.begun = self.begun.max(offered.len());
        offered
    }

    /// Notes that the first `count` bytes of the queue have been taken, and whom to tell. Queues what there is room
    /// for.
    pub(crate) fn took(&mut self, count: usize, effects: &mut Effects) {
        let count = count.min(self.queue.len());
        self.queue.drain(..count);
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
        if self.queue.is_empty() {
            self.gathering.conclude();
            self.begun = 0;
            // A backlog is the exception: nothing much is kept for the next one.
            if self.queue.capacity() > KEPT {
                self.queue = VecDeque::new();
                self.messages = VecDeque::new();
                if let Some(rare) = &mut self.rare {
                    rare.waiting = VecDeque::new();
                }
            }
        }
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
            self.queue.extend(bytes);
        }
    }

    /// Ends this end's half behind what is queued. `None` if that has been done.
    pub(super) fn end_half(&mut self, effects: &mut Effects) -> Result<Option<oneshot::Receiver<()>>, Unsendable> {
        if self.way == Way::Closed {
            return Err(Unsendable::Over(Sent::No));
        }
        let (writer, ended) = oneshot::channel();
        match &mut self.half {
            Half::Open => self.half = Half::Ending(vec![writer]),
            Half::Ending(writers) => writers.push(writer),
            Half::Ended => return Ok(None),
        }
        effects.has_work = true;
        Ok(Some(ended))
    }

    /// Whether this end's half is to be ended now.
    pub(crate) fn is_half_ending(&self) -> bool {
        matches!(self.half, Half::Ending(_)) && self.messages.is_empty() && !self.is_sending()
    }

    /// Notes that this end's half has been ended.
    pub(crate) fn half_has_ended(&mut self, effects: &mut Effects) {
        if let Half::Ending(writers) = std::mem::replace(&mut self.half, Half::Ended) {
            for writer in writers {
                effects.tell_taken(Some(writer));
            }
        }
    }

    /// Whether this end has ended its half.
    pub(crate) fn has_half_ended(&self) -> bool {
        matches!(self.half, Half::Ended)
    }

    /// Notes what the stream has told of its end, which it tells once.
    pub(crate) fn failed(&mut self, error: &io::Error) -> DisconnectReason {
        self.error.insert(DisconnectReason::from_io(error)).clone()
    }

    /// What the system has told a writer of the end.
    pub(super) fn error(&self) -> Option<&DisconnectReason> {
        self.error.as_ref()
    }

    /// Whether somebody calls the system just now, who may be told why the stream has ended.
    pub(super) fn is_sending(&self) -> bool {
        self.sending != Sending::Nobody
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Gives up what is queued, and the way out. How many bytes were queued, of messages that had been accepted.
    pub(crate) fn close(&mut self, effects: &mut Effects) -> usize {
        self.way = Way::Closed;
        let given_up = self.queued();
        // What comes back does not tell any more how much of it has been taken.
        let lent: Vec<_> = self.lent_messages().map(|message| message.numbered).collect();
        for numbered in lent {
            self.note_begun(numbered);
        }
        self.queue = VecDeque::new();
        (self.begun, self.lent) = (0, 0);
        effects.refuse(std::mem::take(&mut self.messages).into_iter().map(|message| message.writer));
        if let Some(Rare { waiting, ahead, .. }) = self.rare.as_deref_mut() {
            effects.refuse(std::mem::take(waiting).into_iter().map(|waiting| waiting.writer));
            effects.refuse(std::mem::take(ahead).into_iter().map(|waiting| waiting.writer));
        }
        if let Half::Ending(writers) = std::mem::replace(&mut self.half, Half::Ended) {
            effects.refuse(writers);
        }
        given_up
    }

    /// Lets go of a message that waits for room and whose writer is gone. Whether it waited.
    pub(crate) fn take_back(&mut self, numbered: Numbered, effects: &mut Effects) -> bool {
        let Some(rare) = &mut self.rare else { return false };
        let at = rare.waiting.iter().position(|waiting| waiting.numbered == numbered);
        let Some(waiting) = at.and_then(|at| rare.waiting.remove(at)) else { return false };
        effects.refuse([waiting.writer]);
        true
    }

    pub(super) fn sent(&self) -> (u64, u64) {
        (self.sent, self.messages_sent)
    }
}

/// What an empty queue keeps of its memory.
const KEPT: usize = 4096;

/// What is left of a message behind the first `taken` bytes.
fn parts_behind<'a>(parts: &[&'a [u8]], mut taken: usize) -> impl Iterator<Item = &'a [u8]> {
    parts.iter().map(move |part| {
        let skipped = taken.min(part.len());
        taken -= skipped;
        &part[skipped..]
    })
}
