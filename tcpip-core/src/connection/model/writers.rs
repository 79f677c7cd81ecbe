//! Those who write, and the session's task, which sends what is queued.

use std::{
    collections::{BTreeSet, VecDeque},
    io, mem,
};

use memchr::memchr_iter;

use super::world::{TASKS, World};
use crate::{
    Sent,
    session::{Begun, Next, Numbered, Place, Queued, Session, Unsendable, Way},
    sync::oneshot::{self, error::TryRecvError},
};

/// So many messages are told apart, each being one byte again and again.
const MOST_MESSAGES: usize = 250;

#[derive(Debug, Default)]
pub(super) struct Writers {
    lengths: Vec<usize>,
    /// Those that were to go ahead of others.
    first: BTreeSet<u8>,
    waiting: Vec<(u8, Queued)>,
    /// Those whose message has been sent, as they were told.
    told: BTreeSet<u8>,
    ending_half: Vec<oneshot::Receiver<()>>,
    direct: Vec<Direct>,
}

/// A message that is offered to the system by its writer.
#[derive(Debug)]
struct Direct {
    number: u8,
    numbered: Numbered,
    /// What the system has made of it.
    result: Option<io::Result<usize>>,
}

impl Writers {
    pub(super) fn is_calling(&self) -> bool {
        !self.direct.is_empty()
    }

    fn message(&self, number: u8) -> Vec<u8> {
        vec![number; self.lengths[usize::from(number)]]
    }
}

/// The session's task, as far as it sends.
#[derive(Debug, Default)]
pub(super) struct Sender {
    /// It has been told that there is work.
    pub(super) has_work: bool,
    at: At,
}

#[derive(Debug, Default)]
enum At {
    /// It waits for work.
    #[default]
    Rest,
    /// It looks what is to be sent.
    Flush,
    /// It waits for a writer who sends.
    Busy,
    /// It waits until the system has room.
    Writable,
    /// The system has been offered the queue.
    Offered(VecDeque<u8>, io::Result<usize>),
    /// What a stream has been offered and has not taken.
    Stream(Vec<u8>),
    Failed,
}

impl Sender {
    pub(super) fn is_calling(&self) -> bool {
        matches!(self.at, At::Offered(..))
    }
}

impl World {
    pub(super) fn write(&mut self, place: Place, length: usize, task: Option<usize>) {
        if self.writers.lengths.len() == MOST_MESSAGES {
            return;
        }
        let number = u8::try_from(self.writers.lengths.len()).expect("there are few");
        let message = vec![number; length];
        let task = task.map(|index| TASKS[index % TASKS.len()]);
        let begun = self.tell(|session, effects| session.begin_message(&[&message], place, task, effects));
        self.writers.lengths.push(length);
        if place == Place::First {
            self.writers.first.insert(number);
        }
        match begun {
            Ok(Begun::Empty) => assert_eq!(length, 0),
            Ok(Begun::Direct(numbered)) => {
                assert!(self.way == Way::Direct && !self.is_sending(), "one at a time");
                assert_eq!(numbered.place, place);
                self.writers.direct.push(Direct { number, numbered, result: None });
            }
            Ok(Begun::Queued(queued)) => self.writers.waiting.push((number, queued)),
            Err(error) => {
                self.check_unsendable(error);
                self.writers.lengths[usize::from(number)] = 0;
            }
        }
    }

    fn is_sending(&self) -> bool {
        self.writers.is_calling() || self.sender.is_calling()
    }

    fn check_unsendable(&self, error: Unsendable) {
        match error {
            Unsendable::NotConnected => assert!(!self.is_connected(), "it is connected"),
            Unsendable::Over(_) => assert!(!self.is_connected() || self.system.has_failed, "it is not over"),
            Unsendable::HalfEnded => {
                let is_ended = !self.writers.ending_half.is_empty() || self.system.is_half_ended;
                assert!(is_ended, "its half has not been ended");
            }
        }
    }

