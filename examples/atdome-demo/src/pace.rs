//! How fast the show goes.

use std::time::Duration;

/// How many times faster than a real dome, and a person who watches it, everything goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    speed_up: f64,
}

impl Pace {
    pub(crate) fn new(speed_up: f64) -> Self {
        Self { speed_up }
    }

    pub(crate) fn speed_up(self) -> f64 {
        self.speed_up
    }

    /// How long this takes here which takes a real dome so many seconds.
    pub(crate) fn seconds(self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds / self.speed_up)
    }
}
