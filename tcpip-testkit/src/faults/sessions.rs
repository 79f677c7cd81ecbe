//! A fault of its own for each session.

use std::{collections::HashMap, fmt};

use super::{At, Event, Fault, Out, random::Probability};

/// A fault for each of some sessions: see [`sessions`].
pub struct Sessions<F> {
    make: Box<dyn FnMut() -> F + Send>,
    skip: u64,
    drawn: Option<(Probability, u64)>,
    times: Option<u64>,
    /// The sessions that are there, by their numbers.
    there: HashMap<u64, There<F>>,
}

#[derive(Debug)]
struct There<F> {
    /// None if this session is spared.
    fault: Option<F>,
    /// In how many directions the fault is at work.
    directions: usize,
}

/// Gives each session a fault of its own, which `make` returns when the session begins: what the conditions of a fault
/// count, such as the bytes of [`after`](Fault::after), begins anew with each session.
///
/// Its own conditions, [`times`](Sessions::times), [`skip`](Sessions::skip) and
/// [`probability`](Sessions::probability), count sessions, each of which is one from its beginning to its end and in
/// both directions. Each condition holds for what all others leave, in whatever order they are given: first come the
/// sessions of `skip`, then each session is drawn, and of those drawn there are so many `times`. They
/// count in the order in which they begin; those that are there when it is installed, in none that is promised.
///
/// # Examples
///
/// A device that restarts once, ten seconds after its second session has begun; one whose first reply of each session
/// is late; and one that resets one session in a hundred, within its first reply:
///
/// ```
/// use std::time::Duration;
/// use tcpip_testkit::{faults::{self, Fault}, seed};
///
/// let restarts = faults::sessions(|| faults::reset_after(Duration::from_secs(10))).skip(1).times(1);
/// let slow = faults::sessions(|| faults::messages(b"\n", faults::latency(Duration::from_secs(3))).times(1));
/// let resets = faults::sessions(|| faults::reset().after(3)).probability(0.01, seed());
/// # let _: [&dyn Fault; 3] = [&restarts, &slow, &resets];
/// ```
#[must_use]
pub fn sessions<F: Fault>(make: impl FnMut() -> F + Send + 'static) -> Sessions<F> {
    Sessions { make: Box::new(make), skip: 0, drawn: None, times: None, there: HashMap::new() }
}

impl<F: Fault> Sessions<F> {
    /// The first `count` sessions have the fault, those behind them are spared.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { times: Some(count), ..self }
    }

    /// The first `count` sessions are spared.
    #[must_use]
    pub fn skip(self, count: u64) -> Self {
        Self { skip: count, ..self }
    }

    /// Each session is drawn, by its number at the proxy, and spared unless it is one of `p`: 0 is never, 1 always.
    ///
    /// # Panics
    ///
    /// If `p` is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn probability(self, p: f64, seed: u64) -> Self {
        Self { drawn: Some((Probability::new(p), seed)), ..self }
    }

    fn begin(&mut self, session: u64) -> There<F> {
        There { fault: self.chooses(session).then(&mut self.make), directions: 0 }
    }

    /// Whether a session that begins has the fault.
    fn chooses(&mut self, session: u64) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let is_drawn = self.drawn.is_none_or(|(p, seed)| p.draws(seed, session));
        if !is_drawn || self.times == Some(0) {
            return false;
        }
        self.times = self.times.map(|times| times - 1);
        true
    }
}

impl<F: Fault> Fault for Sessions<F> {
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        let mut there = self.there.remove(&at.session).unwrap_or_else(|| self.begin(at.session));
        match event {
            Event::Open => there.directions += 1,
            Event::Removed | Event::Closed => there.directions = there.directions.saturating_sub(1),
            _ => {}
        }
        match &mut there.fault {
            Some(fault) => fault.on(event, at, out),
            None => out.pass(event),
        }
        if there.directions > 0 {
            self.there.insert(at.session, there);
        }
    }
}

