//! One direction of one session.

use std::collections::VecDeque;

use tcpip_core::Bytes;
use tokio::time::Instant;

use super::{
    Installed,
    stage::{Item, Progress, Stage},
};
use crate::faults::{At, Direction, Event};

/// The stages of one direction, and what has left the last of them.
#[derive(Debug)]
pub(crate) struct Lane {
    direction: Direction,
    session: u64,
    window: usize,
    stages: Vec<Stage>,
    output: VecDeque<Item>,
    /// How many bytes are in the output.
    waiting: usize,
    /// How many bytes have ever been in it.
    left: u64,
    progress: Progress,
    /// A fault wants the other direction to end with this one.
    hangs_up: bool,
    /// The time of the last event.
    clock: Instant,
}

impl Lane {
    pub(super) fn new(direction: Direction, session: u64, window: usize, now: Instant) -> Self {
        Self {
            direction,
            session,
            window,
            stages: Vec::new(),
            output: VecDeque::new(),
            waiting: 0,
            left: 0,
            progress: Progress::Open,
            hangs_up: false,
            clock: now,
        }
    }

    /// How many bytes may be read from the source by now.
    pub(crate) fn room(&self) -> usize {
        if self.stages.iter().any(|stage| stage.stops_reading) {
            return 0;
        }
        self.window.saturating_sub(self.held())
    }

    /// How many bytes are in all stages and behind them.
    fn held(&self) -> usize {
        self.stages.iter().map(Stage::held).sum::<usize>() + self.waiting
    }

    /// Whether what comes leaves as it is.
    pub(crate) fn is_bare(&self) -> bool {
        self.stages.is_empty() && self.output.is_empty() && self.progress == Progress::Open
    }

    /// Whether there is any fault.
    pub(super) fn has_faults(&self) -> bool {
        !self.stages.is_empty()
    }

    /// Bytes have come from the source.
    pub(crate) fn chunk(&mut self, now: Instant, bytes: Bytes) {
        self.enter(Item::Chunk(bytes), now);
    }

    /// Bytes have come to a [bare](Self::is_bare) lane, and left it.
    pub(crate) fn has_passed(&mut self, count: usize) {
        self.left += count as u64;
    }

    /// The source has ended.
    pub(crate) fn end(&mut self, now: Instant) {
        self.enter(Item::End, now);
    }

    fn enter(&mut self, item: Item, now: Instant) {
        self.advance(now);
        self.feed(0, item, now);
    }

    /// The source is reset.
    pub(crate) fn reset(&mut self, now: Instant) {
        self.advance(now);
        self.reset_from(0, now);
    }

    /// A reset comes to this stage. It overtakes what is under way, up to a fault that does not pass it on.
    fn reset_from(&mut self, first: usize, now: Instant) {
        for index in first..self.stages.len() {
            let at = self.at(now);
            let stage = &mut self.stages[index];
            stage.clear();
            stage.take(&Item::Reset, at, &mut self.hangs_up);
            if stage.take_reset() {
                continue;
            }
            match stage.pop_due(now) {
                Some(Item::Reset) => {}
                other => {
                    if let Some(item) = other {
                        self.feed(index + 1, item, now);
                    }
                    self.flow(index, now);
                    return;
                }
            }
        }
        self.discard();
        self.leave(Item::Reset);
    }

    /// Drops all that is under way; what comes next is the end, at once.
    pub(super) fn finish(&mut self) {
        self.stages.iter_mut().for_each(Stage::clear);
        self.leave(Item::End);
    }

    /// Drops what nobody has taken out.
    fn discard(&mut self) {
        self.output.clear();
        self.waiting = 0;
        self.progress = Progress::Open;
    }

    /// Does what is due by `now`, in the order of the times at which it was.
    pub(crate) fn advance(&mut self, now: Instant) {
        while let Some((time, index)) = self.next_event().filter(|(time, _)| *time <= now) {
            self.clock = self.clock.max(time);
            let time = self.clock;
            if self.stages[index].next_due().is_some_and(|due| due <= time) {
                self.flow(index, time);
            } else {
                let is_full = self.held() >= self.window;
                self.stages[index].set_timer(None);
                self.stages[index].is_lane_full = is_full;
                self.tell(index, Event::Timer, time);
            }
        }
        self.clock = self.clock.max(now);
    }

