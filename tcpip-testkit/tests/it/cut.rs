//! The harness of the cancel tests: a future is polled so many times, then dropped.

use std::{future::poll_fn, pin::pin, task::Poll};

use tokio::task::yield_now;

/// Polls `future` `polls` times, whether it was woken or not, and lets the runtime and everybody else work in between.
/// Its result, if it comes to one; else it is dropped.
pub(crate) async fn cut<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let poll = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(output) = poll {
            return Some(output);
        }
        yield_now().await;
    }
    None
}
