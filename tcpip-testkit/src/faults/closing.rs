//! Links that end.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::{At, Event, Fault, Out, custom};

/// Each direction of each session carries so many bytes from its beginning, then both peers find the end of the stream
/// behind what had come.
#[must_use]
pub fn limit(bytes: u64) -> impl Fault {
    custom(move |event, at, out| {
        let left = bytes.saturating_sub(at.position);
        match event {
            Event::Chunk(chunk) if (chunk.len() as u64) < left => out.pass(event),
            Event::Chunk(chunk) => {
                out.send(&chunk[..usize::try_from(left).unwrap_or(chunk.len())]);
                out.close();
            }
            Event::Open if left == 0 => out.close(),
            event => out.pass(event),
        }
    })
}

/// The end of the stream comes `delay` later.
#[must_use]
pub fn slow_close(delay: Duration) -> impl Fault {
    custom(move |event, _, out| match event {
        Event::End => out.end_after(delay),
        event => out.pass(event),
    })
}

/// The link hangs up: both peers find the end of the stream, at once, or where the conditions say. What comes then is
/// lost.
///
/// # Examples
///
/// ```
/// use tcpip_testkit::faults::{self, Fault};
///
/// let within_the_second_line = faults::messages(b"\n", faults::fin().after(3)).skip(1);
/// # let _: &dyn Fault = &within_the_second_line;
/// ```
#[must_use]
pub fn fin() -> impl Fault {
    custom(|event, _, out| match event {
        Event::Open | Event::Chunk(_) => out.close(),
        event => out.pass(event),
    })
}

/// The peer finds the end of the stream, in this direction alone: at once, or where the conditions say. What comes then
/// in this direction is lost, and the other one goes on.
#[must_use]
pub fn half_close() -> impl Fault {
    custom(|event, _, out| match event {
        Event::Open | Event::Chunk(_) => out.end(),
        event => out.pass(event),
    })
}

/// Both peers find the connection reset: at once, or where the conditions say. What has left before arrives.
///
/// # Examples
///
/// ```
/// use tcpip_testkit::faults::{self, Fault};
///
/// let within_a_reply = faults::reset().after(3);
/// let in_place_of_the_second_reply = faults::messages(b"\n", faults::reset()).skip(1);
/// # let _: [&dyn Fault; 2] = [&within_a_reply, &in_place_of_the_second_reply];
/// ```
#[must_use]
pub fn reset() -> impl Fault {
    custom(|event, _, out| match event {
        Event::Open | Event::Chunk(_) => out.reset(),
        event => out.pass(event),
    })
}

/// Both peers find the connection reset so long after its beginning, or after the fault was installed, whatever passes
/// meanwhile. What has not arrived by then is lost, also where somebody does not read.
#[must_use]
pub fn reset_after(delay: Duration) -> impl Fault {
    after(delay, How::Reset)
}

/// The link [hangs up](fin) so long after its beginning, or after the fault was installed, whatever passes meanwhile.
#[must_use]
pub fn fin_after(delay: Duration) -> impl Fault {
    after(delay, How::InOrder)
}

/// Both peers find the connection reset when nothing has passed for so long, in either of the directions in which this
/// is installed.
#[must_use]
pub fn reset_when_idle(time: Duration) -> impl Fault {
    WhenIdle { time, last: HashMap::new(), how: How::Reset }
}

/// The link [hangs up](fin) when nothing has passed for so long, in either of the directions in which this is
/// installed.
#[must_use]
pub fn fin_when_idle(time: Duration) -> impl Fault {
    WhenIdle { time, last: HashMap::new(), how: How::InOrder }
}

/// How a link ends.
#[derive(Clone, Copy)]
enum How {
    InOrder,
    Reset,
}

impl How {
    fn end(self, out: &mut Out<'_>) {
        match self {
            Self::InOrder => out.close(),
            Self::Reset => out.reset_now(),
        }
    }
}

fn after(delay: Duration, how: How) -> impl Fault {
    custom(move |event, _, out| match event {
        Event::Open => out.wake_after(delay),
        Event::Timer => how.end(out),
        event => out.pass(event),
    })
}

struct WhenIdle {
    time: Duration,
    /// When something passed last in a session.
    last: HashMap<u64, Instant>,
    how: How,
}

impl Fault for WhenIdle {
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        match event {
            Event::Open | Event::Chunk(_) | Event::Spared(_) => {
                self.last.insert(at.session, at.now);
                out.wake_after(self.time);
            }
            Event::Timer => {
                let idle = self.last.get(&at.session).map_or(self.time, |last| at.now.saturating_duration_since(*last));
                match self.time.saturating_sub(idle) {
                    Duration::ZERO => self.how.end(out),
                    left => out.wake_after(left),
                }
            }
            Event::Closed => drop(self.last.remove(&at.session)),
            _ => {}
        }
        out.pass(event);
    }
}
