//! What a turn costs: time, time of the processor, wake-ups.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::{marks::mark, switches};

/// What is measured beside the time.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Scope {
    /// The thread that starts and stops the watch. What the other end costs is not in it, if that has its own thread.
    Thread,
    /// All threads of the process: both ends, on a runtime of several threads.
    Process,
}

/// Measures from its start to its [`stop`](Self::stop), both in the same scope.
pub(crate) struct Stopwatch {
    scope: Scope,
    wake_ups: Option<u64>,
    processor: Option<Duration>,
    start: Instant,
}

/// What one side did in one turn.
pub(crate) struct Turn {
    /// How many messages, frames, or whatever else the row counts.
    pub(crate) units: usize,
    pub(crate) elapsed: Duration,
    pub(crate) processor: Option<Duration>,
    pub(crate) wake_ups: Option<u64>,
    /// How long each unit took, if that was measured.
    pub(crate) latencies: Vec<Duration>,
    /// How many bytes of memory the units keep resident, if that was measured.
    pub(crate) resident: Option<f64>,
}

impl Stopwatch {
    pub(crate) fn start(scope: Scope) -> Self {
        let wake_ups = wake_ups(scope);
        mark("begin");
        Self { scope, wake_ups, processor: processor_time(scope), start: Instant::now() }
    }

    pub(crate) fn stop(self, units: usize) -> Turn {
        let elapsed = self.start.elapsed();
        let processor =
            processor_time(self.scope).zip(self.processor).map(|(after, before)| after.saturating_sub(before));
        mark("end");
        let wake_ups = wake_ups(self.scope).zip(self.wake_ups).map(|(after, before)| after.saturating_sub(before));
        Turn { units, elapsed, processor, wake_ups, latencies: Vec::new(), resident: None }
    }
}

impl Turn {
    pub(crate) fn seconds_each(&self) -> f64 {
        self.elapsed.as_secs_f64() / count(self.units)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn count(units: usize) -> f64 {
    units as f64
}

#[cfg(unix)]
fn processor_time(scope: Scope) -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    let clock = match scope {
        Scope::Thread => ClockId::ThreadCPUTime,
        Scope::Process => ClockId::ProcessCPUTime,
    };
    clock_gettime(clock).try_into().ok()
}

#[cfg(not(unix))]
fn processor_time(_: Scope) -> Option<Duration> {
    None
}

/// How often the threads have gone to sleep so far, if the system tells.
fn wake_ups(scope: Scope) -> Option<u64> {
    let of_status = |path: &Path| switches::count(path, switches::TO_SLEEP);
    match scope {
        Scope::Thread => of_status(Path::new("/proc/thread-self/status")),
        Scope::Process => {
            let threads = fs::read_dir("/proc/self/task").ok()?;
            Some(threads.filter_map(|thread| of_status(&thread.ok()?.path().join("status"))).sum())
        }
    }
}
