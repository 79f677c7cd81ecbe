//! What waits and wakes, made of what loom sees: tokio's own is a black box to it.
//!
//! loom so tries what may come between the steps of a wait: between its beginning, a look at what is waited for, and
//! the note of who waits. What tokio does within its own is tokio's to check.

mod notify;
pub(crate) mod oneshot;

pub(crate) use self::notify::Notify;
