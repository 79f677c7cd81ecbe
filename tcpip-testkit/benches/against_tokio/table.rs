//! The tables on stdout.

use crate::{
    line::{Kind, Line, Met},
    measuring::Sides,
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
        let shown = line.each.map(|each| shown(*each, line.kind));
        let quartiles = format!("{:.2}-{:.2}", line.ratio.low, line.ratio.high);
        let processor = line.processor.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let instructions = line.cost.as_ref().map_or(String::new(), |cost| {
            let Sides { ours, peer } = cost.map(|cost| cost.instructions);
            [ours, peer]
                .map(|count| if count < 1e5 { format!("{count:.0}") } else { format!("{:.0} k", count / 1e3) })
                .join(" | ")
        });
        let met = match line.met() {
            Met::Nothing => "no",
            Met::Must => "must",
            Met::Aim => "aim",
        };
        println!(
            "{:<42} {:<34} {:>9} {:>9} {:>6.2} {quartiles:>11} {processor:>5} {instructions:>13} {:>5} {:>5}  {met}",
            line.name, line.peer, shown.ours, shown.peer, line.ratio.median, line.goals.must, line.goals.aim
        );
    }
    let missed = lines.iter().filter(|line| line.met() == Met::Nothing).count();
    println!(
        "\nThe ratio is one of rates, of memory one of sizes; {missed} of {} rows are below their must.",
        lines.len()
    );
}

fn shown(each: f64, kind: Kind) -> String {
    match kind {
        Kind::Size => format!("{:.1} KB", each / 1000.0),
        Kind::Rate if each < 1e-6 => format!("{:.0} ns", each * 1e9),
        Kind::Rate if each < 1e-3 => format!("{:.1} µs", each * 1e6),
        Kind::Rate => format!("{:.1} ms", each * 1e3),
    }
}
