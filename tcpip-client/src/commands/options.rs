//! How commands are given.

use std::time::Duration;

/// How commands are given: deadlines, and what becomes of a place in order whose reply is late. Every one has a
/// default.
///
/// | deadline | of | default |
/// |---|---|---|
/// | [`ready_timeout`](Self::ready_timeout) | a link that is not up | none: such a command fails at once |
/// | [`turn_timeout`](Self::turn_timeout) | a place in flight | 5 s |
/// | [`reply_timeout`](Self::reply_timeout) | the first word of the reply, whatever its phase | 2 s |
/// | [`end_timeout`](Self::end_timeout) | the end, from a phase that does not say when it comes | 30 s |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until they are used"]
pub struct CommandOptions {
    pub(super) ready_timeout: Option<Duration>,
    pub(super) turn_timeout: Duration,
    pub(super) reply_timeout: Duration,
    pub(super) end_timeout: Duration,
    pub(super) abandon: Duration,
    pub(super) retries: u32,
    pub(super) is_idempotent: bool,
}

impl Default for CommandOptions {
    fn default() -> Self {
        Self {
            ready_timeout: None,
            turn_timeout: Duration::from_secs(5),
            reply_timeout: Duration::from_secs(2),
            end_timeout: Duration::from_secs(30),
            abandon: Duration::ZERO,
            retries: 0,
            is_idempotent: false,
        }
    }
}

impl CommandOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a command waits for a [link](super::Commands#in-a-link) that has no session, or whose session ends
    /// before the command has its place, or `None` to fail at once. Default: `None`.
    pub fn ready_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        Self { ready_timeout: timeout.into(), ..self }
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

    /// How often [`run`](super::Commands::run) repeats a command that has no reply: one of which nothing has left, and
    /// one that may have been received only if it is [`idempotent`](Self::idempotent). Default: 0.
    ///
    /// It waits for a link that is ready, and for a place in flight: all these waits of a command, that for the first
    /// place included, take at most one [`turn_timeout`](Self::turn_timeout), beside the
    /// [`ready_timeout`](Self::ready_timeout) of the first attempt. Each attempt has its own deadlines for the reply.
    /// Where there is no time left, or the link is closed for good, the error is that of the last attempt; what it says
    /// of how far the command [went](crate::RequestError::sent) holds for all of them. A command that cannot be
    /// written, or that the device has refused, is not repeated.
    pub fn retries(self, times: u32) -> Self {
        Self { retries: times, ..self }
    }

    /// The device may carry these commands out twice without harm, so that [`retries`](Self::retries) holds for those
    /// that may have been received as well.
    pub fn idempotent(self) -> Self {
        Self { is_idempotent: true, ..self }
    }
}
