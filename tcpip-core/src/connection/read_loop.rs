//! The read loop of a session, as the session and its owner see it.

use super::Connection;
use crate::{
    ReadError,
    session::{ReadLoop, Session},
};

/// Why a handler is dropped where it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// Somebody other than the peer has ended the session.
    Revoked,
    /// Somebody else is to read.
    Stopped,
}

#[doc(hidden)]
impl Connection {
    /// Whether the messages go to a handler.
    #[must_use]
    pub fn has_reader(&self) -> bool {
        self.shared.options.has_handler && self.look(Session::has_reader)
    }

    /// The connection, for a read beside its handler: an error while that may read, unless it is the handler itself
    /// which asks.
    ///
    /// # Errors
    ///
    /// [`ReadError::HandlerReads`].
    pub fn beside_handler(self) -> Result<Self, ReadError> {
        let is_read = self.shared.options.has_handler
            && self.look(|session| session.has_reader() && !session.life().is_revoked())
            && !self.is_own_handler();
        if is_read { Err(ReadError::HandlerReads) } else { Ok(self) }
    }

    /// Whether a handler has yet to be done with the session, also one that does not read any more.
    #[must_use]
    pub fn has_read_loop(&self) -> bool {
        self.shared.options.has_handler && self.look(|session| session.life().read_loop() != ReadLoop::Absent)
    }

    /// Waits until no handler has anything to do with the session.
    pub async fn read_loop_ended(&self) {
        self.wait_for(|life| (life.read_loop() == ReadLoop::Absent).then_some(())).await;
    }

    /// Waits until a session that has been ended is at rest and its handler has done with it, within the deadline of a
    /// close: at once if it is the caller that must end first.
    pub async fn served_within_deadline(&self) {
        if (!self.is_closed() || self.has_read_loop()) && !self.is_own_task() {
            let served = async {
                self.wait_closed().await;
                self.read_loop_ended().await;
            };
            self.within_close_deadline(served).await;
        }
    }

    /// Waits until the handler of a session that has ended by itself has done with what had arrived before, and at most
    /// as long as a close may take: one that does not read does not see the end.
    pub async fn handler_ends(&self) {
        if !self.is_own_task() {
            let _ = self.within(self.shared.options.close_timeout, self.read_loop_ended()).await;
        }
    }

    /// Has the handler read no more, and waits until it does not. In the handler itself this does not wait.
    pub async fn stop_read_loop(&self) {
        self.input(Session::stop_read_loop);
        if !self.is_own_handler() {
            self.handler_reads_no_more().await;
        }
    }
}

impl Connection {
    pub(super) async fn handler_reads_no_more(&self) {
        self.wait_for(|life| (!life.read_loop().reads()).then_some(())).await;
    }

    /// Waits until the handler is to be dropped.
    pub(crate) fn handler_interrupted(&self) -> impl Future<Output = Interruption> + Send {
        self.wait_for(|life| match life.read_loop() {
            _ if life.is_revoked() => Some(Interruption::Revoked),
            ReadLoop::Stopping => Some(Interruption::Stopped),
            _ => None,
        })
    }

    /// Whether the handler is to be dropped for others to read.
    pub(crate) fn is_handler_stopping(&self) -> bool {
        self.look(|session| session.life().read_loop() == ReadLoop::Stopping)
    }

    /// Notes that the handler has been dropped, for others to read. A session that drains does so anew, as one that
    /// never had a handler.
    pub(crate) fn read_loop_stopped(&self) {
        self.input(Session::read_loop_stopped);
    }

    /// Ends a session whose handler has done all that it wants: closed by this end, unless the peer has hung up or
    /// ended it before.
    pub(crate) fn handler_has_returned(&self) {
        self.input(Session::handler_has_returned);
    }

    /// Notes that the handler has done with the session.
    pub(crate) fn read_loop_has_ended(&self) {
        self.input(Session::read_loop_ended);
    }
}
