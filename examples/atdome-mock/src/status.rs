//! The two statuses, line by line.

use std::time::Duration;

use crate::{
    azimuth::{HOME, Rotation},
    dome::Dome,
    door::{Door, DoorMotion},
};

impl Dome {
    /// The six lines of `?`.
    pub(crate) fn short_status(&self, now: Duration) -> Vec<String> {
        let conditions = self.conditions;
        let weather = u8::from(conditions.rain) + 2 * u8::from(conditions.clouds);
        let rotation = match self.azimuth.last_rotation(now) {
            Some(Rotation::Clockwise) => "RR",
            Some(Rotation::CounterClockwise) => "RL",
            None => "--",
        };
        vec![
            door_line("MAIN", &self.main_door, now),
            door_line("DROP", &self.dropout_door, now),
            format!("[{}] {weather:02}", if conditions.auto_shutdown { "ON" } else { "OFF" }),
            format!(
                "{} {}",
                if self.azimuth.is_at_home(now) { "HOME" } else { "POSN" },
                azimuth_text(self.azimuth.degrees(now))
            ),
            format!("{rotation} {:03}", self.move_code(now)),
            format!("Dome {}", if self.azimuth.is_homed(now) { "homed" } else { "not homed" }),
        ]
    }

    /// The 27 lines of `+`. Of those after the first six only three ever change; the dome's settings and encoder
    /// readings are constants in the protocol.
    pub(crate) fn full_status(&self, now: Duration) -> Vec<String> {
        let mut lines = self.short_status(now);
        lines.extend([
            format!("Emergency Stop Active: {}", u8::from(self.conditions.emergency_stop)),
            "Top Comm Link OK:    1".to_owned(),
            format!("Home Azimuth: {HOME:.2}"),
            "High Speed (degrees):  5.00".to_owned(),
            "Coast (degrees): 0.50".to_owned(),
            "Tolerance (degrees): 1.00".to_owned(),
            "Encoder Counts per 360: 4018143232".to_owned(),
            "Encoder Counts:  111615089".to_owned(),
            format!("Last Azimuth GoTo: {}", azimuth_text(self.last_azimuth_goto)),
            "Azimuth Move Timeout (secs): 120".to_owned(),
            "Rain-Snow enabled:  1".to_owned(),
            "Cloud Sensor enabled: 1".to_owned(),
            "Watchdog Reset Time: 600".to_owned(),
            "Dropout Timer: 5".to_owned(),
            "Reverse Delay: 4".to_owned(),
            "Main Door Encoder Closed: 118449181478".to_owned(),
            "Main Door Encoder Opened: 8287616388".to_owned(),
            "Dropout Encoder Closed: 5669776578".to_owned(),
            "Dropout Encoder Opened: 5710996184".to_owned(),
            "Door Move Timeout (secs): 360".to_owned(),
            format!("Dome has been homed: {}", if self.azimuth.is_homed(now) { "True" } else { "False" }),
        ]);
        lines
    }

    fn move_code(&self, now: Duration) -> u8 {
        let azimuth = match self.azimuth.rotation(now) {
            Some(Rotation::Clockwise) => 1,
            Some(Rotation::CounterClockwise) => 2,
            None => 0,
        };
        let main_door = match self.main_door.motion(now) {
            DoorMotion::Still => 0,
            DoorMotion::Closing => 4,
            DoorMotion::Opening => 8,
        };
        let dropout_door = match self.dropout_door.motion(now) {
            DoorMotion::Still => 0,
            DoorMotion::Closing => 16,
            DoorMotion::Opening => 32,
        };
        let homing = if self.azimuth.is_homing(now) { 64 } else { 0 };
        let emergency_stop = if self.conditions.emergency_stop { 128 } else { 0 };
        azimuth + main_door + dropout_door + homing + emergency_stop
    }
}

fn door_line(name: &str, door: &Door, now: Duration) -> String {
    format!("{name} {} {:03.0}", door.word(now), door.percent(now))
}

