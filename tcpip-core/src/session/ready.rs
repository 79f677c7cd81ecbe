//! The short way of a read: what it takes is in the buffer, and nothing else is to be thought of.

use super::{Buffer, Effects, Session, Take, Unread};
use crate::{DisconnectReason, FrameBuffer, framing::Found};

/// So many reads may come to a result before one takes a unit of the task's budget.
const FREE_READS: u8 = 64;

impl Session {
    /// Whether a read whose frame is in the buffer may have it, and nothing else is to be thought of.
    #[inline]
    fn is_plain(&self) -> bool {
        let incoming = &self.incoming;
        incoming.free_reads < FREE_READS
            && matches!(incoming.place, Buffer::Here)
            && incoming.turns.is_free()
            && !self.life.is_revoked()
    }

    /// The result of a read that needs nothing but what is in the buffer.
    #[expect(clippy::inline_always, reason = "a result would be moved once more by each call")]
    #[inline(always)]
    pub(crate) fn take_ready<T: Take>(&mut self, take: &mut T) -> Option<T::Output> {
        if !self.is_plain() {
            return None;
        }
        let frames = self.incoming.frames.as_mut()?;
        let (limit, heartbeats) = (self.limit, &mut self.heartbeats);
        let mut unread = Unread { frames, text: &self.text, limit, heartbeats };
        let output = take.take_ready(&mut unread)?;
        self.note_free_read();
        Some(output)
    }

    /// Whether a read has made room for which the reading ahead waits: then there is a [`room_made`](Self::room_made).
    #[inline]
    pub(crate) fn is_held_up(&self) -> bool {
        self.incoming.is_held_up(self.limit)
    }

    /// Has the reading ahead go on.
    pub(crate) fn room_made(&mut self, effects: &mut Effects) {
        self.incoming.room_for(0, effects);
    }

    /// Lends the buffer to users' code for what there is in it, to be given back with
    /// [`take_back_ready`](Self::take_back_ready). A read that comes meanwhile waits for the buffer.
    #[inline]
    pub(crate) fn lend_ready<T: Take>(&mut self, take: &mut T) -> Option<(Box<FrameBuffer>, Found, usize)> {
        if !self.is_plain() {
            return None;
        }
        let frames = self.incoming.frames.as_mut()?;
        let (limit, heartbeats) = (self.limit, &mut self.heartbeats);
        let found = take.find_ready(&mut Unread { frames, text: &self.text, limit, heartbeats })?;
        Some((self.incoming.lend(Buffer::LentToUser), found, limit))
    }

    /// Takes the buffer back from users' code, and notes what they have made of it. Gives it to
    /// [`take_back_from_user`](Self::take_back_from_user) if something has happened meanwhile.
    #[inline]
    pub(crate) fn take_back_ready(
        &mut self,
        frames: Box<FrameBuffer>,
        has_taken: bool,
    ) -> Result<(), Box<FrameBuffer>> {
        if has_taken {
            self.note_free_read();
        }
        self.incoming.take_back_unchanged(frames)
    }

    /// Takes the buffer back from users' code.
    pub(crate) fn take_back_from_user(&mut self, frames: Box<FrameBuffer>, effects: &mut Effects) {
        self.incoming.take_back(Some(frames), effects);
        // The read that waits for the buffer.
        effects.wake(self.incoming.waker.take());
    }

    /// The same, where nobody knows any more where the next frame begins.
    pub(crate) fn take_back_out_of_step(
        &mut self,
        frames: Box<FrameBuffer>,
        reason: DisconnectReason,
        effects: &mut Effects,
    ) {
        self.note_free_read();
        self.take_back_from_user(frames, effects);
        self.lose_track(reason, effects);
    }

    #[inline]
    fn note_free_read(&mut self) {
        self.incoming.free_reads += 1;
        self.incoming.reads += 1;
        self.life.was_read();
    }

    /// Whether a read is to take a unit of its task's budget before it goes on.
    pub(super) fn is_unit_due(&self) -> bool {
        self.incoming.free_reads >= FREE_READS || self.has_told_end()
    }

    /// Has the next reads take what is in the buffer without another unit.
    pub(crate) fn unit_was_taken(&mut self) {
        self.incoming.count_free_reads();
    }
}
