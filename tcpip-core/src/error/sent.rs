//! Whether a message has left.

/// Whether a byte of a message has left, as far as this end can tell: of one whose writing has failed or was dropped.
///
/// Told by [`WriteError::sent`](crate::WriteError::sent) and [`Sending::sent`](crate::Sending::sent).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sent {
    /// Not a byte: it is safe to send it again, on another session.
    No,
    /// Some or all of it: the peer may have received it.
    Maybe,
    /// A byte of an answer to it has come. Told of requests alone.
    Yes,
}
