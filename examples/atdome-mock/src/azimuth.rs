//! The dome's rotation.

use std::time::Duration;

use crate::travel::Travel;

/// Where the home switch is, in degrees.
pub(crate) const HOME: f64 = 10.0;
/// Where the dome stands when the mock starts, in degrees.
pub(crate) const START: f64 = 285.0;
/// Degrees a second.
const SPEED: f64 = 6.0;
/// Degrees a second on the last stretch of homing.
const HOMING_SPEED: f64 = 1.0;
/// How long that stretch is, in degrees.
const HOMING_STRETCH: f64 = 1.0;
/// Nearer to home than this, the dome says that it is there.
const HOME_WIDTH: f64 = 0.2;

/// The azimuth axis, in degrees from 0 up to, not including, 360.
#[derive(Debug)]
pub(crate) struct Azimuth {
    motion: Motion,
    last_rotation: Option<Rotation>,
    homed: bool,
}

/// The direction of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// To the right: the azimuth increases.
    Clockwise,
    /// To the left: the azimuth decreases.
    CounterClockwise,
}

/// What the axis was last told to do, finished or not. Positions of a travel may pass 0 and 360.
#[derive(Clone, Copy, Debug)]
enum Motion {
    Move(Travel),
    /// Below the home switch first, fast; then up to it, slowly.
    Home {
        approach: Travel,
        creep: Travel,
    },
}

impl Azimuth {
    pub(crate) fn new() -> Self {
        Self { motion: Motion::Move(Travel::at_rest(START)), last_rotation: None, homed: false }
    }

    /// Rotates to `target` by the nearest way, whatever it was doing.
    pub(crate) fn rotate_to(&mut self, target: f64, now: Duration) {
        let travel = nearest_way(self.degrees(now), target, now);
        self.change(Motion::Move(travel), now);
    }

    pub(crate) fn home(&mut self, now: Duration) {
        let approach = nearest_way(self.degrees(now), HOME - HOMING_STRETCH, now);
        let creep = Travel::new(HOME - HOMING_STRETCH, HOME, HOMING_SPEED, approach.ends());
        self.change(Motion::Home { approach, creep }, now);
    }

    pub(crate) fn stop(&mut self, now: Duration) {
        self.change(Motion::Move(Travel::at_rest(self.degrees(now))), now);
    }

    /// Where it is: 0 ≤ degrees < 360.
    pub(crate) fn degrees(&self, now: Duration) -> f64 {
        wrapped(self.travel(now).position(now))
    }

    pub(crate) fn is_at_home(&self, now: Duration) -> bool {
        nearest_turn(HOME, self.degrees(now)).abs() < HOME_WIDTH
    }

    /// Which way it is rotating now, if it is.
    pub(crate) fn rotation(&self, now: Duration) -> Option<Rotation> {
        let travel = self.travel(now);
        if travel.is_over(now) { None } else { direction(travel) }
    }

    /// Which way it rotated last, or is rotating; nothing if it never moved.
    pub(crate) fn last_rotation(&self, now: Duration) -> Option<Rotation> {
        direction(self.travel(now)).or(self.last_rotation)
    }

    pub(crate) fn is_homing(&self, now: Duration) -> bool {
        matches!(&self.motion, Motion::Home { creep, .. } if !creep.is_over(now))
    }

    /// Whether it was ever homed to the end.
    pub(crate) fn is_homed(&self, now: Duration) -> bool {
        self.homed || matches!(&self.motion, Motion::Home { creep, .. } if creep.is_over(now))
    }

    /// Takes up another motion, keeping what is to be remembered of the one before.
    fn change(&mut self, motion: Motion, now: Duration) {
        self.last_rotation = self.last_rotation(now);
        self.homed = self.is_homed(now);
        self.motion = motion;
    }

    fn travel(&self, now: Duration) -> &Travel {
        match &self.motion {
            Motion::Home { approach, .. } if !approach.is_over(now) => approach,
            Motion::Home { creep: travel, .. } | Motion::Move(travel) => travel,
        }
    }
}

