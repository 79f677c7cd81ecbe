//! Packets that are lost, as TCP shows them.

use std::time::Duration;

use super::{
    At, Event, Fault, Out,
    random::{Probability, Random},
};

/// How long TCP waits at least before it sends again what was not acknowledged.
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// How often one chunk is lost at most.
const MOST: u32 = 8;

/// Lost packets: see [`loss`].
#[derive(Debug)]
pub struct Loss {
    p: Probability,
    /// Of what follows a loss.
    burst: Probability,
    random: Random,
    was_lost: bool,
}

/// Each chunk is lost with the probability `p`. TCP sends it again after 200 ms, and if it is lost again after 400 ms
/// more, then 800 ms and so on: nothing is missing in the end, but it is late, and so is all that comes behind it.
///
/// # Panics
///
/// If `p` is not between 0 and 1.
#[must_use]
#[track_caller]
pub fn loss(p: f64, seed: u64) -> Loss {
    let p = Probability::new(p);
    Loss { p, burst: p, random: Random::new(seed), was_lost: false }
}

impl Loss {
    /// The probability of a loss behind another one, of the same chunk or the next: losses come together. Default: as
    /// that of any.
    ///
    /// # Panics
    ///
    /// If `p` is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn burst(self, p: f64) -> Self {
        Self { burst: Probability::new(p), ..self }
    }

    fn is_lost(&mut self) -> bool {
        let p = if self.was_lost { self.burst } else { self.p };
        self.was_lost = self.random.is_one_of(p);
        self.was_lost
    }

    /// How late the next chunk is.
    fn draw(&mut self) -> Duration {
        let losses = (0..MOST).take_while(|_| self.is_lost()).count();
        (0..losses).fold(Duration::ZERO, |delay, _| delay * 2 + RETRANSMISSION)
    }
}

impl Fault for Loss {
    fn on(&mut self, event: Event<'_>, _: At, out: &mut Out<'_>) {
        match event {
            Event::Chunk(bytes) => out.send_after(self.draw(), bytes),
            event => out.pass(event),
        }
    }
}
