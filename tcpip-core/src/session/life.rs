//! What a session is doing.

use tokio::time::Instant;

use super::Effects;
use crate::DisconnectReason;

/// The life of a session.
///
/// | phase | reads | writes | ends by |
/// |---|---|---|---|
/// | `Connected` | yes | yes | any reason |
/// | `Connected`, the peer has ended its half, and options say that the session goes on | what had arrived, then the end, again and again | yes | this end's ending its half, any reason |
/// | `Draining`: the peer has hung up, unread data waits or a handler is at work | yes | yes | a read that reports the end, `drain_timeout`, any reason |
/// | `Ended`, `Kept` | what had arrived, then the end, once | no | |
/// | `Ended`, `Revoked` or `Aborted` | no | no | |
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Connected,
    Draining {
        /// When it began, or the last read since returned.
        last_read: Instant,
    },
    Ended {
        /// `None` for a session that never was.
        reason: Option<DisconnectReason>,
        ending: Ending,
    },
}

/// How a session has ended, which only gets worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// What has arrived stays readable.
    Kept,
    /// Somebody other than the peer has ended the session or put another in its place: nothing is readable, and a
    /// handler stops.
    Revoked,
    /// And the stream is not to be ended in good order.
    Aborted,
}

/// What the read loop of a session does.
///
/// | stage | who reads | goes on to |
/// |---|---|---|
/// | `Absent`: there is none, or it has ended | whoever likes | |
/// | `Reading`, the farewell included | the handler | `Stopping`, `Absent` |
/// | `Stopping`: as soon as the handler waits or returns | the handler | `Stopped`, `Absent` |
/// | `Stopped`: the farewell is still to come | whoever likes | `Absent` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadLoop {
    Absent,
    Reading,
    Stopping,
    Stopped,
}

impl ReadLoop {
    pub(crate) fn reads(self) -> bool {
        matches!(self, Self::Reading | Self::Stopping)
    }
}

#[derive(Debug)]
pub(crate) struct Life {
    phase: Phase,
    /// This end has not closed it.
    is_wanted: bool,
    /// The peer has ended its half, or all of the stream.
    has_hung_up: bool,
    /// The session's task is gone.
    is_finished: bool,
    read_loop: ReadLoop,
    /// How many tasks of the session there are, its own apart.
    tasks: usize,
}

impl Life {
    pub(super) fn connected(has_handler: bool) -> Self {
        let read_loop = if has_handler { ReadLoop::Reading } else { ReadLoop::Absent };
        Self { phase: Phase::Connected, is_wanted: true, has_hung_up: false, is_finished: false, read_loop, tasks: 0 }
    }

    pub(super) fn never_connected() -> Self {
        Self {
            phase: Phase::Ended { reason: None, ending: Ending::Revoked },
            is_wanted: false,
            has_hung_up: false,
            is_finished: true,
            read_loop: ReadLoop::Absent,
            tasks: 0,
        }
    }

    pub(crate) fn phase(&self) -> &Phase {
        &self.phase
    }

    pub(crate) fn is_connected(&self) -> bool {
        !matches!(self.phase, Phase::Ended { .. })
    }

    /// How it has ended.
    pub(crate) fn ending(&self) -> Option<Ending> {
        match self.phase {
            Phase::Ended { ending, .. } => Some(ending),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn is_revoked(&self) -> bool {
        matches!(self.phase, Phase::Ended { ending: Ending::Revoked | Ending::Aborted, .. })
    }

    /// Why it has ended.
    pub(crate) fn reason(&self) -> Option<&DisconnectReason> {
        match &self.phase {
            Phase::Ended { reason, .. } => reason.as_ref(),
            _ => None,
        }
    }

    /// When a session that drains was last read from.
    pub(crate) fn last_read(&self) -> Option<Instant> {
        match self.phase {
            Phase::Draining { last_read } => Some(last_read),
            _ => None,
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    pub(crate) fn has_hung_up(&self) -> bool {
        self.has_hung_up
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.is_finished
    }

    pub(crate) fn read_loop(&self) -> ReadLoop {
        self.read_loop
    }

    pub(crate) fn tasks(&self) -> usize {
        self.tasks
    }

    /// Ends the session, unless it has ended before, and makes the ending as bad as `ending`.
    pub(super) fn end(&mut self, reason: DisconnectReason, ending: Ending, effects: &mut Effects) {
        effects.has_changed = true;
        match &mut self.phase {
            Phase::Ended { ending: there, .. } => *there = ending.max(*there),
            phase => {
                *phase = Phase::Ended { reason: Some(reason.clone()), ending };
                self.has_hung_up |= reason.is_by_peer();
                effects.end(reason);
            }
        }
        self.check();
    }

    /// This end does not want it any more.
    pub(super) fn give_up(&mut self) {
        self.is_wanted = false;
    }

    /// The peer has ended its half, or all of the stream.
    pub(super) fn note_hang_up(&mut self) {
        self.has_hung_up = true;
    }

    /// The session goes on for a while, though the peer has hung up.
    pub(super) fn drain(&mut self) {
        if self.phase == Phase::Connected {
            self.phase = Phase::Draining { last_read: Instant::now() };
        }
        self.check();
    }

    /// A session that drains lives on from now.
    #[inline]
    pub(super) fn was_read(&mut self) {
        if let Phase::Draining { last_read } = &mut self.phase {
            *last_read = Instant::now();
        }
    }

    pub(super) fn set_read_loop(&mut self, stage: ReadLoop, effects: &mut Effects) {
        self.read_loop = stage;
        effects.has_changed = true;
        self.check();
    }

    pub(super) fn task_begins(&mut self) {
        self.tasks += 1;
    }

    pub(super) fn task_has_ended(&mut self, effects: &mut Effects) {
        self.tasks -= 1;
        effects.has_changed = true;
    }

    pub(super) fn finish(&mut self, effects: &mut Effects) {
        self.is_finished = true;
        effects.has_changed = true;
        self.check();
    }

    /// What must hold, whatever has happened.
    fn check(&self) {
        debug_assert!(!self.is_finished || !self.is_connected(), "a session without a task has ended");
        debug_assert!(
            self.has_hung_up || self.last_read().is_none(),
            "only a peer that has hung up leaves a session draining"
        );
        debug_assert!(
            self.has_hung_up || self.reason() != Some(&DisconnectReason::ClosedByPeer),
            "whoever has closed has hung up"
        );
    }
}
