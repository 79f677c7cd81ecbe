//! The commands, as read from a line.

/// What a line of the client says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request<'a> {
    /// White space or nothing.
    Blank,
    /// A command's name, and the command unless the rest of the line makes it malformed or the name is unknown.
    Command { name: &'a str, command: Option<Command> },
}

/// A well-formed command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Command {
    ShortStatus,
    FullStatus,
    Stop,
    OpenMainDoor,
    CloseMainDoor,
    OpenDropoutDoor,
    CloseDropoutDoor,
    OpenBothDoors,
    CloseBothDoors,
    Home,
    /// Rotate to this azimuth: 0 ≤ degrees < 360.
    Move(f64),
}

impl<'a> Request<'a> {
    /// Splits a line at white space: the last token is the command, an argument stands before it.
    pub(crate) fn parse(line: &'a str) -> Self {
        let mut tokens = line.split_whitespace().rev();
        let Some(name) = tokens.next() else {
            return Self::Blank;
        };
        let argument = tokens.next();
        let is_malformed = tokens.next().is_some();
        let command = if is_malformed { None } else { Command::parse(name, argument) };
        Self::Command { name, command }
    }
}

impl Command {
    fn parse(name: &str, argument: Option<&str>) -> Option<Self> {
        match (name, argument) {
            ("?", None) => Some(Self::ShortStatus),
            ("+", None) => Some(Self::FullStatus),
            ("ST", None) => Some(Self::Stop),
            ("OP", None) => Some(Self::OpenMainDoor),
            ("CL", None) => Some(Self::CloseMainDoor),
            ("DN", None) => Some(Self::OpenDropoutDoor),
            ("UP", None) => Some(Self::CloseDropoutDoor),
            ("SO", None) => Some(Self::OpenBothDoors),
            ("SC", None) => Some(Self::CloseBothDoors),
            ("HM", None) => Some(Self::Home),
            ("MV", Some(azimuth)) => parse_azimuth(azimuth).map(Self::Move),
            _ => None,
        }
    }
}

fn parse_azimuth(text: &str) -> Option<f64> {
    let degrees: f64 = text.parse().ok()?;
    // Not a number is in no range. Adding zero turns -0 into 0, which a status would show as `-0.00`.
    (0.0..360.0).contains(&degrees).then_some(degrees + 0.0)
}

#[cfg(test)]
mod tests {
    use super::{Command, Request};

    fn command(line: &str) -> Option<Command> {
        match Request::parse(line) {
            Request::Blank => panic!("{line:?} is taken for blank"),
            Request::Command { command, .. } => command,
        }
    }

    /// Every command of the protocol is known by its name.
    #[test]
    fn every_command_is_known() {
        let commands = ["?", "+", "ST", "OP", "CL", "DN", "UP", "SO", "SC", "HM", "280.00 MV"].map(command);
        let expected = [
            Command::ShortStatus,
            Command::FullStatus,
            Command::Stop,
            Command::OpenMainDoor,
            Command::CloseMainDoor,
            Command::OpenDropoutDoor,
            Command::CloseDropoutDoor,
            Command::OpenBothDoors,
            Command::CloseBothDoors,
            Command::Home,
            Command::Move(280.0),
        ];
        assert_eq!(commands, expected.map(Some));
    }

    /// White space separates and surrounds tokens in any amount, the carriage return included.
    #[test]
    fn white_space_only_separates() {
        assert_eq!(command(" \t 280.00 \t MV  \r\n"), Some(Command::Move(280.0)));
        assert_eq!(command("?"), command("?\r\n"));
    }

    /// Nothing but white space is no command.
    #[test]
    fn a_line_of_white_space_is_blank() {
        for line in ["", "\n", "\r\n", "  \t \r\n"] {
            assert_eq!(Request::parse(line), Request::Blank);
        }
    }

    /// A name that is not exactly one of the protocol's is no command, but is still a name.
    #[test]
    fn an_unknown_name_is_no_command() {
        for line in ["XX", "st", "MVX", "??", "MV 280.00", "\u{fffd}"] {
            assert_eq!(command(line), None, "{line}");
        }
        assert_eq!(Request::parse("1 XX\r\n"), Request::Command { name: "XX", command: None });
    }

    /// Too few arguments, too many, or one that is no azimuth.
    #[test]
    fn a_malformed_command_is_no_command() {
        for line in ["MV", "1 2 MV", "1 ?", "x HM", "0 ST", "x MV", "1,5 MV", "nan MV", "inf MV", "0x10 MV"] {
            assert_eq!(command(line), None, "{line}");
        }
    }

    /// An azimuth is at least 0 and less than 360 degrees.
    #[test]
    fn azimuths_are_within_a_circle() {
        for (line, azimuth) in [("0 MV", 0.0), ("359.99 MV", 359.99), ("+7.5 MV", 7.5), ("1e1 MV", 10.0)] {
            assert_eq!(command(line), Some(Command::Move(azimuth)), "{line}");
        }
        for line in ["400 MV", "360 MV", "-0.01 MV", "-10 MV", "1e400 MV"] {
            assert_eq!(command(line), None, "{line}");
        }
        assert!(matches!(command("-0 MV"), Some(Command::Move(zero)) if zero.is_sign_positive()));
    }
}
