//! The way from the stream into the buffer, and from there to who reads.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    task::{Context, Poll, Waker},
};

use bytes::BufMut;

use super::one_read::Read;
use crate::{
    DisconnectReason, FrameBuffer, ReadError,
    connection::{Connection, ReadTurn, transport::Source},
    session::{Effects, Entry, Receive, Session, Step, Take, Taken, Ticket, Work},
};

/// After so many receives, or looks of users' code, in one poll others have their turn: however much there is, whatever
/// the stream makes of tokio's budget, and whatever users' code does to have itself called again.
pub(in crate::connection) const MOST_STEPS: usize = 32;

/// How much is dropped of a stream that never stops.
const MOST_DISCARDED: usize = 1024 * 1024;

impl Connection {
    /// What a read takes that needs nothing but what is in the buffer, with users' code or without. If that is nothing,
    /// `entry` is what becomes of the read, of which it says whether it has taken a unit of budget.
    #[inline]
    pub(in crate::connection) fn ready<T: Take>(
        &self,
        take: &mut T,
        entry: &mut Entry,
    ) -> Option<Result<T::Output, ReadError>> {
        if T::RUNS_USERS_CODE { self.use_ready(take, entry) } else { self.take_ready(take, entry).map(Ok) }
    }

    #[expect(clippy::inline_always, reason = "a result would be moved once more by each call")]
    #[inline(always)]
    fn take_ready<T: Take>(&self, take: &mut T, entry: &mut Entry) -> Option<T::Output> {
        let mut locked = self.shared.locked.lock();
        let output = locked.session.take_ready(take);
        if output.is_none() {
            locked.session.enter(entry);
            return None;
        }
        let is_held_up = locked.session.is_held_up();
        drop(locked);
        if is_held_up {
            self.input(Session::room_made);
        }
        output
    }

    /// The same for a read with users' code, which works on the buffer with no lock held.
    #[inline]
    fn use_ready<T: Take>(&self, take: &mut T, entry: &mut Entry) -> Option<Result<T::Output, ReadError>> {
        let mut locked = self.shared.locked.lock();
        let Some((frames, found, limit)) = locked.session.lend_ready(take) else {
            locked.session.enter(entry);
            return None;
        };
        drop(locked);
        let mut lent = Lent { connection: self, frames: Some(frames) };
        let result = take.use_ready(lent.frames.as_mut()?, found, limit);
        match result.as_ref().and_then(T::loses_track) {
            None => lent.give_back(result.is_some()),
            Some(reason) => lent.give_back_out_of_step(reason),
        }
        if result.is_none() {
            self.input(|session, _| session.enter(entry));
        }
        result
    }

    /// A read.
    #[inline]
    pub(in crate::connection) fn take<T: Take>(&self, operation: &'static str, take: T) -> Read<&Self, T> {
        Read::new(self, operation, take)
    }

    /// Whether the session is not idle before the deadline of a read that waits: a handler's do not count.
    pub(in crate::connection) fn read_deadline_counts(&self) -> bool {
        self.shared.options.idle_timeout.is_some() && !self.has_reader()
    }

