//! The way from the stream into the buffer, and from there to who reads.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    task::{Context, Poll, Waker},
};

use bytes::BufMut;

use super::one_read::Read;
use crate::{
    DisconnectReason, FrameBuffer, ReadError,
    connection::{Connection, ReadTurn, shared::Locked, transport::Source},
    session::{Effects, Receive, Session, Step, Take, Taken, Ticket, Work},
};

/// After so many receives, or looks of users' code, in one poll others have their turn: however much there is, whatever
/// the stream makes of tokio's budget, and whatever users' code does to have itself called again.
pub(in crate::connection) const MOST_STEPS: usize = 32;

/// How much is dropped of a stream that never stops.
const MOST_DISCARDED: usize = 1024 * 1024;

impl Connection {
    /// What a read takes that needs nothing but what is in the buffer.
    #[inline]
    fn take_ready<T: Take>(&self, take: &mut T) -> Option<T::Output> {
        let mut locked = self.shared.locked.lock();
        let output = locked.session.take_ready(take);
        let is_held_up = locked.session.is_held_up();
        drop(locked);
        if is_held_up {
            self.input(Session::room_made);
        }
        output
    }

    /// What a read takes that needs nothing but what is in the buffer, with users' code or without.
    #[inline]
    pub(in crate::connection) fn ready<T: Take>(&self, take: &mut T) -> Option<Result<T::Output, ReadError>> {
        if T::RUNS_USERS_CODE { self.use_ready(take) } else { self.take_ready(take).map(Ok) }
    }

    /// The same for a read with users' code, which works on the buffer with no lock held. `None` says nothing.
    #[inline]
    fn use_ready<T: Take>(&self, take: &mut T) -> Option<Result<T::Output, ReadError>> {
        let (frames, found, limit) = self.shared.locked.lock().session.lend_ready(take)?;
        let mut lent = Lent { connection: self, frames: Some(frames) };
        let result = take.use_ready(lent.frames.as_mut()?, found, limit);
        match result.as_ref().and_then(T::loses_track) {
            None => lent.give_back(result.is_some()),
            Some(reason) => lent.give_back_out_of_step(reason),
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

    /// Reads in turn.
    pub(in crate::connection) fn poll_take<T: Take>(
        &self,
        context: &mut Context<'_>,
        ticket: Ticket,
        take: &mut T,
    ) -> Poll<Taken<T::Output>> {
        let mut waker = Some(context.waker().clone());
        let mut next = self.next(|session, effects| session.step(ticket, take, &mut waker, effects));
        let mut steps = 0..MOST_STEPS;
        loop {
            let is_enough = steps.next().is_none();
            next = match next {
                (Step::Done(taken), _) => return Poll::Ready(taken),
                (Step::Wait, _) => return Poll::Pending,
                (Step::Work(Work { frames, .. }) | Step::Receive(Receive { frames, .. }), source) if is_enough => {
                    self.with_locked(|locked, effects| {
                        locked.session.take_back(frames, effects);
                        if source.is_some() {
                            locked.source = source;
                        }
                    });
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                (Step::Work(work), _) => self.work(work, take, &mut waker),
                (Step::Receive(receive), source) => self.receive(context, receive, source, ticket, take, &mut waker),
            };
        }
    }

    /// What a read does next, and the source if it is to receive.
    fn next<T>(&self, step: impl FnOnce(&mut Session, &mut Effects) -> Step<T>) -> (Step<T>, Option<Source>) {
        self.with_locked(|locked, effects| {
            let step = step(&mut locked.session, effects);
            locked.with_source(step)
        })
    }

    /// Has users' code work on the buffer, with no lock held.
    fn work<T: Take>(
        &self,
        mut work: Work,
        take: &mut T,
        waker: &mut Option<Waker>,
    ) -> (Step<T::Output>, Option<Source>) {
        match catch_unwind(AssertUnwindSafe(|| work.run(take))) {
            Ok(taken) => self.next(|session, effects| session.worked(work, taken, take, waker, effects)),
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
        mut source: Option<Source>,
        ticket: Ticket,
        take: &mut T,
        waker: &mut Option<Waker>,
    ) -> (Step<T::Output>, Option<Source>) {
        let Receive { mut frames, missing } = receive;
        let poll = |room: &mut dyn BufMut| match &mut source {
            Some(source) => source.poll_receive(context, room),
            None => Poll::Ready(Ok(0)),
        };
        let (result, input) = match &self.shared.passage {
            None => (frames.fill(missing, poll), None),
            Some(passage) => match passage.receive(self, missing, &mut frames, poll) {
                Poll::Pending => (Poll::Pending, None),
                Poll::Ready((result, input)) => (Poll::Ready(result), Some(input)),
            },
        };
        let result = match result {
            Poll::Pending => None,
            Poll::Ready(result) => Some(result),
        };
        self.with_locked(|locked, effects| {
            if let Some(input) = input {
                locked.session.log_arrival(&input);
            }
            locked.source = source;
            let looks_again = locked.session.received(frames, result, waker, effects);
            let step = if looks_again { locked.session.step(ticket, take, waker, effects) } else { Step::Wait };
            locked.with_source(step)
        })
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

impl Locked {
    /// A step, with the source if it is to receive.
    fn with_source<T>(&mut self, step: Step<T>) -> (Step<T>, Option<Source>) {
        let source = if matches!(step, Step::Receive(_)) { self.source.take() } else { None };
        (step, source)
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
