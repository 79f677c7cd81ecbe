//! What the requests of a session have in common, whoever makes them: for `tcpip-client`.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use super::Connection;
use crate::codec::Trailing;

/// What the requests of a session have in common, whoever makes them. What is noted is that of whoever has the turn to
/// read, so one after another.
#[derive(Debug, Default)]
pub struct Requests {
    /// What may still come of the last reply: a [`Trailing`].
    trailing: AtomicU8,
    /// How many in a row have had no reply.
    failures: AtomicU32,
    /// How many have had one.
    replies: AtomicU64,
}

impl Connection {
    /// What the requests of the session have in common.
    #[doc(hidden)]
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.shared.requests
    }
}

impl Requests {
    /// What may still come of the last reply, and is nothing.
    #[must_use]
    pub fn trailing(&self) -> Trailing {
        self.trailing.load(Ordering::Relaxed).into()
    }

    /// Notes what may still come of the last reply.
    pub fn set_trailing(&self, trailing: Trailing) {
        self.trailing.store(trailing as u8, Ordering::Relaxed);
    }

    /// Notes a request without a reply, and returns how many there have been in a row.
    pub fn note_failure(&self) -> u32 {
        self.failures.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Notes that a reply has come, whatever it is: those that failed are in a row no more.
    pub fn clear_failures(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// Notes a reply that was one.
    pub fn note_reply(&self) {
        self.replies.fetch_add(1, Ordering::Relaxed);
    }

    /// How many replies there have been.
    #[must_use]
    pub fn replies(&self) -> u64 {
        self.replies.load(Ordering::Relaxed)
    }
}