    /// Reads in turn. With a result the turn is given on, unless it is kept.
    pub(in crate::connection) fn poll_take<T: Take>(
        &self,
        context: &mut Context<'_>,
        ticket: Ticket,
        take: &mut T,
    ) -> Poll<Taken<T::Output>> {
        let mut waker = Some(context.waker().clone());
        // While this read has it.
        let mut source = None;
        let mut step =
            self.next(ticket, &mut source, |session, effects| session.step(ticket, take, &mut waker, effects));
        for _ in 0..MOST_STEPS {
            step = match step {
                Step::Done(taken) => return Poll::Ready(taken),
                Step::Wait => return Poll::Pending,
                Step::Work(work) => self.work(work, ticket, &mut source, take, &mut waker),
                Step::Receive(receive) => self.receive(context, receive, ticket, &mut source, take, &mut waker),
            };
        }
        let frames = match step {
            Step::Done(taken) => return Poll::Ready(taken),
            Step::Wait => return Poll::Pending,
            Step::Work(work) => Some(work.frames),
            Step::Receive(receive) => receive.frames,
        };
        self.with_locked(|locked, effects| {
            locked.session.take_back(frames, effects);
            if source.is_some() {
                locked.source = source;
            }
        });
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// What a read does next, with the source if it is to receive. A read that is done gives its turn on unless that is
    /// kept.
    fn next<T>(
        &self,
        ticket: Ticket,
        source: &mut Option<Source>,
        step: impl FnOnce(&mut Session, &mut Effects) -> Step<T>,
    ) -> Step<T> {
        self.with_locked(|locked, effects| {
            if source.is_some() {
                locked.source = source.take();
            }
            let step = step(&mut locked.session, effects);
            match step {
                Step::Receive(_) => *source = locked.source.take(),
                Step::Done(_) if !ticket.is_kept() => locked.session.leave(ticket, effects),
                Step::Done(_) | Step::Work(_) | Step::Wait => {}
            }
            step
        })
    }

    /// Has users' code work on the buffer, with no lock held.
    fn work<T: Take>(
        &self,
        mut work: Work,
        ticket: Ticket,
        source: &mut Option<Source>,
        take: &mut T,
        waker: &mut Option<Waker>,
    ) -> Step<T::Output> {
        match catch_unwind(AssertUnwindSafe(|| work.run(take))) {
            Ok(taken) => {
                self.next(ticket, source, |session, effects| session.worked(work, taken, take, waker, effects))
            }
            Err(panic) => {
                self.input(|session, effects| session.take_back(work.frames, effects));
                resume_unwind(panic)
            }
        }
    }

    /// Asks the system for bytes, with no lock held, and looks at what has come.
    fn receive<T: Take>(
        &self,
        context: &mut Context<'_>,
        receive: Receive,
        ticket: Ticket,
        source: &mut Option<Source>,
        take: &mut T,
        waker: &mut Option<Waker>,
    ) -> Step<T::Output> {
        let Receive { mut frames, missing } = receive;
        let poll = |room: &mut dyn BufMut| match source {
            Some(source) => source.poll_receive(context, room),
            None => Poll::Ready(Ok(0)),
        };
        let (result, input) = match &self.shared.passage {
            None => (FrameBuffer::fill_slot(&mut frames, missing, poll), None),
            Some(passage) => {
                let frames = frames.get_or_insert_with(FrameBuffer::spare);
                match passage.receive(self, missing, frames, poll) {
                    Poll::Pending => (Poll::Pending, None),
                    Poll::Ready((result, input)) => (Poll::Ready(result), Some(input)),
                }
            }
        };
        let result = match result {
            Poll::Pending => None,
            Poll::Ready(result) => Some(result),
        };
        let is_end = matches!(result, Some(Ok(0) | Err(_)));
        let step = self.next(ticket, source, |session, effects| {
            if let Some(input) = input {
                session.log_arrival(&input);
            }
            let looks_again = session.received(frames, result, waker, effects);
            if looks_again { session.step(ticket, take, waker, effects) } else { Step::Wait }
        });
        if is_end {
            self.tell_end_of_receiving(|| false);
        }
        step
    }

    /// Drops what is in the buffer and beneath, in turn. How many bytes that was.
    pub(in crate::connection) async fn discard_in_turn(&self) -> usize {
        let turn = ReadTurn::queue_up(self);
        turn.has_come().await;
        self.discard_all_that_is_here()
    }

    /// Drops what is in the buffer and beneath, for who has the turn. Nothing waits in here, or a count could be lost.
    pub(in crate::connection) fn discard_all_that_is_here(&self) -> usize {
        let mut discarded = self.discard_what_is_here();
        // A stream is read ahead as far as there is room: there may be more.
        while self.look(Session::reads_ahead) && discarded < MOST_DISCARDED {
            self.look_for_hang_up();
            match self.discard_what_is_here() {
                0 => break,
                count => discarded += count,
            }
        }
        discarded
    }

    /// Shows what nobody will read to those who listen in, and drops it.
    pub(in crate::connection) fn show_unread(&self) {
        if self.shared.passage.is_some() {
            self.discard_what_is_here();
        }
    }

    fn discard_what_is_here(&self) -> usize {
        let (count, frames, source) = self.with_locked(|locked, effects| {
            let count = locked.session.discard_input(effects);
            let frames = locked.session.lend_to_system();
            let source = if frames.is_some() { locked.source.take() } else { None };
            (count, frames, source)
        });
        let Some(frames) = frames else { return count };
        let mut input = Vec::new();
        let beneath = source.as_ref().and_then(|source| {
            source.take_what_is_here(&mut |chunk| {
                if let Some(passage) = &self.shared.passage {
                    input.extend(passage.arrived(self, chunk));
                }
            })
        });
        let Some(beneath) = beneath else {
            // It has been let go of, and will not be lent again.
            self.input(|session, effects| session.take_back(frames, effects));
            return count;
        };
        self.with_locked(|locked, effects| {
            locked.session.log_arrival(&input);
            locked.session.discarded(frames, beneath.count, beneath.error.as_ref(), effects);
            locked.source = source;
        });
        // Of what was beneath, a filter may have taken some.
        count + if self.shared.passage.is_some() { input.len() } else { beneath.count }
    }

    /// The error of a read without a session.
    pub(in crate::connection) fn not_connected(&self) -> ReadError {
        ReadError::NotConnected { endpoint: self.shared.options.name.clone(), reason: self.reason() }
    }
}

/// The buffer, lent to users' code, after whose panic too it goes back.
struct Lent<'a> {
    connection: &'a Connection,
    frames: Option<Box<FrameBuffer>>,
}

impl Drop for Lent<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.frames.is_some() {
            self.give_back(false);
        }
    }
}

impl Lent<'_> {
    #[cold]
    fn give_back_out_of_step(&mut self, reason: DisconnectReason) {
        let Some(frames) = self.frames.take() else { return };
        self.connection.input(|session, effects| session.take_back_out_of_step(frames, reason, effects));
    }

    #[inline]
    fn give_back(&mut self, has_taken: bool) {
        let Some(frames) = self.frames.take() else { return };
        let mut locked = self.connection.shared.locked.lock();
        let changed = locked.session.take_back_ready(frames, has_taken);
        let is_held_up = locked.session.is_held_up();
        drop(locked);
        if let Err(frames) = changed {
            self.connection.input(|session, effects| session.take_back_from_user(frames, effects));
        } else if is_held_up {
            self.connection.input(Session::room_made);
        }
    }
}
