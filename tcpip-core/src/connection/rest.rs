//! Programs whose runtime rests: nothing happens by itself between two calls of `block_on`.

use std::sync::atomic::Ordering;

use super::{
    Connection,
    read::Outcome,
    transport::{check_for_hang_up, stream_ended},
};
use crate::session::Phase;

/// How old the knowledge may be that the peer is there, in milliseconds. The clock that is cheap enough to be looked at
/// with each message ticks every few of them.
const AT_MOST: u64 = 50;

impl Connection {
    /// Looks for a hang-up if nobody has for a while: the session's task may not have had the chance.
    pub(super) fn look_after_rest(&self) {
        let now = clock();
        let looked = &self.shared.looked;
        if now.saturating_sub(looked.load(Ordering::Relaxed)) < AT_MOST
            || self.look(|session| *session.life().phase() != Phase::Connected)
        {
            return;
        }
        looked.store(now, Ordering::Relaxed);
        if let Some(transport) = self.shared.transport.upgrade() {
            check_for_hang_up(self, &**transport);
        }
    }

    /// Asks the stream whether the peer has hung up, now, and acts on it.
    pub(super) fn look_for_hang_up(&self) {
        match self.shared.transport.upgrade() {
            Some(transport) => check_for_hang_up(self, &**transport),
            None if self.look_ahead() == Outcome::End => stream_ended(self),
            None => {}
        }
    }

    /// The same, and waits for those who are at it.
    pub(super) async fn look_well_for_hang_up(&self) {
        match self.shared.transport.upgrade() {
            Some(transport) => check_for_hang_up(self, &**transport),
            None => self.look_all_ahead().await,
        }
    }
}

/// The time in milliseconds, by a clock that costs next to nothing.
#[cfg(all(target_os = "linux", not(tcpip_loom)))]
pub(super) fn clock() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// The time in milliseconds since this was first asked.
#[cfg(all(not(target_os = "linux"), not(tcpip_loom)))]
pub(super) fn clock() -> u64 {
    static BEGINNING: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let passed = BEGINNING.get_or_init(std::time::Instant::now).elapsed();
    u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
}

/// No time passes: loom takes each step the same way again.
#[cfg(tcpip_loom)]
pub(super) fn clock() -> u64 {
    0
}
