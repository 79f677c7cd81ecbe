//! What can go wrong between controller and dome.

use std::time::Duration;

use tcpip_client::{ConnectError, DisconnectReason};
use thiserror::Error;

use crate::{azimuth::Azimuth, status_error::StatusError};

/// The dome could not be reached, did not answer, or did not do what it was told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DomeError {
    /// There is no connection to the dome: nothing listens there, or nothing can be reached.
    #[error("cannot connect to the dome")]
    Connect(#[from] ConnectError),
    /// The dome closed the connection without a greeting, as it does with every client but its first.
    #[error("connection refused: the dome serves one client at a time")]
    TurnedAway,
    /// The dome did not greet in time. The link is closed.
    #[error("the dome timed out: no greeting within {after:?}")]
    NoGreeting {
        /// The reply deadline.
        after: Duration,
    },
    /// Whatever listens there did not greet as the dome does. The link is closed.
    #[error("this is not the dome: it greets with {found:?}")]
    WrongGreeting {
        /// The beginning of what came.
        found: String,
    },
    /// A line to send is blank, which the dome does not answer, or more than one. Nothing was sent.
    #[error("{line:?} is not one command")]
    NotOneCommand {
        /// The line.
        line: String,
    },
    /// The reply did not come in time. The link is closed, so that the reply cannot be taken for that of another
    /// command.
    #[error("the dome timed out: no reply to {command:?} within {after:?}")]
    NoReply {
        /// The command, which the dome may have carried out.
        command: String,
        /// The reply deadline.
        after: Duration,
    },
    /// An earlier command was dropped before its reply had come. The link is closed, so that this reply cannot be
    /// taken for that of another command.
    #[error("an earlier command was abandoned before its reply")]
    Abandoned,
    /// The connection was lost: not by this end.
    #[error("the connection to the dome is lost: {reason}")]
    Lost {
        /// Who ended it, and how.
        reason: DisconnectReason,
    },
    /// This end has closed the connection.
    #[error("the connection to the dome is closed")]
    Closed,
    /// What came in reply is not lines of text and a prompt. The link is closed.
    #[error("the reply to {command:?} is malformed")]
    MalformedReply {
        /// The command.
        command: String,
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
