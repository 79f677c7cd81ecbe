//! The write side of a session: who sends, and whether anything can be sent.

use std::{collections::VecDeque, io};

use tokio::{task, time::Instant};

use super::{
    Effects,
    gathering::Gathering,
    message::{Begun, Numbered, Place, Unsendable, Writer},
    queue::Queue,
};
use crate::{
    DisconnectReason, Sent,
    sync::{is_misbehaviour, oneshot},
};

/// Messages are sent by the writer itself while the socket takes them whole. What it does not take is queued, and the
/// session's task sends it, whatever becomes of the writer. For a message that the queue has no room for, a copy waits,
/// which the session's task queues: a writer that nobody polls holds up nobody.
#[derive(Debug)]
pub(crate) struct Outgoing {
    way: Way,
    /// Who calls the system to send.
    caller: Caller,
    /// Why nothing more is taken.
    error: Option<DisconnectReason>,
    /// What is asked of it beside who sends is asked of it directly.
    pub(crate) queue: Queue,
    half: Half,
    gathering: Gathering,
}

/// Whether somebody calls the system to send. Nobody else does meanwhile, or messages would tear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
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
            caller: Caller::Nobody,
            error: None,
            queue: Queue::new(limit, is_tapped),
            half: Half::Open,
            gathering: Gathering::default(),
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
        if self.queue.is_empty() && !self.is_sending() && self.way == Way::Direct && !self.gathering.waits(writer) {
            self.caller = Caller::Somebody;
            return Ok(Begun::Direct(self.queue.pass(parts, length, place, effects)));
        }
        self.gathering.note_queued(writer);
        effects.has_work = true;
        Ok(Begun::Queued(self.queue.push(parts, length, place, effects)))
    }

    /// Notes what the system has made of a message that was offered to it directly. Queues what it has not taken.
    pub(super) fn offered(
        &mut self,
        parts: &[&[u8]],
        numbered: Numbered,
        result: io::Result<usize>,
        effects: &mut Effects,
    ) -> Result<Begun, Unsendable> {
        effects.has_work |= std::mem::replace(&mut self.caller, Caller::Nobody) == Caller::Awaited;
        let taken = result.as_ref().map_or(0, |taken| *taken);
        let left = self.queue.passed(numbered, taken, effects);
        if let Err(error) = result
            && error.kind() != io::ErrorKind::WouldBlock
        {
            self.failed(&error);
            if is_misbehaviour(&error) {
                self.queue.note_begun(numbered);
            }
            return Err(Unsendable::Over(self.queue.has_sent(numbered)));
        }
        if left == 0 {
            effects.has_work |= !self.queue.is_empty() || matches!(self.half, Half::Ending(_));
            return Ok(Begun::Empty);
        }
        if self.way == Way::Closed {
            // It was closed meanwhile, and what is left will not be sent.
            return Err(Unsendable::Over(self.queue.has_sent(numbered)));
        }
        effects.has_work = true;
        Ok(Begun::Queued(self.queue.push_rest(parts, taken, left, numbered)))
    }

    fn check_open(&self) -> Result<(), Unsendable> {
        match (self.way, &self.half) {
            (Way::Closed, _) => Err(Unsendable::Over(Sent::No)),
            (_, Half::Open) => Ok(()),
            (_, Half::Ending(_) | Half::Ended) => Err(Unsendable::HalfEnded),
        }
    }

    /// What there is to send.
    pub(crate) fn next(&mut self) -> Next {
        if self.is_sending() {
            self.caller = Caller::Awaited;
            Next::Busy
        } else if self.queue.is_empty() {
            Next::Nothing
        } else {
            Next::Queue(self.queue.progress())
        }
    }

    /// Lends the queue to who offers it to the system, once and now. `None` if somebody does so already, or there is
    /// none.
    pub(crate) fn lend(&mut self) -> Option<VecDeque<u8>> {
        if self.is_sending() || self.queue.is_empty() {
            return None;
        }
        self.caller = Caller::Somebody;
        Some(self.queue.lend())
    }

    /// Takes the queue back, of which the system has taken so many bytes in front.
    pub(super) fn give_back(
        &mut self,
        bytes: VecDeque<u8>,
        result: io::Result<usize>,
        effects: &mut Effects,
    ) -> Result<usize, DisconnectReason> {
        self.caller = Caller::Nobody;
        if self.way == Way::Closed {
            return Ok(0);
        }
        let taken = match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            // While it is known what was offered.
            result => result.map_err(|error| self.failed(&error)),
        };
        self.queue.take_bytes_back(bytes);
        if let Ok(count @ 1..) = taken {
            self.took(count, effects);
        }
        self.queue.insert_ahead();
        taken
    }

    /// Notes that the first `count` bytes of the queue have been taken, and whom to tell. Queues what there is room
    /// for.
    pub(crate) fn took(&mut self, count: usize, effects: &mut Effects) {
        self.queue.took(count, effects);
        if self.queue.is_empty() {
            self.gathering.conclude();
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
        matches!(self.half, Half::Ending(_)) && self.queue.is_empty() && !self.is_sending()
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
        if is_misbehaviour(error) {
            self.queue.lose_count();
        }
        self.error.insert(DisconnectReason::from_io(error)).clone()
    }

    /// What the system has told a writer of the end.
    pub(super) fn error(&self) -> Option<&DisconnectReason> {
        self.error.as_ref()
    }

    /// Whether somebody calls the system just now, who may be told why the stream has ended.
    pub(super) fn is_sending(&self) -> bool {
        self.caller != Caller::Nobody
    }

    /// Gives up what is queued, and the way out. How many bytes were queued, of messages that had been accepted.
    pub(crate) fn close(&mut self, effects: &mut Effects) -> usize {
        self.way = Way::Closed;
        let given_up = self.queue.give_up(effects);
        if let Half::Ending(writers) = std::mem::replace(&mut self.half, Half::Ended) {
            effects.refuse(writers);
        }
        given_up
    }
}
