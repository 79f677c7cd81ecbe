//! The machine of a session, driven as the shell around it does: without a socket and without a runtime, by decisions
//! that are a string of bytes, and against what it ought to do.
//!
//! | here | stands for |
//! |---|---|
//! | [`reference`] | what reads ought to come to: all bytes that came, and a position |
//! | [`system`] | the peer, and the system's buffers and its one word of why a stream has failed |
//! | [`readers`] | reads, in the short way and in turn, each of whose steps others may come between |
//! | [`writers`] | writes, and the session's task as far as it sends |
//! | [`ahead`] | the session's task, and others, that read ahead from a stream that is no socket |
//! | [`winding`] | the end of the session's task |
//! | [`world`] | all of these, those who look for a hang-up, and what must hold |

mod ahead;
#[cfg(test)]
mod corpus;
mod cut;
mod flag;
mod kind;
mod readers;
mod reference;
mod script;
mod system;
#[cfg(test)]
mod tests;
mod winding;
mod world;
mod writers;

use std::{io, time::Duration};

pub use self::cut::compare_cut;
use self::{
    kind::Kind,
    script::{Script, one_of},
    winding::Winding,
    world::{TERMINATORS, World},
};
use crate::{
    DisconnectReason, Terminator,
    session::{Ending, Place, ReadLoop, Session, Way},
};

/// What a peer may send at once.
const PIECES: [&[u8]; 16] = [
    b"a",
    b"b",
    b"\n",
    b"\r\n",
    b"\r",
    b"aab",
    b"one\n",
    b"two\r\n",
    b"heartbeat\n",
    b"heart",
    b"beat\r\n",
    "é".as_bytes(),
    b"\xff",
    b"\x05abcde",
    b"a line that is longer than most limits are\n",
    &[b'x'; 5000],
];

/// Drives a session by any bytes.
///
/// # Panics
///
/// If the session does anything that it ought not to do.
pub fn drive(input: &[u8]) {
    let mut script = Script::new(input);
    let mut world = World::new(&mut script);
    while let Some(decision) = script.next() {
        world.decide(decision, script.or_zero());
        world.check();
    }
    world.come_to_rest();
}

impl World {
    fn decide(&mut self, decision: u8, detail: u8) {
        let small = usize::from(detail % 4);
        let most = usize::from(detail % 32);
        match decision % 64 {
            0..8 => {
                let piece = PIECES[usize::from(detail % 16)];
                // Where the limit is small, much takes long to no purpose.
                let most = if self.rules.limit < 1000 { 50 } else { usize::MAX };
                self.system.send(&piece[..piece.len().min(most)]);
            }
            8 => self.system.end(),
            9 => self.system.fail(one_of(&[io::ErrorKind::ConnectionReset, io::ErrorKind::TimedOut], detail)),
            10..14 => self.begin_read(Kind::of(detail), detail & 16 != 0),
            14..26 => self.poll_reader(small, 1 + usize::from(detail / 4)),
            26 | 27 => self.drop_reader(small),
            28 | 29 => self.read_at_once(Kind::of(detail)),
            30 => self.work_at_once(Kind::of(detail)),
            31 => self.begin_discard(),
            32 => self.look_for_hang_up(),
            33 | 34 => self.go_on_looking(small),
            35 => self.look_for_failure(),
            36..39 => self.read_ahead(1 + usize::from(detail)),
            39 if self.way == Way::Queue => self.visit(),
            40..43 => self.write(
                if small == 0 { Place::First } else { Place::Last },
                usize::from(detail / 8),
                (detail & 4 != 0).then_some(small),
            ),
            43..46 => self.go_on_writing(most),
            46 => self.drop_writer(small),
            47..50 => self.go_on_sending(most),
            50 => self.end_half(),
            51 | 52 => self.wind_down(most),
            53 => self.end_here(detail),
            54 => self.go_on_serving(detail),
            55 => self.has_drained(),
            56 => self.set_limit(one_of(&[0, 1, 7, 20, 100, 10_000], detail)),
            57 => self.change_terminator(one_of(&TERMINATORS, detail)),
            58 => self.tell(|session, _| session.task_begins()),
            59 if self.session.life().tasks() > 0 => self.tell(Session::task_has_ended),
            60 => {
                let is_noted = self.tell(|session, _| session.heartbeat_came());
                assert_eq!(is_noted, self.rules.heartbeats_are_noted);
                assert_eq!(self.session.last_heartbeat().is_some(), is_noted);
            }
            61 if detail == 0 => self.lose_runtime(),
            _ => {}
        }
    }