impl<F: fmt::Debug> fmt::Debug for Sessions<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { make: _, skip, drawn, times, there } = self;
        formatter
            .debug_struct("Sessions")
            .field("skip", skip)
            .field("drawn", drawn)
            .field("times", times)
            .field("there", there)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    use tokio::time::Instant;

    use super::*;
    use crate::faults::{
        Direction, Installed, Item, Session, drop_bytes, reset, reset_after,
        stages::bench::{Bench, ms},
    };

    /// A fault that many sessions share.
    fn shared(fault: impl Fault) -> impl Fn() -> Bench {
        let fault = Arc::new(Mutex::new(fault));
        let count = Mutex::new(0);
        move || {
            let fault = Arc::clone(&fault);
            *count.lock().unwrap() += 1;
            let session = *count.lock().unwrap();
            Bench::with(move |event: Event<'_>, at: At, out: &mut Out<'_>| {
                fault.lock().unwrap().on(event, At { session, ..at }, out);
            })
        }
    }

    /// Which of the first sessions have a fault that drops all.
    fn which(fault: impl Fault) -> Vec<usize> {
        let begin = shared(fault);
        let drops = |_: &usize| {
            let mut bench = begin();
            bench.chunk(0, b"x");
            bench.chunk(1, b"y");
            bench.bytes().is_empty()
        };
        (1..=5).filter(drops).collect()
    }

    /// Conditions count sessions, however many chunks each has.
    #[test]
    fn conditions_count_sessions() {
        assert_eq!(which(sessions(drop_bytes)), [1, 2, 3, 4, 5]);
        assert_eq!(which(sessions(drop_bytes).times(2)), [1, 2]);
        assert!(which(sessions(drop_bytes).times(0)).is_empty());
        assert_eq!(which(sessions(drop_bytes).skip(3)), [4, 5]);
        assert_eq!(which(sessions(drop_bytes).skip(1).times(2)), [2, 3]);
        assert_eq!(which(sessions(drop_bytes).times(2).skip(1)), [2, 3]);
        assert!(which(sessions(drop_bytes).probability(0.0, 1)).is_empty());
        assert_eq!(which(sessions(drop_bytes).probability(1.0, 1).times(1)), [1]);
        let drawn: Vec<_> = (0..20).map(|seed| which(sessions(drop_bytes).probability(0.5, seed).times(1))).collect();
        assert!(drawn.iter().all(|drawn| drawn.len() <= 1), "{drawn:?}");
        assert!(drawn.contains(&vec![1]) && drawn.contains(&vec![3]), "{drawn:?}");
    }

    /// What the conditions of the fault count begins anew, whichever sessions are there together.
    #[test]
    fn each_session_has_a_fault_of_its_own() {
        let begin = shared(sessions(|| reset().after(3)).skip(1));
        let mut benches: Vec<_> = (0..3).map(|_| begin()).collect();
        for chunk in ["a", "bc", "d"] {
            for bench in &mut benches {
                bench.chunk(0, chunk.as_bytes());
            }
        }
        let of_each: Vec<_> = benches.iter().map(|bench| (bench.bytes(), bench.last() == Some(&Item::Reset))).collect();
        assert_eq!(of_each, [(b"abcd".to_vec(), false), (b"abc".to_vec(), true), (b"abc".to_vec(), true)]);
        let begin = shared(sessions(|| drop_bytes().times(1)));
        for _ in 0..2 {
            let mut bench = begin();
            bench.chunk(0, b"a");
            bench.chunk(0, b"b");
            assert_eq!(bench.bytes(), b"b");
        }
    }

    /// A session counts that has no traffic at all, and one that is there together with others.
    #[test]
    fn sessions_at_rest_are_counted() {
        let begin = shared(sessions(|| reset_after(Duration::from_secs(1))).skip(1).times(2));
        let mut benches: Vec<_> = (0..4).map(|_| begin()).collect();
        for bench in &mut benches {
            bench.run_until(ms(2000));
        }
        let resets: Vec<_> = benches.iter().map(|bench| bench.last() == Some(&Item::Reset)).collect();
        assert_eq!(resets, [false, true, true, false]);
    }

    /// Both directions are one session, and nothing is remembered of those that are over.
    #[test]
    fn both_directions_are_one_session() {
        let fault = Arc::new(Mutex::new(sessions(reset).skip(1).times(1)));
        let installed = [Installed { id: 1, direction: None, fault: Arc::clone(&fault) as Arc<Mutex<dyn Fault>> }];
        let now = Instant::now();
        for (number, is_reset) in [(1, false), (2, true), (3, false)] {
            let mut session = Session::new(number, 1024, now);
            session.sync(&installed, now);
            for direction in [Direction::ToServer, Direction::ToClient] {
                assert_eq!(session.lane(direction).front() == Some(&Item::Reset), is_reset, "{number} {direction:?}");
            }
            assert_eq!(fault.lock().unwrap().there.len(), 1);
            drop(session);
            assert_eq!(fault.lock().unwrap().there.len(), 0);
        }
        let mut session = Session::new(4, 1024, now);
        session.sync(&installed, now);
        session.sync(&[], now);
        assert_eq!(fault.lock().unwrap().there.len(), 0);
    }
}
