//! Those who read.

use std::{io, sync::Arc};

use super::{
    flag::Flag,
    kind::{Kind, Lent, Plain},
    reference::{Outcome, Place, Reference},
    system::Asked,
    world::{End, Source, World},
};
use crate::{
    FrameBuffer, HalfClose,
    framing::Found,
    session::{Effects, Phase, Receive, Session, Step, Take, Taken, Ticket, Way, Work},
};

/// At most so many read at once.
const MOST_READERS: usize = 5;

pub(super) struct Reader {
    number: usize,
    kind: Kind,
    /// The buffer is lent for it.
    is_lent_to: bool,
    flag: Arc<Flag>,
    /// Somebody polls it.
    state: State,
}

enum State {
    /// It is to be polled.
    Begins(Ticket),
    /// It has been polled, and waits to be woken.
    Waits(Ticket),
    Receiving(Ticket, Option<Box<FrameBuffer>>, Asked),
    /// Users' code is to run, which ought to come to that.
    Working(Ticket, Work, Expected),
    /// The same, in the short way.
    WorkingAtOnce(Box<FrameBuffer>, Found, usize, Expected),
    /// It has its result, and still its turn.
    Leaves(Ticket),
    /// It drops what is there, when it is its turn.
    Discards(Ticket),
    Discarding(Ticket, Box<FrameBuffer>),
    /// Its state is looked at just now.
    Taken,
}

impl State {
    fn has_buffer(&self) -> bool {
        matches!(self, Self::Receiving(..) | Self::Working(..) | Self::WorkingAtOnce(..) | Self::Discarding(..))
    }
}

type Next = Step<Vec<u8>>;

/// What a read ought to come to with what it looks at.
struct Expected {
    reference: Reference,
    place: Place,
    outcome: Option<Outcome>,
}

impl World {
    /// A read begins.
    pub(super) fn begin_read(&mut self, kind: Kind, is_lent_to: bool) {
        if self.readers.len() == MOST_READERS {
            return;
        }
        if self.session.is_over() {
            assert!(!self.is_connected(), "a session is over that lives");
            return;
        }
        assert!(
            self.end != End::Told
                || self.is_connected()
                || self.session.life().is_revoked()
                || kind == Kind::Available(0),
            "a read begins behind the end"
        );
        let ticket = self.tell(|session, _| session.queue_up());
        let is_lent_to = is_lent_to || kind == Kind::Frame;
        self.add_reader(kind, is_lent_to, State::Begins(ticket));
    }

    pub(super) fn begin_discard(&mut self) {
        if self.readers.len() < MOST_READERS {
            let ticket = self.tell(|session, _| session.queue_up());
            self.add_reader(Kind::ToEnd, false, State::Discards(ticket));
        }
    }

    fn add_reader(&mut self, kind: Kind, is_lent_to: bool, state: State) {
        let number = self.next_reader;
        self.next_reader += 1;
        if !matches!(state, State::WorkingAtOnce(..)) {
            self.queue.push(number);
        }
        if state.has_buffer() {
            self.holder = Some(number);
        }
        self.readers.push(Reader { number, kind, is_lent_to, flag: Arc::default(), state });
    }

    fn expect(&self, kind: Kind) -> Expected {
        let (place, outcome) = self.reference.look(kind, self.rules);
        let mut reference = self.reference.clone();
        if outcome.is_none() {
            // What it has passed over stays passed over.
            reference.go_to(place);
        }
        Expected { reference, place, outcome }
    }

    /// The short way of a read.
    pub(super) fn read_at_once(&mut self, kind: Kind) {
        let expected = self.expect(kind);
        let output = self.tell(|session, _| session.take_ready(&mut Plain(kind)));
        if self.session.is_held_up() {
            self.tell(Session::room_made);
        }
        if let Some(output) = output {
            assert!(!self.session.life().is_revoked(), "it is not to be read any more");
            assert!(self.queue.is_empty(), "another has its turn");
            assert_eq!(expected.outcome, Some(Outcome::Data(output)), "{kind:?}");
            self.reference.go_to(expected.place);
            self.reads += 1;
        }
    }

