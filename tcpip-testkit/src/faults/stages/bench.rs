//! A lane on its own, under a clock that the test moves.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tcpip_core::Bytes;
use tokio::time::Instant;

use super::{Installed, Item, Lane};
use crate::faults::{Direction, Fault};

/// What leaves, and how many nanoseconds after the beginning.
pub(in crate::faults) type Left = (u64, Item);

pub(in crate::faults) struct Bench {
    start: Instant,
    pub(in crate::faults) lane: Lane,
    installed: Vec<Installed>,
    count: u64,
    pub(in crate::faults) left: Vec<Left>,
}

impl Bench {
    pub(in crate::faults) fn new() -> Self {
        let start = Instant::now();
        let lane = Lane::new(Direction::ToClient, 1, 1024 * 1024, start);
        Self { start, lane, installed: Vec::new(), count: 0, left: Vec::new() }
    }

    /// With a fault from the beginning.
    pub(in crate::faults) fn with(fault: impl Fault) -> Self {
        let mut bench = Self::new();
        bench.add(0, fault);
        bench
    }

    pub(in crate::faults) fn add(&mut self, at: u64, fault: impl Fault) -> u64 {
        self.count += 1;
        let fault = Arc::new(Mutex::new(fault));
        self.installed.push(Installed { id: self.count, direction: None, fault });
        self.sync(at);
        self.count
    }

    pub(in crate::faults) fn remove(&mut self, at: u64, id: u64) {
        self.installed.retain(|installed| installed.id != id);
        self.sync(at);
    }

    fn sync(&mut self, at: u64) {
        self.run_until(at);
        self.lane.sync(&self.installed, self.time(at));
        self.note(at);
    }

    pub(in crate::faults) fn chunk(&mut self, at: u64, bytes: &[u8]) {
        self.run_until(at);
        self.lane.chunk(self.time(at), Bytes::copy_from_slice(bytes));
        self.note(at);
    }

    pub(in crate::faults) fn end(&mut self, at: u64) {
        self.run_until(at);
        self.lane.end(self.time(at));
        self.note(at);
    }

    pub(in crate::faults) fn reset(&mut self, at: u64) {
        self.run_until(at);
        self.lane.reset(self.time(at));
        self.note(at);
    }

    /// Lets the time pass, without being late for anything.
    pub(in crate::faults) fn run_until(&mut self, at: u64) {
        while let Some(next) = self.lane.next_time().filter(|next| *next <= self.time(at)) {
            self.lane.advance(next);
            self.note(u64::try_from((next - self.start).as_nanos()).unwrap());
        }
    }

    /// All bytes that have left.
    pub(in crate::faults) fn bytes(&self) -> Vec<u8> {
        let chunks = self.left.iter().filter_map(|(_, item)| match item {
            Item::Chunk(bytes) => Some(&**bytes),
            Item::End | Item::Reset => None,
        });
        chunks.collect::<Vec<_>>().concat()
    }

    pub(in crate::faults) fn last(&self) -> Option<&Item> {
        self.left.last().map(|(_, item)| item)
    }

    fn time(&self, at: u64) -> Instant {
        self.start + Duration::from_nanos(at)
    }

    fn note(&mut self, at: u64) {
        while let Some(item) = self.lane.front().cloned() {
            self.lane.took(item.len());
            self.left.push((at, item));
        }
    }
}

/// So many milliseconds.
pub(in crate::faults) const fn ms(milliseconds: u64) -> u64 {
    milliseconds * 1_000_000
}
