//! The write side of a session: a queue of whole messages.

use std::{collections::VecDeque, io};

use tokio::{task, time::Instant};

use super::{Effects, gathering::Gathering};
use crate::{DisconnectReason, sync::oneshot};

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
    /// What there is no room for. Empty while the queue is, and no message is offered directly.
    waiting: VecDeque<Waiting>,
    /// What is to go ahead of what is lent, as far as that comes back.
    ahead: Vec<Waiting>,
    half: Half,
    /// When a byte of the queue was last taken, or the queue began to fill.
    progress: Instant,
    gathering: Gathering,
    sent: u64,
    messages_sent: u64,
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
pub(crate) type Writer = oneshot::Sender<()>;

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

/// Where in the queue a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Last,
    /// Before all that has not begun, but behind others that went there.
    First,
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsendable {
    /// There is no session, from the beginning.
    NotConnected,
    /// The session has ended, or nothing can be sent any more.
    Over,
    /// This end has ended its half.
    HalfEnded,
}

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It is empty, and so sent.
    Empty,
    /// The writer offers it to the system, once and now, and says how that went.
    Direct,
    /// The session's task sends it, and tells.
    Queued(oneshot::Receiver<()>),
}

impl Outgoing {
    pub(super) fn new(way: Way, limit: usize) -> Self {
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
            waiting: VecDeque::new(),
            ahead: Vec::new(),
            half: Half::Open,
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
            return Ok(Begun::Direct);
        }
        self.gathering.note_queued(writer);
        Ok(Begun::Queued(self.queue_up(parts.iter().copied(), length, place, effects)))
    }

    /// Notes what the system has made of a message that was offered to it directly. Queues what it has not taken.
    pub(super) fn offered(
        &mut self,
        parts: &[&[u8]],
        place: Place,
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
                return Err(Unsendable::Over);
            }
        };
        self.sent += taken as u64;
        if taken == length {
            self.messages_sent += 1;
            self.queue_waiting();
            effects.has_work |= !self.queue.is_empty() || matches!(self.half, Half::Ending(_));
            return Ok(Begun::Empty);
        }
        if self.way == Way::Closed {
            // It was closed meanwhile, and what is left will not be sent.
            return Err(Unsendable::Over);
        }
        self.progress = Instant::now();
        let (writer, sent) = oneshot::channel();
        // Before what was queued meanwhile, but for what is ahead of all that has not begun.
        let is_first = taken > 0 || place == Place::First;
        let at = if is_first { (0, 0) } else { self.behind_the_first(0) };
        self.insert(parts_behind(parts, taken), at, Message { left: length - taken, place, writer });
        if taken > 0 {
            self.begun = length - taken;
        }
        effects.has_work = true;
        Ok(Begun::Queued(sent))
    }

    fn check_open(&self) -> Result<(), Unsendable> {
        match (self.way, &self.half) {
            (Way::Closed, _) => Err(Unsendable::Over),
            (_, Half::Open) => Ok(()),
            (_, Half::Ending(_) | Half::Ended) => Err(Unsendable::HalfEnded),
        }
    }

    fn queue_up<'a>(
        &mut self,
        parts: impl Iterator<Item = &'a [u8]>,
        length: usize,
        place: Place,
        effects: &mut Effects,
    ) -> oneshot::Receiver<()> {
        effects.has_work = true;
        let (writer, sent) = oneshot::channel();
        if self.messages.is_empty() {
            self.progress = Instant::now();
        }
        if place == Place::First && self.lent > 0 {
            self.ahead.push(Waiting { bytes: parts.collect::<Vec<_>>().concat(), writer });
        } else if place == Place::First {
            let at = self.behind_the_first(self.begun);
            self.insert(parts, at, Message { left: length, place, writer });
        } else if self.waiting.is_empty() && self.has_room_for(length) {
            parts.for_each(|part| self.queue.extend(part));
            self.messages.push_back(Message { left: length, place, writer });
        } else {
            self.waiting.push_back(Waiting { bytes: parts.collect::<Vec<_>>().concat(), writer });
        }
        sent
    }

    /// The place, as a message and as a byte, behind the first `begun` bytes and those messages that are ahead already.
    fn behind_the_first(&self, begun: usize) -> (usize, usize) {
        let (mut index, mut offset) = (0, 0);
        while let Some(message) = self.messages.get(index)
            && (offset < begun || message.place == Place::First)
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
        self.queue.len() + self.lent + self.ahead.iter().map(|waiting| waiting.bytes.len()).sum::<usize>()
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
        for Waiting { bytes, writer } in std::mem::take(&mut self.ahead) {
            let message = Message { left: bytes.len(), place: Place::First, writer };
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
            if message.left > rest {
                message.left -= rest;
                if rest > 0 {
                    self.begun = self.begun.max(message.left);
                }
                break;
            }
            rest -= message.left;
            self.messages_sent += 1;
            effects.tell_taken(self.messages.pop_front().map(|message| message.writer));
        }
        self.queue_waiting();
        if self.queue.is_empty() {
            self.gathering.conclude();
            self.begun = 0;
            // A backlog is the exception: nothing much is kept for the next one.
            if self.queue.capacity() > KEPT {
                self.queue = VecDeque::new();
                self.messages = VecDeque::new();
                self.waiting = VecDeque::new();
            }
        }
    }

    /// Queues what there is room for.
    fn queue_waiting(&mut self) {
        while let Some(waiting) = self.waiting.front()
            && self.has_room_for(waiting.bytes.len())
            && let Some(Waiting { bytes, writer }) = self.waiting.pop_front()
        {
            self.messages.push_back(Message { left: bytes.len(), place: Place::Last, writer });
            self.queue.extend(bytes);
        }
    }

    /// Ends this end's half behind what is queued. `None` if that has been done.
    pub(super) fn end_half(&mut self, effects: &mut Effects) -> Result<Option<oneshot::Receiver<()>>, Unsendable> {
        if self.way == Way::Closed {
            return Err(Unsendable::Over);
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
        self.queue = VecDeque::new();
        (self.begun, self.lent) = (0, 0);
        effects.refuse(std::mem::take(&mut self.messages).into_iter().map(|message| message.writer));
        effects.refuse(std::mem::take(&mut self.waiting).into_iter().map(|waiting| waiting.writer));
        effects.refuse(std::mem::take(&mut self.ahead).into_iter().map(|waiting| waiting.writer));
        if let Half::Ending(writers) = std::mem::replace(&mut self.half, Half::Ended) {
            effects.refuse(writers);
        }
        given_up
    }

    /// Lets go of a message that waits for room and whose writer is gone.
    pub(crate) fn take_back(&mut self, effects: &mut Effects) {
        if let Some(at) = self.waiting.iter().position(|waiting| waiting.writer.is_closed()) {
            effects.refuse(self.waiting.remove(at).map(|waiting| waiting.writer));
        }
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
