//! A session and its world: who reads, who writes, the session's task, the system and the peer.

use std::{
    io,
    sync::{Arc, LazyLock},
    time::Duration,
};

use tokio::task;

use super::{
    ahead::Ahead,
    readers::Reader,
    reference::{Reference, Rules},
    script::{Script, one_of},
    system::System,
    winding::Winding,
    writers::{Sender, Writers},
};
use crate::{
    ConnectionOptions, DisconnectReason, HalfClose, Terminator,
    connection::options::SessionOptions,
    session::{Effects, Ending, HangUp, Phase, ReadLoop, Session, Way},
};

/// Two tasks' names. There is no other way to have some.
pub(super) static TASKS: LazyLock<Vec<task::Id>> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it needs nothing of the system");
    let ids = (0..2).filter_map(|_| runtime.block_on(runtime.spawn(async { task::try_id() })).ok().flatten());
    ids.collect()
});

pub(super) const TERMINATORS: [&[u8]; 3] = [b"\n", b"\r\n", "é".as_bytes()];

/// The options of a session under `rules`.
pub(super) fn options(rules: Rules) -> SessionOptions {
    let mut options = SessionOptions::new("model");
    options.max_heartbeat_interval = rules.heartbeats_are_noted.then_some(Duration::from_secs(1));
    let terminator = Terminator::new(rules.terminator).expect("it is not empty");
    options.connection = Arc::new(ConnectionOptions::new().limit(rules.limit).terminator(terminator));
    options
}

pub(super) struct World {
    pub(super) session: Session,
    pub(super) way: Way,
    pub(super) rules: Rules,
    pub(super) half_close: HalfClose,
    pub(super) reference: Reference,
    pub(super) system: System,
    pub(super) readers: Vec<Reader>,
    /// Whose turn it is to read, by their numbers.
    pub(super) queue: Vec<usize>,
    pub(super) next_reader: usize,
    /// Nobody waits for the turn of another any more.
    pub(super) turns_are_over: bool,
    /// Who has the buffer, by its number.
    pub(super) holder: Option<usize>,
    pub(super) end: End,
    pub(super) source: Source,
    pub(super) looks: Vec<Look>,
    pub(super) writers: Writers,
    pub(super) sender: Sender,
    pub(super) ahead: Ahead,
    pub(super) winding: Winding,
    /// How many reads have come to something.
    pub(super) reads: u64,
    /// How often the session has ended.
    pub(super) ends: usize,
    /// This end has ended it, or done what may have.
    pub(super) has_ended_here: bool,
}

/// What the session knows of the end of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Open,
    /// It has been told that nothing more will come.
    Known,
    /// And a read has told so.
    Told,
}

/// Where bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Here,
    Lent,
    /// It has been let go of: there is nobody to ask.
    Gone,
}

/// Somebody who looks for a hang-up.
pub(super) enum Look {
    Begun,
    /// What was found has yet to be told.
    Found(HangUp),
    /// As the session's task looks after the hang-up.
    Failing,
}

/// What can be seen of a session's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stage {
    phase: usize,
    ending: Option<Ending>,
    is_unwanted: bool,
    has_hung_up: bool,
    is_finished: bool,
}

impl Stage {
    fn of(session: &Session) -> Self {
        let life = session.life();
        let phase = match life.phase() {
            Phase::Connected => 0,
            Phase::Draining { .. } => 1,
            Phase::Ended { .. } => 2,
        };
        Self {
            phase,
            ending: life.ending(),
            is_unwanted: !life.is_wanted(),
            has_hung_up: life.has_hung_up(),
            is_finished: life.is_finished(),
        }
    }

    /// Whether nothing of it has gone back.
    fn is_at_or_behind(self, before: Self) -> bool {
        self.phase >= before.phase
            && self.ending >= before.ending
            && self.is_unwanted >= before.is_unwanted
            && self.has_hung_up >= before.has_hung_up
            && self.is_finished >= before.is_finished
    }
}

impl World {
    pub(super) fn new(script: &mut Script<'_>) -> Self {
        let decision = script.or_zero();
        let way = if decision & 1 == 0 { Way::Direct } else { Way::Queue };
        let limit = one_of(&[1, 7, 20, 100, 10_000], script.or_zero());
        let heartbeats_are_noted = decision & 2 != 0;
        let half_close = if decision & 4 == 0 { HalfClose::EndsSession } else { HalfClose::Allowed };
        let rules = Rules { limit, terminator: TERMINATORS[0], heartbeats_are_noted };
        let mut options = options(rules);
        options.has_handler = decision & 8 != 0;
        let connection = ConnectionOptions::clone(&options.connection)
            .write_limit(usize::from(script.or_zero()))
            .half_close(half_close)
            .idle_timeout((decision & 16 != 0).then_some(Duration::from_secs(1)));
        options.connection = Arc::new(connection);
        Self {
            session: Session::new(Arc::new(options), way),
            way,
            rules,
            half_close,
            reference: Reference::default(),
            system: System::default(),
            readers: Vec::new(),
            queue: Vec::new(),
            next_reader: 0,
            turns_are_over: false,
            holder: None,
            end: End::Open,
            source: Source::Here,
            looks: Vec::new(),
            writers: Writers::default(),
            sender: Sender::default(),
            ahead: Ahead::default(),
            winding: Winding::default(),
            reads: 0,
            ends: 0,
            has_ended_here: false,
        }
    }

