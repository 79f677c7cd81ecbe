//! A read as a future, which is made so that what mostly happens is short: its frame is in the buffer.

use std::{
    borrow::Borrow,
    future::{Pending, pending},
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tokio::{
    task::coop::poll_proceed,
    time::{Instant, Timeout},
};

use crate::{
    ReadError,
    connection::Connection,
    session::{Entry, Take, Ticket},
};

pin_project! {
    /// A read, with what it takes and the turn that it has while it waits. Dropped, it gives its turn to the next.
    pub(in crate::connection) struct Read<C, T>
    where
        C: Borrow<Connection>,
    {
        operation: &'static str,
        connection: C,
        take: T,
        // While it waits for its turn, or has it.
        ticket: Option<Ticket>,
        // When the result that it waits for is late.
        #[pin]
        deadline: Option<Deadline>,
    }

    impl<C, T> PinnedDrop for Read<C, T>
    where
        C: Borrow<Connection>,
    {
        fn drop(this: Pin<&mut Self>) {
            this.leave();
        }
    }
}

pin_project! {
    struct Deadline {
        #[pin]
        timeout: Timeout<Pending<()>>,
        // The moment, if the session is not idle before.
        counts: Option<Instant>,
    }
}

impl<C: Borrow<Connection>, T> Read<C, T> {
    #[inline]
    pub(in crate::connection) fn new(connection: C, operation: &'static str, take: T) -> Self {
        Self { operation, connection, take, ticket: None, deadline: None }
    }

    /// Keeps the place in the queue of those who read, and sets the deadline.
    fn keep(self: Pin<&mut Self>, ticket: Ticket) {
        let mut this = self.project();
        *this.ticket = Some(ticket);
        let connection: &Connection = (*this.connection).borrow();
        if let Some(after) = connection.shared.options.read_timeout {
            let counts = connection.read_deadline_counts().then(|| Instant::now() + after);
            if let Some(until) = counts {
                connection.input(|session, _| session.read_waits_until(until));
            }
            this.deadline.set(Some(Deadline { timeout: connection.within(after, pending()), counts }));
        }
    }

    #[inline]
    fn leave(self: Pin<&mut Self>) {
        if self.ticket.is_some() {
            self.leave_turn();
        }
    }

    #[cold]
    fn leave_turn(self: Pin<&mut Self>) {
        let ticket = self.ticket;
        let connection = self.turn_is_over();
        if let Some(ticket) = ticket {
            connection.input(|session, effects| session.leave(ticket, effects));
        }
    }

    /// It has no turn any more, and no deadline.
    fn turn_is_over(self: Pin<&mut Self>) -> &Connection {
        let mut this = self.project();
        *this.ticket = None;
        let until = this.deadline.as_ref().get_ref().as_ref().and_then(|deadline| deadline.counts);
        this.deadline.set(None);
        let connection: &Connection = (*this.connection).borrow();
        if let Some(until) = until {
            connection.input(|session, _| session.read_waited_until(until));
        }
        connection
    }
}

impl<C: Borrow<Connection>, T: Take> Read<C, T> {
    /// Reads. May be called again for the next result once it has given one.
    #[inline]
    pub(in crate::connection) fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T::Output, ReadError>> {
        if let Some(ticket) = self.ticket {
            return self.poll_in_turn(ticket, context);
        }
        let mut entry = Entry::New;
        match self.as_mut().ready(&mut entry) {
            Some(result) => Poll::Ready(result),
            None => self.poll_entry(entry, context),
        }
    }

    #[expect(clippy::inline_always, reason = "a result would be moved once more by each call")]
    #[inline(always)]
    fn ready(self: Pin<&mut Self>, entry: &mut Entry) -> Option<Result<T::Output, ReadError>> {
        let this = self.project();
        (*this.connection).borrow().ready(this.take, entry)
    }

    /// The way of what is not ready, kept out of the way of what is.
    #[cold]
    #[inline(never)]
    fn poll_entry(
        mut self: Pin<&mut Self>,
        mut entry: Entry,
        context: &mut Context<'_>,
    ) -> Poll<Result<T::Output, ReadError>> {
        if !matches!(entry, Entry::Turn(_)) {
            // A loop that does not mind an error must not keep others waiting, nor one that never waits.
            ready!(poll_proceed(context)).made_progress();
        }
        if let Entry::UnitDue = entry {
            self.connection.borrow().input(|session, _| session.unit_was_taken());
            entry = Entry::HasUnit;
            if let Some(result) = self.as_mut().ready(&mut entry) {
                return Poll::Ready(result);
            }
        }
        let Entry::Turn(ticket) = entry else {
            return Poll::Ready(Err(self.connection.borrow().not_connected()));
        };
        self.as_mut().keep(ticket);
        self.poll_in_turn(ticket, context)
    }

    #[cold]
    #[inline(never)]
    fn poll_in_turn(
        mut self: Pin<&mut Self>,
        ticket: Ticket,
        context: &mut Context<'_>,
    ) -> Poll<Result<T::Output, ReadError>> {
        let this = self.as_mut().project();
        let connection: &Connection = (*this.connection).borrow();
        if let Poll::Ready(taken) = connection.poll_take(context, ticket, this.take) {
            self.turn_is_over();
            return Poll::Ready(taken.result);
        }
        if let Some(deadline) = this.deadline.as_pin_mut() {
            let _ = ready!(deadline.project().timeout.poll(context));
            let after = connection.shared.options.read_timeout.unwrap_or_default();
            let error = ReadError::Timeout { operation: this.operation, after };
            self.leave();
            return Poll::Ready(Err(error));
        }
        Poll::Pending
    }
}

impl<C: Borrow<Connection>, T: Take> Future for Read<C, T> {
    type Output = Result<T::Output, ReadError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_read(context)
    }
}
