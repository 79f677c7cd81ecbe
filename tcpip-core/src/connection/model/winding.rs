//! The end of the session's task.

use super::world::{Source, World};
use crate::{
    DisconnectReason,
    session::{Ending, Session, Way},
};

/// How far the task of a session that has ended has brought it to rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Winding {
    #[default]
    NotYet,
    Flushing,
    Closed,
    InputClosed,
    Finished,
}

impl Winding {
    /// Nothing more is sent.
    pub(super) fn has_closed(self) -> bool {
        self >= Self::Closed
    }
}

impl World {
    /// The session's task brings a session that has ended to rest, one step.
    pub(super) fn wind_down(&mut self, most: usize) {
        let Some(reason) = self.session.life().reason().cloned() else { return };
        if self.is_connected() || self.sender.is_calling() {
            return;
        }
        let timed_out = matches!(reason, DisconnectReason::WriteTimeout { .. });
        let discards = reason.is_by_this_end() && !timed_out;
        let is_aborted = self.session.life().ending() == Some(Ending::Aborted);
        match self.winding {
            Winding::NotYet => {
                if discards {
                    self.tell(Session::discard);
                }
                self.winding = Winding::Flushing;
            }
            Winding::Flushing => {
                let in_order = discards || reason == DisconnectReason::ClosedByPeer;
                if !in_order || is_aborted || most == 0 || self.flush_at_end(most) {
                    self.close_output();
                }
            }
            Winding::Closed => {
                let leaves_unread = self.way == Way::Direct && self.system.has_unread();
                if timed_out || !discards && !leaves_unread {
                    self.tell(Session::close_input);
                    self.note_end();
                } else {
                    self.tell(Session::end_turns);
                }
                self.turns_are_over = true;
                self.winding = Winding::InputClosed;
            }
            Winding::InputClosed if self.session.life().tasks() == 0 => self.finish(true),
            Winding::InputClosed | Winding::Finished => {}
        }
    }

    fn close_output(&mut self) {
        if self.sender.is_calling() {
            return;
        }
        let queued = self.tell(|session, effects| session.outgoing.close(effects));
        let given_up = self.session.given_up();
        let total = self.tell(|session, _| session.give_up(queued));
        assert_eq!((total, self.session.given_up()), (given_up + queued as u64, total));
        self.winding = Winding::Closed;
    }

    /// The task is gone, with its runtime.
    pub(super) fn lose_runtime(&mut self) {
        if self.winding != Winding::Finished && !self.sender.is_calling() {
            self.has_ended_here = true;
            self.finish(false);
        }
    }

    fn finish(&mut self, in_order: bool) {
        self.winding = Winding::Finished;
        self.tell(|session, effects| session.finish(in_order, effects));
        if self.source == Source::Here && self.way == Way::Queue && !in_order {
            self.source = Source::Gone;
        }
    }
}