    fn set_limit(&mut self, limit: usize) {
        self.rules.limit = limit;
        self.tell(|session, effects| session.set_limit(limit, effects));
    }

    fn change_terminator(&mut self, terminator: &'static [u8]) {
        self.rules.terminator = terminator;
        let changed = Terminator::new(terminator).expect("it is not empty");
        let result = self.tell(|session, effects| session.change_text(|text| text.set_terminator(changed), effects));
        assert_eq!(result, Ok(()));
    }

    /// This end ends the session, in one of the ways that there are.
    fn end_here(&mut self, way: u8) {
        use DisconnectReason::{Aborted, Closed, Replaced, WriteTimeout};
        if way >= 128 {
            return;
        }
        self.has_ended_here = true;
        let after = Duration::from_secs(1);
        self.tell(|session, effects| match way % 5 {
            0 => session.close(Closed, Ending::Revoked, effects),
            1 => session.revoke(Replaced, Ending::Revoked, effects),
            2 => session.close(Aborted, Ending::Aborted, effects),
            3 => session.end(WriteTimeout { after }, effects),
            _ => session.end(Closed, effects),
        });
    }

    /// The handler goes on, if there is one.
    fn go_on_serving(&mut self, way: u8) {
        match (self.session.life().read_loop(), way % 4) {
            (ReadLoop::Absent, _) => {}
            (_, 0) => self.tell(Session::stop_read_loop),
            (ReadLoop::Stopping, 1) => self.tell(Session::read_loop_stopped),
            (_, 2) => {
                self.has_ended_here = true;
                self.tell(Session::handler_has_returned);
                self.tell(Session::read_loop_ended);
            }
            _ => {}
        }
    }

    /// A session that drains has not been read from for long enough, in which calls of the system return.
    fn has_drained(&mut self) {
        let is_calling = self.may_be_told() || self.holder.is_some();
        if self.session.life().last_read().is_some() && !self.session.has_reader() && !is_calling {
            self.tell(|session, effects| session.end(DisconnectReason::ClosedByPeer, effects));
        }
    }

    /// The peer hangs up, and all go on until there is nothing more to do.
    fn come_to_rest(&mut self) {
        self.system.end();
        if self.system.has_much_unread() && self.rules.limit < 1000 {
            // Few bytes at a time would take long to no purpose.
            self.set_limit(10_000);
        }
        for _ in 0..20_000 {
            if !self.go_on() {
                break;
            }
            self.check();
        }
        self.check_wire();
        assert_eq!(self.winding, Winding::Finished, "the session does not come to rest");
        assert!(self.session.life().is_finished() && self.ends == 1);
        assert!(self.readers.is_empty(), "a read does not end");
        assert!(!self.has_writers(), "a write does not end");
        assert_eq!((self.session.counts().queued, self.session.counts().unread), (0, 0));
        assert!(self.session.is_over(), "there is more to read");
        assert!(self.has_ended_here || self.system.has_failed || !self.system.has_unread(), "bytes are lost");
    }

    /// Whether anything could go on, and has.
    fn go_on(&mut self) -> bool {
        const MOST: usize = 64;
        // First those who call the system, for whom others may wait by looking again and again.
        if !self.looks.is_empty() {
            self.go_on_looking(0);
        } else if self.writers.is_calling() {
            self.go_on_writing(MOST);
        } else if let Some(index) = self.ready_reader() {
            self.poll_reader(index, MOST);
        } else if self.is_sender_ready() {
            self.go_on_sending(MOST);
        } else if self.is_visited() {
            self.visit();
        } else if self.way == Way::Queue && self.is_connected() && self.is_ahead_ready() {
            self.read_ahead(MOST);
        } else if self.way == Way::Direct && self.is_connected() && !self.session.life().has_hung_up() {
            self.look_for_hang_up();
        } else if self.session.life().read_loop() != ReadLoop::Absent && self.session.has_told_end() {
            self.has_ended_here = true;
            self.tell(Session::handler_has_returned);
            self.tell(Session::read_loop_ended);
        } else if self.session.life().tasks() > 0 && !self.is_connected() {
            self.tell(Session::task_has_ended);
        } else if !self.session.is_over() && self.readers.is_empty() && !self.session.has_told_end() {
            self.begin_read(Kind::Available(100), false);
        } else if self.is_connected() {
            // The peer has ended its half, and options say that the session goes on.
            self.end_half();
            if !self.has_writers() {
                self.end_here(0);
            }
        } else if self.winding != Winding::Finished {
            self.wind_down(MOST);
        } else {
            return false;
        }
        true
    }
}