    /// When something is due next.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        self.next_event().map(|(time, _)| time)
    }

    /// The next event, and whose it is: of several at the same time that of the last stage.
    fn next_event(&self) -> Option<(Instant, usize)> {
        let events = self.stages.iter().enumerate().filter_map(|(index, stage)| {
            let time = stage.next_due().into_iter().chain(stage.timer()).min()?;
            Some((time, index))
        });
        events.min_by_key(|(time, index)| (*time, usize::MAX - index))
    }

    /// Removes the faults that are not installed any more, whose queues go on at once, and adds those that are new.
    pub(super) fn sync(&mut self, installed: &[Installed], now: Instant) {
        self.advance(now);
        let mut index = 0;
        while let Some(stage) = self.stages.get(index) {
            if installed.iter().any(|installed| installed.id == stage.id) {
                index += 1;
            } else {
                self.remove(index, now);
            }
        }
        let (newest, direction) = (self.stages.last().map(|stage| stage.id), self.direction);
        let is_new = |fault: &&Installed| newest.is_none_or(|newest| fault.id > newest);
        for fault in installed.iter().filter(is_new).filter(|fault| fault.is_in(direction)) {
            self.stages.push(Stage::new(fault, self.left));
            self.tell(self.stages.len() - 1, Event::Open, now);
        }
    }

    fn remove(&mut self, index: usize, now: Instant) {
        let at = self.at(now);
        let mut stage = self.stages.remove(index);
        stage.on(Event::Removed, at, &mut self.hangs_up);
        if stage.take_reset() {
            return self.reset_from(index, now);
        }
        while let Some(item) = stage.pop() {
            self.feed(index, item, now);
        }
    }

    /// Tells all faults that the session is over.
    pub(super) fn close(&mut self) {
        let at = self.at(self.clock);
        for stage in &mut self.stages {
            stage.on(Event::Closed, at, &mut self.hangs_up);
        }
        self.stages.clear();
    }

    fn tell(&mut self, index: usize, event: Event<'_>, now: Instant) {
        let at = self.at(now);
        self.stages[index].on(event, at, &mut self.hangs_up);
        self.follow(index, now);
    }

    /// Gives an item to a stage, or to the output if there is none with this index.
    fn feed(&mut self, index: usize, item: Item, now: Instant) {
        let at = self.at(now);
        match self.stages.get_mut(index) {
            None => self.leave(item),
            Some(stage) => {
                stage.take(&item, at, &mut self.hangs_up);
                self.follow(index, now);
            }
        }
    }

    /// Does what a stage has said.
    fn follow(&mut self, index: usize, now: Instant) {
        if self.stages[index].take_reset() { self.reset_from(index + 1, now) } else { self.flow(index, now) }
    }

    /// Moves what is due in a stage's queue to the next stage.
    fn flow(&mut self, index: usize, now: Instant) {
        while let Some(item) = self.stages[index].pop_due(now) {
            self.feed(index + 1, item, now);
        }
    }

    fn leave(&mut self, item: Item) {
        if self.progress.admits(&item) {
            self.waiting += item.len();
            self.left += item.len() as u64;
            self.output.push_back(item);
        }
    }

    /// What is to be given to the peer next.
    pub(crate) fn front(&self) -> Option<&Item> {
        self.output.front()
    }

    /// The peer has taken so many bytes of the chunk in front, or what else is there.
    pub(crate) fn took(&mut self, count: usize) {
        self.waiting -= count;
        match self.output.front_mut() {
            Some(Item::Chunk(bytes)) if count < bytes.len() => drop(bytes.split_to(count)),
            _ => drop(self.output.pop_front()),
        }
    }

    /// Whether the peer has been given the end.
    pub(crate) fn is_done(&self) -> bool {
        self.progress == Progress::Ended && self.output.is_empty()
    }

    /// Whether it has, and the other direction is to end with this one.
    pub(super) fn has_hung_up(&self) -> bool {
        self.hangs_up && self.is_done()
    }

    fn at(&self, now: Instant) -> At {
        At { direction: self.direction, position: 0, now, session: self.session }
    }
}
