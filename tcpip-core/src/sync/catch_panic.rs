//! Running a user's code so that its panic harms nobody else.

use std::{
    any::Any,
    fmt::{self, Write as _},
    future::poll_fn,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Poll,
};

/// The most bytes of a user's text that are kept, in a log or a reason.
const MOST_TEXT: usize = 1024;

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
        match catch_panic_in(|| future.as_mut().poll(context)) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
}

/// What a user's stream has done that no stream may: it says nothing of how many bytes it has taken.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Misbehaved(String);

/// The error of a user's stream that has panicked, or claims what cannot be.
pub(crate) fn misbehaved(what: impl Into<String>) -> io::Error {
    io::Error::other(Misbehaved(what.into()))
}

/// Whether a user's stream has [misbehaved](misbehaved), rather than told an error.
pub(crate) fn is_misbehaviour(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Misbehaved>)
}

/// Polls a user's stream. A panic of it is logged, and an error of it.
pub(crate) fn poll_stream<T>(poll: impl FnOnce() -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
    catch_panic_in(poll).unwrap_or_else(|message| {
        tracing::error!("the stream panicked: {message}");
        Poll::Ready(Err(misbehaved(message)))
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

/// Drops a user's value. A panic of that is logged; `what` says there what the value was.
pub(crate) fn drop_caught<T>(what: &str, value: T) {
    if let Err(panic) = catch_panic_in(|| drop(value)) {
        tracing::error!("a panic while {what} was dropped: {panic}");
    }
}

/// What a user's value says of itself, or as much of it as comes before a panic or fits into 1 KiB.
pub(crate) fn shown(value: &impl fmt::Display) -> String {
    let mut shown = Shown::default();
    let panic = catch_panic_in(|| write!(shown, "{value}")).err();
    let mut text = shown.text;
    if shown.is_cut {
        text.push('…');
    }
    if let Some(panic) = panic {
        let space = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{space}(its text panicked: {panic})");
    }
    text
}

/// Takes the first [`MOST_TEXT`] bytes, and then fails, so that what writes them may end.
#[derive(Default)]
struct Shown {
    text: String,
    is_cut: bool,
}

impl fmt::Write for Shown {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = if self.is_cut { 0 } else { MOST_TEXT - self.text.len() };
        let taken = part.floor_char_boundary(room);
        self.text.push_str(&part[..taken]);
        self.is_cut |= taken < part.len();
        if self.is_cut { Err(fmt::Error) } else { Ok(()) }
    }
}

struct DropQuietly<T>(Option<T>);

impl<T> Drop for DropQuietly<T> {
    fn drop(&mut self) {
        drop_caught("a future", self.0.take());
    }
}

/// The message of a panic. Its payload may itself panic when dropped, and what that panics with too: that is kept for
/// ever.
fn message(panic: Box<dyn Any + Send>) -> String {
    let text = match panic.downcast_ref::<&str>() {
        Some(text) => shown(text),
        None => panic.downcast_ref::<String>().map_or_else(|| "a value that is not text".to_owned(), shown),
    };
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    text
}
