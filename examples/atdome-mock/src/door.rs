//! One of the dome's two doors.

use std::time::Duration;

use crate::travel::Travel;

/// Per cent a second: a whole way takes 1 s.
const SPEED: f64 = 100.0;
const CLOSED: f64 = 0.0;
const OPEN: f64 = 100.0;

/// A door, 0 (closed) to 100 (open) per cent.
#[derive(Debug)]
pub(crate) struct Door {
    travel: Travel,
}

/// Which way a door is moving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DoorMotion {
    Still,
    Closing,
    Opening,
}

impl Door {
    pub(crate) fn closed() -> Self {
        Self { travel: Travel::at_rest(CLOSED) }
    }

    pub(crate) fn open(&mut self, now: Duration) {
        self.travel = Travel::new(self.percent(now), OPEN, SPEED, now);
    }

    pub(crate) fn close(&mut self, now: Duration) {
        self.travel = Travel::new(self.percent(now), CLOSED, SPEED, now);
    }

    pub(crate) fn stop(&mut self, now: Duration) {
        self.travel = Travel::at_rest(self.percent(now));
    }

    pub(crate) fn percent(&self, now: Duration) -> f64 {
        self.travel.position(now)
    }

    pub(crate) fn motion(&self, now: Duration) -> DoorMotion {
        if self.travel.is_over(now) {
            DoorMotion::Still
        } else if self.travel.rises() {
            DoorMotion::Opening
        } else {
            DoorMotion::Closing
        }
    }

    /// `CLOSED`, `OPEN`, or `AJAR` in between and while moving.
    pub(crate) fn word(&self, now: Duration) -> &'static str {
        let percent = self.percent(now);
        if self.motion(now) != DoorMotion::Still {
            "AJAR"
        } else if percent <= CLOSED {
            "CLOSED"
        } else if percent >= OPEN {
            "OPEN"
        } else {
            "AJAR"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Door, DoorMotion};

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn seen(door: &Door, now: u64) -> (&'static str, f64, DoorMotion) {
        let now = millis(now);
        (door.word(now), door.percent(now).round(), door.motion(now))
    }

    /// A whole way takes one second; the door is ajar from the first moment of it to the last.
    #[test]
    fn a_door_opens_and_closes_in_one_second() {
        let mut door = Door::closed();
        assert_eq!(seen(&door, 0), ("CLOSED", 0.0, DoorMotion::Still));
        door.open(millis(5000));
        assert_eq!(seen(&door, 5000), ("AJAR", 0.0, DoorMotion::Opening));
        assert_eq!(seen(&door, 5250), ("AJAR", 25.0, DoorMotion::Opening));
        assert_eq!(seen(&door, 5999), ("AJAR", 100.0, DoorMotion::Opening));
        assert_eq!(seen(&door, 6000), ("OPEN", 100.0, DoorMotion::Still));
        door.close(millis(7000));
        assert_eq!(seen(&door, 7000), ("AJAR", 100.0, DoorMotion::Closing));
        assert_eq!(seen(&door, 7750), ("AJAR", 25.0, DoorMotion::Closing));
        assert_eq!(seen(&door, 8000), ("CLOSED", 0.0, DoorMotion::Still));
    }

    /// Half a way takes half a second, from where the door was.
    #[test]
    fn a_door_turns_round_where_it_is() {
        let mut door = Door::closed();
        door.open(millis(0));
        door.close(millis(500));
        assert_eq!(seen(&door, 750), ("AJAR", 25.0, DoorMotion::Closing));
        assert_eq!(seen(&door, 1000), ("CLOSED", 0.0, DoorMotion::Still));
    }

    /// A door that was stopped in between stays there.
    #[test]
    fn a_stopped_door_stays_ajar() {
        let mut door = Door::closed();
        door.open(millis(0));
        door.stop(millis(300));
        assert_eq!(seen(&door, 60_000), ("AJAR", 30.0, DoorMotion::Still));
    }

    /// A command for where the door already is does not move it.
    #[test]
    fn a_closed_door_told_to_close_does_not_move() {
        let mut door = Door::closed();
        door.close(millis(0));
        assert_eq!(seen(&door, 0), ("CLOSED", 0.0, DoorMotion::Still));
    }
}
