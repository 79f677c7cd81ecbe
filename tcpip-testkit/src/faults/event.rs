//! What a fault is told.

use tokio::time::Instant;

/// What happens in one direction of one session at a [`Fault`](super::Fault): what has arrived from its source, or
/// from the fault that was installed before, and what concerns the fault itself.
///
/// A fault hands on with [`Out::pass`](super::Out::pass) what it does not care for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The fault is at work in this direction of this session from now on: the session has begun, or the fault has
    /// been installed in one that is there. It comes first.
    Open,
    /// Bytes: what one read gave, what a fault before this one made of that, or a message within
    /// [`messages`](super::messages) or [`frames`](super::frames).
    Chunk(&'a [u8]),
    /// Bytes that [`times`](super::Fault::times), [`skip`](super::Fault::skip) or another such condition keeps from
    /// this fault. They are to be passed on, behind what the fault has kept itself.
    Spared(&'a [u8]),
    /// The time is over for which [`Out::wake_after`](super::Out::wake_after) was called.
    Timer,
    /// The source has ended this direction: nothing comes behind it.
    End,
    /// The source has reset the connection. What it had sent, and was still under way, is dropped. A fault that does
    /// not pass this on is told of it again with each chunk that the source is sent then, as a system answers.
    Reset,
    /// The fault is removed from this session. What it has kept itself it sends now, or nobody does.
    Removed,
    /// The session is over. Nothing can be sent any more.
    Closed,
}

/// Where and when an [`Event`] happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct At {
    /// Which way the bytes go.
    pub direction: Direction,
    /// How many bytes have come to this fault before, in this direction of this session, or had passed when it was
    /// installed: the offset of the first byte of a chunk.
    pub position: u64,
    /// When it happens, on the runtime's clock: of a timer, when it was due.
    pub now: Instant,
    /// The number of the session at its proxy, from 1.
    pub session: u64,
}

/// A direction of a session through a [`FaultProxy`](crate::FaultProxy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    /// Returns the other one.
    #[must_use]
    pub fn reverse(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }
}
