//! The reading ahead from a stream that is no socket.

use std::sync::Arc;

use super::{
    flag::Flag,
    system::Asked,
    world::{Source, World},
};
use crate::session::{HangUp, Session, Way};

/// The session's task, which reads ahead, and a visitor who does.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    flag: Arc<Flag>,
    waits: Option<Waits>,
    call: Option<Call>,
    /// The task has seen the end.
    is_done: bool,
}

/// What the task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    Room,
    Bytes,
    /// For the visitor who has the stream.
    Stream,
}

/// The stream is being asked.
#[derive(Debug)]
struct Call {
    is_visit: bool,
    asked: Asked,
}

impl World {
    /// The session's task reads ahead, or goes on with it.
    pub(super) fn read_ahead(&mut self, most: usize) {
        if self.way != Way::Queue || self.ahead.is_done || !self.is_connected() {
            return;
        }
        match &self.ahead.call {
            Some(call) if !call.is_visit => self.stream_returned(),
            _ => self.ask_ahead(most, false),
        }
    }

    /// Somebody else looks what the stream has, or goes on with it.
    pub(super) fn visit(&mut self) {
        match &self.ahead.call {
            Some(call) if call.is_visit => self.stream_returned(),
            Some(_) => {}
            None => self.ask_ahead(usize::MAX, true),
        }
    }

    fn ask_ahead(&mut self, most: usize, is_visit: bool) {
        let mut waker = None;
        if !is_visit {
            waker = Some(self.ahead.flag.waker());
            self.ahead.waits = None;
        }
        let room = self.tell(|session, effects| session.room_ahead(&mut waker, effects));
        let waits = match (room, self.source) {
            (None, _) => return self.ended_ahead(is_visit),
            (Some(0), _) => Waits::Room,
            (Some(_), Source::Lent | Source::Gone) => Waits::Stream,
            (Some(room), Source::Here) => {
                self.source = Source::Lent;
                // The stream remembers who asked last.
                let flag = if is_visit { Arc::default() } else { Arc::clone(&self.ahead.flag) };
                let asked = self.system.receive(room.min(most.max(1)), &flag);
                self.ahead.call = Some(Call { is_visit, asked });
                return;
            }
        };
        self.waits_ahead(waits, is_visit);
    }

    fn stream_returned(&mut self) {
        let Some(Call { is_visit, asked }) = self.ahead.call.take() else { return };
        let is_pending = asked.is_none();
        let has_more = self.with_source(|session, effects| match &asked {
            None => session.has_source(),
            Some(Ok(bytes)) => session.read_ahead(Ok(bytes.len()), bytes, effects),
            Some(Err(error)) => session.read_ahead(Err(error.kind().into()), &[], effects),
        });
        match asked {
            Some(Ok(bytes)) if !bytes.is_empty() && self.is_at_end() => self.reference.arrive_late(bytes.len()),
            Some(Ok(bytes)) if !bytes.is_empty() => self.reference.arrive(&bytes),
            Some(_) => self.note_end(),
            None => {}
        }
        match (has_more, is_pending) {
            (false, _) => self.ended_ahead(is_visit),
            (true, true) => self.waits_ahead(Waits::Bytes, is_visit),
            // It looks again.
            (true, false) if is_visit => self.tell(Session::wake_reader_ahead),
            (true, false) => self.ahead.waits = None,
        }
    }

    fn waits_ahead(&mut self, waits: Waits, is_visit: bool) {
        if is_visit {
            self.tell(Session::wake_reader_ahead);
        } else {
            self.ahead.waits = Some(waits);
        }
    }

    fn ended_ahead(&mut self, is_visit: bool) {
        if is_visit {
            self.tell(Session::wake_reader_ahead);
        } else {
            self.ahead.is_done = true;
        }
        if self.is_connected() && !self.may_be_told() {
            self.tell(|session, effects| session.hung_up(HangUp::default(), effects));
        }
    }

    /// The session's task has been woken if it could go on.
    pub(super) fn check_ahead(&self) {
        let Some(waits) = self.ahead.waits else { return };
        if self.ahead.flag.is_set() || self.ahead.is_done || !self.is_connected() || !self.session.reads_ahead() {
            return;
        }
        match waits {
            Waits::Stream => assert_eq!(self.source, Source::Lent, "the task sleeps beside the stream"),
            Waits::Bytes => {
                let is_asked = self.source == Source::Lent;
                assert!(is_asked || !self.system.is_readable(), "the task sleeps beside what has come");
            }
            Waits::Room => {
                let unread = self.session.counts().unread;
                let enough = if self.rules.limit >= 8192 { 4096 } else { 1 };
                assert!(unread + enough > self.rules.limit.max(1), "the task sleeps beside an empty buffer");
            }
        }
    }

    pub(super) fn is_ahead_ready(&self) -> bool {
        let is_called = self.ahead.call.as_ref().is_some_and(|call| !call.is_visit);
        !self.ahead.is_done && (is_called || self.ahead.waits.is_none() || self.ahead.flag.is_set())
    }

    pub(super) fn is_visited(&self) -> bool {
        self.ahead.call.as_ref().is_some_and(|call| call.is_visit)
    }
}
