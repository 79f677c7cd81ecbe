//! What a session runs over: a socket or another transport, or any other stream.

mod beneath;
mod direct;
mod guarded;
mod source;
mod stream;

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

pub(super) use self::{
    beneath::{Beneath, WriteHalf},
    direct::{DirectWire, Discarded, check_for_hang_up, take_what_is_here, unread_beneath},
    guarded::Guarded,
    source::Source,
    stream::{StreamWire, stream_ended},
};
use super::Connection;
use crate::DisconnectReason;

/// What the session's task does with the stream beneath. Reads and writes that need not wait go past it.
pub(super) trait Wire: Send + Sync + 'static {
    /// Sends all that is queued. The deadline counts from the last byte that was taken.
    fn flush(
        &self,
        connection: &Connection,
        write_timeout: Option<Duration>,
    ) -> impl Future<Output = Result<(), DisconnectReason>> + Send;

    /// Returns once the peer has hung up, and the session has ended or goes on for a while.
    fn hung_up(&self, connection: &Connection) -> impl Future<Output = ()> + Send;

    /// Returns once the stream fails after the hang-up.
    fn failed_after(&self, connection: &Connection) -> impl Future<Output = DisconnectReason> + Send;

    /// Whether data is left beneath, for reads to come.
    fn leaves_unread(&self, connection: &Connection) -> impl Future<Output = bool> + Send;

    /// How many bytes wait beneath that no read has taken, as far as the system tells.
    fn unread(&self) -> u64;

    /// Ends this end's half of the stream in good order. The peer's half goes on.
    fn end_half(
        &self,
        connection: &Connection,
        write_timeout: Option<Duration>,
    ) -> impl Future<Output = Result<(), DisconnectReason>> + Send;

    /// Ends the stream in good order, and lets what was sent arrive, until `deadline`. Whether it certainly has.
    fn end(&self, input: Input, deadline: Instant) -> impl Future<Output = bool> + Send;

    /// How many bytes the system has taken that the peer has not, as far as it tells.
    fn unacknowledged(&self) -> usize;

    /// Ends the stream in such a way that the peer can see that it is not whole, where there is such a way.
    fn abort(self, input: Input);

    /// Lets go of a stream that has been ended.
    fn let_go(self);
}

/// What becomes of the bytes that have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// They stay readable.
    Keep,
    /// Nobody will read them.
    Discard,
}

/// The result of `sending`, unless nothing of it happens within `timeout` after `start`.
async fn within(
    timeout: Option<Duration>,
    start: Instant,
    sending: impl Future<Output = Result<(), DisconnectReason>>,
) -> Result<(), DisconnectReason> {
    match timeout {
        None => sending.await,
        Some(after) => {
            timeout_at(start + after, sending).await.unwrap_or(Err(DisconnectReason::WriteTimeout { after }))
        }
    }
}
