//! When a fault is at work.

use super::{
    At, Event, Fault, Out,
    lanes::Lanes,
    random::{Probability, Random},
};

/// A fault with conditions, as [`Fault::times`] and the like make one.
///
/// Each condition holds for what all others leave to the fault, in whatever order they are given: first a session is
/// drawn, then come the bytes of `after`, then the chunks of `skip`, then each chunk is drawn, and of those drawn there
/// are so many `times`. A condition that is given twice counts as it was given last.
///
/// A fault begins ([`Event::Open`]) when its conditions first allow it: when a session begins, exactly behind the bytes
/// of `after`, or with the first chunk that it is to have.
#[derive(Debug)]
pub struct Gated<F> {
    fault: F,
    sessions: Option<(Probability, u64)>,
    after: u64,
    skip: u64,
    chunks: Option<(Probability, Random)>,
    times: Option<u64>,
    /// Whether the fault has begun.
    begun: Lanes<bool>,
}

impl<F: Fault> Gated<F> {
    pub(super) fn new(fault: F) -> Self {
        Self { fault, sessions: None, after: 0, skip: 0, chunks: None, times: None, begun: Lanes::default() }
    }

    /// See [`Fault::times`].
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { times: Some(count), ..self }
    }

    /// See [`Fault::skip`].
    #[must_use]
    pub fn skip(self, count: u64) -> Self {
        Self { skip: count, ..self }
    }

    /// See [`Fault::after`].
    #[must_use]
    pub fn after(self, bytes: u64) -> Self {
        Self { after: bytes, ..self }
    }

    /// See [`Fault::probability`].
    ///
    /// # Panics
    ///
    /// If `p` is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn probability(self, p: f64, seed: u64) -> Self {
        Self { chunks: Some((Probability::new(p), Random::new(seed))), ..self }
    }

    /// See [`Fault::of_sessions`].
    ///
    /// # Panics
    ///
    /// If `p` is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn of_sessions(self, p: f64, seed: u64) -> Self {
        Self { sessions: Some((Probability::new(p), seed)), ..self }
    }

    /// Whether this session is one that is not spared.
    fn has_session(&self, at: At) -> bool {
        self.sessions.is_none_or(|(p, seed)| p.draws(seed, at.session))
    }

    /// Whether nothing has to come before the fault is at work.
    fn is_at_work(&self) -> bool {
        let draws = self.chunks.as_ref().is_some_and(|(p, _)| !p.is_certain());
        self.after == 0 && self.skip == 0 && !draws && self.times != Some(0)
    }

    /// Has the fault begin. That counts, if it acts.
    fn begin(&mut self, at: At, out: &mut Out<'_>) -> bool {
        *self.begun.of(at) = true;
        let was_over = out.is_over();
        self.fault.on(Event::Open, at, out);
        let has_acted = !was_over && out.is_over();
        if has_acted {
            self.count();
        }
        has_acted
    }

    fn count(&mut self) {
        self.times = self.times.map(|times| times.saturating_sub(1));
    }

    fn chunk(&mut self, bytes: &[u8], mut at: At, out: &mut Out<'_>) {
        let cut = usize::try_from(self.after).unwrap_or(usize::MAX).min(bytes.len());
        let (before, bytes) = bytes.split_at(cut);
        if !before.is_empty() {
            self.spare(before, at, out);
            self.after -= cut as u64;
            at.position += cut as u64;
            if self.is_at_work() && !*self.begun.of(at) {
                self.begin(at, out);
            }
            if bytes.is_empty() {
                return;
            }
        }
        if self.is_spared() {
            return self.spare(bytes, at, out);
        }
        if *self.begun.of(at) || !self.begin(at, out) {
            self.count();
        }
        self.fault.on(Event::Chunk(bytes), at, out);
    }

    /// Whether the next chunk is.
    fn is_spared(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return true;
        }
        self.times == Some(0) || self.chunks.as_mut().is_some_and(|(p, random)| !random.is_one_of(*p))
    }

    /// Has the fault pass bytes on, since it may have kept what was before them.
    fn spare(&mut self, bytes: &[u8], at: At, out: &mut Out<'_>) {
        self.tell(Event::Spared(bytes), at, out);
    }

    /// Tells the fault, if it has begun.
    fn tell(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        if *self.begun.of(at) { self.fault.on(event, at, out) } else { out.pass(event) }
    }
}

