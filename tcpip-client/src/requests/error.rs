//! Why there is no reply.

use std::{error::Error, fmt, io, sync::Arc, time::Duration};

use tcpip_core::{Damage, DisconnectReason, ReadError, Sent, WriteError};

use super::front::Front;
use crate::LinkError;

/// Why a request has no reply, and how far it went.
///
/// Its text shows the command, and what has come back: both shortened.
///
/// ```text
/// "MEAS?\r\n": the reply stopped for 1s, behind "1.2"
/// ```
#[derive(Debug)]
pub struct RequestError {
    /// The command, shortened; empty if there is none.
    command: Box<str>,
    /// What has come of the reply.
    received: Box<Front>,
    sent: Sent,
    cause: Box<Cause>,
}

impl RequestError {
    pub(crate) fn new(command: &Front, received: Front, sent: Sent, cause: Cause) -> Self {
        let cause = match cause {
            Cause::Write(WriteError::NotConnected { reason, .. })
            | Cause::Read(ReadError::NotConnected { reason, .. }) => Cause::NotConnected { reason, link: None },
            // The first read behind the end is told of it, whosever it is.
            Cause::Read(ReadError::Disconnected { reason }) if sent == Sent::No => {
                Cause::NotConnected { reason: Some(reason), link: None }
            }
            cause => cause,
        };
        Self { command: command.text(), received: received.into(), sent, cause: cause.into() }
    }

    /// The same, without a word of what was said.
    pub(super) fn hidden(self) -> Self {
        let cause = match *self.cause {
            Cause::OutOfStep(_) => Cause::OutOfStep("what came is not the reply".to_owned()),
            Cause::Unsolicited(_) => Cause::Unsolicited(Vec::new()),
            // What a conversion of the user's says is the user's affair.
            Cause::Value(error) if error.is::<ReadError>() || error.is::<Damage>() => {
                Cause::Value("it is no such text, value or frame".into())
            }
            Cause::Read(ReadError::Incomplete { partial, expected }) => {
                Cause::Read(ReadError::Incomplete { partial: vec![b'*'; partial.len()], expected })
            }
            Cause::Write(WriteError::Encode { encoding, .. }) => {
                Cause::Write(WriteError::Encode { encoding, character: '\u{fffd}', position: 0 })
            }
            cause => cause,
        };
        Self { command: "…".into(), received: Front::EMPTY.into(), cause: cause.into(), ..self }
    }

    /// The same, of a link that is not up, if that is why.
    pub(crate) fn while_down(mut self, error: Option<LinkError>) -> Self {
        if let Cause::NotConnected { link, .. } = &mut *self.cause {
            *link = error;
        }
        self
    }

    /// Returns how far the command went: [`No`](Sent::No), and it may be repeated; [`Maybe`](Sent::Maybe), and nothing
    /// came back; [`Yes`](Sent::Yes), a byte of an answer came.
    #[must_use]
    pub fn sent(&self) -> Sent {
        self.sent
    }

    /// Returns the first bytes of what has come of the reply, 60 at most: the echo, if nothing has come behind that. Of
    /// a request that was repeated it is that of the last attempt. Empty for [`Commands`](crate::Commands), whose
    /// protocol reads.
    #[must_use]
    pub fn received(&self) -> &[u8] {
        self.received.bytes()
    }

    /// Returns whether a repetition may have another outcome. One that was received perhaps is no harm if it is
    /// idempotent; what the device refuses, or cannot be
    /// written, is so again.
    pub(crate) fn may_be_repeated(&self, is_idempotent: bool) -> bool {
        match &*self.cause {
            Cause::Refused { .. } => false,
            Cause::Write(error) if !error.ends_session() => false,
            _ => self.sent == Sent::No || is_idempotent,
        }
    }

    /// The same, of a request of which an attempt before has gone so far.
    pub(crate) fn behind(self, earlier: Sent) -> Self {
        let sent = match (earlier, self.sent) {
            (Sent::No, sent) | (_, sent @ Sent::Yes) => sent,
            (earlier, _) => earlier,
        };
        Self { sent, ..self }
    }

