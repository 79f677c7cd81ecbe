//! What nobody has asked for.

use std::time::Duration;

use super::{Event, Fault, custom};

/// These bytes come as well, every so often, as long as the direction is open: telemetry, or noise. Where the peer does
/// not read, and the [window](crate::proxy::FaultProxyBuilder::window) is full, they are left out.
///
/// # Panics
///
/// If `every` is zero.
#[must_use]
#[track_caller]
pub fn unsolicited(every: Duration, bytes: impl AsRef<[u8]>) -> impl Fault {
    assert!(!every.is_zero(), "there is time between two messages");
    let bytes = bytes.as_ref().to_vec();
    custom(move |event, _, out| match event {
        Event::Open => out.wake_after(every),
        Event::Timer if !out.is_over() => {
            if !out.is_full() {
                out.send(&bytes);
            }
            out.wake_after(every);
        }
        event => out.pass(event),
    })
}
