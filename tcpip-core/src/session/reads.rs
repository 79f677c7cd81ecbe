//! What becomes of a read.

use std::io;

use super::{
    Arc, Arrived, Buffer, DisconnectReason, Effects, End, Heartbeats, Instant, Session, StreamEnd, Take, Taken,
    TextFormat, Ticket, Unread, Waits, Waker,
};
use crate::{FrameBuffer, ReadError};

/// What a read does next.
pub(crate) enum Step<T> {
    /// It has come to this.
    Done(Taken<T>),
    /// It waits, and is woken.
    Wait,
    /// It asks the system for bytes, and gives the buffer back with [`Session::received`].
    Receive(Receive),
    /// It does its work on the buffer, and gives it back with [`Session::worked`].
    Work(Work),
}

/// What becomes of a read that has not found its frame in the buffer at once.
pub(crate) enum Entry {
    /// It may have to take a unit of its task's budget first.
    New,
    /// It has taken one.
    HasUnit,
    /// It is to take one.
    UnitDue,
    /// It has a turn, or a place in the queue for one.
    Turn(Ticket),
    /// There is no session, and nothing of it left to read.
    Over,
}

/// The buffer, if there is one, for what the system has.
pub(crate) struct Receive {
    pub(crate) frames: Option<Box<FrameBuffer>>,
    /// How many bytes are still to come, if that is known.
    pub(crate) missing: usize,
}

/// The buffer, for users' code, and what is in force for it.
pub(crate) struct Work {
    pub(crate) frames: Box<FrameBuffer>,
    pub(crate) text: Arc<TextFormat>,
    pub(crate) limit: usize,
    pub(crate) heartbeats: Heartbeats,
    /// The stream has ended.
    end: Option<End>,
    /// What had been received then.
    seen: u64,
}

impl Work {
    /// Does it.
    pub(crate) fn run<T: Take>(&mut self, take: &mut T) -> Option<Taken<T::Output>> {
        let Self { frames, text, limit, heartbeats, end, .. } = self;
        let mut unread = Unread { frames, text, limit: *limit, heartbeats };
        match end {
            Some(end) => Some(take_at_end(take, end, &mut unread)),
            None => take.take(&mut unread).map(|result| Taken { result, reports_end: false }),
        }
    }
}

impl Session {
    /// Takes the turn to read, or a place in the queue for it, for one read.
    #[cold]
    pub(crate) fn enter(&mut self, entry: &mut Entry) {
        *entry = if self.is_over() {
            Entry::Over
        } else if matches!(entry, Entry::New) && self.is_unit_due() {
            Entry::UnitDue
        } else {
            Entry::Turn(self.incoming.turns.queue_up(false))
        };
    }

    /// Takes the turn to read, or a place in the queue for it, for several reads.
    pub(crate) fn queue_up(&mut self) -> Ticket {
        self.incoming.turns.queue_up(true)
    }

    /// The same, if nobody has the turn, and the session lives.
    pub(crate) fn free_turn(&mut self) -> Option<Ticket> {
        let is_free = self.incoming.turns.is_free() && self.incoming.place == Buffer::Here && self.life.is_connected();
        is_free.then(|| self.queue_up())
    }

    pub(crate) fn leave(&mut self, ticket: Ticket, effects: &mut Effects) {
        self.incoming.turns.leave(ticket, effects);
        self.incoming.let_go_of_frames();
    }

    /// The read that has the turn is over, and the turn is kept for others.
    pub(crate) fn read_ends(&mut self, effects: &mut Effects) {
        self.incoming.waits = Waits::No;
        self.incoming.room_for(0, effects);
    }

    /// Whether it is the turn of `ticket`, and the buffer is there. If not, `waker` is taken, and woken then.
    pub(crate) fn has_turn(&mut self, ticket: Ticket, waker: &mut Option<Waker>, effects: &mut Effects) -> bool {
        if !self.incoming.turns.has_turn(ticket, waker, effects) {
            return false;
        }
        if self.incoming.place == Buffer::Here {
            return true;
        }
        // To a read that needed no turn, or to any other after the end, when there are no turns.
        if !self.incoming.turns.wait_after_the_end(ticket, waker, effects) {
            self.note_reader(waker, effects);
        }
        false
    }

    /// What the read that has `ticket` does now.
    pub(crate) fn step<T: Take>(
        &mut self,
        ticket: Ticket,
        take: &mut T,
        waker: &mut Option<Waker>,
        effects: &mut Effects,
    ) -> Step<T::Output> {
        if !self.has_turn(ticket, waker, effects) {
            return Step::Wait;
        }
        self.incoming.waits = Waits::No;
        if T::NEEDS_BYTES && self.incoming.held() == 0 && take.expected() != Some(0) {
            return self.more(take, waker, effects);
        }
        if T::RUNS_USERS_CODE {
            return Step::Work(self.work(None));
        }
        let (limit, heartbeats) = (self.limit, &mut self.heartbeats);
        let mut unread = Unread { frames: self.incoming.frames(), text: &self.text, limit, heartbeats };
        match take.take(&mut unread) {
            Some(result) => Step::Done(self.conclude::<T>(Taken { result, reports_end: false }, effects)),
            None => self.more(take, waker, effects),
        }
    }

