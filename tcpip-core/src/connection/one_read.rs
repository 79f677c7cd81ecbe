//! A read as a future, which is made so that what mostly happens is short: its frame is in the buffer.

use std::{
    borrow::Borrow,
    future::{Pending, pending},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    task::coop::poll_proceed,
    time::{Instant, Timeout},
};

use super::Connection;
use crate::{
    ReadError,
    session::{Take, Ticket},
};

/// A read, with what it takes and the turn that it has while it waits. Dropped, it gives its turn to the next.
pub(super) struct Read<C: Borrow<Connection>, T> {
    operation: &'static str,
    connection: C,
    take: T,
    waiting: Option<Waiting>,
}

/// What a read has while it waits for its turn, or in it for its result.
struct Waiting {
    ticket: Ticket,
    deadline: Option<Deadline>,
}

/// When a result is late.
struct Deadline {
    timeout: Pin<Box<Timeout<Pending<()>>>>,
    /// The moment, if the session is not idle before.
    counts: Option<Instant>,
}

/// Nothing in it is pinned but the timer, which is so in its box.
impl<C: Borrow<Connection>, T> Unpin for Read<C, T> {}

impl<C: Borrow<Connection>, T: Take> Future for Read<C, T> {
    type Output = Result<T::Output, ReadError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_read(context)
    }
}

impl<C: Borrow<Connection>, T: Take> Read<C, T> {
    /// Reads. May be called again for the next result once it has given one.
    #[inline]
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<T::Output, ReadError>> {
        if self.waiting.is_none()
            && let Some(result) = self.connection.borrow().ready(&mut self.take)
        {
            return Poll::Ready(result);
        }
        self.poll_in_turn(context)
    }

    /// The way of what is not ready, kept out of the way of what is.
    #[cold]
    #[inline(never)]
    fn poll_in_turn(&mut self, context: &mut Context<'_>) -> Poll<Result<T::Output, ReadError>> {
        let connection: &Connection = self.connection.borrow();
        let waiting = match &mut self.waiting {
            Some(waiting) => waiting,
            none => {
                let (is_over, is_unit_due) = connection.look(|session| (session.is_over(), session.is_unit_due()));
                if is_over || is_unit_due {
                    // A loop that does not mind an error must not keep others waiting, nor one that never waits.
                    ready!(poll_proceed(context)).made_progress();
                }
                if is_over {
                    return Poll::Ready(Err(connection.not_connected()));
                }
                if is_unit_due {
                    connection.input(|session, _| session.unit_was_taken());
                    if let Some(result) = connection.ready(&mut self.take) {
                        return Poll::Ready(result);
                    }
                }
                none.insert(Waiting::queue_up(connection))
            }
        };
        if let Poll::Ready(taken) = connection.poll_take(context, waiting.ticket, &mut self.take) {
            self.leave();
            return Poll::Ready(taken.result);
        }
        if let Some(deadline) = &mut waiting.deadline {
            let _ = ready!(deadline.timeout.as_mut().poll(context));
            let after = connection.shared.options.read_timeout.unwrap_or_default();
            self.leave();
            return Poll::Ready(Err(ReadError::Timeout { operation: self.operation, after }));
        }
        Poll::Pending
    }
}

impl<C: Borrow<Connection>, T> Read<C, T> {
    #[inline]
    pub(super) fn new(connection: C, operation: &'static str, take: T) -> Self {
        Self { operation, connection, take, waiting: None }
    }

    #[cold]
    fn leave(&mut self) {
        let Some(Waiting { ticket, deadline }) = self.waiting.take() else { return };
        self.connection.borrow().input(|session, effects| {
            if let Some(until) = deadline.and_then(|deadline| deadline.counts) {
                session.read_waited_until(until);
            }
            session.leave(ticket, effects);
        });
    }
}

impl<C: Borrow<Connection>, T> Drop for Read<C, T> {
    #[inline]
    fn drop(&mut self) {
        if self.waiting.is_some() {
            self.leave();
        }
    }
}

impl Waiting {
    /// Takes a place in the queue of those who read, and sets the deadline.
    fn queue_up(connection: &Connection) -> Self {
        let deadline = connection.shared.options.read_timeout.map(|after| Deadline {
            timeout: Box::pin(connection.within(after, pending())),
            counts: connection.read_deadline_counts().then(|| Instant::now() + after),
        });
        let until = deadline.as_ref().and_then(|deadline| deadline.counts);
        let ticket = connection.input(|session, _| {
            if let Some(until) = until {
                session.read_waits_until(until);
            }
            session.queue_up()
        });
        Self { ticket, deadline }
    }
}
