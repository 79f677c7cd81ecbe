//! Running a user's code so that its panic harms nobody else.

use std::{
    any::Any,
    future::poll_fn,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Poll,
};

/// Runs `future` to its end, or to the panic whose message is returned.
///
/// A panic while the future is dropped, also before its end, is caught too and logged.
///
/// # Errors
///
/// The panic's message.
pub fn catch_panic<T>(future: impl Future<Output = T> + Send) -> impl Future<Output = Result<T, String>> + Send {
    // Before the future begins, which would otherwise have room for `future` beside the box.
    let mut guarded = DropQuietly(Some(Box::pin(future)));
    poll_fn(move |context| {
        let Some(future) = guarded.0.as_mut() else { unreachable!("only dropping takes the future") };
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(message(panic))),
        }
    })
}

/// Polls a user's stream. A panic of it is logged, and an error of it.
pub(crate) fn poll_stream<T>(poll: impl FnOnce() -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
    catch_unwind(AssertUnwindSafe(poll)).unwrap_or_else(|panic| {
        let message = message(panic);
        tracing::error!("the stream panicked: {message}");
        Poll::Ready(Err(io::Error::other(message)))
    })
}

/// Runs `call`, a user's code, to its end or to the panic whose message is returned.
///
/// # Errors
///
/// The panic's message.
pub fn catch_panic_in<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(message)
}

struct DropQuietly<T>(Option<T>);

impl<T> Drop for DropQuietly<T> {
    fn drop(&mut self) {
        drop_caught(self.0.take());
    }
}

/// Drops something of a user's. A panic is logged.
pub(crate) fn drop_caught<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        tracing::error!("a panic while a {} was dropped: {}", std::any::type_name::<T>(), message(panic));
    }
}

/// The message of a panic. Its payload may itself panic when dropped, which is caught.
fn message(panic: Box<dyn Any + Send>) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned());
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    text
}
