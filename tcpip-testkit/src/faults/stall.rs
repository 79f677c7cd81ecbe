//! A peer that does not read.

use std::time::Duration;

use super::{At, Event, Fault, Out};

struct Stall;

/// Nothing more is read from the source, whose writes wait as soon as its own buffer and that of the proxy are full:
/// after some megabytes over loopback. With small [`buffers`](crate::proxy::FaultProxyBuilder::buffers) the proxy takes
/// hardly any of them. When the fault is removed, all goes on.
///
/// What had been read already, behind the bytes of [`after`](Fault::after) or by faults before this one, waits as well.
///
/// # Examples
///
/// A device that stops in the middle of a reply:
///
/// ```
/// use tcpip_testkit::faults::{self, Fault};
///
/// let half_a_reply = faults::stall().after(3);
/// # let _: &dyn Fault = &half_a_reply;
/// ```
#[must_use]
pub fn stall() -> impl Fault {
    Stall
}

impl Fault for Stall {
    fn on(&mut self, event: Event<'_>, _: At, out: &mut Out<'_>) {
        match event {
            Event::Open => out.stop_reading(),
            Event::Chunk(bytes) => out.send_after(Duration::MAX, bytes),
            Event::End => out.end_after(Duration::MAX),
            event => out.pass(event),
        }
    }
}