    /// The short way of a read with users' code.
    pub(super) fn work_at_once(&mut self, kind: Kind) {
        if self.readers.len() == MOST_READERS {
            return;
        }
        let expected = self.expect(kind);
        if let Some((frames, found, limit)) = self.tell(|session, _| session.lend_ready(&mut Lent(kind))) {
            assert!(self.queue.is_empty() && self.holder.is_none(), "another has its turn");
            self.add_reader(kind, true, State::WorkingAtOnce(frames, found, limit, expected));
        }
    }

    /// A read is dropped, unless it is being polled just now; or its code panics.
    pub(super) fn drop_reader(&mut self, index: usize) {
        if index >= self.readers.len() {
            return;
        }
        let mut reader = self.readers.remove(index);
        match std::mem::replace(&mut reader.state, State::Taken) {
            State::Begins(ticket) | State::Waits(ticket) | State::Discards(ticket) | State::Leaves(ticket) => {
                self.leave(&reader, ticket);
            }
            State::WorkingAtOnce(frames, ..) => self.give_back(frames, false),
            State::Working(ticket, work, _) => {
                self.holder = None;
                self.tell(|session, effects| session.take_back(work.frames, effects));
                self.leave(&reader, ticket);
            }
            state => {
                reader.state = state;
                self.readers.insert(index, reader);
            }
        }
    }

    /// Users' code that had the buffer in the short way gives it back.
    fn give_back(&mut self, frames: Box<FrameBuffer>, has_taken: bool) {
        self.holder = None;
        if let Err(frames) = self.tell(|session, _| session.take_back_ready(frames, has_taken)) {
            self.tell(|session, effects| session.take_back_from_user(frames, effects));
        } else if self.session.is_held_up() {
            self.tell(Session::room_made);
        }
    }

    fn unqueue(&mut self, number: usize) {
        self.queue.retain(|there| *there != number);
    }

    fn leave(&mut self, reader: &Reader, ticket: Ticket) {
        self.unqueue(reader.number);
        self.tell(|session, effects| session.leave(ticket, effects));
    }

    /// A read goes on, whether it has been woken or not. `most`: so many bytes the system has for it at most.
    pub(super) fn poll_reader(&mut self, index: usize, most: usize) {
        if index >= self.readers.len() {
            return;
        }
        let mut reader = self.readers.remove(index);
        let is_there = match std::mem::replace(&mut reader.state, State::Taken) {
            State::Begins(ticket) | State::Waits(ticket) => self.step(&mut reader, ticket, most),
            State::Receiving(ticket, frames, asked) => self.received(&mut reader, ticket, frames, asked, most),
            State::Working(ticket, work, expected) => self.work(&mut reader, ticket, work, expected, most),
            State::WorkingAtOnce(frames, found, limit, expected) => {
                self.work_ended(&reader, frames, found, limit, expected);
                false
            }
            State::Taken => unreachable!("it is polled"),
            State::Leaves(ticket) => {
                self.leave(&reader, ticket);
                false
            }
            State::Discards(ticket) => self.discard(&mut reader, ticket),
            State::Discarding(ticket, frames) => self.discarded(&mut reader, ticket, frames),
        };
        if is_there {
            if reader.state.has_buffer() {
                self.holder = Some(reader.number);
            }
            self.readers.insert(index, reader);
        }
    }

    /// Whether it is the turn of a read, and the buffer there.
    fn has_turn(&self, reader: &Reader) -> bool {
        (self.turns_are_over || self.queue.first() == Some(&reader.number)) && self.holder.is_none()
    }

    fn step(&mut self, reader: &mut Reader, ticket: Ticket, most: usize) -> bool {
        let has_turn = self.has_turn(reader);
        let expected = self.expect(reader.kind);
        let (mut waker, kind) = (Some(reader.flag.waker()), reader.kind);
        let step = if reader.is_lent_to {
            self.tell(|session, effects| session.step(ticket, &mut Lent(kind), &mut waker, effects))
        } else {
            self.tell(|session, effects| session.step(ticket, &mut Plain(kind), &mut waker, effects))
        };
        if !has_turn {
            assert!(matches!(step, Step::Wait), "{kind:?} is not at its turn");
            reader.state = State::Waits(ticket);
            return true;
        }
        if reader.is_lent_to {
            assert!(matches!(step, Step::Work(_)), "{kind:?} works");
        } else {
            // What it has passed over stays passed over.
            self.reference.go_to(expected.place);
        }
        self.take_step(reader, ticket, step, expected, most)
    }

