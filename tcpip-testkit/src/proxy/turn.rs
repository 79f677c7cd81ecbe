//! Letting others have their turn.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use tokio::task::yield_now;

/// The turn of others: all that are ready, and those whose events the runtime has not looked at yet. It is not over
/// sooner because something else wakes this task.
#[derive(Debug)]
pub(super) struct Turn(Arc<State>);

#[derive(Debug)]
struct State {
    is_over: AtomicBool,
    waiting: Mutex<Waker>,
}

impl Turn {
    pub(super) fn begin(context: &Context<'_>) -> Self {
        let (is_over, waiting) = (AtomicBool::new(false), Mutex::new(context.waker().clone()));
        let turn = Arc::new(State { is_over, waiting });
        let waker = Waker::from(Arc::clone(&turn));
        let _ = pin!(yield_now()).poll(&mut Context::from_waker(&waker));
        Self(turn)
    }

    /// Ready when it is over.
    pub(super) fn poll_over(&self, context: &Context<'_>) -> Poll<()> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.is_over.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        waiting.clone_from(context.waker());
        Poll::Pending
    }
}

impl Wake for State {
    fn wake(self: Arc<Self>) {
        let waiting = {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            self.is_over.store(true, Ordering::Relaxed);
            waiting.clone()
        };
        // Nobody is woken under the lock.
        waiting.wake();
    }
}
