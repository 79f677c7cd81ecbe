//! What a server has not stood.

use std::{fmt, io, time::Duration};

use tcpip_server::StartError;

use super::Heard;

/// Why a [`conformance`](crate::conformance) run fails. The `Debug` of what a server has not stood is its `Display`:
/// the bytes are as in a script also where a test unwraps it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ConformanceError {
    /// No commands were given.
    #[error("there are no commands to send")]
    NoCommands,
    /// A server could not be started.
    #[error("the server does not start")]
    Start(#[source] StartError),
    /// The system has no thread or runtime for the servers.
    #[error("no runtime could be made")]
    Runtime(#[source] io::Error),
    /// The server has not stood all that it should.
    #[error("{}", Listed(failures))]
    Failed {
        /// At most one of each kind of scenario.
        failures: Vec<ConformanceFailure>,
    },
}

impl fmt::Debug for ConformanceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommands => formatter.write_str("NoCommands"),
            Self::Start(source) => formatter.debug_tuple("Start").field(source).finish(),
            Self::Runtime(source) => formatter.debug_tuple("Runtime").field(source).finish(),
            Self::Failed { .. } => write!(formatter, "{self}"),
        }
    }
}

/// A scenario that a server has not stood. Its `Display` is a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConformanceFailure {
    /// What was done, with the bytes as in a script.
    pub scenario: String,
    /// What was wrong then.
    pub problem: ConformanceProblem,
}

/// What was wrong with a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConformanceProblem {
    /// Something has panicked.
    #[error("it panicked: {message}")]
    Panicked {
        /// Where, and with which message.
        message: String,
    },
    /// The thread of the server came to no end, for so long.
    #[error("it is stuck: nothing else has run for {after:?}")]
    Stuck {
        /// The [`stuck_after`](crate::Conformance::stuck_after).
        after: Duration,
    },
    /// The server has sent something else than it should.
    #[error("expected {expected}, but it sent {sent}")]
    Differs {
        /// What it sends to the same bytes in other pieces.
        expected: Heard,
        /// What it has sent here.
        sent: Heard,
    },
    /// Two servers that were treated in the same way have not done the same, so nothing can be compared.
    #[error("it does not do the same each time: first {first}, then {second}")]
    NotRepeatable {
        /// What one has sent.
        first: Heard,
        /// What the other has sent.
        second: Heard,
    },
    /// No command gets a reply, nor ends the session: they may be none that the server understands. One that has no
    /// replies is run [`without_replies`](crate::Conformance::without_replies).
    #[error("no command has a reply: are they commands of this server, with its terminator?")]
    Unanswered,
    /// A client that came afterwards was not served.
    #[error("a client that came then was not served: {cause}")]
    NotServed {
        /// What was wrong with it.
        cause: String,
    },
}

impl fmt::Display for ConformanceFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, problem } = self;
        write!(formatter, "{scenario}: {problem}")
    }
}

struct Listed<'a>(&'a [ConformanceFailure]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the server does not stand all that it should")?;
        self.0.iter().try_for_each(|failure| write!(formatter, "\n  {failure}"))
    }
}