    fn take_step(&mut self, reader: &mut Reader, ticket: Ticket, step: Next, expected: Expected, most: usize) -> bool {
        match step {
            Step::Done(taken) => {
                self.done(reader, taken, expected);
                reader.state = State::Leaves(ticket);
            }
            Step::Wait => {
                assert_eq!(expected.outcome, None, "{:?} waits for what is there", reader.kind);
                let may_wait = !self.is_at_end() || self.may_be_told();
                assert!(may_wait || reader.flag.is_set(), "{:?} waits for more than there will be", reader.kind);
                reader.state = State::Waits(ticket);
            }
            Step::Receive(Receive { mut frames, missing }) => {
                assert_eq!((expected.outcome, self.way), (None, Way::Direct), "{:?} asks for more", reader.kind);
                let asked = FrameBuffer::fill_slot(&mut frames, missing, |room| {
                    let Source::Here = self.source else { return Some(Ok(Vec::new())) };
                    self.source = Source::Lent;
                    let asked = self.system.receive(most.clamp(1, room.remaining_mut()), &reader.flag);
                    if let Some(Ok(bytes)) = &asked {
                        room.put_slice(bytes);
                    }
                    asked
                });
                reader.state = State::Receiving(ticket, frames, asked);
            }
            Step::Work(work) => {
                let expected = self.expect(reader.kind);
                reader.state = State::Working(ticket, work, expected);
            }
        }
        true
    }

    /// A read has come to something: to what was there, or to the end.
    fn done(&mut self, reader: &Reader, taken: Taken<Vec<u8>>, expected: Expected) {
        let kind = reader.kind;
        let (outcome, reports_end) = Outcome::of(taken);
        self.reads += u64::from(!reports_end);
        // Nothing at all is there behind the end as well, which may be told instead.
        let is_nothing = kind == Kind::Exact(0) && reports_end;
        if let Some(expected) = expected.outcome.filter(|_| !is_nothing) {
            assert_eq!((&outcome, reports_end), (&expected, false), "{kind:?}");
            if reader.is_lent_to && outcome.loses_track() {
                self.reference.discard();
                self.note_end();
                self.has_ended_here = true;
            }
        } else {
            assert!(self.is_at_end(), "{kind:?} has come to {outcome:?} before the end");
            let is_by_session = matches!(outcome, Outcome::Disconnected(_)) || !reports_end;
            let reason = self.session.life().reason().filter(|_| is_by_session).cloned();
            let (place, at_end, tells) = expected.reference.look_at_end(kind, reason.as_ref());
            assert_eq!((&outcome, reports_end), (&at_end, tells), "{kind:?} at the end");
            self.reference.go_to(place);
            if reports_end {
                self.end = End::Told;
            }
            let has_failed_first = self.system.has_failed && !self.system.is_ended;
            assert!(
                reason.is_some() || !has_failed_first || self.has_ended_here,
                "{kind:?} finds the stream in good order that has failed"
            );
        }
        let outlives_peer = self.half_close == HalfClose::Allowed && !self.system.is_half_ended;
        if reports_end && !outlives_peer {
            assert!(!self.is_connected(), "a read has told the end of a session that lives");
        }
        if let Phase::Ended { reason: None, .. } = self.session.life().phase() {
            panic!("a session that was is told of as one that never was");
        }
    }

    fn received(
        &mut self,
        reader: &mut Reader,
        ticket: Ticket,
        frames: Option<Box<FrameBuffer>>,
        asked: Asked,
        most: usize,
    ) -> bool {
        let result = match asked {
            Some(Ok(bytes)) => {
                self.reference.arrive(&bytes);
                if bytes.is_empty() {
                    self.note_end();
                }
                if self.session.is_discarded() {
                    self.reference.discard();
                }
                Some(Ok(bytes.len()))
            }
            Some(Err(error)) => {
                self.note_end();
                Some(Err(error))
            }
            None => None,
        };
        self.holder = None;
        let is_pending = result.is_none();
        let mut waker = Some(reader.flag.again());
        let looks_again = self.with_source(|session, effects| session.received(frames, result, &mut waker, effects));
        if looks_again {
            return self.step(reader, ticket, most);
        }
        assert!(is_pending, "{:?} does not look at what has come", reader.kind);
        reader.state = State::Waits(ticket);
        true
    }

