//! Deadlines that hold whatever executor polls.

use std::time::Duration;

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    time::{Instant, Sleep, Timeout, sleep_until, timeout},
};

use super::{Connection, options::CLOSE_GRACE};

impl Connection {
    /// Waits for the end of a close, unless it is the caller that must end first. At rest already, it needs no timer,
    /// and so no runtime.
    pub(super) async fn closed_within_deadline(&self) {
        if !self.is_closed() && !self.is_own_task() {
            self.within_close_deadline(self.wait_closed()).await;
        }
    }

    /// Waits for those who end a session that is being closed, and have that deadline themselves. If they are late it
    /// is because they are not polled: where they share a thread with who waits, nor is that, and so needs no timer.
    pub(super) async fn within_close_deadline(&self, ended: impl Future<Output = ()>) {
        if self.shared.runtime.as_ref().is_some_and(shares_thread) {
            ended.await;
        } else {
            let _ = self.within(self.shared.options.close_timeout + CLOSE_GRACE, ended).await;
        }
    }

    /// `future`, within `after`, whatever executor polls it.
    #[doc(hidden)]
    pub fn within<F: Future>(&self, after: Duration, future: F) -> Timeout<F> {
        match &self.shared.runtime {
            Some(runtime) => within(runtime, after, future),
            None => timeout(after, future),
        }
    }
}

impl Connection {
    /// A timer, whatever executor polls it.
    pub(super) fn sleep_until(&self, deadline: Instant) -> Sleep {
        let _entered = match &self.shared.runtime {
            Some(runtime) if Handle::try_current().is_err() => Some(runtime.enter()),
            _ => None,
        };
        sleep_until(deadline)
    }
}

/// Whether the caller is polled by `runtime`, and that polls all its tasks on one thread.
fn shares_thread(runtime: &Handle) -> bool {
    runtime.runtime_flavor() == RuntimeFlavor::CurrentThread
        && Handle::try_current().is_ok_and(|current| current.id() == runtime.id())
}

/// `future`, within `after`, whatever executor polls it: where that is not tokio's, the time is that of `runtime`.
pub fn within<F: Future>(runtime: &Handle, after: Duration, future: F) -> Timeout<F> {
    let _entered = Handle::try_current().is_err().then(|| runtime.enter());
    timeout(after, future)
}
