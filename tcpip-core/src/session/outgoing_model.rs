//! The write queue against what it promises.

use std::{collections::VecDeque, io};

use memchr::memchr_iter;
use proptest::prelude::*;

use super::{
    Effects,
    message::{Begun, Numbered, Place, Queued, Unsendable},
    outgoing::{Outgoing, Way},
};
use crate::{Sent, sync::oneshot::error::TryRecvError};

/// What happens to a queue.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A message of so many bytes is written.
    Write(Place, usize),
    /// The write that is the so-manieth of those that wait is dropped.
    Drop(usize),
    /// Who is at it gets back from the system, which has taken so many bytes, or would have to wait.
    Return(Option<usize>),
    /// The session's task asks the system to take the queue.
    Lend,
    /// The stream is offered so many bytes and takes so many of them.
    Take(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = prop_oneof![3 => Just(Place::Last), 1 => Just(Place::First)];
    let step = prop_oneof![
        4 => (place, 1_usize..20).prop_map(|(place, length)| Step::Write(place, length)),
        1 => (0_usize..5).prop_map(Step::Drop),
        3 => prop::option::weighted(0.8, 0_usize..40).prop_map(Step::Return),
        2 => Just(Step::Lend),
        3 => (1_usize..40, 0_usize..40).prop_map(|(offered, taken)| Step::Take(offered, taken)),
    ];
    prop::collection::vec(step, 1..80)
}

/// Who calls the system just now, and what for.
enum Call {
    Direct(Numbered, Vec<u8>),
    Queue(VecDeque<u8>),
}

/// A queue and its world.
struct World {
    outgoing: Outgoing,
    wire: Vec<u8>,
    lengths: Vec<usize>,
    ahead: Vec<u8>,
    dropped: Vec<u8>,
    numbered: Vec<(u8, Numbered)>,
    waiting: Vec<(u8, Queued)>,
    call: Option<Call>,
    /// What a stream has been offered and has not taken.
    offered: Vec<u8>,
    way: Way,
    limit: usize,
}

impl World {
    fn new(way: Way, limit: usize) -> Self {
        Self {
            outgoing: Outgoing::new(way, limit, false),
            wire: Vec::new(),
            lengths: Vec::new(),
            ahead: Vec::new(),
            dropped: Vec::new(),
            numbered: Vec::new(),
            waiting: Vec::new(),
            call: None,
            offered: Vec::new(),
            way,
            limit,
        }
    }

    fn with<T>(&mut self, input: impl FnOnce(&mut Outgoing, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let result = input(&mut self.outgoing, &mut effects);
        effects.run();
        result
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Write(place, length) => self.write(place, length),
            Step::Drop(index) if index < self.waiting.len() => {
                let (number, Queued { numbered, .. }) = self.waiting.remove(index);
                self.dropped.push(number);
                if self.with(|outgoing, effects| outgoing.queue.take_back(numbered, effects)) {
                    assert!(!self.wire.contains(&number), "what has begun is not taken back");
                    self.numbered.retain(|(there, _)| *there != number);
                }
            }
            Step::Return(taken) => self.return_call(taken),
            Step::Lend if self.way == Way::Direct && self.call.is_none() => {
                self.call = self.outgoing.lend().map(Call::Queue);
            }
            Step::Take(count, taken) if self.way == Way::Queue => self.take(count, taken),
            Step::Drop(_) | Step::Lend | Step::Take(..) => {}
        }
        self.check_told();
        self.check_sent();
        let longest = self.lengths.iter().copied().max().unwrap_or(0);
        let is_bounded = !self.ahead.is_empty() || self.outgoing.queue.len() <= self.limit.max(longest);
        assert!(is_bounded, "{} bytes are queued", self.outgoing.queue.len());
    }

    fn write(&mut self, place: Place, length: usize) {
        let number = u8::try_from(self.lengths.len()).expect("there are few");
        self.lengths.push(length);
        if place == Place::First {
            self.ahead.push(number);
        }
        let message = vec![number; length];
        match self.with(|outgoing, effects| outgoing.begin(&[&message], place, None, effects)) {
            Ok(Begun::Direct(numbered)) => {
                assert!(self.call.is_none(), "one at a time");
                self.numbered.push((number, numbered));
                self.call = Some(Call::Direct(numbered, message));
            }
            Ok(Begun::Queued(queued)) => {
                self.numbered.push((number, queued.numbered));
                self.waiting.push((number, queued));
            }
            other => panic!("{other:?}"),
        }
    }

    fn return_call(&mut self, taken: Option<usize>) {
        let would_block = || io::Error::from(io::ErrorKind::WouldBlock);
        match self.call.take() {
            None => {}
            Some(Call::Direct(numbered, message)) => {
                let taken = taken.map(|taken| taken.min(message.len()));
                self.wire.extend(&message[..taken.unwrap_or(0)]);
                let result = taken.ok_or_else(would_block);
                match self.with(|outgoing, effects| outgoing.offered(&[&message], numbered, result, effects)) {
                    Ok(Begun::Queued(queued)) => self.waiting.push((message[0], queued)),
                    Ok(Begun::Empty) => assert_eq!(taken, Some(message.len())),
                    other => panic!("{other:?}"),
                }
            }
            Some(Call::Queue(queue)) => {
                let taken = taken.map(|taken| taken.min(queue.len()));
                self.wire.extend(queue.iter().take(taken.unwrap_or(0)));
                let result = taken.ok_or_else(would_block);
                assert_eq!(
                    self.with(|outgoing, effects| outgoing.give_back(queue, result, effects)),
                    Ok(taken.unwrap_or(0))
                );
            }
        }
    }

