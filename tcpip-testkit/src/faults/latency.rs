//! A link that is long.

use std::time::Duration;

use super::{At, Event, Fault, Out, random::Random};

/// Late bytes: see [`latency`].
#[derive(Debug)]
pub struct Latency {
    delay: Duration,
    jitter: Option<(Duration, Random)>,
}

/// Each chunk comes `delay` later, and so does the end of the stream. As many as are under way may be late at the same
/// time: it does not make the link slower.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tcpip_testkit::faults::{self, Fault};
///
/// let satellite = faults::latency(Duration::from_millis(600)).jitter(Duration::from_millis(50), 7);
/// let one_late_reply = faults::latency(Duration::from_secs(3)).times(1);
/// # let _: [&dyn Fault; 2] = [&satellite, &one_late_reply];
/// ```
#[must_use]
pub fn latency(delay: Duration) -> Latency {
    Latency { delay, jitter: None }
}

impl Latency {
    /// Up to `jitter` more for each chunk, which is drawn. None overtakes another. Default: nothing more.
    #[must_use]
    pub fn jitter(self, jitter: Duration, seed: u64) -> Self {
        Self { jitter: Some((jitter, Random::new(seed))), ..self }
    }

    fn draw(&mut self) -> Duration {
        let more = self.jitter.as_mut().map_or(Duration::ZERO, |(jitter, random)| {
            let nanoseconds = u64::try_from(jitter.as_nanos()).unwrap_or(u64::MAX);
            Duration::from_nanos(random.below(nanoseconds.saturating_add(1)))
        });
        self.delay.saturating_add(more)
    }
}

impl Fault for Latency {
    fn on(&mut self, event: Event<'_>, _: At, out: &mut Out<'_>) {
        match event {
            Event::Chunk(bytes) => out.send_after(self.draw(), bytes),
            Event::End => out.end_after(self.delay),
            event => out.pass(event),
        }
    }
}
