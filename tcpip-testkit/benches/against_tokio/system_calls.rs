//! The system calls of the measured thread, counted by strace in a process of its own.

use std::{
    env, fs,
    process::{self, Command},
};

use crate::{
    Failure, marks,
    measuring::{Row, Sides},
    stopwatch::{Scope, count},
};

/// The argument by which this program is run again for one turn.
pub(crate) const TURN: &str = "--turn";

/// How many units the traced turn has at most: strace is slow.
const UNITS: usize = 1000;

/// Whether strace works here.
pub(crate) fn is_here() -> bool {
    let run = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    run.is_ok_and(|output| output.status.success())
}

/// How many a unit takes, at each side.
pub(crate) fn count_of(row: &Row) -> Result<Sides<f64>, Failure> {
    let units = row.units.min(UNITS);
    let side = |side: &str| Ok::<_, Failure>(count(trace(row, side, units)?) / count(units));
    Ok(Sides { ours: side("ours")?, peer: side("peer")? })
}

fn trace(row: &Row, side: &str, units: usize) -> Result<usize, Failure> {
    let file = env::temp_dir().join(format!("tcpip-{}-{side}.strace", process::id()));
    let mut command = Command::new("strace");
    command.args(["-f", "-o"]).arg(&file).arg("--").arg(env::current_exe()?);
    let output = command.args([TURN, row.name, side, &units.to_string()]).output()?;
    let text = fs::read_to_string(&file)?;
    let _ = fs::remove_file(&file);
    if !output.status.success() {
        return Err(format!("{}, {side}: {}", row.name, String::from_utf8_lossy(&output.stderr)).into());
    }
    let lines = marks::between(&text).ok_or("there are no marks in the trace")?;
    // The thread that is measured is the first, and each line begins with its thread. A call that was interrupted by
    // one of another thread has a second line, which says so.
    let thread = text.split_whitespace().next().unwrap_or_default();
    let is_call = |line: &&&str| {
        line.split_once(' ').is_some_and(|(of, call)| {
            (row.scope == Scope::Process || of == thread)
                && call.trim_start().starts_with(|first: char| first.is_ascii_lowercase())
        })
    };
    Ok(lines.iter().filter(is_call).count())
}