fn nearest_way(from: f64, to: f64, now: Duration) -> Travel {
    Travel::new(from, from + nearest_turn(from, to), SPEED, now)
}

/// The turn that leads `from` one azimuth to another, at most half a circle; clockwise when both ways are as long.
fn nearest_turn(from: f64, to: f64) -> f64 {
    let clockwise = wrapped(to - from);
    if clockwise > 180.0 { clockwise - 360.0 } else { clockwise }
}

/// The same direction, from 0 up to, not including, 360.
fn wrapped(degrees: f64) -> f64 {
    let degrees = degrees.rem_euclid(360.0);
    // A tiny negative angle is rounded to a whole circle.
    if degrees < 360.0 { degrees } else { 0.0 }
}

fn direction(travel: &Travel) -> Option<Rotation> {
    if travel.rises() {
        Some(Rotation::Clockwise)
    } else if travel.falls() {
        Some(Rotation::CounterClockwise)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Azimuth, Rotation, wrapped};

    const LEFT: Option<Rotation> = Some(Rotation::CounterClockwise);
    const RIGHT: Option<Rotation> = Some(Rotation::Clockwise);

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[track_caller]
    fn assert_at(azimuth: &Azimuth, now: u64, degrees: f64, rotation: Option<Rotation>) {
        let at = azimuth.degrees(millis(now));
        assert!((at - degrees).abs() < 1e-9, "at {at}, not {degrees}");
        assert_eq!(azimuth.rotation(millis(now)), rotation);
    }

    /// The axis starts at 285 degrees and has never moved.
    #[test]
    fn it_starts_at_rest_at_285_degrees() {
        let azimuth = Azimuth::new();
        assert_at(&azimuth, 0, 285.0, None);
        assert_eq!(azimuth.last_rotation(millis(0)), None);
        assert!(!azimuth.is_homed(millis(0)) && !azimuth.is_homing(millis(0)) && !azimuth.is_at_home(millis(0)));
    }

    /// Six degrees a second, then still; the direction stays remembered.
    #[test]
    fn it_rotates_at_six_degrees_a_second() {
        let mut azimuth = Azimuth::new();
        azimuth.rotate_to(297.0, millis(1000));
        assert_at(&azimuth, 1000, 285.0, RIGHT);
        assert_at(&azimuth, 2500, 294.0, RIGHT);
        assert_at(&azimuth, 3000, 297.0, None);
        assert_eq!(azimuth.last_rotation(millis(9000)), RIGHT);
    }

    /// The way is the shorter one, also through north, in both directions.
    #[test]
    fn it_takes_the_nearest_direction_round_the_circle() {
        let mut azimuth = Azimuth::new();
        azimuth.rotate_to(3.0, millis(0));
        assert_at(&azimuth, 12_500, 0.0, RIGHT);
        assert_at(&azimuth, 13_000, 3.0, None);
        azimuth.rotate_to(357.0, millis(20_000));
        assert_at(&azimuth, 20_750, 358.5, LEFT);
        assert_at(&azimuth, 21_000, 357.0, None);
        assert_eq!(azimuth.last_rotation(millis(21_000)), LEFT);
        azimuth.rotate_to(177.0, millis(30_000));
        assert_at(&azimuth, 31_000, 3.0, RIGHT);
    }

    /// A command for where the axis already is moves nothing and forgets no direction.
    #[test]
    fn a_move_of_no_distance_is_no_rotation() {
        let mut azimuth = Azimuth::new();
        azimuth.rotate_to(285.0, millis(0));
        assert_at(&azimuth, 0, 285.0, None);
        assert_eq!(azimuth.last_rotation(millis(0)), None);
        azimuth.rotate_to(279.0, millis(0));
        azimuth.rotate_to(279.0, millis(5000));
        assert_eq!(azimuth.last_rotation(millis(5000)), LEFT);
    }

    /// A new target is taken up from where the axis is.
    #[test]
    fn a_move_may_be_changed_under_way() {
        let mut azimuth = Azimuth::new();
        azimuth.rotate_to(345.0, millis(0));
        azimuth.rotate_to(285.0, millis(5000));
        assert_at(&azimuth, 5000, 315.0, LEFT);
        assert_at(&azimuth, 10_000, 285.0, None);
    }

    /// 84 degrees fast, one slowly, then homed: 15 seconds from the start position.
    #[test]
    fn homing_goes_to_home_minus_one_then_slowly_up_to_home() {
        let mut azimuth = Azimuth::new();
        azimuth.home(millis(0));
        assert!(azimuth.is_homing(millis(0)));
        assert_at(&azimuth, 7000, 327.0, RIGHT);
        assert_at(&azimuth, 14_000, 9.0, RIGHT);
        assert!(!azimuth.is_at_home(millis(14_000)));
        assert_at(&azimuth, 14_500, 9.5, RIGHT);
        assert!(azimuth.is_at_home(millis(14_900)));
        assert!(azimuth.is_homing(millis(14_999)) && !azimuth.is_homed(millis(14_999)));
        assert_at(&azimuth, 15_000, 10.0, None);
        assert!(!azimuth.is_homing(millis(15_000)) && azimuth.is_homed(millis(15_000)));
    }

    /// Home is approached from below: from above, the axis passes it first.
    #[test]
    fn homing_from_above_turns_round_at_home_minus_one() {
        let mut azimuth = Azimuth::new();
        azimuth.rotate_to(21.0, millis(0));
        azimuth.home(millis(20_000));
        assert_at(&azimuth, 21_000, 15.0, LEFT);
        assert_at(&azimuth, 22_500, 9.5, RIGHT);
        assert_at(&azimuth, 23_000, 10.0, None);
        assert_eq!(azimuth.last_rotation(millis(23_000)), RIGHT);
    }

    /// Interrupted on either stretch, homing leaves the axis where it is, not homed, and as fast as before.
    #[test]
    fn interrupted_homing_restores_the_speed() {
        for (stop, degrees) in [(7000, 327.0), (14_500, 9.5)] {
            let mut azimuth = Azimuth::new();
            azimuth.home(millis(0));
            azimuth.stop(millis(stop));
            assert_at(&azimuth, 40_000, degrees, None);
            assert!(!azimuth.is_homing(millis(40_000)) && !azimuth.is_homed(millis(40_000)));
            azimuth.rotate_to(wrapped(degrees + 12.0), millis(40_000));
            assert_at(&azimuth, 41_000, degrees + 6.0, RIGHT);
            assert_at(&azimuth, 42_000, degrees + 12.0, None);
        }
    }

    /// Later motion does not undo a finished homing.
    #[test]
    fn once_homed_it_stays_homed() {
        let mut azimuth = Azimuth::new();
        azimuth.home(millis(0));
        azimuth.rotate_to(20.0, millis(15_000));
        assert!(azimuth.is_homed(millis(15_001)));
        assert!(!azimuth.is_at_home(millis(15_034)));
        azimuth.stop(millis(15_500));
        assert!(azimuth.is_homed(millis(15_500)));
    }

    /// The home switch is as wide as the protocol says, on both sides.
    #[test]
    fn home_is_within_a_fifth_of_a_degree() {
        let mut azimuth = Azimuth::new();
        for (degrees, at_home) in [(9.79, false), (9.81, true), (10.0, true), (10.19, true), (10.21, false)] {
            azimuth.rotate_to(degrees, millis(0));
            assert_eq!(azimuth.is_at_home(millis(60_000)), at_home, "at {degrees}");
        }
    }

    /// Rounding never gives a whole circle.
    #[test]
    #[expect(clippy::float_cmp, reason = "these numbers are exact")]
    fn wrapped_angles_stay_below_a_whole_circle() {
        assert_eq!([-1e-17, 360.0, -90.0, 725.0].map(wrapped), [0.0, 0.0, 270.0, 5.0]);
    }
}
