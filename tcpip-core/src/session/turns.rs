//! Whose turn it is to read.

use std::{collections::VecDeque, task::Waker};

use super::Effects;

/// Those who read, one after the other, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Whose turn it is.
    reader: Option<Ticket>,
    waiting: VecDeque<Waiting>,
    /// The last ticket that was given.
    last: u64,
    /// Nobody needs to wait for another any more.
    is_over: bool,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    waker: Option<Waker>,
}

/// A turn, or a place in the queue for one, to be given back by [`Turns::leave`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    number: u64,
    /// For several reads, and not for one.
    is_kept: bool,
}

impl Ticket {
    /// Whether it is for several reads, so that none of these gives it back.
    pub(crate) fn is_kept(self) -> bool {
        self.is_kept
    }
}

impl Turns {
    /// Whether nobody reads.
    pub(super) fn is_free(&self) -> bool {
        self.reader.is_none()
    }

    /// Whether nobody needs to wait for another any more.
    pub(super) fn are_over(&self) -> bool {
        self.is_over
    }

    /// Takes the turn, or a place at the end of the queue: for several reads if it `is_kept`.
    pub(super) fn queue_up(&mut self, is_kept: bool) -> Ticket {
        self.last += 1;
        let ticket = Ticket { number: self.last, is_kept };
        if self.is_free() {
            self.reader = Some(ticket);
        } else {
            self.waiting.push_back(Waiting { ticket, waker: None });
        }
        ticket
    }

    /// Whether it is the turn of `ticket`. If not, `waker` is taken, and woken when it is.
    pub(super) fn has_turn(&mut self, ticket: Ticket, waker: &mut Option<Waker>, effects: &mut Effects) -> bool {
        if self.is_over || self.reader == Some(ticket) {
            return true;
        }
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.ticket == ticket) {
            effects.replace(&mut waiting.waker, waker);
        }
        false
    }

    /// Has one who waits with others after the end woken by [`end`](Self::end), and whether it is one.
    pub(super) fn wait_after_the_end(
        &mut self,
        ticket: Ticket,
        waker: &mut Option<Waker>,
        effects: &mut Effects,
    ) -> bool {
        let waiting = self.waiting.iter_mut().find(|waiting| waiting.ticket == ticket);
        waiting.is_some_and(|waiting| {
            effects.replace(&mut waiting.waker, waker);
            true
        })
    }

    /// Gives the turn to the next, or a place back.
    pub(super) fn leave(&mut self, ticket: Ticket, effects: &mut Effects) {
        if self.reader == Some(ticket) {
            let next = self.waiting.pop_front();
            self.reader = next.as_ref().map(|next| next.ticket);
            effects.wake(next.and_then(|next| next.waker));
        } else if let Some(at) = self.waiting.iter().position(|waiting| waiting.ticket == ticket) {
            effects.let_go(self.waiting.remove(at).and_then(|waiting| waiting.waker));
        }
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
    }

    /// Lets all go on.
    pub(super) fn end(&mut self, effects: &mut Effects) {
        self.is_over = true;
        for waiting in &mut self.waiting {
            effects.wake(waiting.waker.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::{Arc, Mutex},
        task::Wake,
    };

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        QueueUp,
        /// The so-manieth of those that are there looks whether it is its turn.
        Look(usize),
        Leave(usize),
        End,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => Just(Step::QueueUp),
            8 => (0_usize..6).prop_map(Step::Look),
            5 => (0_usize..6).prop_map(Step::Leave),
            1 => Just(Step::End),
        ];
        prop::collection::vec(step, 1..60)
    }

    /// Notes that it was woken, under its number.
    struct Note(u64, Arc<Mutex<BTreeMap<u64, usize>>>);

    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            *self.1.lock().unwrap().entry(self.0).or_default() += 1;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The first of those that are there has its turn, and nobody else before the end; whoever has looked in vain
        /// is woken when it is its turn.
        #[test]
        fn the_first_has_its_turn(steps in steps()) {
            let woken = Arc::new(Mutex::new(BTreeMap::new()));
            let (mut turns, mut there, mut is_over) = (Turns::default(), Vec::new(), false);
            let mut asleep: Vec<Ticket> = Vec::new();
            for step in steps {
                let mut effects = Effects::default();
                match step {
                    Step::QueueUp => there.push(turns.queue_up(false)),
                    Step::Look(index) if index < there.len() => {
                        let ticket = there[index];
                        let mut waker = Some(Arc::new(Note(ticket.number, Arc::clone(&woken))).into());
                        let has_turn = turns.has_turn(ticket, &mut waker, &mut effects);
                        prop_assert_eq!(has_turn, is_over || index == 0);
                        asleep.retain(|there| *there != ticket);
                        if !has_turn {
                            woken.lock().unwrap().remove(&ticket.number);
                            asleep.push(ticket);
                        }
                    }
                    Step::Leave(index) if index < there.len() => {
                        let ticket = there.remove(index);
                        asleep.retain(|there| *there != ticket);
                        turns.leave(ticket, &mut effects);
                    }
                    Step::End => {
                        is_over = true;
                        turns.end(&mut effects);
                    }
                    Step::Look(_) | Step::Leave(_) => {}
                }
                effects.run();
                for ticket in &asleep {
                    let is_due = is_over || there.first() == Some(ticket);
                    let was_woken = woken.lock().unwrap().contains_key(&ticket.number);
                    prop_assert!(was_woken || !is_due, "{:?} sleeps", ticket);
                }
                prop_assert_eq!(turns.is_free(), there.is_empty());
            }
        }
    }
}
