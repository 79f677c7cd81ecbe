//! Which parts of the dome are moving.

use crate::door::three_digits;

/// The dome's move code: what is moving, and whether the emergency stop is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MoveCode(u8);

impl MoveCode {
    const AZIMUTH_INCREASING: u8 = 1;
    const AZIMUTH_DECREASING: u8 = 2;
    const MAIN_DOOR_CLOSING: u8 = 4;
    const MAIN_DOOR_OPENING: u8 = 8;
    const DROPOUT_DOOR_CLOSING: u8 = 16;
    const DROPOUT_DOOR_OPENING: u8 = 32;
    const HOMING: u8 = 64;
    const EMERGENCY_STOP: u8 = 128;

    /// Reads three digits; every sum of the bits is a code.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        three_digits(text).map(Self)
    }

    /// The sum of the bits, as the dome told it.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The dome is rotating clockwise.
    #[must_use]
    pub fn is_azimuth_increasing(self) -> bool {
        self.has(Self::AZIMUTH_INCREASING)
    }

    /// The dome is rotating counterclockwise.
    #[must_use]
    pub fn is_azimuth_decreasing(self) -> bool {
        self.has(Self::AZIMUTH_DECREASING)
    }

    /// The main door is closing.
    #[must_use]
    pub fn is_main_door_closing(self) -> bool {
        self.has(Self::MAIN_DOOR_CLOSING)
    }

    /// The main door is opening.
    #[must_use]
    pub fn is_main_door_opening(self) -> bool {
        self.has(Self::MAIN_DOOR_OPENING)
    }

    /// The dropout door is closing.
    #[must_use]
    pub fn is_dropout_door_closing(self) -> bool {
        self.has(Self::DROPOUT_DOOR_CLOSING)
    }

    /// The dropout door is opening.
    #[must_use]
    pub fn is_dropout_door_opening(self) -> bool {
        self.has(Self::DROPOUT_DOOR_OPENING)
    }

    /// The dome is looking for its home position.
    #[must_use]
    pub fn is_homing(self) -> bool {
        self.has(Self::HOMING)
    }

    /// The emergency stop is pressed. That is no motion.
    #[must_use]
    pub fn is_emergency_stop(self) -> bool {
        self.has(Self::EMERGENCY_STOP)
    }

    /// The azimuth is rotating or homing.
    #[must_use]
    pub fn is_azimuth_moving(self) -> bool {
        self.has(Self::AZIMUTH_INCREASING | Self::AZIMUTH_DECREASING | Self::HOMING)
    }

    /// A door is moving.
    #[must_use]
    pub fn is_door_moving(self) -> bool {
        self.has(
            Self::MAIN_DOOR_CLOSING | Self::MAIN_DOOR_OPENING | Self::DROPOUT_DOOR_CLOSING | Self::DROPOUT_DOOR_OPENING,
        )
    }

    /// Anything is moving.
    #[must_use]
    pub fn is_moving(self) -> bool {
        self.is_azimuth_moving() || self.is_door_moving()
    }

    fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }
}

#[cfg(test)]
mod tests {
    use super::MoveCode;

    /// Each bit has the meaning that the protocol gives it. Fix the code, not this test.
    #[test]
    fn each_bit_has_its_meaning() {
        type Meaning = fn(MoveCode) -> bool;
        let meanings: [(u8, Meaning); 8] = [
            (1, MoveCode::is_azimuth_increasing),
            (2, MoveCode::is_azimuth_decreasing),
            (4, MoveCode::is_main_door_closing),
            (8, MoveCode::is_main_door_opening),
            (16, MoveCode::is_dropout_door_closing),
            (32, MoveCode::is_dropout_door_opening),
            (64, MoveCode::is_homing),
            (128, MoveCode::is_emergency_stop),
        ];
        for (bit, has_meaning) in meanings {
            assert!(has_meaning(MoveCode(bit)) && !has_meaning(MoveCode(!bit)), "{bit}");
        }
    }

    /// The emergency stop alone is no motion; every other bit is.
    #[test]
    fn every_bit_but_the_emergency_stop_is_motion() {
        for code in 0..=255 {
            let code = MoveCode(code);
            assert_eq!(code.is_moving(), code.bits() & 0x7f != 0);
            assert_eq!(code.is_moving(), code.is_azimuth_moving() || code.is_door_moving());
        }
    }

    /// Three digits up to the sum of all bits.
    #[test]
    fn a_code_is_three_digits() {
        assert_eq!(["000", "105", "255"].map(MoveCode::parse), [0, 105, 255].map(|bits| Some(MoveCode(bits))));
        assert_eq!(["", "0", "256", "0255", "-01"].map(MoveCode::parse), [None; 5]);
    }
}
