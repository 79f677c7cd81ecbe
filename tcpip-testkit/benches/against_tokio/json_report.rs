//! The report for programs.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    Failure,
    line::{Kind, Line, Met},
    measuring::Sides,
};

pub(crate) fn write(lines: &[Line], folder: &Path) -> Result<(), Failure> {
    let report: Vec<_> = lines.iter().map(entry).collect();
    fs::write(folder.join("report.json"), serde_json::to_string_pretty(&report)?)?;
    Ok(())
}

/// `goal` is what the ratio must be: at least, of rates; at most, of bytes.
fn entry(line: &Line) -> Value {
    let (value, unit): (fn(&f64) -> f64, _) = match line.kind {
        Kind::Rate => (|seconds| 1.0 / seconds, "1/s"),
        Kind::Size => (|bytes| *bytes, "bytes"),
    };
    let Sides { ours, peer } = line.each.map(value);
    let pair = |pair: Option<Sides<f64>>| pair.map(|pair| [pair.ours, pair.peer]);
    let cost = line.cost.as_ref();
    json!({
        "name": line.name,
        "ours": ours,
        "peer": line.peer,
        "peer_value": peer,
        "ratio": line.ratio.median,
        "goal": line.goals.must,
        "met": line.met() != Met::Nothing,
        "unit": unit,
        "aim": line.goals.aim,
        "quartiles": [line.ratio.low, line.ratio.high],
        "cpu_ratio": line.processor,
        "instructions_ratio": line.instructions(),
        "instructions": pair(cost.map(|cost| cost.map(|cost| cost.instructions))),
        "allocations": pair(cost.map(|cost| cost.map(|cost| cost.allocations))),
        "system_calls": pair(line.system_calls.as_ref().map(|pair| pair.map(|count| *count))),
        "wake_ups": pair(line.wake_ups.as_ref().map(|pair| pair.map(|count| *count))),
    })
}
