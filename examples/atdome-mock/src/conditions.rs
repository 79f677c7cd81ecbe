//! What surrounds the dome.

/// What no command of the client changes, all off by default; a test sets it with
/// [`MockDome::set_conditions`](crate::MockDome::set_conditions). The protocol only reports these: they stop no motion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent sensors and switches")]
pub struct Conditions {
    /// The rain sensor is wet.
    pub rain: bool,
    /// The cloud sensor sees clouds.
    pub clouds: bool,
    /// The dome is to close by itself in bad weather.
    pub auto_shutdown: bool,
    /// The emergency stop is pressed.
    pub emergency_stop: bool,
}
