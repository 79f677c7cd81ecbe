//! Wakers that note that they were woken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Wake, Waker},
};

/// Whether somebody who waits has been woken.
#[derive(Debug, Default)]
pub(super) struct Flag(AtomicBool);

impl Flag {
    pub(super) fn set(&self) {
        self.0.store(true, Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// Begins to wait.
    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        self.0.store(false, Relaxed);
        self.again()
    }

    /// The same waker as before, in the course of the same poll.
    pub(super) fn again(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.set();
    }
}
