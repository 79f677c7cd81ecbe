//! A message on its way to the stream.

use crate::{Sent, sync::oneshot};

/// Messages that keep their order among themselves.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The number of the last one that was written.
    pub(super) written: u64,
    /// The number of the last one of which a byte has left, as have some of all before it that were not taken back.
    pub(super) begun: u64,
}

/// The number of a message among those that go to the same place, in the order of the wire. The first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) place: Place,
    pub(crate) number: u64,
}

/// A message that is queued.
#[derive(Debug)]
pub(super) struct Message {
    /// How many of its bytes have not been taken.
    pub(super) left: usize,
    pub(super) numbered: Numbered,
    pub(super) writer: Writer,
}

/// A message that is not queued yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) bytes: Vec<u8>,
    pub(super) numbered: Numbered,
    pub(super) writer: Writer,
}

impl Waiting {
    pub(super) fn new<'a>(parts: impl Iterator<Item = &'a [u8]>, numbered: Numbered, writer: Writer) -> Self {
        Self { bytes: parts.collect::<Vec<_>>().concat(), numbered, writer }
    }
}

/// Tells a writer that its message has been taken; dropped, that it will not be. Either way not under the lock.
pub(crate) type Writer = oneshot::Sender<()>;

/// Where in the queue a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Last,
    /// Before all that has not begun, but behind others that went there.
    First,
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsendable {
    /// There is no session, from the beginning.
    NotConnected,
    /// The session has ended, or nothing can be sent any more.
    Over(Sent),
    /// This end has ended its half.
    HalfEnded,
}

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It is empty, and so sent.
    Empty,
    /// The writer offers it to the system, once and now, and says how that went.
    Direct(Numbered),
    /// The session's task sends it, and tells.
    Queued(Queued),
}

/// A message that the session's task sends.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) numbered: Numbered,
    /// Told once it has been taken; closed if it never will be.
    pub(crate) taken: oneshot::Receiver<()>,
}
