//! The 27 lines of `+`.

use std::time::Duration;

use crate::{
    lines::{Lines, count, flag, number, seconds},
    short_status::ShortStatus,
    status_error::StatusError,
};

/// What the dome tells in reply to `+`, every line of it. Where the dome names no unit, the number is as the dome told
/// it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "one field a line of the dome's reply")]
pub struct FullStatus {
    /// Lines 1 to 6, the same as those of `?`.
    pub short: ShortStatus,
    /// Line 7, `Emergency Stop Active`.
    pub emergency_stop_active: bool,
    /// Line 8, `Top Comm Link OK`.
    pub top_comm_link_ok: bool,
    /// Line 9, `Home Azimuth`, in degrees.
    pub home_azimuth: f64,
    /// Line 10, `High Speed (degrees)`.
    pub high_speed: f64,
    /// Line 11, `Coast (degrees)`.
    pub coast: f64,
    /// Line 12, `Tolerance (degrees)`.
    pub tolerance: f64,
    /// Line 13, `Encoder Counts per 360`.
    pub encoder_counts_per_360: u64,
    /// Line 14, `Encoder Counts`.
    pub encoder_counts: u64,
    /// Line 15, `Last Azimuth GoTo`, in degrees.
    pub last_azimuth_goto: f64,
    /// Line 16, `Azimuth Move Timeout (secs)`.
    pub azimuth_move_timeout: Duration,
    /// Line 17, `Rain-Snow enabled`.
    pub rain_snow_enabled: bool,
    /// Line 18, `Cloud Sensor enabled`.
    pub cloud_sensor_enabled: bool,
    /// Line 19, `Watchdog Reset Time`.
    pub watchdog_reset_time: u64,
    /// Line 20, `Dropout Timer`.
    pub dropout_timer: u64,
    /// Line 21, `Reverse Delay`.
    pub reverse_delay: u64,
    /// Line 22, `Main Door Encoder Closed`.
    pub main_door_encoder_closed: u64,
    /// Line 23, `Main Door Encoder Opened`.
    pub main_door_encoder_opened: u64,
    /// Line 24, `Dropout Encoder Closed`.
    pub dropout_encoder_closed: u64,
    /// Line 25, `Dropout Encoder Opened`.
    pub dropout_encoder_opened: u64,
    /// Line 26, `Door Move Timeout (secs)`.
    pub door_move_timeout: Duration,
    /// Line 27, `Dome has been homed`.
    pub has_been_homed: bool,
}

impl FullStatus {
    /// How many lines a full status has.
    pub(crate) const LINES: usize = 27;

