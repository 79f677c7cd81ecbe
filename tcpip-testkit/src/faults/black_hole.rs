//! A link that is dead, and does not say so.

use super::{At, Event, Fault, Out, lanes::Lanes};

#[derive(Default)]
struct BlackHole {
    swallowed: Lanes<Option<Last>>,
}

/// What had come last.
enum Last {
    End,
    Reset,
}

/// All that comes is taken and lost, also the end and a reset: the peer does not learn of anything. When the fault is
/// removed, the peer learns of an end or a reset that has come meanwhile; the bytes stay lost.
///
/// Once it has begun, it takes the end also where [`times`](Fault::times) spares the bytes before that: what loses so
/// many messages, and nothing else, is [`drop_bytes`](super::drop_bytes).
#[must_use]
pub fn black_hole() -> impl Fault {
    BlackHole::default()
}

impl Fault for BlackHole {
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        match event {
            Event::Chunk(_) => {}
            Event::End => *self.swallowed.of(at) = Some(Last::End),
            Event::Reset => *self.swallowed.of(at) = Some(Last::Reset),
            Event::Removed => match self.swallowed.take(at) {
                Some(Last::End) => out.end(),
                Some(Last::Reset) => out.reset(),
                None => {}
            },
            Event::Closed => drop(self.swallowed.take(at)),
            event => out.pass(event),
        }
    }
}