    /// Returns why.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Returns why the device has [refused](Cause::Refused) the command, if that is an `E`: whatever the protocol made
    /// [`Phase::Failed`](crate::Phase::Failed) of.
    #[must_use]
    pub fn refusal<E: Error + 'static>(&self) -> Option<&E> {
        match &*self.cause {
            Cause::Refused { reason } => reason.downcast_ref(),
            _ => None,
        }
    }

    /// Returns whether a deadline has passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            *self.cause,
            Cause::Busy { .. }
                | Cause::NoReply { .. }
                | Cause::Stalled { .. }
                | Cause::TooSlow { .. }
                | Cause::Write(WriteError::Timeout { .. })
        )
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, received, cause, .. } = self;
        if !command.is_empty() {
            write!(formatter, "\"{command}\": ")?;
        }
        write!(formatter, "{cause}")?;
        match &**cause {
            _ if received.bytes().is_empty() => Ok(()),
            // It says so already.
            Cause::OutOfStep(what) if what.contains(&*received.text()) => Ok(()),
            Cause::Value(_) | Cause::OutOfStep(_) => write!(formatter, ", in \"{}\"", received.text()),
            _ => write!(formatter, ", behind \"{}\"", received.text()),
        }
    }
}

impl Error for RequestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.cause {
            Cause::NotConnected { link: Some(link), .. } => link.source(),
            cause => cause.source(),
        }
    }
}

/// Of the kind that its cause has.
impl From<RequestError> for io::Error {
    fn from(error: RequestError) -> Self {
        let kind = match &*error.cause {
            _ if error.is_timeout() => io::ErrorKind::TimedOut,
            Cause::NotConnected { .. } => io::ErrorKind::NotConnected,
            Cause::Write(error) => error.io_kind(),
            Cause::Read(error) => error.io_kind(),
            Cause::Refused { .. } => io::ErrorKind::Other,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

/// Why a request has no reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// There was no turn for so long: others had it, or a session of [`Commands`](crate::Commands) was not yet greeted,
    /// or configured. Nothing was sent.
    #[error("there was no turn for {after:?}")]
    Busy {
        /// The turn's deadline: that of [requests](super::RequestOptions::turn_timeout), or of
        /// [commands](crate::CommandOptions::turn_timeout).
        after: Duration,
    },
    /// Not a byte of a reply came for so long.
    #[error("no reply came for {after:?}")]
    NoReply {
        /// The deadline of the first byte of [requests](super::RequestOptions::reply_timeout), and of the first word of
        /// [commands](crate::CommandOptions::reply_timeout).
        after: Duration,
    },
    /// A reply began, and nothing more came for so long.
    #[error("the reply stopped for {after:?}")]
    Stalled {
        /// The [`gap_timeout`](super::RequestOptions::gap_timeout).
        after: Duration,
    },
    /// A reply began, and has not come to its end for so long.
    #[error("the reply has not ended for {after:?}")]
    TooSlow {
        /// The [`whole_timeout`](super::RequestOptions::whole_timeout). Of [`Commands`](crate::Commands), what the
        /// device named, or the [`end_timeout`](crate::CommandOptions::end_timeout).
        after: Duration,
    },
    /// The device has refused the command, or could not do it: [`Phase::Failed`](crate::Phase::Failed).
    #[error("the device says: {reason}")]
    Refused {
        /// Why, as the device says it, or as the protocol understands it: see
        /// [`refusal`](RequestError::refusal).
        reason: Arc<dyn Error + Send + Sync>,
    },
    /// These bytes had come that nobody asked for. They are dropped, and nothing was sent.
    #[error("{} bytes had come that nobody asked for", .0.len())]
    Unsolicited(Vec<u8>),
    /// The reply came, and does not convert. The next request is not concerned.
    #[error("the reply does not convert")]
    Value(#[source] Box<dyn Error + Send + Sync>),
    /// What came is no such reply, and where the next one begins is not known. It ends the session.
    #[error("{0}")]
    OutOfStep(String),
    /// There is no session, or it had ended before the command went out; with [`Commands`](crate::Commands) also before
    /// the end of the reply.
    #[error("not connected{}", why(.reason.as_ref(), .link.as_ref()))]
    NotConnected {
        /// Why the last session ended.
        reason: Option<DisconnectReason>,
        /// Why the link is not up: of a request over one that waits for another attempt, has given up or is closed.
        link: Option<LinkError>,
    },
    /// The command was not sent, or not wholly.
    #[error("the command is not sent")]
    Write(#[source] WriteError),
    /// The session has ended meanwhile.
    #[error("the session has ended")]
    Read(#[source] ReadError),
}

/// Why there is no session, to be read behind that.
fn why(reason: Option<&DisconnectReason>, link: Option<&LinkError>) -> String {
    match (link, reason) {
        // The same whether or not the link knows of it already.
        (Some(LinkError::Lost { reason }), _) | (None, Some(reason)) => format!(": {reason}"),
        (Some(link), _) => format!(": {link}"),
        (None, None) => String::new(),
    }
}
