//! A command in flight, for its caller.

use std::{
    fmt,
    future::{self, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tcpip_core::{Connection, DisconnectReason};
use tokio::{task::yield_now, time::Instant};

use super::{
    Protocol,
    entry::{Entry, State},
    session::Session,
};
use crate::{RequestError, requests::later};

/// A command in flight, made by [`Commands::submit`](super::Commands::submit): a future of the end of its reply.
///
/// Its deadlines are kept as it is polled, or one of its methods is. A reply that has come before that is never late.
/// Interim frames that nobody takes are kept, 64 of them: then the oldest is dropped for each new one.
///
/// Dropping it gives the reply up: by ids, its id is free for another command, and its reply
/// [`late`](Protocol::late) when it comes; in order, its place stays, and takes the reply.
///
/// # Errors
///
/// [`Refused`](crate::Cause::Refused), [`NoReply`](crate::Cause::NoReply), [`TooSlow`](crate::Cause::TooSlow),
/// [`NotConnected`](crate::Cause::NotConnected).
///
/// # Panics
///
/// If it is polled after it has returned a frame.
#[must_use = "dropping it gives the reply up"]
pub struct Pending<P: Protocol> {
    session: Arc<Session<P>>,
    entry: Arc<Entry<P::Frame>>,
    id: P::Id,
    timer: Timer,
}

impl<P: Protocol> Pending<P> {
    pub(super) fn new(session: Arc<Session<P>>, entry: Arc<Entry<P::Frame>>, id: P::Id) -> Self {
        Self { session, entry, id, timer: Timer::default() }
    }

    /// Returns the id of the command.
    #[must_use]
    pub fn id(&self) -> &P::Id {
        &self.id
    }

    /// Waits for the first word of the reply, whatever its phase is. It stays there for
    /// [`next_phase`](Self::next_phase), and the end for the future itself.
    ///
    /// # Errors
    ///
    /// Those of the future, if there is no such word, or it is [`Phase::Failed`](super::Phase::Failed): the future says
    /// the same then.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn acknowledged(&mut self) -> Result<(), RequestError> {
        let entry = Arc::clone(&self.entry);
        poll_fn(|context| {
            self.poll_for(context, |state| {
                if state.is_acknowledged() { Some(Ok(())) } else { entry.outcome(state).map(|end| end.map(drop)) }
            })
        })
        .await
    }

    /// Waits for the next frame that is not the last, and takes it; `None` when the end has come, whatever it is: the
    /// future tells.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time: no frame is lost.
    pub async fn next_phase(&mut self) -> Option<P::Frame> {
        poll_fn(|context| {
            self.poll_for(context, |state| match state.next_phase() {
                Some(frame) => Some(Some(frame)),
                None => state.has_ended().then_some(None),
            })
        })
        .await
    }

    /// What `look` finds, which finds something when the end has come; a deadline that passes is one.
    fn poll_for<T>(&mut self, context: &mut Context<'_>, look: impl Fn(&mut State<P::Frame>) -> Option<T>) -> Poll<T> {
        loop {
            // First of all: what has come is not late, whenever this is polled.
            if let Some(found) = self.entry.look(context, &look) {
                return Poll::Ready(found);
            }
            if self.session.is_gone() {
                self.entry.over(self.session.connection.reason());
                continue;
            }
            let (deadline, at) = self.session.deadline(&self.entry);
            ready!(self.timer.poll(&self.session.connection, at, context));
            if self.session.deadline(&self.entry) == (deadline, at) && self.entry.late(deadline) {
                self.session.give_up(&self.entry);
            }
        }
    }
}

impl<P: Protocol> Future for Pending<P> {
    type Output = Result<P::Frame, RequestError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let entry = Arc::clone(&this.entry);
        this.poll_for(context, |state| entry.outcome(state))
    }
}

/// Nothing of it is pinned.
impl<P: Protocol> Unpin for Pending<P> {}

impl<P: Protocol> Drop for Pending<P> {
    fn drop(&mut self) {
        if self.entry.dropped() {
            self.session.give_up(&self.entry);
        }
    }
}

impl<P: Protocol> fmt::Debug for Pending<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pending").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Watches over a place in order whose caller is gone: if its reply does not come, those behind it cannot be told from
/// each other.
pub(super) async fn watch<P: Protocol>(session: Arc<Session<P>>, entry: Arc<Entry<P::Frame>>) {
    let mut timer = Timer::default();
    let answered_in_time = poll_fn(|context| {
        loop {
            if entry.look(context, |state| state.is_answered().then_some(())).is_some() {
                return Poll::Ready(true);
            }
            let at = later(session.deadline(&entry).1, entry.options.abandon);
            ready!(timer.poll(&session.connection, at, context));
            if later(session.deadline(&entry).1, entry.options.abandon) == at {
                return Poll::Ready(false);
            }
        }
    });
    if !answered_in_time.await {
        session.connection.end(DisconnectReason::OutOfStep);
    }
}

/// A timer for a deadline that moves: the deadline, and what ends then.
#[derive(Default)]
struct Timer(Option<(Instant, Pin<Box<Alarm>>)>);

type Alarm = dyn Future<Output = ()> + Send + Sync;

impl Timer {
    /// Whether the deadline has passed. It is a timer that says so, also where it had passed before: the runtime then
    /// looks first for what has arrived meanwhile. Who reads that has a turn before it is said.
    fn poll(&mut self, connection: &Connection, at: Instant, context: &mut Context<'_>) -> Poll<()> {
        let (_, alarm) = match &mut self.0 {
            Some(timer) if timer.0 == at => timer,
            timer => {
                let passing = connection.within(at.saturating_duration_since(Instant::now()), future::pending::<()>());
                let alarm = async {
                    let _passed = passing.await;
                    yield_now().await;
                };
                timer.insert((at, Box::pin(alarm)))
            }
        };
        ready!(alarm.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(())
    }
}
