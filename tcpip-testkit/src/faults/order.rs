//! Bytes that are missing, twice there, or in the wrong order.

use super::{At, Event, Fault, Out, custom, lanes::Lanes};

/// Damage that TCP does not do: chunks are missing. Within [`messages`](super::messages) or [`frames`](super::frames),
/// messages are, as if the device had lost them.
#[must_use]
pub fn drop_bytes() -> impl Fault {
    custom(|event, _, out| match event {
        Event::Chunk(_) => {}
        event => out.pass(event),
    })
}

/// Each chunk comes twice; within [`messages`](super::messages) or [`frames`](super::frames), each message.
///
/// It is meant for these two: a chunk is what one read gave, several messages or the half of one, so that alone it
/// doubles what nobody can tell in advance. With [`after`](Fault::after), it begins at a byte that is known.
///
/// # Examples
///
/// The first line comes twice, as from a device that repeats what it takes for lost:
///
/// ```
/// use tcpip_testkit::faults;
///
/// let twice = faults::messages(b"\r\n", faults::double()).times(1);
/// # let _: &dyn faults::Fault = &twice;
/// ```
#[must_use]
pub fn double() -> impl Fault {
    custom(|event, _, out| {
        if let Event::Chunk(bytes) = event {
            out.send(bytes);
        }
        out.pass(event);
    })
}

/// A chunk changes places with the one behind it; within [`messages`](super::messages), a message. If none comes, it
/// comes with the end of the stream or when the fault is removed.
///
/// # Examples
///
/// The first two replies in the wrong order:
///
/// ```
/// use tcpip_testkit::faults;
///
/// let swapped = faults::messages(b"\n", faults::swap()).times(1);
/// # let _: &dyn faults::Fault = &swapped;
/// ```
#[must_use]
pub fn swap() -> impl Fault {
    Swap::default()
}

#[derive(Default)]
struct Swap {
    /// What waits for the one behind it.
    first: Lanes<Option<Vec<u8>>>,
}

impl Fault for Swap {
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        let first = self.first.take(at);
        match (event, first) {
            (Event::Chunk(bytes), None) => *self.first.of(at) = Some(bytes.to_vec()),
            (Event::Chunk(_) | Event::Spared(_), Some(first)) => {
                out.pass(event);
                out.send(first);
            }
            (Event::End | Event::Removed, Some(first)) => {
                out.send(first);
                out.pass(event);
            }
            (Event::Timer | Event::Open, first) => *self.first.of(at) = first,
            (event, _) => out.pass(event),
        }
    }
}
