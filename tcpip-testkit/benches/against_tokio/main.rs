//! The library beside what a user would write instead with tokio alone: what do the promises cost?
//!
//! ```text
//! cargo bench -p tcpip-testkit                          all rows
//! cargo bench -p tcpip-testkit -- --quick               the same in less than three minutes
//! cargo bench -p tcpip-testkit -- flood                 the rows whose names have that in them
//! cargo bench -p tcpip-testkit -- --instructions        the gate: instructions beside the recorded ratios
//! cargo bench -p tcpip-testkit -- --instructions --record
//! ```
//!
//! Both sides take turns in one run, over loopback TCP, and the ratio is one of rates: above 1 the library is faster.
//! Of a flood only the end that reads is measured, of writes only the one that writes: the other end is a thread of its
//! own with blocking calls, the same for both.

mod callgrind;
mod chart;
mod connects;
mod curves;
mod floods;
mod frames;
mod gate;
mod json_report;
mod line;
#[path = "../../tests/outside/marks.rs"]
mod marks;
mod measuring;
mod memory_stream;
mod other_end;
mod pairs;
mod ping_pong;
mod proxies;
mod rows;
mod stopwatch;
mod svg;
#[path = "../../tests/outside/switches.rs"]
mod switches;
mod system_calls;
mod table;
mod writes;

use std::{env, error::Error, fs, io, path::Path};

use tokio::runtime::{Builder, Runtime};

use crate::{
    line::Line,
    measuring::{Row, Sides},
    svg::Curves,
};

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

pub(crate) fn one_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// How much is measured.
struct Extent {
    turns: usize,
    /// Of rows whose turns are processes of their own.
    turns_in_processes: usize,
    turns_of_curves: usize,
    /// By how much the turns are shorter than the rows say.
    shorter: usize,
}

const FULL: Extent = Extent { turns: 15, turns_in_processes: 5, turns_of_curves: 5, shorter: 1 };
const QUICK: Extent = Extent { turns: 7, turns_in_processes: 3, turns_of_curves: 2, shorter: 2 };

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [pairs::ARGUMENT, side, pairs] => pairs::run(side, pairs.parse()?),
        [system_calls::TURN, row, side, units] => run_once(row, side, units, |row| Some(&row.runs)),
        [callgrind::IN_MEMORY, row, side, units] => run_once(row, side, units, |row| row.in_memory.as_ref()),
        ["--instructions", ref record @ ..] => gate::run(&rows::all(), *record == ["--record"]),
        ["--quick", ref names @ ..] => measure(&QUICK, names),
        ref names => measure(&FULL, names),
    }
}

/// One turn of one side, for whoever counts from outside.
fn run_once(
    name: &str,
    side: &str,
    units: &str,
    runs: impl Fn(&Row) -> Option<&Sides<measuring::Run>>,
) -> Result<(), Failure> {
    let rows = rows::all();
    let runs = rows.iter().find(|row| row.name == name).and_then(runs).ok_or("there is no such row")?;
    let run = if side == "ours" { &runs.ours } else { &runs.peer };
    run(units.parse()?).map(drop)
}

/// Measures the rows whose names have one of `names` in them, or all, and reports.
fn measure(extent: &Extent, names: &[&str]) -> Result<(), Failure> {
    let (has_callgrind, has_strace) = (callgrind::is_here(), system_calls::is_here());
    let (mut lines, mut ping_pongs) = (Vec::new(), Vec::new());
    let is_wanted = |row: &Row| names.is_empty() || names.iter().any(|name| row.name.contains(name));
    for row in rows::all().into_iter().filter(is_wanted) {
        eprintln!("{} …", row.name);
        let in_processes = row.resident.is_some();
        let (turns, units) = if in_processes {
            (extent.turns_in_processes, row.units)
        } else {
            (extent.turns, (row.units / extent.shorter).max(1))
        };
        let comparison = row.compare(turns, units)?;
        let cost = if has_callgrind && !in_processes { callgrind::costs(&row)? } else { None };
        let system_calls = if has_strace && !in_processes { Some(system_calls::count_of(&row)?) } else { None };
        if row.name.starts_with("ping-pong,") {
            ping_pongs.push((row.name, comparison.latencies()));
        }
        lines.extend(Line::of(&row, &comparison, cost, system_calls)?);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-report");
    fs::create_dir_all(&folder)?;
    if names.is_empty() {
        eprintln!("costs against size and connections …");
        let against_size = curves::against_size(extent.turns_of_curves)?;
        let against_connections = curves::against_connections(extent.turns_of_curves)?;
        svg::write(&lines, &Curves { ping_pongs, against_size, against_connections }, &folder)?;
        json_report::write(&lines, &folder)?;
        table::write_markdown(&lines, &folder)?;
        println!("{}: report.json, report.svg, figures.md", folder.canonicalize()?.display());
    }
    table::print_counts(&lines);
    table::print(&lines);
    Ok(())
}