    /// Tells the session something, with which the source comes back.
    pub(super) fn with_source<T>(&mut self, input: impl FnOnce(&mut Session, &mut Effects) -> T) -> T {
        if self.source == Source::Lent {
            self.source = Source::Here;
        }
        self.tell(input)
    }

    /// Users' code runs, and ends.
    fn work(&mut self, reader: &mut Reader, ticket: Ticket, mut work: Work, expected: Expected, most: usize) -> bool {
        let (mut waker, mut take) = (Some(reader.flag.again()), Lent(reader.kind));
        let taken = work.run(&mut take);
        self.holder = None;
        let is_kept = !self.session.is_discarded();
        if is_kept {
            self.reference.go_to(expected.place);
        }
        let step = self.tell(|session, effects| session.worked(work, taken, &mut take, &mut waker, effects));
        self.take_step(reader, ticket, step, expected, most)
    }

    fn work_ended(
        &mut self,
        reader: &Reader,
        mut frames: Box<FrameBuffer>,
        found: Found,
        limit: usize,
        expected: Expected,
    ) {
        let result = Lent(reader.kind).use_ready(&mut frames, found, limit);
        if !self.session.is_discarded() {
            self.reference.go_to(expected.place);
        }
        match result.as_ref().and_then(Lent::loses_track) {
            None => self.give_back(frames, result.is_some()),
            Some(reason) => {
                self.holder = None;
                self.tell(|session, effects| session.take_back_out_of_step(frames, reason, effects));
            }
        }
        let Some(result) = result else {
            return assert_eq!(expected.outcome, None, "{:?} is there", reader.kind);
        };
        self.done(reader, Taken { result, reports_end: false }, expected);
    }

    fn discard(&mut self, reader: &mut Reader, ticket: Ticket) -> bool {
        let has_turn = self.has_turn(reader);
        let mut waker = Some(reader.flag.waker());
        let may_discard = self.tell(|session, effects| session.has_turn(ticket, &mut waker, effects));
        assert_eq!(may_discard, has_turn, "the turn of who discards");
        if !may_discard {
            reader.state = State::Discards(ticket);
            return true;
        }
        let count = self.tell(Session::discard_input);
        assert_eq!(count, self.reference.discard_input());
        match self.tell(|session, _| session.lend_to_system()) {
            Some(frames) => {
                if self.source == Source::Here {
                    self.source = Source::Lent;
                }
                reader.state = State::Discarding(ticket, frames);
            }
            None => reader.state = State::Leaves(ticket),
        }
        true
    }

    fn discarded(&mut self, reader: &mut Reader, ticket: Ticket, frames: Box<FrameBuffer>) -> bool {
        self.holder = None;
        if self.source == Source::Gone {
            self.tell(|session, effects| session.take_back(frames, effects));
        } else {
            let (bytes, error) = self.system.discard();
            self.reference.pass_over(&bytes);
            if error.is_some() {
                self.note_end();
            }
            let error: Option<&io::Error> = error.as_ref();
            self.with_source(|session, effects| session.discarded(frames, bytes.len(), error, effects));
        }
        reader.state = State::Leaves(ticket);
        true
    }

    /// Whoever could go on has been woken.
    pub(super) fn check_readers(&self) {
        for reader in &self.readers {
            if !matches!(reader.state, State::Waits(_)) || reader.flag.is_set() || !self.has_turn(reader) {
                continue;
            }
            let kind = reader.kind;
            assert_eq!(self.reference.look(kind, self.rules).1, None, "{kind:?} sleeps beside what it waits for");
            assert!(!self.is_at_end() || self.may_be_told(), "{kind:?} sleeps at the end");
            let may_ask = self.way == Way::Direct && self.source == Source::Here && !self.is_at_end();
            assert!(!(may_ask && self.system.is_readable()), "{kind:?} sleeps beside what has come");
        }
    }

    /// Whether some read is to be polled: it has been woken, or begins, or is at it. Which.
    pub(super) fn ready_reader(&self) -> Option<usize> {
        // First who has the buffer: without turns the others look again and again until it is back.
        let holder = self.readers.iter().position(|reader| reader.state.has_buffer());
        holder.or_else(|| {
            self.readers.iter().position(|reader| match reader.state {
                State::Waits(_) => reader.flag.is_set(),
                State::Discards(_) => self.has_turn(reader),
                _ => true,
            })
        })
    }
}