/// Two decimals, and never `360.00`, which rounding would make of 359.995 and above.
fn azimuth_text(degrees: f64) -> String {
    let text = format!("{degrees:.2}");
    if text == "360.00" { "0.00".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::azimuth_text;
    use crate::{command::Command, conditions::Conditions, dome::Dome};

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// What the dome answers to `?` when it is new, byte for byte. Fix the code, not this test.
    #[test]
    fn short_status_of_a_new_dome_is_the_protocols() {
        let expected = ["MAIN CLOSED 000", "DROP CLOSED 000", "[OFF] 00", "POSN 285.00", "-- 000", "Dome not homed"];
        assert_eq!(Dome::new().execute(Command::ShortStatus, millis(0)), expected);
    }

    /// What the dome answers to `+` when it is new, byte for byte. Fix the code, not this test.
    #[test]
    fn full_status_of_a_new_dome_is_the_protocols() {
        let expected = [
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
        assert_eq!(Dome::new().execute(Command::FullStatus, millis(0)), expected);
    }

    /// The first six lines at a moment.
    fn short(dome: &Dome, now: u64) -> String {
        dome.short_status(millis(now)).join("|")
    }

    /// A rotation shows its place, its direction and its move code; the direction stays when it is over.
    #[test]
    fn a_rotation_is_shown_while_it_lasts_and_its_direction_afterwards() {
        let mut dome = Dome::new();
        dome.execute(Command::Move(280.0), millis(0));
        let moving = "MAIN CLOSED 000|DROP CLOSED 000|[OFF] 00|POSN 282.00|RL 002|Dome not homed";
        assert_eq!(short(&dome, 500), moving);
        let over = "MAIN CLOSED 000|DROP CLOSED 000|[OFF] 00|POSN 280.00|RL 000|Dome not homed";
        assert_eq!(short(&dome, 1000), over);
        assert_eq!(dome.full_status(millis(1000))[14], "Last Azimuth GoTo: 280.00");
        dome.execute(Command::Move(281.0), millis(2000));
        assert!(short(&dome, 2001).contains("RR 001"));
    }

    /// Homing shows bit 64 to its end, then `HOME` and `homed`, in the short status and in the full one.
    #[test]
    fn homing_is_shown_until_the_dome_is_homed() {
        let mut dome = Dome::new();
        dome.execute(Command::Home, millis(0));
        assert_eq!(short(&dome, 14_500), "MAIN CLOSED 000|DROP CLOSED 000|[OFF] 00|POSN 9.50|RR 065|Dome not homed");
        assert_eq!(short(&dome, 15_000), "MAIN CLOSED 000|DROP CLOSED 000|[OFF] 00|HOME 10.00|RR 000|Dome homed");
        let full = dome.full_status(millis(15_000));
        assert_eq!(full[26], "Dome has been homed: True");
        assert_eq!(full[14], "Last Azimuth GoTo: 285.00", "homing is no GoTo");
    }

    /// Each door has a line and two bits of its own.
    #[test]
    fn doors_are_shown_and_coded_independently() {
        let doors = |dome: &Dome, now| {
            let lines = dome.short_status(millis(now));
            [lines[0].clone(), lines[1].clone(), lines[4].clone()]
        };
        let mut dome = Dome::new();
        dome.execute(Command::OpenMainDoor, millis(0));
        assert_eq!(doors(&dome, 370), ["MAIN AJAR 037", "DROP CLOSED 000", "-- 008"]);
        dome.execute(Command::OpenDropoutDoor, millis(500));
        assert_eq!(doors(&dome, 500), ["MAIN AJAR 050", "DROP AJAR 000", "-- 040"]);
        assert_eq!(doors(&dome, 1000), ["MAIN OPEN 100", "DROP AJAR 050", "-- 032"]);
        dome.execute(Command::CloseMainDoor, millis(1000));
        assert_eq!(doors(&dome, 1250), ["MAIN AJAR 075", "DROP AJAR 075", "-- 036"]);
        dome.execute(Command::CloseDropoutDoor, millis(2000));
        assert_eq!(doors(&dome, 2500), ["MAIN CLOSED 000", "DROP AJAR 050", "-- 016"]);
        dome.execute(Command::OpenBothDoors, millis(4000));
        assert_eq!(doors(&dome, 4100), ["MAIN AJAR 010", "DROP AJAR 010", "-- 040"]);
        dome.execute(Command::CloseBothDoors, millis(6000));
        assert_eq!(doors(&dome, 6100), ["MAIN AJAR 090", "DROP AJAR 090", "-- 020"]);
        assert_eq!(doors(&dome, 7000), ["MAIN CLOSED 000", "DROP CLOSED 000", "-- 000"]);
    }

    /// Everything at once adds up, and one `ST` ends it all where it is.
    #[test]
    fn stop_leaves_each_motion_where_it_is() {
        let mut dome = Dome::new();
        dome.execute(Command::Home, millis(0));
        dome.execute(Command::OpenMainDoor, millis(0));
        dome.execute(Command::OpenDropoutDoor, millis(250));
        let moving = "MAIN AJAR 050|DROP AJAR 025|[OFF] 00|POSN 288.00|RR 105|Dome not homed";
        assert_eq!(short(&dome, 500), moving);
        dome.execute(Command::Stop, millis(500));
        let stopped = "MAIN AJAR 050|DROP AJAR 025|[OFF] 00|POSN 288.00|RR 000|Dome not homed";
        assert_eq!(short(&dome, 500), stopped);
        assert_eq!(short(&dome, 60_000), stopped);
    }

    /// `MV` during homing changes nothing, and is obeyed again afterwards.
    #[test]
    fn a_move_while_homing_is_refused() {
        let mut dome = Dome::new();
        dome.execute(Command::Home, millis(0));
        assert!(dome.execute(Command::Move(100.0), millis(7000)).is_empty());
        assert_eq!(dome.full_status(millis(7000))[14], "Last Azimuth GoTo: 285.00");
        assert!(short(&dome, 15_000).ends_with("HOME 10.00|RR 000|Dome homed"));
        dome.execute(Command::Move(100.0), millis(15_000));
        assert!(short(&dome, 30_000).contains("POSN 100.00"));
    }

    /// Weather, automatic shutdown and emergency stop each have their place.
    #[test]
    fn conditions_are_shown() {
        let mut dome = Dome::new();
        let mut third_line = |rain, clouds, auto_shutdown| {
            dome.conditions = Conditions { rain, clouds, auto_shutdown, emergency_stop: false };
            dome.short_status(millis(0))[2].clone()
        };
        assert_eq!(third_line(true, false, false), "[OFF] 01");
        assert_eq!(third_line(false, true, false), "[OFF] 02");
        assert_eq!(third_line(true, true, true), "[ON] 03");
        dome.conditions = Conditions { emergency_stop: true, ..Conditions::default() };
        let lines = dome.full_status(millis(0));
        assert_eq!((lines[4].as_str(), lines[6].as_str()), ("-- 128", "Emergency Stop Active: 1"));
    }

    /// Two decimals, and rounding never leaves the circle.
    #[test]
    fn azimuths_have_two_decimals_within_the_circle() {
        assert_eq!([0.0, 9.5, 285.0, 359.994, 359.996].map(azimuth_text), ["0.00", "9.50", "285.00", "359.99", "0.00"]);
    }
}
