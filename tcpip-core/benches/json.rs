//! JSON in Python's form beside plain `serde_json`: what does it cost where no number needs it, and where one does?
//!
//! `cargo bench -p tcpip-core`. Both take turns in one run, on one thread; the figures are the medians of the times,
//! and of the ratios library / `serde_json`.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tcpip_core::JsonMode;

const TURNS: usize = 41;
const CALLS: u32 = 2_000;

#[derive(Serialize, Deserialize)]
struct Telemetry {
    name: String,
    timestamp: f64,
    counter: u64,
    positions: Vec<f64>,
    limits: Option<(f64, f64)>,
    moving: bool,
}

fn telemetry(last: f64) -> Telemetry {
    let mut positions: Vec<_> = (0..12).map(|axis| 1.25 * f64::from(axis) + 1.0 / 3.0).collect();
    positions.push(last);
    let name = "hexapod camera".to_owned();
    Telemetry {
        name,
        timestamp: 1_790_000_037.123_456,
        counter: 123_456,
        positions,
        limits: Some((-25.0, 25.0)),
        moving: true,
    }
}

fn main() {
    println!("{:<28} {:>12} {:>12} {:>7}", "median of 41 turns", "library", "serde_json", "ratio");
    let plain = telemetry(0.5);
    let with_nan = telemetry(f64::NAN);
    for (what, value) in [("write", &plain), ("write, with a NaN", &with_nan)] {
        compare(
            what,
            || drop(black_box(JsonMode::Python.encode(black_box(value)))),
            || drop(black_box(serde_json::to_string(black_box(value)))),
        );
    }
    let text = serde_json::to_string(&plain).expect("it has a JSON form");
    let nan_text = JsonMode::Python.encode(&with_nan).expect("it has a form of Python's");
    for (what, ours) in [("read", &text), ("read, with a NaN", &nan_text)] {
        compare(
            what,
            || drop(black_box(JsonMode::Python.decode::<Telemetry>(black_box(ours)))),
            || drop(black_box(serde_json::from_str::<Telemetry>(black_box(&text)))),
        );
    }
}

fn compare(what: &str, library: impl Fn(), plain: impl Fn()) {
    let mut pairs: Vec<_> = (0..TURNS).map(|_| (time(&library), time(&plain))).collect();
    let mut ratios: Vec<_> = pairs.iter().map(|(library, plain)| library.as_secs_f64() / plain.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    pairs.sort_by_key(|(library, _)| *library);
    let library = pairs[TURNS / 2].0;
    pairs.sort_by_key(|(_, plain)| *plain);
    let plain = pairs[TURNS / 2].1;
    println!("{what:<28} {library:>12.2?} {plain:>12.2?} {:>7.2}", ratios[TURNS / 2]);
}

fn time(call: impl Fn()) -> Duration {
    let before = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    before.elapsed() / CALLS
}
