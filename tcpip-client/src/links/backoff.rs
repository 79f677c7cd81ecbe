//! The pauses between attempts.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Nothing can be doubled, and a link would never rest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// How long a [`Link`](super::Link) pauses between its attempts.
///
/// ```
/// use std::time::Duration;
/// use tcpip_client::Backoff;
///
/// let backoff = Backoff::exponential(Duration::from_millis(250), Duration::from_secs(30)).at_most(10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a backoff does nothing until a link uses it"]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: Option<usize>,
    seed: Option<u64>,
}

/// From 0.25 s to 30 s, for ever.
impl Default for Backoff {
    fn default() -> Self {
        Self::exponential(Duration::from_millis(250), Duration::from_secs(30))
    }
}

impl Backoff {
    /// Pauses that double from `first`, which is a millisecond at least, to `longest`, which is `first` at least; each
    /// longer by a random part of itself, so that many links do not call at the same moment.
    pub fn exponential(first: Duration, longest: Duration) -> Self {
        let first = first.max(SHORTEST_PAUSE);
        Self { first, longest: longest.max(first), attempts: None, seed: None }
    }

    /// Gives up after so many attempts in a row that failed. By default a link tries until it is closed.
    pub fn at_most(self, attempts: usize) -> Self {
        Self { attempts: Some(attempts), ..self }
    }

    /// Has the random parts be the same each time.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Twice the longest pause without its random part: a session that lasted longer was no failed attempt.
    pub(super) fn longest_pause(&self) -> Duration {
        self.longest.saturating_mul(2)
    }

    /// The pauses, from the first, behind so many attempts that have failed: one, or none but a session that was lost.
    pub(super) fn pauses(&self, failed: usize) -> Pauses {
        let builder = ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .without_max_times()
            .with_jitter();
        let builder = match self.seed {
            Some(seed) => builder.with_jitter_seed(seed),
            None => builder,
        };
        Pauses { pauses: builder.build(), left: self.attempts.map(|attempts| attempts.saturating_sub(failed)) }
    }
}

/// The pauses to come.
pub(super) struct Pauses {
    pauses: ExponentialBackoff,
    left: Option<usize>,
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        self.pauses.next()
    }
}
