//! System calls as strace prints them.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    child::{Watched, assert_succeeded, command},
    marks, skipped,
};

/// A system call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) on_socket: bool,
    /// What it returned; negative for an error.
    pub(crate) result: i64,
    line: String,
}

impl Call {
    /// Whether it waits for events, or asks for the time, which some machines do without a system call.
    pub(crate) fn is_wait(&self) -> bool {
        self.name.starts_with("epoll_") || self.name == "clock_gettime"
    }

    fn is_look(&self) -> bool {
        self.name == "ppoll" || self.name == "poll"
    }

    pub(crate) fn is_send(&self) -> bool {
        self.on_socket && matches!(&*self.name, "write" | "writev" | "sendto" | "sendmsg" | "sendmmsg")
    }

    pub(crate) fn is_receive(&self) -> bool {
        self.on_socket && matches!(&*self.name, "read" | "readv" | "recvfrom" | "recvmsg" | "recvmmsg")
    }
}

/// The system calls of a scenario between its marks. `None`, and said so, if this machine cannot tell.
pub(crate) fn trace(test: &str, scenario: &str) -> Option<Vec<Call>> {
    let file = Trace::new(test)?;
    assert_succeeded(&command(&file.watcher(), scenario).output().unwrap());
    Some(file.calls())
}

/// As [`trace`], for a scenario that rests until `meanwhile` has returned.
pub(crate) fn trace_while(test: &str, scenario: &str, meanwhile: impl FnOnce()) -> Option<Vec<Call>> {
    let file = Trace::new(test)?;
    let watched = Watched::start(&file.watcher(), scenario);
    meanwhile();
    watched.finish();
    Some(file.calls())
}

/// The file that strace writes.
struct Trace(PathBuf);

impl Trace {
    fn new(test: &str) -> Option<Self> {
        match Command::new("strace").args(["-o", "/dev/null", "true"]).output() {
            Err(error) => skipped(test, &format!("strace cannot be run: {error}")),
            Ok(output) if !output.status.success() => {
                skipped(test, &format!("strace does not work here: {}", String::from_utf8_lossy(&output.stderr)));
            }
            Ok(_) => {
                let name = format!("{test}-{}.strace", std::process::id());
                return Some(Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)));
            }
        }
        None
    }

    /// All threads, with what each descriptor is.
    fn watcher(&self) -> [&str; 6] {
        ["strace", "-f", "-y", "-o", self.0.to_str().unwrap(), "--"]
    }

    fn calls(&self) -> Vec<Call> {
        let text = fs::read_to_string(&self.0).unwrap();
        let counted = marks::between(&text).expect("there is no beginning or no end in the trace");
        counted.into_iter().filter_map(parse).collect()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes a call of a line such as `1234  writev(9<socket:[5678]>, [...], 2) = 17`. `None` if it is about a signal, the
/// end of a thread, or the second half of a call.
fn parse(line: &str) -> Option<Call> {
    let call = line.trim_start_matches(|character: char| character.is_ascii_digit() || character == ' ');
    let (name, arguments) = call.split_once('(')?;
    if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        return None;
    }
    let descriptor = arguments.split([',', ')']).next()?;
    let result = arguments.rsplit_once(" = ").and_then(|(_, result)| result.split_whitespace().next()?.parse().ok());
    Some(Call {
        name: name.to_owned(),
        on_socket: ["<socket:", "<TCP"].iter().any(|kind| descriptor.contains(kind)),
        result: result.unwrap_or(0),
        line: line.to_owned(),
    })
}

/// Checks that no call but those of a kind that is expected was made, apart from a few looks: a write asks the system
/// whether the peer is there where nobody has for a while, which on a loaded machine happens.
pub(crate) fn assert_none_but(calls: &[Call], expected: impl Fn(&Call) -> bool) {
    let (looks, others): (Vec<_>, Vec<_>) =
        calls.iter().filter(|call| !expected(call)).partition(|call| call.is_look());
    let others: Vec<_> = others.iter().map(|call| &call.line).collect();
    assert!(others.is_empty(), "{} other calls: {others:#?}", others.len());
    let sends = calls.iter().filter(|call| call.is_send()).count();
    assert!(looks.len() <= sends / 2, "{} looks for {sends} messages", looks.len());
}
