//! What the dome tells of a door.

/// A door's word and its percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoorStatus {
    /// Closed, open, or neither.
    pub state: DoorState,
    /// How far it is open: 0 to 100 per cent.
    pub percent: u8,
}

/// Whether a door is closed, open, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DoorState {
    /// `CLOSED`, and at rest.
    Closed,
    /// `AJAR`: somewhere in between, or moving.
    Ajar,
    /// `OPEN`, and at rest.
    Open,
}

impl DoorStatus {
    /// Reads what follows the door's name, such as `AJAR 042`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (word, digits) = text.split_once(' ')?;
        let state = match word {
            "CLOSED" => DoorState::Closed,
            "AJAR" => DoorState::Ajar,
            "OPEN" => DoorState::Open,
            _ => return None,
        };
        let percent = three_digits(digits)?;
        (percent <= 100).then_some(Self { state, percent })
    }
}

/// A number of exactly three digits, if it is below 256.
pub(crate) fn three_digits(text: &str) -> Option<u8> {
    let is_number = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{DoorState, DoorStatus};

    /// A word of the protocol, a space, three digits.
    #[test]
    fn a_door_is_a_word_and_three_digits() {
        let door = |state, percent| Some(DoorStatus { state, percent });
        assert_eq!(DoorStatus::parse("CLOSED 000"), door(DoorState::Closed, 0));
        assert_eq!(DoorStatus::parse("AJAR 042"), door(DoorState::Ajar, 42));
        assert_eq!(DoorStatus::parse("OPEN 100"), door(DoorState::Open, 100));
        for text in
            ["", "OPEN", "OPEN 1", "OPEN 101", "OPEN  100", "open 100", "SHUT 000", "AJAR -01", "AJAR +01", "AJAR 0100"]
        {
            assert_eq!(DoorStatus::parse(text), None, "{text}");
        }
    }
}
