//! What a read makes of the buffer.

use tokio::time::Instant;

use crate::{DisconnectReason, FrameBuffer, HEARTBEAT, ReadError, framing::Found, text::TextFormat};

/// The longest form of a heartbeat: four bytes for each character and for a byte-order mark.
const LONGEST: usize = 4 * (HEARTBEAT.len() + 1);

/// One read: what it takes, and how. What it has taken already is its own, and so outlives its future.
pub(crate) trait Take {
    type Output;

    /// Whether code of the user's works on the buffer, which is then lent out.
    const RUNS_USERS_CODE: bool = false;

    /// Whether there is no result where there are no bytes, unless none are [expected](Self::expected). A decoder may
    /// have some in itself.
    const NEEDS_BYTES: bool = true;

    /// Whether it only looks, and takes nothing out: it is not counted as a read.
    const LOOKS: bool = false;

    /// How many bytes are certainly needed in all, if that is known: also the `expected` of an `Incomplete`.
    fn expected(&self) -> Option<usize> {
        None
    }

    /// Takes the result out if it is there as it mostly is. `None` says nothing: [`take`](Self::take) looks well.
    ///
    /// Where users' code makes the result: see [`find_ready`](Self::find_ready).
    #[inline]
    fn take_ready(&mut self, _unread: &mut Unread<'_>) -> Option<Self::Output> {
        None
    }

    /// Finds what users' code is to be given, if it is there as it mostly is. `None` says nothing.
    #[inline]
    fn find_ready(&mut self, _unread: &mut Unread<'_>) -> Option<Found> {
        None
    }

    /// Has users' code make the result of what was found, and takes it out of the buffer. `None` says nothing.
    #[inline]
    fn use_ready(
        &mut self,
        _frames: &mut FrameBuffer,
        _found: Found,
        _limit: usize,
    ) -> Option<Result<Self::Output, ReadError>> {
        None
    }

    /// Takes the result out, if all of it is there.
    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Self::Output, ReadError>>;

    /// Takes the result out at the end of the stream.
    fn take_at_end(&mut self, unread: &mut Unread<'_>) -> Taken<Self::Output> {
        Taken { result: self.take_rest(unread.frames.take_rest()), reports_end: true }
    }

    /// Takes the result out at the end of the stream, of which `rest` is left.
    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Self::Output, ReadError> {
        Err(ReadError::Incomplete { partial: rest, expected: self.expected() })
    }

    /// Why the session ends with this result, if nobody knows any more where the next frame begins.
    fn loses_track(_result: &Result<Self::Output, ReadError>) -> Option<DisconnectReason> {
        None
    }
}

/// What a read came to.
pub(crate) struct Taken<T> {
    pub(crate) result: Result<T, ReadError>,
    /// The result tells the caller that there is nothing more to read.
    pub(crate) reports_end: bool,
}

/// What a read takes from, and what is in force meanwhile.
pub(crate) struct Unread<'a> {
    pub(crate) frames: &'a mut FrameBuffer,
    pub(crate) text: &'a TextFormat,
    pub(crate) limit: usize,
    pub(crate) heartbeats: &'a mut Heartbeats,
}

/// The heartbeats of the peer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heartbeats {
    /// They are data, as anything else.
    AreData,
    /// They are for the session to note, and for nobody else to see. The last came then.
    AreNoted(Option<Instant>),
}

impl Heartbeats {
    pub(crate) fn last(self) -> Option<Instant> {
        match self {
            Self::AreData => None,
            Self::AreNoted(last) => last,
        }
    }

    pub(crate) fn are_noted(self) -> bool {
        matches!(self, Self::AreNoted(_))
    }

    /// Notes a message that is a heartbeat. Whether it is one.
    pub(crate) fn notes(&mut self, text: &TextFormat, payload: &[u8]) -> bool {
        let Self::AreNoted(last) = self else { return false };
        let is_text = || text.encoding.decode(payload).is_ok_and(|text| text == HEARTBEAT);
        let is_one = payload.len() <= LONGEST && (payload == HEARTBEAT.as_bytes() || is_text());
        if is_one {
            *last = Some(Instant::now());
        }
        is_one
    }
}