impl<F: Fault> Fault for Gated<F> {
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        match event {
            Event::Open => {
                if self.is_at_work() && self.has_session(at) {
                    self.begin(at, out);
                }
            }
            Event::Chunk(bytes) if self.has_session(at) => self.chunk(bytes, at, out),
            Event::Chunk(bytes) => self.spare(bytes, at, out),
            Event::Removed | Event::Closed => {
                if self.begun.take(at) {
                    self.fault.on(event, at, out);
                }
            }
            event => self.tell(event, at, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{
        Item, double, drop_bytes, half_close, latency, limit, reset,
        stages::bench::{Bench, ms},
    };

    /// What comes of chunks of two bytes each.
    fn of_chunks(fault: impl Fault) -> String {
        let mut bench = Bench::with(fault);
        for chunk in ["aa", "bb", "cc", "dd", "ee"] {
            bench.chunk(0, chunk.as_bytes());
        }
        String::from_utf8(bench.bytes()).unwrap()
    }

    /// Conditions count what the others leave, in whatever order they are given.
    #[test]
    fn conditions_count_what_the_others_leave() {
        assert_eq!(of_chunks(drop_bytes()), "");
        assert_eq!(of_chunks(drop_bytes().times(2)), "ccddee");
        assert_eq!(of_chunks(drop_bytes().times(0)), "aabbccddee");
        assert_eq!(of_chunks(drop_bytes().skip(3)), "aabbcc");
        assert_eq!(of_chunks(drop_bytes().skip(1).times(2)), "aaddee");
        assert_eq!(of_chunks(drop_bytes().times(2).skip(1)), "aaddee");
        assert_eq!(of_chunks(drop_bytes().after(3).times(1)), "aabccddee");
        assert_eq!(of_chunks(drop_bytes().after(4).skip(1).times(1)), "aabbccee");
        assert_eq!(of_chunks(double().probability(0.0, 1)), "aabbccddee");
        assert_eq!(of_chunks(drop_bytes().probability(1.0, 1)), "");
        assert_eq!(of_chunks(drop_bytes().of_sessions(0.0, 1)), "aabbccddee");
        assert_eq!(of_chunks(drop_bytes().of_sessions(1.0, 1)), "");
        let drawn: Vec<_> = (0..20).map(|seed| of_chunks(drop_bytes().probability(0.5, seed).times(1))).collect();
        assert!(drawn.iter().all(|left| left.len() >= 8), "{drawn:?}");
        assert!(drawn.iter().any(|left| left.starts_with("bb")) && drawn.iter().any(|left| left.starts_with("aacc")));
    }

    /// A fault begins exactly behind the bytes of `after`, wherever chunks end, and without waiting for what comes
    /// next.
    #[test]
    fn a_fault_begins_exactly_behind_the_bytes() {
        const BYTES: &[u8] = b"0123456789";
        for after in 1..=BYTES.len() {
            for size in 1..=BYTES.len() {
                let mut bench = Bench::with(reset().after(after as u64));
                for chunk in BYTES[..after].chunks(size) {
                    assert_ne!(bench.last(), Some(&Item::Reset));
                    bench.chunk(ms(1), chunk);
                }
                assert_eq!((bench.bytes(), bench.last()), (BYTES[..after].to_vec(), Some(&Item::Reset)));
                let mut bench = Bench::with(half_close().after(after as u64));
                BYTES.chunks(size).for_each(|chunk| bench.chunk(ms(1), chunk));
                assert_eq!((bench.bytes(), bench.last()), (BYTES[..after].to_vec(), Some(&Item::End)));
                let mut bench = Bench::with(limit(after as u64));
                BYTES.chunks(size).for_each(|chunk| bench.chunk(ms(1), chunk));
                assert_eq!((bench.bytes(), bench.last()), (BYTES[..after].to_vec(), Some(&Item::End)));
            }
        }
    }

    /// What is at work with the beginning of a session is so as long as its conditions allow, and each time counts.
    #[test]
    fn a_fault_that_acts_at_the_beginning_is_counted() {
        let count = |fault: Gated<_>, sessions: usize| {
            let fault = std::sync::Arc::new(std::sync::Mutex::new(fault));
            let resets = (0..sessions).filter(|_| {
                let fault = std::sync::Arc::clone(&fault);
                let mut bench = Bench::with(move |event: Event<'_>, at: At, out: &mut Out<'_>| {
                    fault.lock().unwrap().on(event, at, out);
                });
                bench.last() == Some(&Item::Reset) || {
                    bench.chunk(0, b"x");
                    bench.last() == Some(&Item::Reset)
                }
            });
            resets.count()
        };
        assert_eq!(count(Gated::new(reset()), 5), 5);
        assert_eq!(count(reset().times(2), 5), 2);
        assert_eq!(count(reset().skip(3), 5), 2);
        assert_eq!(count(reset().skip(1).times(2), 5), 2);
        assert_eq!(count(reset().probability(0.0, 7), 5), 0);
        assert_eq!(count(reset().probability(1.0, 7), 5), 5);
        let some = count(reset().probability(0.3, 7), 1000);
        assert!((250..350).contains(&some), "{some}");
    }

    /// What is spared stays behind what is late.
    #[test]
    fn what_is_spared_does_not_overtake() {
        let mut bench = Bench::with(latency(std::time::Duration::from_millis(30)).times(1));
        bench.chunk(ms(1), b"late");
        bench.chunk(ms(2), b"spared");
        bench.end(ms(3));
        bench.run_until(ms(100));
        let times: Vec<_> = bench.left.iter().map(|(at, _)| *at).collect();
        assert_eq!((bench.bytes(), times), (b"latespared".to_vec(), vec![ms(31), ms(31), ms(33)]));
    }
}