    /// What a read does that has found too little.
    fn more<T: Take>(&mut self, take: &mut T, waker: &mut Option<Waker>, effects: &mut Effects) -> Step<T::Output> {
        self.log_passed_over(effects);
        if let Some(end) = self.incoming.end.known().cloned() {
            if T::RUNS_USERS_CODE {
                return Step::Work(self.work(Some(end)));
            }
            let (limit, heartbeats) = (self.limit, &mut self.heartbeats);
            let mut unread = Unread { frames: self.incoming.frames(), text: &self.text, limit, heartbeats };
            let taken = take_at_end(take, &end, &mut unread);
            return Step::Done(self.conclude::<T>(taken, effects));
        }
        let held = self.incoming.held();
        if self.incoming.ahead.is_none() && self.incoming.end == StreamEnd::Open {
            let missing = take.expected().map_or(0, |expected| expected.saturating_sub(held));
            return Step::Receive(Receive { frames: self.incoming.lend_if_any(Buffer::LentToSystem), missing });
        }
        self.incoming.room_for(take.expected().unwrap_or(0).max(held + 1), effects);
        self.wait(waker, effects);
        Step::Wait
    }

    fn wait(&mut self, waker: &mut Option<Waker>, effects: &mut Effects) {
        self.note_reader(waker, effects);
        self.incoming.waits = Waits::ForMore;
    }

    fn note_reader(&mut self, waker: &mut Option<Waker>, effects: &mut Effects) {
        let is_same = |there: &Waker| waker.as_ref().is_some_and(|waker| waker.will_wake(there));
        if self.incoming.turns.are_over() && !self.incoming.waker.as_ref().is_none_or(is_same) {
            // Without turns several wait, and only one is noted: the others look again until there is something.
            effects.wake(self.incoming.waker.take());
        }
        effects.replace(&mut self.incoming.waker, waker);
    }

    fn work(&mut self, end: Option<End>) -> Work {
        Work {
            frames: self.incoming.lend(Buffer::LentToUser),
            text: Arc::clone(&self.text),
            limit: self.limit,
            heartbeats: self.heartbeats,
            end,
            seen: self.incoming.received,
        }
    }

    /// Takes the buffer back from users' code, which has come to `taken`. What the read does next.
    pub(crate) fn worked<T: Take>(
        &mut self,
        work: Work,
        taken: Option<Taken<T::Output>>,
        take: &mut T,
        waker: &mut Option<Waker>,
        effects: &mut Effects,
    ) -> Step<T::Output> {
        let seen = work.seen;
        self.work_is_back(work, effects);
        match taken {
            Some(taken) => Step::Done(self.conclude::<T>(taken, effects)),
            // More was read ahead while the buffer was lent, or it looked for something else.
            None if self.incoming.received != seen || self.incoming.has_changed => Step::Work(self.work(None)),
            None => self.more(take, waker, effects),
        }
    }

    fn work_is_back(&mut self, work: Work, effects: &mut Effects) {
        self.incoming.take_back(Some(work.frames), effects);
        if let (Heartbeats::AreNoted(last), Heartbeats::AreNoted(noted)) = (&mut self.heartbeats, work.heartbeats) {
            *last = noted.max(*last);
        }
    }

    /// Takes the buffer back from who asked the system for bytes: so many came, or none (the end), or none for now.
    /// Whether the read is to look at what is there.
    pub(crate) fn received(
        &mut self,
        frames: Option<Box<FrameBuffer>>,
        result: Option<io::Result<usize>>,
        waker: &mut Option<Waker>,
        effects: &mut Effects,
    ) -> bool {
        self.take_back(frames, effects);
        match result {
            // It was closed meanwhile, or it looked for something else: there is something to look at.
            None if self.incoming.end != StreamEnd::Open || self.incoming.has_changed => return true,
            None => {
                self.wait(waker, effects);
                return false;
            }
            Some(Ok(0)) => self.stream_ended(None, effects),
            Some(Ok(count)) => self.incoming.note_arrival(count),
            Some(Err(error)) => self.stream_ended(Some(DisconnectReason::from_io(&error)), effects),
        }
        true
    }

    /// Ends a session of which nobody knows any more where the next frame begins.
    pub(super) fn lose_track(&mut self, reason: DisconnectReason, effects: &mut Effects) {
        self.incoming.forget_frames();
        self.log_unread(effects);
        self.incoming.end = StreamEnd::Open;
        self.stream_ended(Some(reason), effects);
    }

