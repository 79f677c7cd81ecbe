//! What the dome can be told.

use std::fmt;

use crate::azimuth::Azimuth;

/// A command of the `ATDome`; its text is the line to send, without the line end.
///
/// ```
/// use atdome_controller::{Azimuth, Command};
///
/// assert_eq!(Command::Home.to_string(), "HM");
/// assert_eq!(Command::Move(Azimuth::try_from(280.0)?).to_string(), "280.00 MV");
/// # Ok::<(), atdome_controller::NotAnAzimuth>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command {
    /// `?`: tell the short status.
    ShortStatus,
    /// `+`: tell the full status.
    FullStatus,
    /// `ST`: stop all motion.
    Stop,
    /// `OP`: open the main door.
    OpenMainDoor,
    /// `CL`: close the main door.
    CloseMainDoor,
    /// `DN`: open the dropout door.
    OpenDropoutDoor,
    /// `UP`: close the dropout door.
    CloseDropoutDoor,
    /// `SO`: open both doors.
    OpenBothDoors,
    /// `SC`: close both doors.
    CloseBothDoors,
    /// `HM`: home the azimuth.
    Home,
    /// `MV`: rotate to an azimuth. Refused, without a word, while the dome is homing.
    Move(Azimuth),
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::ShortStatus => "?",
            Self::FullStatus => "+",
            Self::Stop => "ST",
            Self::OpenMainDoor => "OP",
            Self::CloseMainDoor => "CL",
            Self::OpenDropoutDoor => "DN",
            Self::CloseDropoutDoor => "UP",
            Self::OpenBothDoors => "SO",
            Self::CloseBothDoors => "SC",
            Self::Home => "HM",
            Self::Move(azimuth) => return write!(formatter, "{azimuth} MV"),
        };
        formatter.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::Command;
    use crate::azimuth::Azimuth;

    /// Each command is the protocol's text. Fix the code, not this test.
    #[test]
    fn commands_are_written_as_the_protocol_says() {
        let commands = [
            (Command::ShortStatus, "?"),
            (Command::FullStatus, "+"),
            (Command::Stop, "ST"),
            (Command::OpenMainDoor, "OP"),
            (Command::CloseMainDoor, "CL"),
            (Command::OpenDropoutDoor, "DN"),
            (Command::CloseDropoutDoor, "UP"),
            (Command::OpenBothDoors, "SO"),
            (Command::CloseBothDoors, "SC"),
            (Command::Home, "HM"),
            (Command::Move(Azimuth::try_from(5.0).unwrap()), "5.00 MV"),
        ];
        for (command, text) in commands {
            assert_eq!(command.to_string(), text);
        }
    }
}
