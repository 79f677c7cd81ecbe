//! The reading ahead of a stream that is no socket.

use std::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, Waker},
};

use tokio::task::{coop::unconstrained, yield_now};

use super::reading::MOST_STEPS;
use crate::{
    connection::{Connection, transport::stream_ended},
    session::Session,
};

/// How often a stream is looked at before what it has counts as endless.
const MOST_LOOKS: usize = 100;

impl Connection {
    /// Reads ahead, in the session's task, until the stream has ended.
    pub(in crate::connection) fn poll_ahead(&self, context: &mut Context<'_>) -> Poll<()> {
        let found = self.read_ahead(context, Reader::Task);
        self.tell_polled();
        if found == Outcome::End { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Reads ahead what is there now, from outside the session's task.
    pub(in crate::connection) fn look_ahead(&self) -> Outcome {
        let look = poll_fn(|context| {
            let found = self.read_ahead(context, Reader::Visitor);
            // The task must look again: the stream remembers one waker, and now it is another's.
            self.input(Session::wake_reader_ahead);
            if found != Outcome::Busy {
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
    pub(in crate::connection) async fn look_all_ahead(&self) {
        for _ in 0..MOST_LOOKS {
            let Some(polled) = self.shared.polled.as_ref().map(|polled| polled.notified()) else { return };
            match self.look_ahead() {
                Outcome::End => return stream_ended(self),
                Outcome::Nothing => return,
                Outcome::Enough => yield_now().await,
                Outcome::Busy => polled.await,
            }
        }
    }

    fn tell_polled(&self) {
        if let Some(polled) = &self.shared.polled {
            polled.notify_waiters();
        }
    }

    fn read_ahead(&self, context: &mut Context<'_>, reader: Reader) -> Outcome {
        let mut waker = (reader == Reader::Task).then(|| context.waker().clone());
        for _ in 0..MOST_STEPS {
            let (room, source) = self.with_locked(|locked, effects| {
                let room = locked.session.room_ahead(&mut waker, effects);
                (room, if room > Some(0) { locked.source.take() } else { None })
            });
            let (room, mut source) = match (room, source) {
                (None, _) => return Outcome::End,
                (Some(0), _) => return Outcome::Nothing,
                // A visitor that has it wakes the task when it is done.
                (Some(_), None) => return Outcome::Busy,
                (Some(room), Some(source)) => (room, source),
            };
            let received = source.poll_stream(context, room);
            let is_pending = received.is_pending();
            let input = match (&self.shared.passage, &received) {
                (Some(passage), Poll::Ready(Ok(count))) if *count > 0 => {
                    Some(passage.arrived(self, &source.chunk()[..*count]))
                }
                _ => None,
            };
            let may_have_more = self.with_locked(|locked, effects| {
                let may_have_more = match received {
                    Poll::Pending => locked.session.has_source(),
                    Poll::Ready(Ok(count)) => {
                        let input = input.as_deref().unwrap_or_else(|| &source.chunk()[..count]);
                        locked.session.read_ahead(Ok(count), input, effects)
                    }
                    Poll::Ready(Err(error)) => locked.session.read_ahead(Err(error), &[], effects),
                };
                locked.source = Some(source);
                may_have_more
            });
            match (may_have_more, is_pending) {
                (false, _) => {
                    self.tell_end_of_receiving(|| false);
                    return Outcome::End;
                }
                (true, true) => return Outcome::Nothing,
                (true, false) => {}
            }
        }
        context.waker().wake_by_ref();
        Outcome::Enough
    }
}

/// What reading ahead has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::connection) enum Outcome {
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
