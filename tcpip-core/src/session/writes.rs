//! What becomes of a message.

use std::{collections::VecDeque, io};

use tokio::{sync::oneshot, task};

use super::{Begun, DisconnectReason, Effects, Instant, Next, Place, Session, Unsendable};

impl Session {
    /// Begins to send one message, by the task `writer`.
    pub(crate) fn begin_message(
        &mut self,
        parts: &[&[u8]],
        place: Place,
        writer: Option<task::Id>,
        effects: &mut Effects,
    ) -> Result<Begun, Unsendable> {
        if !self.life.is_connected() {
            return Err(Unsendable::Over);
        }
        self.outgoing.begin(parts, place, writer, effects)
    }

    /// Notes what the system has made of a message that was offered to it directly.
    pub(crate) fn offered(
        &mut self,
        parts: &[&[u8]],
        place: Place,
        result: io::Result<usize>,
        effects: &mut Effects,
    ) -> Result<Begun, Unsendable> {
        let begun = self.outgoing.offered(parts, place, result, effects);
        self.sender_is_back(effects);
        begun
    }

    /// What there is to send.
    pub(crate) fn next_to_send(&mut self) -> Next {
        self.outgoing.next()
    }

    /// Lends the queue to who offers it to the system.
    pub(crate) fn lend_queue(&mut self) -> Option<VecDeque<u8>> {
        self.outgoing.lend()
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

    /// Copies up to `count` bytes of the queue, to be offered to a stream.
    pub(crate) fn offer(&mut self, count: usize) -> Vec<u8> {
        self.outgoing.offer(count)
    }

    /// Notes that the stream has taken so many bytes of what was offered.
    pub(crate) fn took(&mut self, count: usize, effects: &mut Effects) {
        self.outgoing.took(count, effects);
    }

    /// Notes that the stream cannot be written to.
    pub(crate) fn write_failed(&mut self, error: &io::Error) -> DisconnectReason {
        self.outgoing.failed(error)
    }

    pub(crate) fn has_queue(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// When a byte of the queue was last taken, or the queue began to fill.
    pub(crate) fn write_progress(&self) -> Instant {
        self.outgoing.progress()
    }

    /// Ends this end's half behind what is queued. `None` if that has been done.
    pub(crate) fn end_half(&mut self, effects: &mut Effects) -> Result<Option<oneshot::Receiver<()>>, Unsendable> {
        self.outgoing.end_half(effects)
    }

    pub(crate) fn is_half_ending(&self) -> bool {
        self.outgoing.is_half_ending()
    }

    pub(crate) fn half_has_ended(&mut self, effects: &mut Effects) {
        self.outgoing.half_has_ended(effects);
    }

    pub(crate) fn has_half_ended(&self) -> bool {
        self.outgoing.has_half_ended()
    }

    /// Gives up what is queued. How many bytes that were.
    pub(crate) fn close_output(&mut self, effects: &mut Effects) -> usize {
        self.outgoing.close(effects)
    }

    /// Lets go of a message that waits for room and whose writer is gone.
    pub(crate) fn take_message_back(&mut self, effects: &mut Effects) {
        self.outgoing.take_back(effects);
    }
}
