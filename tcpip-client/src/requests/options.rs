//! How requests are made.

use std::time::Duration;

/// What becomes of a session when a reply did not come in time, or its caller is gone after the command went out: the
/// reply may still come, and would be taken for the next one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutOfStep {
    /// The session ends at once. This is never wrong.
    #[default]
    Close,
    /// A task of the session waits for the rest of the reply for at most so long, and drops it; then the next request
    /// has its turn. If the rest does not come, the session ends. This is never wrong, either.
    Abandon {
        /// For how long it waits.
        at_most: Duration,
    },
    /// A task of the session drops what comes until nothing has come for as long as `quiet`; then the next request has
    /// its turn. If there is no such silence within `at_most`, the session ends. A reply that is later than `quiet` is
    /// taken for the next one's.
    Drain {
        /// How long nothing has to come.
        quiet: Duration,
        /// For how long it waits.
        at_most: Duration,
    },
}

/// What becomes of bytes that have arrived before a command goes out, and that nobody asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsolicited {
    /// They are dropped, and the request fails before its command goes out, with
    /// [`Unsolicited`](super::Cause::Unsolicited).
    #[default]
    Fail,
    /// They are dropped and logged, and the command goes out.
    Log,
}

/// How requests are made: deadlines, and what happens when one passes. Every one has a default.
///
/// | deadline | of | default |
/// |---|---|---|
/// | [`ready_timeout`](Self::ready_timeout) | the session, while a link has none | it fails at once |
/// | [`turn_timeout`](Self::turn_timeout) | the turn, while others ask | 5 s |
/// | [`reply_timeout`](Self::reply_timeout) | the first byte of the reply, and of the echo before it | 2 s |
/// | [`gap_timeout`](Self::gap_timeout) | each byte behind another | 1 s |
/// | [`whole_timeout`](Self::whole_timeout) | the reply, from its first byte | 30 s |
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until they are used"]
pub struct RequestOptions {
    pub(super) ready_timeout: Option<Duration>,
    pub(super) turn_timeout: Duration,
    pub(super) reply_timeout: Duration,
    pub(super) gap_timeout: Duration,
    pub(super) whole_timeout: Duration,
    pub(super) out_of_step: OutOfStep,
    pub(super) unsolicited: Unsolicited,
    pub(super) echo: Option<Vec<u8>>,
    pub(super) most_failures: u32,
    pub(super) retries: u32,
    pub(super) is_idempotent: bool,
    pub(super) is_secret: bool,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            ready_timeout: None,
            turn_timeout: Duration::from_secs(5),
            reply_timeout: Duration::from_secs(2),
            gap_timeout: Duration::from_secs(1),
            whole_timeout: Duration::from_secs(30),
            out_of_step: OutOfStep::default(),
            unsolicited: Unsolicited::default(),
            echo: None,
            most_failures: 3,
            retries: 0,
            is_idempotent: false,
            is_secret: false,
        }
    }
}

impl RequestOptions {
    /// How long a reply may take at most: its echo, its first byte, and the rest.
    pub(super) fn longest(&self) -> Duration {
        self.reply_timeout.saturating_mul(2).saturating_add(self.whole_timeout)
    }

    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a request waits for a [`Link`](crate::Link) that is not ready, or whose session ends before the request
    /// has its turn, or `None` to fail at once. Default: `None`.
    pub fn ready_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        Self { ready_timeout: timeout.into(), ..self }
    }

    /// How long a request waits while others ask. Default: 5 s.
    pub fn turn_timeout(self, timeout: Duration) -> Self {
        Self { turn_timeout: timeout, ..self }
    }

    /// How long the first byte of a reply may take. Default: 2 s.
    pub fn reply_timeout(self, timeout: Duration) -> Self {
        Self { reply_timeout: timeout, ..self }
    }

    /// How long nothing may come within a reply. Default: 1 s.
    pub fn gap_timeout(self, timeout: Duration) -> Self {
        Self { gap_timeout: timeout, ..self }
    }

    /// How long a reply may take from its first byte. Default: 30 s.
    pub fn whole_timeout(self, timeout: Duration) -> Self {
        Self { whole_timeout: timeout, ..self }
    }

    /// What becomes of the session when a reply did not come in time, or its caller is gone. Default:
    /// [`OutOfStep::Close`].
    pub fn out_of_step(self, policy: OutOfStep) -> Self {
        Self { out_of_step: policy, ..self }
    }

    /// What becomes of bytes that nobody asked for. Default: [`Unsolicited::Fail`].
    pub fn unsolicited(self, policy: Unsolicited) -> Self {
        Self { unsolicited: policy, ..self }
    }

    /// The device repeats each command before its reply: as it was sent, but for the terminator of text, in the place
    /// of which it sends this one. Another echo ends the session. Default: there is none.
    pub fn echo(self, terminator: impl AsRef<[u8]>) -> Self {
        Self { echo: Some(terminator.as_ref().to_vec()), ..self }
    }

    /// After so many requests in a row without a reply the session ends, under every policy. Default: 3.
    pub fn most_failures(self, requests: u32) -> Self {
        Self { most_failures: requests.max(1), ..self }
    }

    /// How often a request is repeated that has no reply: one of which nothing has left, whatever the
    /// [cause](super::Cause), and one that may have been received only if it is [`idempotent`](Self::idempotent), or
    /// its command says [that it is](super::Command::is_idempotent). Default: 0.
    ///
    /// It waits for what the [policy](Self::out_of_step) does about the reply that did not come, for a link that is
    /// ready, and for its turn: all these waits of a request, that for the first turn included, take at most one
    /// [`turn_timeout`](Self::turn_timeout), beside the [`ready_timeout`](Self::ready_timeout) of the first attempt.
    /// Each attempt has its own deadlines for the reply. Where there is no time left, or the device is closed for good,
    /// the error is that of the last attempt; what it says of how far the command [went](super::RequestError::sent)
    /// holds for all of them.
    ///
    /// What is repeated, too: a request that found bytes that [nobody asked for](Unsolicited), which are dropped then,
    /// and logged; and, if it is idempotent, one whose reply did not convert. A command that cannot be written is not,
    /// nor is one in an [exclusive](super::Requester::exclusive) turn whose session has ended.
    pub fn retries(self, times: u32) -> Self {
        Self { retries: times, ..self }
    }

    /// Errors, and the logs that show them, have no word of these requests and of what comes back, but for what a
    /// [conversion](super::Shape::try_map) says: for passwords. Of a reply that is cut off, they have asterisks, as
    /// many as there were bytes. A [`WireLog`](crate::WireLog) has a [redaction](crate::WireLog::redacted) of its own.
    ///
    /// ```
    /// # use tcpip_client::{RequestError, Requester};
    /// # async fn log_in(device: &Requester) -> Result<(), RequestError> {
    /// device.with(|options| options.secret()).ask("PASSWORD secret").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    /// The device may carry these requests out twice without harm, so that [`retries`](Self::retries) holds for those
    /// that may have been received as well: for questions, in one call or by a requester of their own.
    ///
    /// ```
    /// # use tcpip_client::{RequestError, Requester};
    /// # async fn voltage(device: &Requester) -> Result<(), RequestError> {
    /// let questions = device.with(|options| options.retries(2).idempotent());
    /// let voltage = questions.ask("VOLT?").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn idempotent(self) -> Self {
        Self { is_idempotent: true, ..self }
    }
}