    /// Draws the consequences of a result.
    fn conclude<T: Take>(&mut self, taken: Taken<T::Output>, effects: &mut Effects) -> Taken<T::Output> {
        let Taken { result, reports_end } = taken;
        self.log_taken(effects);
        self.incoming.reads += u64::from(!reports_end && !T::LOOKS);
        self.incoming.free_reads = self.incoming.free_reads.saturating_add(1);
        if !reports_end && let Some(reason) = T::loses_track(&result) {
            self.lose_track(reason, effects);
        }
        self.incoming.room_for(0, effects);
        self.life.was_read();
        if reports_end {
            if let StreamEnd::Known(end) = &self.incoming.end {
                self.incoming.end = StreamEnd::Told(end.clone());
            }
            if !self.outlives_peer() {
                self.end(DisconnectReason::ClosedByPeer, effects);
            }
            effects.has_changed = true;
        }
        let result = result.map_err(|error| match error {
            ReadError::Incomplete { partial, .. } if partial.is_empty() => {
                let (endpoint, received) = (Arc::clone(&self.options.name), self.incoming.received);
                ReadError::EndOfStream { endpoint, received }
            }
            error => error,
        });
        Taken { result, reports_end }
    }

    /// What has arrived.
    pub(crate) fn arrived(&self) -> Arrived {
        self.incoming.arrived()
    }

    /// Notes that a read waits until `deadline`.
    pub(crate) fn read_waits_until(&mut self, deadline: Instant) {
        self.incoming.deadlines.push(deadline);
    }

    /// Notes that it does not any more.
    pub(crate) fn read_waited_until(&mut self, deadline: Instant) {
        if let Some(at) = self.incoming.deadlines.iter().position(|there| *there == deadline) {
            self.incoming.deadlines.swap_remove(at);
        }
    }

    /// Until when some read waits that has a deadline.
    pub(crate) fn awaited_until(&self) -> Option<Instant> {
        self.incoming.deadlines.iter().max().copied()
    }

    /// Drops what is in the buffer. How much that was.
    pub(crate) fn discard_input(&mut self, effects: &mut Effects) -> usize {
        let count = self.incoming.frames().discard();
        if self.incoming.place == Buffer::Here {
            self.log_unread(effects);
        }
        self.incoming.room_for(0, effects);
        count
    }

    /// Lends the buffer to who asks the system for bytes, if there is anybody to ask.
    pub(crate) fn lend_to_system(&mut self) -> Option<Box<FrameBuffer>> {
        let incoming = &self.incoming;
        let can_ask = incoming.ahead.is_none() && incoming.end == StreamEnd::Open && incoming.place == Buffer::Here;
        can_ask.then(|| self.incoming.lend(Buffer::LentToSystem))
    }

    /// Takes the buffer back from who has dropped so many bytes that the system had, and perhaps was told why the
    /// stream has ended.
    pub(crate) fn discarded(
        &mut self,
        mut frames: Box<FrameBuffer>,
        count: usize,
        error: Option<&io::Error>,
        effects: &mut Effects,
    ) {
        if count > 0 {
            // Among them may have been the end of a frame that was too long: nothing is skipped any more.
            frames.take_rest();
        }
        self.take_back(frames, effects);
        self.incoming.note_arrival(count);
        self.log_unread(effects);
        if let Some(error) = error {
            self.stream_ended(Some(DisconnectReason::from_io(error)), effects);
        }
    }

    /// Takes the buffer back.
    pub(crate) fn take_back(&mut self, frames: impl Into<Option<Box<FrameBuffer>>>, effects: &mut Effects) {
        self.incoming.take_back(frames.into(), effects);
        effects.looks |= self.is_in_doubt;
    }

    /// Lets all reads go on: there is nothing that they wait for.
    pub(crate) fn end_turns(&mut self, effects: &mut Effects) {
        self.incoming.turns.end(effects);
    }

    /// Nothing more is received. What is in the buffer stays readable, then reads report why the session ended.
    pub(crate) fn close_input(&mut self, effects: &mut Effects) {
        if self.incoming.end.known().is_none() {
            self.incoming.end = StreamEnd::Known(match self.life.reason() {
                Some(DisconnectReason::ClosedByPeer) => End::Stream,
                reason => End::Session(reason.cloned().unwrap_or(DisconnectReason::Closed)),
            });
        }
        effects.wake(self.incoming.waker.take());
        self.end_turns(effects);
    }

    /// Nothing more is received, and what is in the buffer is dropped.
    pub(crate) fn discard(&mut self, effects: &mut Effects) {
        if !matches!(self.incoming.place, Buffer::LentToUser(_)) {
            self.log_unread(effects);
        }
        self.incoming.discard();
        self.close_input(effects);
    }
}

/// What a read gets once nothing more will come: the rest, and the end itself when that has been told.
fn take_at_end<T: Take>(take: &mut T, end: &End, unread: &mut Unread<'_>) -> Taken<T::Output> {
    match end {
        End::Stream => take.take_at_end(unread),
        End::Session(reason) => match unread.frames.take_rest() {
            rest if rest.is_empty() => {
                Taken { result: Err(ReadError::Disconnected { reason: reason.clone() }), reports_end: true }
            }
            partial => {
                let error = ReadError::Incomplete { partial, expected: take.expected() };
                Taken { result: Err(error), reports_end: false }
            }
        },
    }
}
