//! Telling those who wait.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use crate::sync::Lock;

/// As tokio's: a wait ends by a [`notify_waiters`](Self::notify_waiters) after its beginning, or by the permit of a
/// [`notify_one`](Self::notify_one). That wakes all, of whom one gets the permit.
#[derive(Debug, Default)]
pub(crate) struct Notify(Lock<State>);

#[derive(Debug, Default)]
struct State {
    /// How often all were told.
    told: u64,
    has_permit: bool,
    waiting: Vec<Waker>,
}

/// A wait.
#[derive(Debug)]
pub(crate) struct Notified<'a> {
    notify: &'a Notify,
    /// How often all had been told when it began.
    told: u64,
}

impl Notify {
    /// Makes one.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Ends the waits that have begun.
    pub(crate) fn notify_waiters(&self) {
        self.tell(|state| state.told += 1);
    }

    /// Ends one wait, now or later.
    pub(crate) fn notify_one(&self) {
        self.tell(|state| state.has_permit = true);
    }

    fn tell(&self, change: impl FnOnce(&mut State)) {
        let waiting = {
            let mut state = self.0.lock();
            change(&mut state);
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Begins to wait.
    pub(crate) fn notified(&self) -> Notified<'_> {
        Notified { notify: self, told: self.0.lock().told }
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.notify.0.lock();
        if state.told != self.told || std::mem::take(&mut state.has_permit) {
            return Poll::Ready(());
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}
