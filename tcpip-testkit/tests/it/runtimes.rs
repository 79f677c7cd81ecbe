//! The same test on both of tokio's runtimes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use tokio::{runtime::Builder, time::timeout};

/// Nothing here takes so long, on any machine.
const STUCK: Duration = Duration::from_mins(2);

/// Runs `test` on a runtime with one thread, then on one with several.
pub(crate) fn on_both_runtimes(test: impl AsyncFn()) {
    for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let runtime = builder.worker_threads(4).enable_all().build().unwrap();
        runtime.block_on(async { timeout(STUCK, test()).await }).expect("the test is stuck");
    }
}
