//! Marks around what counts in a trace of strace's.

use std::fs;

/// What a process looks for at the beginning and at the end of what counts. There is no such file.
const MARK: &str = "/tcpip-scenario/";

/// Leaves a mark in the trace: `begin` or `end`.
pub(crate) fn mark(name: &str) {
    assert!(fs::metadata(format!("{MARK}{name}")).is_err());
}

/// The lines of a trace between its marks. `None` if one of these is not there.
pub(crate) fn between(trace: &str) -> Option<Vec<&str>> {
    let is_mark = |line: &str, name: &str| line.contains(&format!("{MARK}{name}\""));
    let mut lines = trace.lines().skip_while(|line| !is_mark(line, "begin"));
    lines.next()?;
    let counted = lines.by_ref().take_while(|line| !is_mark(line, "end")).collect();
    // The end was taken away with what is before it; what is left is the process's end.
    lines.next().map(|_| counted)
}
