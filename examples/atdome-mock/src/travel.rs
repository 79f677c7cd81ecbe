//! Motion at constant speed from one position to another.

use std::time::Duration;

/// A way from one position to another at constant speed; at rest once its time is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Travel {
    from: f64,
    to: f64,
    starts: Duration,
    takes: Duration,
}

impl Travel {
    /// No travel at all: at rest at `position`.
    pub(crate) fn at_rest(position: f64) -> Self {
        Self { from: position, to: position, starts: Duration::ZERO, takes: Duration::ZERO }
    }

    /// Sets out at `starts`, at `speed` units a second.
    pub(crate) fn new(from: f64, to: f64, speed: f64, starts: Duration) -> Self {
        let takes = Duration::from_secs_f64((to - from).abs() / speed);
        Self { from, to, starts, takes }
    }

    /// The position at `now`: exactly `to` from the end on.
    pub(crate) fn position(&self, now: Duration) -> f64 {
        if self.is_over(now) {
            return self.to;
        }
        let gone = now.saturating_sub(self.starts).div_duration_f64(self.takes);
        self.from + (self.to - self.from) * gone
    }

    pub(crate) fn is_over(&self, now: Duration) -> bool {
        now >= self.ends()
    }

    pub(crate) fn ends(&self) -> Duration {
        self.starts + self.takes
    }

    // A distance too short to take any time is a rounding error and no motion.
    pub(crate) fn rises(&self) -> bool {
        self.to > self.from && !self.takes.is_zero()
    }

    pub(crate) fn falls(&self) -> bool {
        self.to < self.from && !self.takes.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Travel;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// The position follows the clock and stays at the goal.
    #[test]
    #[expect(clippy::float_cmp, reason = "these numbers are exact")]
    fn position_is_where_the_clock_says() {
        let travel = Travel::new(10.0, 4.0, 2.0, millis(1000));
        let positions = [1000, 2000, 3500, 4000, 90_000].map(|now| travel.position(millis(now)));
        assert_eq!(positions, [10.0, 8.0, 5.0, 4.0, 4.0]);
        assert!(!travel.is_over(millis(3999)));
        assert!(travel.is_over(millis(4000)));
        assert!(travel.falls() && !travel.rises());
    }

    /// No distance takes no time.
    #[test]
    fn a_travel_to_the_same_place_is_over_at_once() {
        let travel = Travel::new(10.0, 10.0, 2.0, millis(1000));
        assert!(travel.is_over(millis(1000)));
        assert!(!travel.falls() && !travel.rises());
        assert!(Travel::at_rest(3.0).is_over(Duration::ZERO));
    }
}
