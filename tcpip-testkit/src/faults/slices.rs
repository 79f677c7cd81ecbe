//! Chunks in pieces.

use std::time::Duration;

use tokio::time::Instant;

use super::{At, Event, Fault, Out, lanes::Lanes, random::Random};

/// Bytes in pieces: see [`slices`], [`slices_at`] and [`random_slices`].
#[derive(Debug)]
pub struct Slices {
    cuts: Cuts,
    pause: Duration,
    /// When the last piece leaves.
    last: Lanes<Option<Instant>>,
}

/// Where chunks are cut.
#[derive(Debug)]
enum Cuts {
    Size(u64),
    Offsets(Vec<u64>),
    Random(Random),
}

/// Each chunk comes in pieces of at most `size` bytes; 1 is at every byte.
///
/// The peer is given its turn between two pieces, but where it is slow, or the system is, it may find several at once:
/// a [`pause`](Slices::pause) makes that unlikely.
///
/// A chunk is what one read gave, so where a message is cut depends on what came with it, unless `size` is 1. Within
/// [`messages`](super::messages) or [`frames`](super::frames) each message is cut from its own beginning on; with
/// [`after`](Fault::after) all behind a byte that is known; and [`slices_at`] cuts at such bytes. What is installed
/// behind it has the pieces one by one: a [`latency`](super::latency) with jitter, for one, has each come at a time of
/// its own.
///
/// # Panics
///
/// If it is 0.
///
/// # Examples
///
/// Each line comes in pieces of three bytes, the next line in pieces of its own; and all but a greeting of 16 bytes
/// comes byte by byte:
///
/// ```
/// use tcpip_testkit::faults::{self, Fault};
///
/// let lines = faults::messages(b"\n", faults::slices(3));
/// let bytes = faults::slices(1).after(16);
/// # let _: [&dyn Fault; 2] = [&lines, &bytes];
/// ```
#[must_use]
#[track_caller]
pub fn slices(size: usize) -> Slices {
    assert!(size > 0, "a slice has at least one byte");
    Slices::new(Cuts::Size(size as u64))
}

/// Chunks are cut at these offsets, counted in each direction of each session from its beginning: what is before an
/// offset and what is behind it come apart.
#[must_use]
pub fn slices_at(offsets: impl IntoIterator<Item = u64>) -> Slices {
    let mut offsets: Vec<u64> = offsets.into_iter().collect();
    offsets.sort_unstable();
    Slices::new(Cuts::Offsets(offsets))
}

/// Chunks are cut anywhere: each piece is of a length that is drawn, from 1 byte to all that is left.
#[must_use]
pub fn random_slices(seed: u64) -> Slices {
    Slices::new(Cuts::Random(Random::new(seed)))
}

impl Slices {
    fn new(cuts: Cuts) -> Self {
        Self { cuts, pause: Duration::ZERO, last: Lanes::default() }
    }

    /// Each piece comes so much later than the one before it, also than the last of the chunk before. Default: the
    /// peer is given its turn.
    #[must_use]
    pub fn pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    fn chunk(&mut self, mut bytes: &[u8], at: At, out: &mut Out<'_>) {
        let mut position = at.position;
        let last = self.last.of(at);
        while !bytes.is_empty() {
            let length = self.cuts.next(position, bytes.len());
            let (piece, rest) = bytes.split_at(length);
            let due = last.map_or(Some(at.now), |last| Some(at.now.max(last.checked_add(self.pause)?)));
            // What is never due waits until the fault is removed.
            out.send_after(due.map_or(Duration::MAX, |due| due - at.now), piece);
            *last = due.or(*last);
            position += length as u64;
            bytes = rest;
        }
    }
}

impl Cuts {
    /// How long the next piece is, of so many bytes at that position.
    fn next(&mut self, position: u64, length: usize) -> usize {
        let longest = length as u64;
        let cut = match self {
            Self::Size(size) => *size,
            Self::Offsets(offsets) => {
                let behind = offsets.partition_point(|offset| *offset <= position);
                offsets.get(behind).map_or(longest, |offset| offset - position)
            }
            Self::Random(random) => 1 + random.below(longest),
        };
        usize::try_from(cut.min(longest)).expect("no chunk is longer")
    }
}

impl Fault for Slices {
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        match event {
            Event::Chunk(bytes) => return self.chunk(bytes, at, out),
            Event::Removed | Event::Closed => drop(self.last.take(at)),
            _ => {}
        }
        out.pass(event);
    }
}
