//! The way from the stream into the buffer, and from there to who reads.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
};

use tokio::{
    task::{
        coop::{consume_budget, unconstrained},
        yield_now,
    },
    time::Instant,
};

use super::{
    Connection,
    transport::{Source, discard_what_is_here, stream_ended},
};
use crate::{
    ReadError,
    session::{Effects, Receive, Session, Step, Take, Taken, Ticket, Work},
};

/// After so many receives in one poll others have their turn, however much there is and whatever the stream makes of
/// tokio's budget.
const MOST_RECEIVES: usize = 32;

/// How much is dropped of a stream that never stops.
const MOST_DISCARDED: usize = 1024 * 1024;

/// How often a stream is looked at before what it has counts as endless.
const MOST_LOOKS: usize = 100;

impl Connection {
    /// What a read takes that needs nothing but what is in the buffer.
    #[inline]
    pub(super) fn take_ready<T: Take>(&self, take: &mut T) -> Option<T::Output> {
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
    pub(super) fn ready<T: Take>(&self, take: &mut T) -> Option<Result<T::Output, ReadError>> {
        if T::RUNS_USERS_CODE { self.work_ready(take).map(|taken| taken.result) } else { self.take_ready(take).map(Ok) }
    }

    /// The same for a read with users' code, which works on the buffer with no lock held. `None` says nothing.
    fn work_ready<T: Take>(&self, take: &mut T) -> Option<Taken<T::Output>> {
        let (ticket, mut work) = self.shared.locked.lock().session.begin_work()?;
        match catch_unwind(AssertUnwindSafe(|| work.run(take))) {
            Ok(taken) => self.input(|session, effects| session.work_ended::<T>(ticket, work, taken, effects)),
            Err(panic) => {
                self.input(|session, effects| session.work_ended::<T>(ticket, work, None, effects));
                resume_unwind(panic)
            }
        }
    }

    /// The way of every read that is not [ready](Self::take_ready).
    pub(super) async fn take<T: Take>(&self, operation: &'static str, mut take: T) -> Result<T::Output, ReadError> {
        if T::RUNS_USERS_CODE
            && let Some(result) = self.ready(&mut take)
        {
            return result;
        }
        let (is_over, is_unit_due) = self.look(|session| (session.is_over(), session.is_unit_due()));
        if is_over {
            return Err(self.not_connected().await);
        }
        if is_unit_due {
            consume_budget().await;
        }
        let Some(after) = self.shared.options.read_timeout else { return self.take_in_turn(take).await.result };
        let _waits = self.read_deadline_counts().then(|| Waits::until(self, Instant::now() + after));
        let taken = self.within(after, self.take_in_turn(take)).await;
        taken.map_err(|_| ReadError::Timeout { operation, after })?.result
    }

    /// Whether the session is not idle before the deadline of a read that waits: a handler's do not count.
    pub(super) fn read_deadline_counts(&self) -> bool {
        self.shared.options.idle_timeout.is_some() && !self.has_reader()
    }

    async fn take_in_turn<T: Take>(&self, mut take: T) -> Taken<T::Output> {
        let turn = Turn::queue_up(self);
        poll_fn(|context| self.poll_take(context, turn.ticket, &mut take)).await
    }

    pub(super) fn poll_take<T: Take>(
        &self,
        context: &mut Context<'_>,
        ticket: Ticket,
        take: &mut T,
    ) -> Poll<Taken<T::Output>> {
        let mut waker = Some(context.waker().clone());
        for _ in 0..MOST_RECEIVES {
            let mut step = self.next(|session, effects| session.step(ticket, take, &mut waker, effects));
            while let (Step::Work(work), _) = step {
                step = self.work(work, take, &mut waker);
            }
            let looks_again = match step {
                (Step::Done(taken), _) => return Poll::Ready(taken),
                (Step::Receive(receive), source) => self.receive(context, receive, source, &mut waker),
                (Step::Wait | Step::Work(_), _) => false,
            };
            if !looks_again {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// What a read does next, and the source if it is to receive.
    fn next<T>(&self, step: impl FnOnce(&mut Session, &mut Effects) -> Step<T>) -> (Step<T>, Option<Source>) {
        self.with_locked(|locked, effects| {
            let step = step(&mut locked.session, effects);
            let source = if matches!(step, Step::Receive(_)) { locked.source.take() } else { None };
            (step, source)
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

    /// Asks the system for bytes, with no lock held. Whether there is something to look at.
    fn receive(
        &self,
        context: &mut Context<'_>,
        receive: Receive,
        mut source: Option<Source>,
        waker: &mut Option<Waker>,
    ) -> bool {
        let Receive { mut frames, missing } = receive;
        let result = match &mut source {
            Some(Source::Socket(socket)) => frames.fill(missing, |room| Source::poll_socket(socket, context, room)),
            Some(Source::Stream(_)) | None => Poll::Ready(Ok(0)),
        };
        let result = match result {
            Poll::Pending => None,
            Poll::Ready(result) => Some(result),
        };
        self.with_locked(|locked, effects| {
            let looks_again = locked.session.received(frames, result, waker, effects);
            locked.source = source;
            looks_again
        })
    }

    /// Drops what is in the buffer and beneath, in turn. How many bytes that was.
    pub(super) async fn discard_in_turn(&self) -> usize {
        let turn = Turn::queue_up(self);
        poll_fn(|context| {
            let mut waker = Some(context.waker().clone());
            let has_turn = self.input(|session, effects| session.has_turn(turn.ticket, &mut waker, effects));
            if has_turn { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        // Nothing waits from here on, or a count could be lost.
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

    fn discard_what_is_here(&self) -> usize {
        let (count, frames, source) = self.with_locked(|locked, effects| {
            let count = locked.session.discard_input(effects);
            let frames = locked.session.lend_to_system();
            let source = if frames.is_some() { locked.source.take() } else { None };
            (count, frames, source)
        });
        let Some(frames) = frames else { return count };
        let Some(Source::Socket(socket)) = &source else {
            // It has been let go of, and will not be lent again.
            self.input(|session, effects| session.take_back(frames, effects));
            return count;
        };
        let beneath = discard_what_is_here(socket.as_ref());
        self.with_locked(|locked, effects| {
            locked.session.discarded(frames, beneath.count, beneath.error.as_ref(), effects);
            locked.source = source;
        });
        count + beneath.count
    }

    /// Reads ahead, in the session's task, until the stream has ended.
    pub(super) fn poll_ahead(&self, context: &mut Context<'_>) -> Poll<()> {
        let found = self.read_ahead(context, Reader::Task);
        self.tell_polled();
        if found == Found::End { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Reads ahead what is there now, from outside the session's task.
    pub(super) fn look_ahead(&self) -> Found {
        let look = poll_fn(|context| {
            let found = self.read_ahead(context, Reader::Visitor);
            // The task must look again: the stream remembers one waker, and now it is another's.
            self.input(Session::wake_reader_ahead);
            if found != Found::Busy {
                self.tell_polled();
            }
            Poll::Ready(found)
        });
        // However much the caller's task has done: a stream may else pretend to have nothing, to let others run.
        let look = pin!(unconstrained(look));
        match look.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(found) => found,
            Poll::Pending => unreachable!("it never waits"),
        }
    }

    /// The same, and lets others have their turn until all has been read ahead: at most so often, for a stream may be
    /// endless.
    pub(super) async fn look_all_ahead(&self) {
        for _ in 0..MOST_LOOKS {
            let Some(polled) = self.shared.polled.as_ref().map(|polled| polled.notified()) else { return };
            match self.look_ahead() {
                Found::End => return stream_ended(self),
                Found::Nothing => return,
                Found::Enough => yield_now().await,
                Found::Busy => polled.await,
            }
        }
    }

    fn tell_polled(&self) {
        if let Some(polled) = &self.shared.polled {
            polled.notify_waiters();
        }
    }

    fn read_ahead(&self, context: &mut Context<'_>, reader: Reader) -> Found {
        let mut waker = (reader == Reader::Task).then(|| context.waker().clone());
        for _ in 0..MOST_RECEIVES {
            let (room, source) = self.with_locked(|locked, effects| {
                let room = locked.session.room_ahead(&mut waker, effects);
                (room, if room > Some(0) { locked.source.take() } else { None })
            });
            let (room, mut source) = match (room, source) {
                (None, _) => return Found::End,
                (Some(0), _) => return Found::Nothing,
                // A visitor that has it wakes the task when it is done.
                (Some(_), None) => return Found::Busy,
                (Some(room), Some(source)) => (room, source),
            };
            let received = source.poll_stream(context, room);
            let is_pending = received.is_pending();
            let may_have_more = self.with_locked(|locked, effects| {
                let may_have_more = match received {
                    Poll::Pending => locked.session.has_source(),
                    Poll::Ready(Ok(count)) => locked.session.read_ahead(Ok(&source.chunk()[..count]), effects),
                    Poll::Ready(Err(error)) => locked.session.read_ahead(Err(error), effects),
                };
                locked.source = Some(source);
                may_have_more
            });
            match (may_have_more, is_pending) {
                (false, _) => return Found::End,
                (true, true) => return Found::Nothing,
                (true, false) => {}
            }
        }
        context.waker().wake_by_ref();
        Found::Enough
    }

    /// The error of a read without a session. A loop that does not mind it must not keep others waiting.
    pub(super) async fn not_connected(&self) -> ReadError {
        consume_budget().await;
        ReadError::NotConnected { endpoint: self.shared.options.name.clone(), reason: self.reason() }
    }
}

/// What reading ahead has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The end of the stream; all of it is in the buffer.
    End,
    /// Nothing more for now, or no room for it.
    Nothing,
    /// Enough for once: others have their turn.
    Enough,
    /// That the stream is being polled just now, by somebody else.
    Busy,
}

/// Who reads ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Task,
    Visitor,
}

/// A place in the queue of those who read.
struct Turn<'a> {
    connection: &'a Connection,
    ticket: Ticket,
}

impl<'a> Turn<'a> {
    fn queue_up(connection: &'a Connection) -> Self {
        Self { connection, ticket: connection.input(|session, _| session.queue_up()) }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.connection.input(|session, effects| session.leave(self.ticket, effects));
    }
}

/// A read that waits until its deadline.
struct Waits<'a>(&'a Connection, Instant);

impl<'a> Waits<'a> {
    fn until(connection: &'a Connection, deadline: Instant) -> Self {
        connection.input(|session, _| session.read_waits_until(deadline));
        Self(connection, deadline)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.input(|session, _| session.read_waited_until(self.1));
    }
}