    /// A writer goes on that sends directly: offers its message to the system, or tells what that has taken of it.
    pub(super) fn go_on_writing(&mut self, most: usize) {
        let Some(Direct { number, numbered, result }) = self.writers.direct.pop() else { return };
        let message = self.writers.message(number);
        let Some(result) = result else {
            let result = Some(self.system.offer(message.iter().copied(), most));
            return self.writers.direct.push(Direct { number, numbered, result });
        };
        match self.tell(|session, effects| session.offered(&[&message], numbered, result, effects)) {
            Ok(Begun::Empty) => {
                self.writers.told.insert(number);
            }
            Ok(Begun::Queued(queued)) => self.writers.waiting.push((number, queued)),
            Ok(Begun::Direct(_)) => panic!("it is offered again"),
            Err(error) => {
                let has_left = self.system.wire.contains(&number);
                assert_eq!(error, Unsendable::Over(if has_left { Sent::Maybe } else { Sent::No }));
            }
        }
    }

    pub(super) fn drop_writer(&mut self, index: usize) {
        if index < self.writers.waiting.len() {
            let (number, Queued { numbered, taken }) = self.writers.waiting.remove(index);
            drop(taken);
            if self.tell(|session, effects| session.outgoing.queue.take_back(numbered, effects)) {
                self.writers.lengths[usize::from(number)] = 0;
            }
        }
    }

    pub(super) fn end_half(&mut self) {
        match self.tell(Session::end_half) {
            Ok(Some(ended)) => self.writers.ending_half.push(ended),
            Ok(None) => assert!(self.system.is_half_ended, "it has not been ended"),
            Err(error) => self.check_unsendable(error),
        }
    }

    /// The session's task goes on with sending, one step.
    pub(super) fn go_on_sending(&mut self, most: usize) {
        let at = mem::take(&mut self.sender.at);
        self.sender.at = match at {
            At::Failed => At::Failed,
            At::Offered(queue, result) => {
                match self.tell(|session, effects| session.queue_offered(queue, result, effects)) {
                    Ok(_) => At::Flush,
                    Err(reason) => {
                        self.tell(|session, effects| session.end(reason, effects));
                        At::Failed
                    }
                }
            }
            at if !self.is_connected() => at,
            At::Rest => {
                let is_idle = self.session.outgoing.queue.is_empty() && !self.session.outgoing.is_half_ending();
                if is_idle && !mem::take(&mut self.sender.has_work) { At::Rest } else { At::Flush }
            }
            At::Busy if !mem::take(&mut self.sender.has_work) => At::Busy,
            At::Flush | At::Busy => self.next_to_send(),
            At::Writable => self.offer_queue(most),
            At::Stream(offered) => self.offer_to_stream(offered, most),
        };
    }

    fn next_to_send(&mut self) -> At {
        match self.tell(|session, _| session.outgoing.next()) {
            Next::Busy => At::Busy,
            Next::Queue(_) if self.way == Way::Direct => At::Writable,
            Next::Queue(_) => At::Stream(Vec::new()),
            Next::Nothing => {
                if self.session.outgoing.is_half_ending() {
                    self.system.is_half_ended = true;
                    let has_hung_up = self.tell(|session, effects| {
                        session.outgoing.half_has_ended(effects);
                        session.life().has_hung_up()
                    });
                    if has_hung_up {
                        self.look_for_hang_up();
                    }
                }
                At::Rest
            }
        }
    }

    fn offer_queue(&mut self, most: usize) -> At {
        match self.tell(|session, _| session.outgoing.lend()) {
            None => At::Flush,
            Some(queue) => {
                let result = self.system.offer(queue.iter().copied(), most);
                At::Offered(queue, result)
            }
        }
    }

