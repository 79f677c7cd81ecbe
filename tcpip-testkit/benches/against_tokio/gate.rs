//! The gate: the library's instructions for a frame, beside the peer's, may not grow.
//!
//! Both are counted now, over bytes in memory, and their ratio is compared with the recorded one: the machine, the
//! compiler and the versions of the dependencies move both.

use std::{fmt::Write, fs, path::Path};

use crate::{Failure, callgrind, measuring::Row};

/// The recorded ratios, a line each.
const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/against_tokio/instructions.txt");

/// How far a ratio may fall below the recorded one.
const TOLERANCE: f64 = 0.05;

const HEAD: &str = "\
# The peer's instructions for a frame / the library's: above 1 the library needs fewer.
# Recorded by `cargo bench -p tcpip-testkit -- --instructions --record`.
";

/// Checks each flood, or records what is found.
pub(crate) fn run(rows: &[Row], record: bool) -> Result<(), Failure> {
    if !callgrind::is_here() {
        println!("skipped: there is no valgrind here to count instructions");
        return Ok(());
    }
    let recorded = Recorded::load()?;
    let (mut lines, mut fallen) = (HEAD.to_owned(), Vec::new());
    println!("{:<34} {:>9} {:>9} {:>7} {:>9}", "instructions a frame", "library", "peer", "ratio", "recorded");
    for row in rows.iter().filter(|row| row.in_memory.is_some()) {
        let costs = callgrind::costs(row)?.ok_or("a flood has one thread")?.map(|cost| cost.instructions);
        let ratio = costs.peer / costs.ours;
        let before = recorded.ratio_of(row.name);
        let shown = before.map_or("none".to_owned(), |before| format!("{before:.3}"));
        println!("{:<34} {:>9.0} {:>9.0} {ratio:>7.3} {shown:>9}", row.name, costs.ours, costs.peer);
        writeln!(lines, "{ratio:.3} {}", row.name)?;
        if before.is_none_or(|before| ratio < before * (1.0 - TOLERANCE)) {
            fallen.push(row.name);
        }
    }
    if record {
        fs::write(RECORDED, lines)?;
        println!("recorded in {RECORDED}");
    } else if !fallen.is_empty() {
        return Err(format!("more than 5 % below the recorded ratio, or not recorded: {}", fallen.join("; ")).into());
    }
    Ok(())
}

struct Recorded(String);

impl Recorded {
    fn load() -> Result<Self, Failure> {
        Ok(Self(if Path::new(RECORDED).exists() { fs::read_to_string(RECORDED)? } else { String::new() }))
    }

    fn ratio_of(&self, row: &str) -> Option<f64> {
        let lines = self.0.lines().filter_map(|line| line.split_once(' '));
        lines.filter(|(_, name)| *name == row).find_map(|(ratio, _)| ratio.parse().ok())
    }
}