    /// Reads the 27 lines of a reply to `+`.
    ///
    /// # Errors
    ///
    /// [`StatusError`] when there are not 27 lines, or one is not as the protocol says.
    pub fn parse(lines: &[String]) -> Result<Self, StatusError> {
        let mut lines = Lines::new(lines, Self::LINES)?;
        // A struct expression evaluates its fields in the order they are written in, which is that of the lines.
        Ok(Self {
            short: ShortStatus::read(&mut lines)?,
            emergency_stop_active: lines.next_value("Emergency Stop Active: 0", flag)?,
            top_comm_link_ok: lines.next_value("Top Comm Link OK:    1", flag)?,
            home_azimuth: lines.next_value("Home Azimuth: 10.00", number)?,
            high_speed: lines.next_value("High Speed (degrees):  5.00", number)?,
            coast: lines.next_value("Coast (degrees): 0.50", number)?,
            tolerance: lines.next_value("Tolerance (degrees): 1.00", number)?,
            encoder_counts_per_360: lines.next_value("Encoder Counts per 360: 4018143232", count)?,
            encoder_counts: lines.next_value("Encoder Counts:  111615089", count)?,
            last_azimuth_goto: lines.next_value("Last Azimuth GoTo: 285.00", number)?,
            azimuth_move_timeout: lines.next_value("Azimuth Move Timeout (secs): 120", seconds)?,
            rain_snow_enabled: lines.next_value("Rain-Snow enabled:  1", flag)?,
            cloud_sensor_enabled: lines.next_value("Cloud Sensor enabled: 1", flag)?,
            watchdog_reset_time: lines.next_value("Watchdog Reset Time: 600", count)?,
            dropout_timer: lines.next_value("Dropout Timer: 5", count)?,
            reverse_delay: lines.next_value("Reverse Delay: 4", count)?,
            main_door_encoder_closed: lines.next_value("Main Door Encoder Closed: 118449181478", count)?,
            main_door_encoder_opened: lines.next_value("Main Door Encoder Opened: 8287616388", count)?,
            dropout_encoder_closed: lines.next_value("Dropout Encoder Closed: 5669776578", count)?,
            dropout_encoder_opened: lines.next_value("Dropout Encoder Opened: 5710996184", count)?,
            door_move_timeout: lines.next_value("Door Move Timeout (secs): 360", seconds)?,
            has_been_homed: lines.next_value("Dome has been homed: False", |text| match text {
                "True" => Some(true),
                "False" => Some(false),
                _ => None,
            })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::FullStatus;
    use crate::status_error::StatusError;

    const START: [&str; 27] = [
        "MAIN CLOSED 000",
        "DROP CLOSED 000",
        "[OFF] 00",
        "POSN 285.00",
        "-- 000",
        "Dome not homed",
        "Emergency Stop Active: 0",
        "Top Comm Link OK:    1",
        "Home Azimuth: 10.00",
        "High Speed (degrees):  5.00",
        "Coast (degrees): 0.50",
        "Tolerance (degrees): 1.00",
        "Encoder Counts per 360: 4018143232",
        "Encoder Counts:  111615089",
        "Last Azimuth GoTo: 285.00",
        "Azimuth Move Timeout (secs): 120",
        "Rain-Snow enabled:  1",
        "Cloud Sensor enabled: 1",
        "Watchdog Reset Time: 600",
        "Dropout Timer: 5",
        "Reverse Delay: 4",
        "Main Door Encoder Closed: 118449181478",
        "Main Door Encoder Opened: 8287616388",
        "Dropout Encoder Closed: 5669776578",
        "Dropout Encoder Opened: 5710996184",
        "Door Move Timeout (secs): 360",
        "Dome has been homed: False",
    ];

    fn parse(lines: &[&str]) -> Result<FullStatus, StatusError> {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        FullStatus::parse(&lines)
    }

    /// Every line ends up in its field.
    #[test]
    fn every_line_has_its_field() {
        let short = parse(&START).unwrap().short;
        let expected = FullStatus {
            short,
            emergency_stop_active: false,
            top_comm_link_ok: true,
            home_azimuth: 10.0,
            high_speed: 5.0,
            coast: 0.5,
            tolerance: 1.0,
            encoder_counts_per_360: 4_018_143_232,
            encoder_counts: 111_615_089,
            last_azimuth_goto: 285.0,
            azimuth_move_timeout: Duration::from_mins(2),
            rain_snow_enabled: true,
            cloud_sensor_enabled: true,
            watchdog_reset_time: 600,
            dropout_timer: 5,
            reverse_delay: 4,
            main_door_encoder_closed: 118_449_181_478,
            main_door_encoder_opened: 8_287_616_388,
            dropout_encoder_closed: 5_669_776_578,
            dropout_encoder_opened: 5_710_996_184,
            door_move_timeout: Duration::from_mins(6),
            has_been_homed: false,
        };
        assert_eq!(parse(&START), Ok(expected));
        let mut lines = START;
        lines[26] = "Dome has been homed: True";
        assert!(parse(&lines).unwrap().has_been_homed);
    }

    /// A line that is missing its value, or is another line, is an error that names it.
    #[test]
    fn each_wrong_line_is_named() {
        for index in 0..27 {
            for wrong in ["", "Azimuth: 1", "Top Comm Link OK: maybe"] {
                let mut lines = START;
                lines[index] = wrong;
                let expected = StatusError::Line { number: index + 1, example: START[index], found: wrong.to_owned() };
                assert_eq!(parse(&lines), Err(expected));
            }
        }
    }

    /// No two lines may change places.
    #[test]
    fn lines_are_read_in_their_order() {
        for index in 0..26 {
            let mut lines = START;
            lines.swap(index, index + 1);
            assert!(matches!(parse(&lines), Err(StatusError::Line { number, .. }) if number == index + 1));
        }
    }

    /// Missing or surplus lines are an error of their own.
    #[test]
    fn a_wrong_number_of_lines_is_an_error() {
        assert_eq!(parse(&START[..6]), Err(StatusError::LineCount { expected: 27, found: 6 }));
        assert_eq!(parse(&[&START[..], &["x"]].concat()), Err(StatusError::LineCount { expected: 27, found: 28 }));
    }
}
