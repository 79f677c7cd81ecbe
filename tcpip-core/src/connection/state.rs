//! What a session is doing: the one place where it changes.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::time::Instant;

use super::read_loop::ReadLoop;
use crate::{
    Connection, ConnectionEvent, DisconnectReason,
    callbacks::{EventSource, Pushed},
    watched::Watched,
};

/// The life of a session.
///
/// | phase | reads | writes | ends by |
/// |---|---|---|---|
/// | `Connected` | yes | yes | any reason |
/// | `Connected`, the peer has ended its half, and options say that the session goes on | what had arrived, then the end, again and again | yes | this end's ending its half, any reason |
/// | `Draining`: the peer has hung up, unread data waits or a handler is at work | yes | yes | a read that reports the end, `drain_timeout`, any reason |
/// | `Ended` | what had arrived, then the end, once | no | |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Connected,
    Draining,
    Ended,
}

#[derive(Debug)]
pub(super) struct SessionState {
    /// A copy of `Inner::phase` that reads and writes look at without the lock.
    phase: AtomicU8,
    inner: Watched<Inner>,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and all combinations occur")]
pub(super) struct Inner {
    pub(super) phase: Phase,
    /// Why it ended; `None` also for a session that never was.
    pub(super) reason: Option<DisconnectReason>,
    pub(super) should_be_connected: bool,
    /// A read has told its caller that the stream is at its end.
    pub(super) end_reported: bool,
    /// The peer has ended its half, or all of the stream.
    pub(super) hung_up: bool,
    /// The stream is not to be ended in good order any more.
    pub(super) aborted: bool,
    /// Somebody other than the peer has ended the session or put another in its place: nothing is readable, and a
    /// handler stops.
    pub(super) revoked: bool,
    /// The session task is gone.
    pub(super) finished: bool,
    /// When draining began or the last read since returned.
    pub(super) last_read: Option<Instant>,
    /// How many tasks of the session there are, its own apart.
    pub(super) tasks: usize,
    pub(super) read_loop: ReadLoop,
    events: EventSource,
}

impl SessionState {
    pub(super) fn connected(events: EventSource, has_handler: bool) -> Self {
        Self::new(Inner {
            phase: Phase::Connected,
            reason: None,
            should_be_connected: true,
            end_reported: false,
            hung_up: false,
            aborted: false,
            revoked: false,
            finished: false,
            last_read: None,
            tasks: 0,
            read_loop: ReadLoop::of(has_handler),
            events,
        })
    }

    pub(super) fn never_connected() -> Self {
        Self::new(Inner {
            phase: Phase::Ended,
            reason: None,
            should_be_connected: false,
            end_reported: true,
            hung_up: false,
            aborted: false,
            revoked: true,
            finished: true,
            last_read: None,
            tasks: 0,
            read_loop: ReadLoop::Absent,
            events: EventSource::default(),
        })
    }

    fn new(inner: Inner) -> Self {
        Self { phase: AtomicU8::new(inner.phase as u8), inner: Watched::new(inner) }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            phase if phase == Phase::Connected as u8 => Phase::Connected,
            phase if phase == Phase::Draining as u8 => Phase::Draining,
            _ => Phase::Ended,
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.phase() != Phase::Ended
    }

    /// Looks at the state.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.inner.lock())
    }

    /// Changes what is no phase, and wakes everybody who waits for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        self.inner.change(change)
    }

    /// Waits until `look` finds what it looks for.
    pub(super) fn wait_for<T>(&self, look: impl FnMut(&Inner) -> Option<T>) -> impl Future<Output = T> {
        self.inner.wait_for(look)
    }

    /// Queues the event that the session has begun.
    pub(super) fn announce(&self, connection: &Connection) -> Pushed {
        self.inner.lock().events.push(ConnectionEvent::connected(connection.clone()), || ())
    }

    /// The peer has hung up and the session goes on for a while.
    pub(super) fn drain(&self) {
        let mut inner = self.inner.lock();
        inner.hung_up = true;
        if inner.phase == Phase::Connected {
            inner.last_read = Some(Instant::now());
            inner.phase = Phase::Draining;
            self.publish(Phase::Draining);
        }
    }

    /// Makes `change`, and ends the session unless it has ended before: in one step, so that nobody who acts on the
    /// change can end it for another reason. What is returned is to be told outside of all locks.
    pub(super) fn end(
        &self,
        connection: &Connection,
        reason: DisconnectReason,
        change: impl FnOnce(&mut Inner),
    ) -> Ended {
        let mut inner = self.inner.lock();
        change(&mut inner);
        if inner.phase == Phase::Ended {
            return Ended(None);
        }
        inner.hung_up |= reason.is_by_peer();
        inner.reason = Some(reason.clone());
        inner.phase = Phase::Ended;
        let events = std::mem::take(&mut inner.events);
        let event = ConnectionEvent::disconnected(connection.clone(), reason);
        let pushed = events.push(event, || self.publish(Phase::Ended));
        // The last source of events tells the dispatcher when it goes, and so goes outside of the lock.
        Ended(Some((pushed, events)))
    }

    /// The peer has ended its half and the session goes on.
    pub(super) fn note_hang_up(&self) {
        self.inner.lock().hung_up = true;
    }

    /// Wakes everybody who waits for a change.
    pub(super) fn tell(&self) {
        self.inner.tell();
    }

    /// A read has returned: a draining session lives on from now.
    pub(super) fn read_returned(&self) {
        if self.phase() == Phase::Draining {
            self.inner.lock().last_read = Some(Instant::now());
        }
    }

    /// Why the session ended, for the error of an operation that it interrupted.
    pub(super) fn reason(&self) -> DisconnectReason {
        self.inner.lock().reason.clone().unwrap_or(DisconnectReason::Closed)
    }

    /// Lets those see the phase who look without the lock.
    fn publish(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }
}

/// A session has changed, and ended if it has not before.
#[derive(Debug)]
#[must_use = "somebody waits for this"]
pub(super) struct Ended(Option<(Pushed, EventSource)>);

impl Ended {
    /// Wakes everybody who waits for it, and logs the end.
    pub(super) fn tell(self, connection: &Connection) {
        let shared = &*connection.shared;
        if let Some((pushed, events)) = self.0 {
            pushed.tell();
            drop(events);
            shared.span.in_scope(|| tracing::info!("disconnected: {}", shared.state.reason()));
        }
        shared.state.tell();
    }
}
