//! Why the device refuses a command.

/// Why the device refuses a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It knows no such command.
    #[error("it knows no such command")]
    UnknownCommand,
    /// It can do nothing with the parameters.
    #[error("the parameters are wrong")]
    BadParameters,
    /// No such sensor is configured.
    #[error("no such sensor is configured")]
    NoSuchSensor,
    /// It is not configured.
    #[error("it is not configured")]
    NotConfigured,
    /// It starts up, and can do it later.
    #[error("it starts up")]
    StartingUp,
    /// Something else, by the device's number.
    #[error("response {0}")]
    Other(i64),
}

impl Refusal {
    /// What a response says.
    pub(crate) fn of(code: i64) -> Result<(), Self> {
        Err(match code {
            0 => return Ok(()),
            1 => Self::UnknownCommand,
            2 => Self::BadParameters,
            3 => Self::NoSuchSensor,
            4 => Self::NotConfigured,
            5 => Self::StartingUp,
            code => Self::Other(code),
        })
    }

    /// Returns whether the same command will always be refused.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::UnknownCommand | Self::BadParameters)
    }
}
