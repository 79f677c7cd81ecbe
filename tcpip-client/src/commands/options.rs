//! How commands are given.

use std::time::Duration;

/// How commands are given: deadlines, and what becomes of a place in order whose reply is late. Every one has a
/// default.
///
/// | deadline | of | default |
/// |---|---|---|
/// | [`turn_timeout`](Self::turn_timeout) | a place in flight | 5 s |
/// | [`reply_timeout`](Self::reply_timeout) | the first word of the reply, whatever its phase | 2 s |
/// | [`end_timeout`](Self::end_timeout) | the end, from a phase that does not say when it comes | 30 s |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until they are used"]
pub struct CommandOptions {
    pub(super) turn_timeout: Duration,
    pub(super) reply_timeout: Duration,
    pub(super) end_timeout: Duration,
    pub(super) abandon: Duration,
}

impl Default for CommandOptions {
    fn default() -> Self {
        Self {
            turn_timeout: Duration::from_secs(5),
            reply_timeout: Duration::from_secs(2),
            end_timeout: Duration::from_secs(30),
            abandon: Duration::ZERO,
        }
    }
}

impl CommandOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a command waits for a place in flight, for the end of
    /// [`Protocol::on_connect`](super::Protocol::on_connect), and for the [link](super::Commands#in-a-link) of a
    /// session that has begun. Default: 5 s.
    pub fn turn_timeout(self, timeout: Duration) -> Self {
        Self { turn_timeout: timeout, ..self }
    }

    /// How long the first word of the reply may take, whatever its phase is: from the sending, and where replies come
    /// in order, from the end of the reply before it. Default: 2 s.
    pub fn reply_timeout(self, timeout: Duration) -> Self {
        Self { reply_timeout: timeout, ..self }
    }

    /// How long the end may take from a phase with which the device does not say when it will come
    /// ([`Phase::Interim`](super::Phase::Interim) of `None`); each such phase begins it anew. What the device has named
    /// before is not shortened by it. Default: 30 s.
    pub fn end_timeout(self, timeout: Duration) -> Self {
        Self { end_timeout: timeout, ..self }
    }

    /// For how long a reply in order may be late: its place waits so much longer for it, and drops it; then the session
    /// ends, since nobody knows any more which reply is whose. Where commands have ids, nothing waits. Default: zero,
    /// the session ends when a reply has not come in time.
    pub fn abandon(self, at_most: Duration) -> Self {
        Self { abandon: at_most, ..self }
    }
}
