//! The six lines of `?`.

use crate::{
    door::DoorStatus,
    lines::{Lines, number},
    move_code::MoveCode,
    status_error::StatusError,
};

/// What the dome tells in reply to `?`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the dome tells five things that are so or not")]
pub struct ShortStatus {
    /// Line 1.
    pub main_door: DoorStatus,
    /// Line 2.
    pub dropout_door: DoorStatus,
    /// Line 3: the dome closes by itself in bad weather.
    pub auto_shutdown: bool,
    /// Line 3: the rain sensor is wet.
    pub rain: bool,
    /// Line 3: the cloud sensor sees clouds.
    pub clouds: bool,
    /// Line 4: the azimuth, in degrees.
    pub azimuth: f64,
    /// Line 4: the azimuth is at the home position.
    pub at_home: bool,
    /// Line 5: the direction of the last rotation, or of the present one; nothing if the dome never rotated.
    pub last_rotation: Option<Rotation>,
    /// Line 5: what is moving.
    pub move_code: MoveCode,
    /// Line 6: the azimuth has been homed.
    pub homed: bool,
}

/// The direction of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rotation {
    /// `RR`: the azimuth increases.
    Clockwise,
    /// `RL`: the azimuth decreases.
    CounterClockwise,
}

impl ShortStatus {
    /// How many lines a short status has.
    pub(crate) const LINES: usize = 6;

    /// Reads the six lines of a reply to `?`.
    ///
    /// # Errors
    ///
    /// [`StatusError`] when there are not six lines, or one is not as the protocol says.
    pub fn parse(lines: &[String]) -> Result<Self, StatusError> {
        Self::read(&mut Lines::new(lines, Self::LINES)?)
    }

    pub(crate) fn read(lines: &mut Lines<'_>) -> Result<Self, StatusError> {
        let main_door = lines.next("MAIN CLOSED 000", |line| DoorStatus::parse(line.strip_prefix("MAIN ")?))?;
        let dropout_door = lines.next("DROP CLOSED 000", |line| DoorStatus::parse(line.strip_prefix("DROP ")?))?;
        let (auto_shutdown, rain, clouds) = lines.next("[OFF] 00", shutdown_line)?;
        let (at_home, azimuth) = lines.next("POSN 285.00", azimuth_line)?;
        let (last_rotation, move_code) = lines.next("-- 000", motion_line)?;
        let homed = lines.next("Dome not homed", |line| match line {
            "Dome homed" => Some(true),
            "Dome not homed" => Some(false),
            _ => None,
        })?;
        Ok(Self {
            main_door,
            dropout_door,
            auto_shutdown,
            rain,
            clouds,
            azimuth,
            at_home,
            last_rotation,
            move_code,
            homed,
        })
    }
}

fn shutdown_line(line: &str) -> Option<(bool, bool, bool)> {
    let (word, weather) = line.split_once(' ')?;
    let auto_shutdown = match word {
        "[ON]" => true,
        "[OFF]" => false,
        _ => return None,
    };
    let (rain, clouds) = match weather {
        "00" => (false, false),
        "01" => (true, false),
        "02" => (false, true),
        "03" => (true, true),
        _ => return None,
    };
    Some((auto_shutdown, rain, clouds))
}

fn azimuth_line(line: &str) -> Option<(bool, f64)> {
    let (word, degrees) = line.split_once(' ')?;
    let at_home = match word {
        "HOME" => true,
        "POSN" => false,
        _ => return None,
    };
    Some((at_home, number(degrees.trim_start_matches(' '))?))
}

fn motion_line(line: &str) -> Option<(Option<Rotation>, MoveCode)> {
    let (word, code) = line.split_once(' ')?;
    let last_rotation = match word {
        "RR" => Some(Rotation::Clockwise),
        "RL" => Some(Rotation::CounterClockwise),
        "--" => None,
        _ => return None,
    };
    Some((last_rotation, MoveCode::parse(code)?))
}

#[cfg(test)]
mod tests {
    use super::{Rotation, ShortStatus};
    use crate::door::{DoorState, DoorStatus};
    use crate::status_error::StatusError;

    const START: [&str; 6] =
        ["MAIN CLOSED 000", "DROP CLOSED 000", "[OFF] 00", "POSN 285.00", "-- 000", "Dome not homed"];

    fn parse(lines: [&str; 6]) -> Result<ShortStatus, StatusError> {
        ShortStatus::parse(&lines.map(str::to_owned))
    }

    /// A dome as it starts.
    #[test]
    fn a_dome_at_start_is_read() {
        let status = parse(START).unwrap();
        let closed = DoorStatus { state: DoorState::Closed, percent: 0 };
        assert_eq!((status.main_door, status.dropout_door), (closed, closed));
        assert_eq!((status.auto_shutdown, status.rain, status.clouds), (false, false, false));
        assert_eq!((status.at_home, status.azimuth), (false, 285.0));
        assert_eq!((status.last_rotation, status.move_code.bits(), status.homed), (None, 0, false));
    }

    /// Every word that differs from those at start.
    #[test]
    fn a_busy_dome_is_read() {
        let lines = ["MAIN AJAR 050", "DROP OPEN 100", "[ON] 03", "HOME 9.90", "RR 073", "Dome homed"];
        let status = parse(lines).unwrap();
        assert_eq!(status.main_door, DoorStatus { state: DoorState::Ajar, percent: 50 });
        assert_eq!(status.dropout_door, DoorStatus { state: DoorState::Open, percent: 100 });
        assert_eq!((status.auto_shutdown, status.rain, status.clouds), (true, true, true));
        assert_eq!((status.at_home, status.azimuth), (true, 9.9));
        assert_eq!((status.last_rotation, status.move_code.bits()), (Some(Rotation::Clockwise), 73));
        assert!(status.homed);
        let lines = ["MAIN AJAR 050", "DROP OPEN 100", "[ON] 01", "HOME 9.90", "RL 000", "Dome homed"];
        let status = parse(lines).unwrap();
        assert_eq!((status.rain, status.clouds), (true, false));
        assert_eq!(status.last_rotation, Some(Rotation::CounterClockwise));
    }

    /// Any line that is not the protocol's is an error that names it.
    #[test]
    fn each_wrong_line_is_named() {
        let wrong = ["DROP CLOSED 000", "DROP CLOSED", "[MAYBE] 00", "POSN NaN", "RX 000", "Dome perhaps homed"];
        for (index, wrong) in wrong.into_iter().enumerate() {
            let mut lines = START;
            lines[index] = wrong;
            let expected = StatusError::Line { number: index + 1, example: START[index], found: wrong.to_owned() };
            assert_eq!(parse(lines), Err(expected));
        }
        for (index, wrong) in [(2, "[OFF] 04"), (2, "[OFF]"), (3, "POSN"), (4, "-- 256"), (4, "--")] {
            let mut lines = START;
            lines[index] = wrong;
            assert!(parse(lines).is_err(), "{wrong}");
        }
    }

    /// Missing or surplus lines are an error of their own.
    #[test]
    fn a_wrong_number_of_lines_is_an_error() {
        let lines = START.map(str::to_owned);
        assert_eq!(ShortStatus::parse(&lines[..5]), Err(StatusError::LineCount { expected: 6, found: 5 }));
        assert_eq!(ShortStatus::parse(&[]), Err(StatusError::LineCount { expected: 6, found: 0 }));
    }
}
