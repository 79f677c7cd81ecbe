//! The read side of a session: the buffer, whose turn it is, and how the stream has ended.

use std::task::Waker;

use tokio::time::Instant;

use super::{Effects, Turns, frame_log::FrameLog};
use crate::{DisconnectReason, FrameBuffer};

/// Reads take turns; the bytes are here, not in the future of the read whose turn it is, so that dropping
/// one loses nothing, and one that nobody polls holds up nothing but the reads behind it, while the session lives.
///
/// While the system is called, or users' code (decoders, streams, what is called with a frame) runs, the buffer is lent
/// out.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// In a box, which is what is lent. `None` while it is, unless bytes have come meanwhile, and while there are none.
    pub(super) frames: Option<Box<FrameBuffer>>,
    pub(super) place: Buffer,
    /// What has arrived is not to be kept.
    pub(super) is_discarded: bool,
    pub(super) end: StreamEnd,
    pub(super) turns: Turns,
    /// The read whose turn it is, for what it does not find out from the socket itself.
    pub(super) waker: Option<Waker>,
    pub(super) waits: Waits,
    /// What reads look for has changed while the buffer was lent: who has looked in vain looks again.
    pub(super) has_changed: bool,
    pub(super) ahead: Option<Box<Ahead>>,
    /// For those who listen in.
    pub(super) log: Option<Box<FrameLog>>,
    /// How many reads have come to a result.
    pub(super) reads: u64,
    /// How many bytes ever came out of the source.
    pub(super) received: u64,
    /// When the last did, if somebody wants to know.
    pub(super) last_arrival: Option<Instant>,
    /// Until when the reads that have a deadline wait.
    pub(super) deadlines: Vec<Instant>,
    /// How many reads have come to a result since the last that took a unit of the task's budget.
    pub(super) free_reads: u8,
}

/// Where the buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buffer {
    Here,
    /// Users' code works on so many bytes of frames.
    LentToUser(usize),
    /// The system appends to it, which had so many bytes of frames. The source is lent as well.
    LentToSystem(usize),
}

/// How much room a reading ahead that is held up waits for at most.
const ENOUGH_ROOM: usize = 4096;

/// How the stream has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// It has not.
    Open,
    /// Without a cause, but somebody calls the system just now, who may be told one: the system tells it once.
    Suspected,
    /// Nothing more will come.
    Known(End),
    /// And a read has told its caller so.
    Told(End),
}

impl StreamEnd {
    pub(super) fn known(&self) -> Option<&End> {
        match self {
            Self::Known(end) | Self::Told(end) => Some(end),
            Self::Open | Self::Suspected => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In good order: the peer has sent all that it wanted to send.
    Stream,
    /// With the session.
    Session(DisconnectReason),
}

/// What the read whose turn it is does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// Nothing, or its result is on the way to the caller.
    No,
    /// It has looked and found too little.
    ForMore,
    /// Bytes have been read ahead since.
    ToLook,
}

/// The reading ahead from a stream that is no socket: as far as the next frame may reach.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// How many bytes the read that waits needs in the buffer, whatever the limit is.
    wanted: usize,
    /// The session's task.
    waker: Option<Waker>,
    /// It waits for room in the buffer.
    is_held_up: bool,
}

/// What has arrived, as the liveness of the peer is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// How many bytes ever came out of the source. It only grows.
    pub(crate) received: u64,
    /// The system is being asked for more just now.
    pub(crate) is_receiving: bool,
    /// Some have not been looked at by the read that waits.
    pub(crate) unread: bool,
    /// A read waits for more.
    pub(crate) being_read: bool,
    /// When bytes last came out of the source.
    pub(crate) last: Option<Instant>,
}

impl Incoming {
    /// `now` if the times of arrivals are to be noted.
    pub(super) fn new(end: StreamEnd, reads_ahead: bool, now: Option<Instant>) -> Self {
        Self {
            frames: None,
            place: Buffer::Here,
            is_discarded: false,
            end,
            turns: Turns::default(),
            waker: None,
            waits: Waits::No,
            has_changed: false,
            ahead: reads_ahead.then(Box::default),
            log: None,
            reads: 0,
            received: 0,
            last_arrival: now,
            deadlines: Vec::new(),
            free_reads: 0,
        }
    }

    /// Somebody listens in on the frames. Then no read is free: each takes its turn, and tells.
    pub(super) fn set_tapped(&mut self, is_tapped: bool) {
        self.log = is_tapped.then(Box::default);
        self.count_free_reads();
    }

    /// A read has taken a unit of its task's budget: so many more need not.
    pub(super) fn count_free_reads(&mut self) {
        self.free_reads = if self.log.is_some() { u8::MAX } else { 0 };
    }

    /// The buffer, or what has come while it is lent.
    #[inline]
    pub(super) fn frames(&mut self) -> &mut FrameBuffer {
        self.frames.get_or_insert_with(FrameBuffer::spare)
    }

    /// How many bytes are in it.
    #[inline]
    pub(super) fn held(&self) -> usize {
        self.frames.as_ref().map_or(0, |frames| frames.len())
    }

    /// Drops what is in it.
    pub(super) fn forget_frames(&mut self) {
        self.frames = None;
    }

    /// How many bytes of frames there are, lent ones included.
    pub(super) fn unread(&self) -> usize {
        let lent = match self.place {
            Buffer::Here => 0,
            Buffer::LentToUser(count) | Buffer::LentToSystem(count) => count,
        };
        lent + self.held()
    }