    fn offer_to_stream(&mut self, mut offered: Vec<u8>, most: usize) -> At {
        if offered.is_empty() {
            offered = self.tell(|session, _| session.outgoing.queue.offer(1 + most));
        }
        match self.system.offer(offered.iter().copied(), most) {
            Ok(count) => {
                offered.drain(..count);
                self.tell(|session, effects| session.outgoing.took(count, effects));
                if offered.is_empty() { At::Flush } else { At::Stream(offered) }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => At::Stream(offered),
            Err(error) => {
                let reason = self.tell(|session, _| session.outgoing.failed(&error));
                self.tell(|session, effects| session.end(reason, effects));
                At::Failed
            }
        }
    }

    pub(super) fn is_sender_ready(&self) -> bool {
        match self.sender.at {
            At::Rest => {
                self.is_connected()
                    && (self.sender.has_work
                        || !self.session.outgoing.queue.is_empty()
                        || self.session.outgoing.is_half_ending())
            }
            At::Busy => self.is_connected() && self.sender.has_work,
            At::Offered(..) => true,
            At::Failed => false,
            _ => self.is_connected(),
        }
    }

    /// The session's task takes what it sends with it into the winding down.
    pub(super) fn flush_at_end(&mut self, most: usize) -> bool {
        self.sender.at = match mem::take(&mut self.sender.at) {
            At::Stream(offered) if !offered.is_empty() => self.offer_to_stream(offered, most),
            At::Failed => At::Failed,
            At::Busy if !mem::take(&mut self.sender.has_work) => At::Busy,
            _ => match self.tell(|session, _| session.outgoing.next()) {
                Next::Nothing => return true,
                Next::Busy => At::Busy,
                Next::Queue(_) if self.way == Way::Direct => self.offer_queue(most),
                Next::Queue(_) => self.offer_to_stream(Vec::new(), most),
            },
        };
        matches!(self.sender.at, At::Failed)
    }

    /// A write ends when its message is with the system, whole, and no sooner; the session's task does not sleep beside
    /// what is queued.
    pub(super) fn check_writers(&mut self) {
        let is_closed = self.winding.has_closed();
        let Self { writers, system, session, .. } = self;
        let is_over = !session.life().is_connected() || system.has_failed;
        let is_calling = matches!(self.sender.at, At::Offered(..));
        let Writers { waiting, told, lengths, .. } = writers;
        waiting.retain_mut(|(number, queued)| {
            let is_sent = memchr_iter(*number, &system.wire).count() == lengths[usize::from(*number)];
            match queued.taken.try_recv() {
                Ok(()) => {
                    assert!(is_sent, "message {number} is not sent, and said to be");
                    told.insert(*number);
                    false
                }
                Err(TryRecvError::Empty) => {
                    assert!(!is_closed, "the writer of message {number} waits for ever");
                    assert!(!is_sent || is_calling || is_over, "message {number} is sent, and its writer waits");
                    true
                }
                Err(TryRecvError::Closed) => {
                    assert!(is_over, "message {number} is refused");
                    false
                }
            }
        });
        let is_half_ended = system.is_half_ended;
        writers.ending_half.retain_mut(|ended| match ended.try_recv() {
            Ok(()) => {
                assert!(is_half_ended, "its half has not been ended");
                false
            }
            Err(TryRecvError::Empty) => {
                assert!(!is_closed, "who ends this half waits for ever");
                true
            }
            Err(TryRecvError::Closed) => {
                assert!(is_over, "the end of this half is refused");
                false
            }
        });
        if self.is_connected() && !self.sender.has_work {
            let outgoing = &self.session.outgoing;
            match self.sender.at {
                At::Rest => {
                    let is_idle = outgoing.queue.is_empty() || self.writers.is_calling();
                    assert!(is_idle && !outgoing.is_half_ending(), "the task sleeps beside what is queued");
                }
                At::Busy => assert!(self.writers.is_calling(), "the task waits for nobody"),
                _ => {}
            }
        }
    }

    /// What the peer got: whole messages, each once, in order; but for the last, if the session has ended within it.
    pub(super) fn check_wire(&self) {
        let (wire, lengths) = (&self.system.wire, &self.writers.lengths);
        let order: Vec<u8> = wire.chunk_by(|one, next| one == next).map(|message| message[0]).collect();
        for (index, number) in order.iter().enumerate() {
            let is_whole = memchr_iter(*number, wire).count() == lengths[usize::from(*number)];
            let may_be_cut = index + 1 == order.len() && !self.writers.told.contains(number);
            assert!(is_whole || may_be_cut && !self.is_connected(), "message {number} is torn: {order:?}");
            assert_eq!(memchr_iter(*number, &order).count(), 1, "message {number} is not in one piece: {order:?}");
        }
        assert!(self.writers.told.iter().all(|number| lengths[usize::from(*number)] == 0 || order.contains(number)));
        let (first, last): (Vec<u8>, Vec<u8>) = order.iter().partition(|number| self.writers.first.contains(number));
        assert!(first.is_sorted() && last.is_sorted(), "{first:?} {last:?}");
    }

    pub(super) fn has_writers(&self) -> bool {
        self.writers.is_calling() || !self.writers.waiting.is_empty() || !self.writers.ending_half.is_empty()
    }
}
