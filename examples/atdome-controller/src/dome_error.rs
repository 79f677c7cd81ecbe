//! What can go wrong between controller and dome.

use std::time::Duration;

use tcpip_client::{LinkError, RequestError};
use thiserror::Error;

use crate::{azimuth::Azimuth, status_error::StatusError};

/// The dome could not be reached, did not answer, or did not do what it was told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DomeError {
    /// The dome closed the connection without a greeting, as it does with every client but its first.
    #[error("connection refused: the dome serves one client at a time")]
    TurnedAway,
    /// There is no connection to the dome, or what listens there does not greet as the dome does.
    #[error(transparent)]
    Link(LinkError),
    /// A command has no reply, and why.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A line to send is blank, which the dome does not answer, or more than one. Nothing was sent.
    #[error("{line:?} is not one command")]
    NotOneCommand {
        /// The line.
        line: String,
    },
    /// The dome answered lines to a command that has none: it failed.
    #[error("the dome answers {answer:?} to {command:?}")]
    Failed {
        /// The command.
        command: String,
        /// The lines of the reply, joined.
        answer: String,
    },
    /// The reply to `?` or `+` is not a status.
    #[error("the reply is not a status")]
    Status(#[from] StatusError),
    /// What was waited for did not happen in time. The dome may still be at it; the link is as good as before.
    #[error("the dome was not done within {within:?}")]
    NotDone {
        /// How long it was waited for.
        within: Duration,
    },
    /// The dome stands still, but not where it was sent: it refused the command, or somebody stopped it.
    #[error("the dome stands at {azimuth:.2} degrees and not at {goal}")]
    NotThere {
        /// Where it was sent.
        goal: Azimuth,
        /// Where it stands, in degrees.
        azimuth: f64,
    },
    /// The dome stands still, but is not homed: somebody stopped it.
    #[error("the dome stands at {azimuth:.2} degrees and is not homed")]
    NotHomed {
        /// Where it stands, in degrees.
        azimuth: f64,
    },
}

impl From<LinkError> for DomeError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::TurnedAway { .. } => Self::TurnedAway,
            _ => Self::Link(error),
        }
    }
}
