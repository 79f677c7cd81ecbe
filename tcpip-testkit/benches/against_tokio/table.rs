//! The tables on stdout, and the one in the docs.

use std::{fmt::Write, fs, path::Path};

use crate::{
    Failure,
    line::{Kind, Line, Met},
    measuring::{Goals, Sides},
};

/// What each unit costs beside its time, ours and the peer's.
pub(crate) fn print_counts(lines: &[Line]) {
    println!(
        "\n{:<42}   {:^17}   {:^17}   {:^17}",
        "for a message, ours and the peer's", "system calls", "allocations", "wake-ups"
    );
    for line in lines.iter().filter(|line| line.kind == Kind::Rate) {
        let allocations = line.cost.as_ref().map(|cost| cost.map(|cost| cost.allocations));
        let columns = [&line.system_calls, &allocations, &line.wake_ups]
            .map(|pair| pair.as_ref().map_or(String::new(), |pair| format!("{:>8.3} {:>8.3}", pair.ours, pair.peer)));
        println!("{:<42}   {:<17}   {:<17}   {:<17}", line.name, columns[0], columns[1], columns[2]);
    }
    println!(
        "\nAll are those of the measured thread. Instructions and allocations of floods are those over bytes in memory."
    );
}

/// The table: with it, everything ends.
pub(crate) fn print(lines: &[Line]) {
    println!(
        "\n{:<42} {:<34} {:>9} {:>9} {:>6} {:>11} {:>5} {:>13} {:>5} {:>5}  met",
        "row", "beside", "ours", "peer", "ratio", "quartiles", "CPU", "instructions", "must", "aim"
    );
    for line in lines {
        let Cells { ours, peer, ratio, quartiles, processor, instructions } = Cells::of(line);
        let (Goals { must, aim }, met) = (line.goals, met(line));
        let both = format!("{ours:>9} {peer:>9} {ratio:>6} {quartiles:>11} {processor:>5} {instructions:>13}");
        println!("{:<42} {:<34} {both} {must:>5} {aim:>5}  {met}", line.name, line.peer);
    }
    let missed = lines.iter().filter(|line| line.met() == Met::Nothing).count();
    println!(
        "\nThe ratio is one of rates, of memory one of sizes; {missed} of {} rows are below their must.",
        lines.len()
    );
}

/// The same for the docs.
pub(crate) fn write_markdown(lines: &[Line], folder: &Path) -> Result<(), Failure> {
    let mut text = "\
| what | beside | ours | the other | ratio | quartiles | CPU | instructions | must | aim | met |
|---|---|---|---|---|---|---|---|---|---|---|
"
    .to_owned();
    for line in lines {
        let Cells { ours, peer, ratio, quartiles, processor, instructions } = Cells::of(line);
        let (Goals { must, aim }, met) = (line.goals, met(line));
        write!(text, "| {} | {} | {ours} | {peer} | **{ratio}** | {quartiles} | ", line.name, line.peer)?;
        writeln!(text, "{processor} | {instructions} | {must} | {aim} | {met} |")?;
    }
    fs::write(folder.join("figures.md"), text)?;
    Ok(())
}

/// What is shown of a line.
struct Cells {
    ours: String,
    peer: String,
    ratio: String,
    quartiles: String,
    processor: String,
    instructions: String,
}

impl Cells {
    fn of(line: &Line) -> Self {
        let Sides { ours, peer } = line.each.map(|each| amount(*each, line.kind));
        let instructions = line.cost.as_ref().map_or(String::new(), |cost| {
            let Sides { ours, peer } = cost.map(|cost| instructions(cost.instructions));
            format!("{ours} : {peer}")
        });
        Self {
            ours,
            peer,
            ratio: format!("{:.2}", line.ratio.median),
            quartiles: format!("{:.2}–{:.2}", line.ratio.low, line.ratio.high),
            processor: line.processor.map_or(String::new(), |ratio| format!("{ratio:.2}")),
            instructions,
        }
    }
}

fn met(line: &Line) -> &'static str {
    match line.met() {
        Met::Nothing => "no",
        Met::Must => "must",
        Met::Aim => "aim",
    }
}

fn amount(each: f64, kind: Kind) -> String {
    match kind {
        Kind::Size => format!("{:.1} KB", each / 1000.0),
        Kind::Rate if each < 1e-6 => format!("{:.0} ns", each * 1e9),
        Kind::Rate if each < 1e-3 => format!("{:.1} µs", each * 1e6),
        Kind::Rate => format!("{:.1} ms", each * 1e3),
    }
}

fn instructions(count: f64) -> String {
    if count < 1e5 { format!("{count:.0}") } else { format!("{:.0} k", count / 1e3) }
}
