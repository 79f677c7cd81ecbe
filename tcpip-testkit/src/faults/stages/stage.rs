//! A fault in one direction of one session, and its queue.

use std::{collections::VecDeque, fmt, sync::PoisonError};

use tcpip_core::Bytes;
use tokio::time::Instant;

use super::{Installed, SharedFault};
use crate::faults::{At, Event, Out};

/// What goes from stage to stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Chunk(Bytes),
    End,
    Reset,
}

impl Item {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Chunk(bytes) => bytes.len(),
            Self::End | Self::Reset => 0,
        }
    }
}

/// What a sequence of items has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Progress {
    #[default]
    Open,
    Ended,
    Reset,
}

impl Progress {
    /// Whether the item may come next; it then has.
    pub(super) fn admits(&mut self, item: &Item) -> bool {
        let next = match (&self, item) {
            (Self::Open, Item::Chunk(_)) => Self::Open,
            (Self::Open, Item::End) => Self::Ended,
            (Self::Open | Self::Ended, Item::Reset) => Self::Reset,
            (Self::Ended, Item::Chunk(_) | Item::End) | (Self::Reset, _) => return false,
        };
        *self = next;
        true
    }
}

/// When an item leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    At(Instant),
    /// When the fault is removed.
    Removal,
}

pub(crate) struct Stage {
    pub(super) id: u64,
    fault: Option<SharedFault>,
    /// How many bytes have come.
    position: u64,
    queue: VecDeque<(Due, Item)>,
    /// How many bytes are in the queue.
    held: usize,
    progress: Progress,
    timer: Option<Instant>,
    /// The fault wants a reset that overtakes what is under way.
    resets: bool,
    pub(in crate::faults) stops_reading: bool,
    /// Whether the lane held as much as it may when the timer was due.
    pub(in crate::faults) is_lane_full: bool,
}

impl Stage {
    pub(super) fn new(installed: &Installed, position: u64) -> Self {
        Self {
            id: installed.id,
            fault: Some(SharedFault::clone(&installed.fault)),
            position,
            queue: VecDeque::new(),
            held: 0,
            progress: Progress::Open,
            timer: None,
            resets: false,
            stops_reading: false,
            is_lane_full: false,
        }
    }

    /// Tells the fault of an item, which then has come.
    pub(super) fn take(&mut self, item: &Item, at: At, hangs_up: &mut bool) {
        match item {
            Item::Chunk(bytes) => {
                self.tell(Event::Chunk(bytes), at, bytes, hangs_up);
                self.position += bytes.len() as u64;
            }
            Item::End => self.on(Event::End, at, hangs_up),
            Item::Reset => self.on(Event::Reset, at, hangs_up),
        }
    }

    /// Tells the fault of what is no chunk.
    pub(super) fn on(&mut self, event: Event<'_>, at: At, hangs_up: &mut bool) {
        self.tell(event, at, &Bytes::new(), hangs_up);
    }

    fn tell(&mut self, event: Event<'_>, at: At, chunk: &Bytes, hangs_up: &mut bool) {
        let at = At { position: self.position, ..at };
        let fault = self.fault.take().expect("it is here unless it is told of something");
        // What a fault that has panicked remembers is its own affair.
        fault.lock().unwrap_or_else(PoisonError::into_inner).on(
            event,
            at,
            &mut Out::new(self, at.now, chunk, hangs_up),
        );
        self.fault = Some(fault);
    }

    /// Queues an item, due at that time, or never if there is no such time, and not before it is the next one.
    pub(in crate::faults) fn push(&mut self, due: Option<Instant>, item: Item) {
        if self.progress.admits(&item) {
            self.held += item.len();
            self.queue.push_back((due.map_or(Due::Removal, Due::At), item));
        }
    }

    /// Drops what is queued, and has a reset overtake what is under way behind this stage.
    pub(in crate::faults) fn reset(&mut self) {
        if self.progress != Progress::Reset {
            self.clear();
            self.progress = Progress::Reset;
            self.resets = true;
        }
    }

    /// Whether it is to do so now.
    pub(super) fn take_reset(&mut self) -> bool {
        std::mem::take(&mut self.resets)
    }

    /// Takes the next item out of the queue if it is due by `now`.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Item> {
        let (due, _) = self.queue.front()?;
        if *due <= Due::At(now) { self.pop() } else { None }
    }

    /// Takes the next item out of the queue.
    pub(super) fn pop(&mut self) -> Option<Item> {
        let (_, item) = self.queue.pop_front()?;
        self.held -= item.len();
        Some(item)
    }

    /// Drops what is queued.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.held = 0;
        self.progress = Progress::Open;
    }

    /// When the next item is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        match self.queue.front() {
            Some((Due::At(due), _)) => Some(*due),
            Some((Due::Removal, _)) | None => None,
        }
    }

    pub(super) fn timer(&self) -> Option<Instant> {
        self.timer
    }

    pub(in crate::faults) fn set_timer(&mut self, timer: Option<Instant>) {
        self.timer = timer;
    }

    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(in crate::faults) fn is_over(&self) -> bool {
        self.progress != Progress::Open
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, fault: _, position, queue, held: _, progress, timer, resets, stops_reading, is_lane_full: _ } =
            self;
        formatter
            .debug_struct("Stage")
            .field("id", id)
            .field("position", position)
            .field("queue", queue)
            .field("progress", progress)
            .field("timer", timer)
            .field("resets", resets)
            .field("stops_reading", stops_reading)
            .finish()
    }
}