    /// Tells the session what has happened, and does what is to be done then.
    pub(super) fn tell<T>(&mut self, input: impl FnOnce(&mut Session, &mut Effects) -> T) -> T {
        let before = self.waited_for();
        let (stage, tasks) = (Stage::of(&self.session), self.session.life().tasks());
        let was_discarded = self.session.is_discarded();
        let mut effects = Effects::default();
        let result = input(&mut self.session, &mut effects);
        let now = Stage::of(&self.session);
        assert!(now.is_at_or_behind(stage), "{stage:?} has become {now:?}");
        assert!(
            effects.has_changed || self.waited_for() == before && self.session.life().tasks() >= tasks,
            "nobody is told of {now:?} behind {stage:?}"
        );
        self.ends += usize::from(effects.take_end().is_some());
        assert_eq!(self.ends, usize::from(!self.session.life().is_connected()), "an end is told, once");
        self.sender.has_work |= effects.has_work;
        let looks = effects.looks;
        effects.run();
        if self.session.is_discarded() && !was_discarded {
            self.reference.discard();
            self.note_end();
            self.turns_are_over = true;
        }
        if !self.session.has_source() && self.source == Source::Here {
            self.source = Source::Gone;
        }
        if looks {
            self.look_for_hang_up();
        }
        result
    }

    /// What of its life others wait for.
    fn waited_for(&self) -> (bool, bool, bool, bool, Option<Ending>, ReadLoop, bool) {
        let life = self.session.life();
        (
            life.is_connected(),
            life.last_read().is_some(),
            life.has_hung_up(),
            life.is_finished(),
            life.ending(),
            life.read_loop(),
            self.session.has_told_end(),
        )
    }

    /// The stream has ended, as far as the session has been told.
    pub(super) fn note_end(&mut self) {
        self.end = self.end.max(End::Known);
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.end >= End::Known
    }

    /// Whether somebody calls the system who may be told why the stream has ended.
    pub(super) fn may_be_told(&self) -> bool {
        !self.looks.is_empty() || self.writers.is_calling() || self.sender.is_calling()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.session.life().is_connected()
    }

    /// Asks the stream whether the peer has hung up.
    pub(super) fn look_for_hang_up(&mut self) {
        match self.way {
            Way::Queue => self.visit(),
            _ if self.system.has_hung_up() && self.looks.len() < 4 => self.begin_look(Look::Begun),
            _ => {}
        }
    }

    /// The session's task looks after the hang-up why the stream has failed.
    pub(super) fn look_for_failure(&mut self) {
        let is_watched = self.way == Way::Direct && self.is_connected() && self.session.life().has_hung_up();
        if is_watched && self.system.has_failed && self.looks.is_empty() {
            self.begin_look(Look::Failing);
        }
    }

    fn begin_look(&mut self, look: Look) {
        self.tell(|session, _| session.look_begins());
        self.looks.push(look);
    }

    /// One who looks goes on: asks, or tells what was found.
    pub(super) fn go_on_looking(&mut self, index: usize) {
        if index >= self.looks.len() {
            return;
        }
        let reason = |error: io::Error| DisconnectReason::from_io(&error);
        match std::mem::replace(&mut self.looks[index], Look::Begun) {
            Look::Begun => {
                let (is_beneath, cause) = match self.system.peek() {
                    Ok(is_beneath) => (is_beneath, self.system.take_error()),
                    Err(error) => (false, Some(error)),
                };
                self.looks[index] = Look::Found(HangUp { is_beneath, cause: cause.map(reason) });
            }
            Look::Found(hang_up) => {
                self.looks.remove(index);
                self.looked(hang_up);
            }
            Look::Failing => {
                self.looks.remove(index);
                let told = self.system.take_error().map(reason);
                let cause = self.tell(|session, effects| session.has_failed(told, effects));
                assert_ne!(cause, DisconnectReason::ClosedByPeer, "it has failed");
            }
        }
    }

    /// Who looked has found a hang-up.
    fn looked(&mut self, hang_up: HangUp) {
        let is_rest = hang_up.is_beneath || self.reference.unread() > 0;
        let is_known_why = hang_up.cause.is_some();
        let was_connected = self.is_connected();
        let was_new = *self.session.life().phase() == Phase::Connected;
        self.tell(|session, effects| session.looked(hang_up, effects));
        let has_closed = self.session.life().reason() == Some(&DisconnectReason::ClosedByPeer);
        if was_connected && is_rest {
            assert!(!has_closed, "a session has ended with something left to read");
        }
        let may_go_on = self.session.has_reader() || self.half_close == HalfClose::Allowed;
        let is_called = self.may_be_told() || self.holder.is_some();
        if was_new && !is_known_why && !is_rest && !may_go_on && !is_called {
            assert!(!self.is_connected(), "a session lives on with nothing left to read");
        }
    }

    /// What must hold, whatever has happened.
    pub(super) fn check(&mut self) {
        let counts = self.session.counts();
        assert_eq!(counts.received, self.reference.received() as u64);
        assert_eq!(counts.reads, self.reads);
        if self.holder.is_none() {
            assert_eq!(counts.unread, self.reference.unread());
        }
        if let Some(reason) = self.session.life().reason() {
            // A handler that returns behind a hang-up ends the session then, whoever may be told the cause just now.
            let has_failed_first = self.system.has_failed && !self.system.is_ended && !self.has_ended_here;
            assert!(
                !(has_failed_first && *reason == DisconnectReason::ClosedByPeer),
                "the stream has failed, and ended as if the peer had said all"
            );
            assert!(self.has_ended_here || self.system.has_hung_up(), "{reason} without a reason");
        }
        self.check_readers();
        self.check_ahead();
        self.check_writers();
    }
}
