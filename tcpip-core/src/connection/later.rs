//! What is to be done once no lock is held.

use std::task::{Context, Waker};

use super::{Connection, reading::Source, state::Ended};

/// What a change under a lock leaves to be done outside of it: waking, telling and letting go are others' code, and may
/// take locks of their own that are held while the session is polled.
#[derive(Default)]
#[must_use = "somebody waits for this"]
pub(super) struct Later {
    ended: Option<(Connection, Ended)>,
    wakers: Vec<Waker>,
    /// Wakers that are not to be woken, but whose letting go may end a task.
    replaced: Vec<Waker>,
    /// Streams that are done with.
    sources: Vec<Source>,
}

impl Later {
    pub(super) fn wake(&mut self, waker: Option<Waker>) {
        self.wakers.extend(waker);
    }

    /// Puts the waker of `context` into `slot`.
    pub(super) fn replace(&mut self, slot: &mut Option<Waker>, context: &Context<'_>) {
        if !slot.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            self.replaced.extend(slot.replace(context.waker().clone()));
        }
    }

    pub(super) fn let_go(&mut self, source: Source) {
        if !matches!(source, Source::Ended) {
            self.sources.push(source);
        }
    }

    pub(super) fn tell_end(&mut self, connection: Connection, ended: Ended) {
        self.ended = Some((connection, ended));
    }

    /// Does it. No lock of the session is held.
    pub(super) fn run(self) {
        if let Some((connection, ended)) = self.ended {
            ended.tell(&connection);
        }
        self.wakers.into_iter().for_each(Waker::wake);
    }
}
