//! What the operating system sees of the library: its system calls and its wake-ups, counted from outside the process.
//!
//! Each scenario is a process of its own, this binary run again for one of the ignored tests in [`scenarios`]. The
//! tests know Linux alone.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may unwrap, and so may what it calls")]

mod child;
mod marks;
mod scenarios;
mod strace;
mod switches;
mod system_calls;
mod wake_ups;

/// Says, past the capture of the test's output, that a test has shown nothing, and why.
fn skipped(test: &str, reason: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
}
