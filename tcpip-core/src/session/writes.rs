//! What becomes of a message.

use std::{collections::VecDeque, io};

use tokio::task;

use super::{Begun, DisconnectReason, Effects, Numbered, Place, Session, Unsendable};
use crate::sync::oneshot;

/// What the session's task has to do for those who write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Nothing, and never again: the session has ended.
    Over,
    /// Nothing, until there is [work](Effects::has_work).
    Rest,
    /// To send what is queued, or to end this end's half.
    Send,
}

impl Session {
    /// What the session's task has to do.
    pub(crate) fn duty(&self) -> Duty {
        if !self.life.is_connected() {
            Duty::Over
        } else if self.outgoing.queue.is_empty() && !self.outgoing.is_half_ending() {
            Duty::Rest
        } else {
            Duty::Send
        }
    }

    /// Begins to send one message, by the task `writer`.
    pub(crate) fn begin_message(
        &mut self,
        parts: &[&[u8]],
        place: Place,
        writer: Option<task::Id>,
        effects: &mut Effects,
    ) -> Result<Begun, Unsendable> {
        if !self.life.is_connected() {
            return Err(Unsendable::NotConnected);
        }
        self.outgoing.begin(parts, place, writer, effects)
    }

    /// Notes what the system has made of a message that was offered to it directly.
    pub(crate) fn offered(
        &mut self,
        parts: &[&[u8]],
        numbered: Numbered,
        result: io::Result<usize>,
        effects: &mut Effects,
    ) -> Result<Begun, Unsendable> {
        let begun = self.outgoing.offered(parts, numbered, result, effects);
        self.sender_is_back(effects);
        begun
    }

    /// Takes the queue back, of which the system has taken so many bytes in front, and says how many.
    pub(crate) fn queue_offered(
        &mut self,
        queue: VecDeque<u8>,
        result: io::Result<usize>,
        effects: &mut Effects,
    ) -> Result<usize, DisconnectReason> {
        let taken = self.outgoing.give_back(queue, result, effects);
        self.sender_is_back(effects);
        taken
    }

    /// A failure ends the session, which a read may find out for another reason else.
    fn sender_is_back(&mut self, effects: &mut Effects) {
        if let Some(reason) = self.outgoing.error().cloned() {
            self.end(reason, effects);
        }
        self.call_returned(effects);
        effects.looks |= self.is_in_doubt;
    }

    /// Ends this end's half behind what is queued. `None` if that has been done.
    pub(crate) fn end_half(&mut self, effects: &mut Effects) -> Result<Option<oneshot::Receiver<()>>, Unsendable> {
        if !self.life.is_connected() {
            return Err(Unsendable::NotConnected);
        }
        self.outgoing.end_half(effects)
    }
}
