//! How often threads have gone to sleep or been interrupted, as the system counts it.

use std::{fs, path::Path};

/// A thread that went to sleep, which is how it began to wait.
pub(crate) const TO_SLEEP: &str = "voluntary_ctxt_switches:";

/// The count of one kind in a thread's `status`.
pub(crate) fn count(status: &Path, kind: &str) -> Option<u64> {
    fs::read_to_string(status).ok()?.lines().find_map(|line| line.strip_prefix(kind))?.trim().parse().ok()
}
