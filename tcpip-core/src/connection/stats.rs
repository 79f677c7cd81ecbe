//! What a session has counted.

use tokio::time::Instant;

use super::Connection;

/// A copy of what a session has counted, which it does anyway. Made by [`Connection::stats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// When the session began.
    pub began: Instant,
    /// How many bytes have been taken out of the stream.
    pub bytes_received: u64,
    /// How many reads have come to a result: frames, structures, or what [`read`](Connection::read) gave.
    pub reads: u64,
    /// How many bytes the system, or the stream, has taken.
    pub bytes_sent: u64,
    /// How many messages it has wholly taken.
    pub messages_sent: u64,
    /// How many bytes wait in the buffer to be read. What the system has beside it, [`unread`](Connection::unread)
    /// asks.
    pub bytes_unread: usize,
    /// How many bytes wait to be sent.
    pub bytes_queued: usize,
    /// How many bytes the end of the session gave up, as [`given_up`](Connection::given_up) says.
    pub bytes_given_up: u64,
}

impl Connection {
    /// Returns what the session has counted so far: nothing, for one that never was.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (counts, bytes_given_up) = self.look(|session| (session.counts(), session.given_up()));
        Stats {
            began: self.shared.began,
            bytes_received: counts.received,
            reads: counts.reads,
            bytes_sent: counts.sent,
            messages_sent: counts.messages_sent,
            bytes_unread: counts.unread,
            bytes_queued: counts.queued,
            bytes_given_up,
        }
    }
}
