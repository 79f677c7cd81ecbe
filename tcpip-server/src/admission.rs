//! Who is served when two want to be.

/// What becomes of a client that comes while another one is connected.
///
/// A client that has hung up keeps nobody out, whatever it left unread and whichever of these holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// It is turned away: it sees the end of its stream at once, behind the
    /// [`rejection_message`](crate::OneClientServerBuilder::rejection_message) if there is one.
    ///
    /// A client whose link has gone down without a word is still connected as far as anybody here knows, and may so
    /// keep itself out when it dials again, until keep-alive finds out (two minutes by default), no heartbeat comes, or
    /// `idle_timeout` passes.
    #[default]
    Reject,
    /// It takes the place: the session of the other one ends as
    /// [`Replaced`](crate::DisconnectReason::Replaced), with its handler and its tasks, within `close_timeout`.
    ///
    /// So a client that dials again is served whatever has become of its last link; but whatever connects, be it a
    /// second client by mistake or a port scanner, ends the session of the client that is there. That one is told
    /// nothing: it sees the end of its stream. Two clients that both dial again by themselves replace each other for
    /// ever.
    Replace,
}