    fn take(&mut self, count: usize, taken: usize) {
        if self.offered.is_empty() {
            self.offered = self.outgoing.queue.offer(count);
        }
        let taken: Vec<u8> = self.offered.drain(..taken.min(self.offered.len())).collect();
        self.with(|outgoing, effects| outgoing.took(taken.len(), effects));
        self.wire.extend(taken);
    }

    /// A write is told when the last byte of its message is on the wire, and not before.
    fn check_told(&mut self) {
        let (wire, lengths) = (&self.wire, &self.lengths);
        self.waiting.retain_mut(|(number, Queued { taken, .. })| {
            let is_there = memchr_iter(*number, wire).count() == lengths[usize::from(*number)];
            assert_eq!(taken.try_recv(), if is_there { Ok(()) } else { Err(TryRecvError::Empty) }, "message {number}");
            !is_there
        });
    }

    /// A message counts as begun when its first byte is on the wire, or while the system has it, which may send it, and
    /// not before.
    fn check_sent(&self) {
        for (number, numbered) in &self.numbered {
            let is_lent = match &self.call {
                Some(Call::Queue(queue)) => queue.contains(number),
                // Nobody asks for a message that is just being offered directly.
                Some(Call::Direct(direct, _)) if direct == numbered => continue,
                Some(Call::Direct(..)) | None => false,
            };
            let sent = if is_lent || self.wire.contains(number) { Sent::Maybe } else { Sent::No };
            assert_eq!(self.outgoing.queue.has_sent(*numbered), sent, "message {number}");
        }
    }

    fn drain(&mut self) {
        while !self.outgoing.queue.is_empty() || self.call.is_some() {
            self.step(Step::Return(Some(5)));
            self.step(Step::Lend);
            self.step(Step::Take(7, 5));
        }
    }

    fn check_wire(&self) {
        let order: Vec<u8> = self.wire.chunk_by(|one, next| one == next).map(|message| message[0]).collect();
        for number in &order {
            assert_eq!(memchr_iter(*number, &self.wire).count(), self.lengths[usize::from(*number)], "whole");
            assert_eq!(memchr_iter(*number, &order).count(), 1, "in one piece");
        }
        for number in 0..u8::try_from(self.lengths.len()).expect("there are few") {
            assert!(order.contains(&number) || self.dropped.contains(&number), "{number} is lost");
        }
        let (first, last): (Vec<u8>, Vec<u8>) = order.iter().partition(|number| self.ahead.contains(number));
        assert!(first.is_sorted() && last.is_sorted(), "{first:?} {last:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Messages go out whole, at most once and all that were not dropped; those for the end in the order of their
    /// writing, those for the front too and before what had not begun. A write ends with its message's last byte, and
    /// is known to have begun from the first.
    #[test]
    fn messages_go_out_whole_and_in_order(
        steps in steps(),
        limit in 1_usize..100,
        way in prop_oneof![Just(Way::Direct), Just(Way::Queue)],
    ) {
        let mut world = World::new(way, limit);
        for step in steps {
            world.step(step);
        }
        world.drain();
        prop_assert!(world.waiting.is_empty());
        world.check_wire();
    }

    /// Once it is closed, at any moment, nothing more is sent, and everybody who waits is told.
    #[test]
    fn a_close_tells_everybody_and_sends_nothing_more(steps in steps(), limit in 1_usize..100) {
        let mut world = World::new(Way::Direct, limit);
        for step in steps {
            world.step(step);
        }
        let given_up = world.with(Outgoing::close);
        prop_assert!(given_up <= world.lengths.iter().sum());
        for (_, Queued { taken, .. }) in &mut world.waiting {
            prop_assert_eq!(taken.try_recv(), Err(TryRecvError::Closed));
        }
        world.check_sent();
        world.waiting.clear();
        match world.call.take() {
            Some(Call::Direct(numbered, message)) => {
                let taken = message.len() / 2;
                let result = Ok(taken);
                let result = world.with(|outgoing, effects| outgoing.offered(&[&message], numbered, result, effects));
                let sent = if taken > 0 { Sent::Maybe } else { Sent::No };
                prop_assert_eq!(result.unwrap_err(), Unsendable::Over(sent));
            }
            Some(Call::Queue(queue)) => {
                prop_assert_eq!(world.with(|outgoing, effects| outgoing.give_back(queue, Ok(1), effects)), Ok(0));
            }
            None => {}
        }
        let begun = world.with(|outgoing, effects| outgoing.begin(&[b"more"], Place::Last, None, effects));
        prop_assert_eq!(begun.unwrap_err(), Unsendable::Over(Sent::No));
        prop_assert_eq!((world.outgoing.queue.len(), world.outgoing.queue.is_empty()), (0, true));
    }
}