    /// Whether a read waits, and so will find the end by itself.
    pub(super) fn is_being_read(&self) -> bool {
        self.waits != Waits::No && !self.turns.is_free()
    }

    pub(super) fn note_arrival(&mut self, count: usize) {
        self.received += count as u64;
        if count > 0
            && let Some(last) = &mut self.last_arrival
        {
            *last = Instant::now();
        }
    }

    pub(super) fn arrived(&self) -> Arrived {
        Arrived {
            received: self.received,
            is_receiving: matches!(self.place, Buffer::LentToSystem(_)),
            unread: self.waits == Waits::ToLook,
            being_read: self.is_being_read(),
            last: self.last_arrival,
        }
    }

    /// Lends the buffer out.
    #[expect(clippy::unnecessary_box_returns, reason = "the box is what is lent")]
    pub(super) fn lend(&mut self, lend: impl FnOnce(usize) -> Buffer) -> Box<FrameBuffer> {
        self.lend_if_any(lend).unwrap_or_else(FrameBuffer::spare)
    }

    /// Lends the buffer out, if there is one: nothing is prepared for what may not come.
    #[inline]
    pub(super) fn lend_if_any(&mut self, lend: impl FnOnce(usize) -> Buffer) -> Option<Box<FrameBuffer>> {
        self.place = lend(self.held());
        self.has_changed = false;
        self.frames.take()
    }

    /// Takes the buffer back, and behind it what has been read ahead meanwhile.
    pub(super) fn take_back(&mut self, frames: Option<Box<FrameBuffer>>, effects: &mut Effects) {
        self.place = Buffer::Here;
        if self.turns.are_over() {
            // All who wait for the buffer have it now.
            effects.wake(self.waker.take());
            self.turns.end(effects);
        }
        if self.is_discarded {
            return;
        }
        if let Some(frames) = frames
            && let Some(mut arrived) = self.frames.replace(frames)
        {
            self.append(&arrived.take_rest());
        }
        self.let_go_of_frames();
        self.wake_ahead(effects);
    }

    /// Takes the buffer back if nothing has happened meanwhile, and nobody waits for it.
    #[inline]
    pub(super) fn take_back_unchanged(&mut self, frames: Box<FrameBuffer>) -> Result<(), Box<FrameBuffer>> {
        if self.is_discarded || self.frames.is_some() || !self.turns.is_free() {
            return Err(frames);
        }
        self.place = Buffer::Here;
        self.frames = Some(frames);
        Ok(())
    }

    /// Hands the buffer on to others of the thread if nothing is in it.
    pub(super) fn let_go_of_frames(&mut self) {
        if self.frames.as_ref().is_some_and(|frames| frames.is_unused()) {
            FrameBuffer::hand_on(&mut self.frames);
        }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.frames().append(bytes);
    }

    /// How much may be read ahead.
    pub(super) fn room(&self, limit: usize) -> usize {
        let Some(ahead) = &self.ahead else { return 0 };
        let most = if self.turns.is_free() { limit } else { ahead.wanted.max(limit) };
        // At least one byte, or the end of the stream would never be seen.
        most.max(1).saturating_sub(self.unread())
    }

    /// Notes the session's task, which reads ahead.
    pub(super) fn set_reader_ahead(&mut self, waker: &mut Option<Waker>, effects: &mut Effects) {
        if let Some(ahead) = &mut self.ahead {
            effects.replace(&mut ahead.waker, waker);
        }
    }

    /// Whether the reading ahead waits for room in the buffer, and there is enough to make it worth while.
    #[inline]
    pub(super) fn is_held_up(&self, limit: usize) -> bool {
        self.ahead.as_ref().is_some_and(|ahead| ahead.is_held_up) && self.has_enough_room(limit)
    }

    #[cold]
    fn has_enough_room(&self, limit: usize) -> bool {
        // Any, where the limit is small.
        let enough = if limit >= 2 * ENOUGH_ROOM { ENOUGH_ROOM } else { 1 };
        self.held() + enough <= limit.max(1)
    }

    /// There is no room to read ahead into.
    pub(super) fn hold_up(&mut self) {
        if let Some(ahead) = &mut self.ahead {
            ahead.is_held_up = true;
        }
    }

    /// A read has made room in the buffer, or waits for so many bytes to be in it.
    pub(super) fn room_for(&mut self, wanted: usize, effects: &mut Effects) {
        if let Some(ahead) = &mut self.ahead {
            ahead.wanted = wanted;
            self.wake_ahead(effects);
        }
    }

    /// Wakes the session's task if it is held up.
    fn wake_ahead(&mut self, effects: &mut Effects) {
        if let Some(ahead) = &mut self.ahead
            && std::mem::take(&mut ahead.is_held_up)
        {
            effects.wake(ahead.waker.take());
        }
    }

    /// Has the session's task look again, if it reads ahead.
    pub(super) fn wake_task(&mut self, effects: &mut Effects) {
        if let Some(ahead) = &mut self.ahead {
            effects.wake(ahead.waker.take());
        }
    }

    /// So many bytes have been read ahead, and become `input`. Behind the end, which a codec may have made meanwhile,
    /// they are dropped.
    pub(super) fn read_ahead(&mut self, count: usize, input: &[u8]) {
        self.note_arrival(count);
        if !self.is_discarded && self.end.known().is_none() {
            self.append(input);
            if self.waits == Waits::ForMore {
                self.waits = Waits::ToLook;
            }
        }
    }

    /// Drops what is in the buffer, now and later. What is lent comes back to nothing.
    pub(super) fn discard(&mut self) {
        self.is_discarded = true;
        self.frames = None;
    }
}
