//! The time that telemetry is stamped with.

#![expect(clippy::disallowed_types, reason = "the protocol tells the time of day; nothing is waited for by it")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far TAI is ahead of UTC, and so of Unix time.
const AHEAD_OF_UTC: Duration = Duration::from_secs(37);

/// A moment of International Atomic Time, since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tai {
    /// Whole seconds.
    pub sec: i64,
    /// Nanoseconds of the next.
    pub nsec: i64,
}

impl Tai {
    /// The present moment, by the machine's clock. A clock before 1970 counts as standing there.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + AHEAD_OF_UTC;
        Self { sec: since.as_secs().try_into().unwrap_or(i64::MAX), nsec: since.subsec_nanos().into() }
    }
}
