//! Several messages at once.

use super::{At, Event, Fault, Out, lanes::Lanes};

/// What has come to more is sent.
const MOST: usize = 1024 * 1024;

#[derive(Debug, Default)]
struct Coalesce {
    count: u64,
    kept: Lanes<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    count: u64,
    bytes: Vec<u8>,
}

/// Each `count` chunks come together, when the last of them does; within [`messages`](super::messages), each `count`
/// messages. Those that are left over come with the end of the stream or when the fault is removed; more than 1 MiB is
/// not kept.
///
/// # Examples
///
/// ```
/// use tcpip_testkit::faults;
///
/// let three_lines_at_once = faults::messages(b"\r\n", faults::coalesce(3));
/// # let _: &dyn faults::Fault = &three_lines_at_once;
/// ```
#[must_use]
pub fn coalesce(count: u64) -> impl Fault {
    Coalesce { count, kept: Lanes::default() }
}

impl Fault for Coalesce {
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        match event {
            Event::Chunk(bytes) => {
                let kept = self.kept.of(at);
                kept.bytes.extend_from_slice(bytes);
                kept.count += 1;
                if kept.count >= self.count || kept.bytes.len() >= MOST {
                    out.send(self.kept.take(at).bytes);
                }
                return;
            }
            Event::Spared(_) | Event::End | Event::Removed => out.send(self.kept.take(at).bytes),
            Event::Reset | Event::Closed => drop(self.kept.take(at)),
            Event::Open | Event::Timer => {}
        }
        out.pass(event);
    }
}
