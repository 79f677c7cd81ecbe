//! Costs against the size of a message, and against the number of connections.

use crate::{
    Failure,
    floods::{self, exact_by_hand},
    frames::{Frames, LARGE},
    measuring::Sides,
    pairs,
    rows::PAIRS,
    stopwatch::Turn,
    writes,
};

/// What a message costs in seconds, against the size or the number.
pub(crate) type Curve = Vec<(f64, Sides<f64>)>;

/// The smallest message; each of the next is four times as large.
const SMALLEST: usize = 16;

/// How many bytes a turn moves, about.
const VOLUME: usize = 64 * 1024 * 1024;

const MOST_MESSAGES: usize = 10_000;
const FEWEST_MESSAGES: usize = 4;

/// Of `write`, and of `read_exact`, from 16 B to 16 MiB.
pub(crate) fn against_size(turns: usize) -> Result<[Curve; 2], Failure> {
    let (mut writes, mut reads) = (Vec::new(), Vec::new());
    let mut size = SMALLEST;
    while size <= LARGE {
        let (frames, x) = (Frames::single(size), f64::from(u32::try_from(size)?));
        let messages = (VOLUME / size).clamp(FEWEST_MESSAGES, MOST_MESSAGES);
        let written = best(
            turns,
            || each(writes::bytes_by_the_library(frames.bytes(), messages)),
            || each(writes::bytes_by_hand(frames.bytes(), messages)),
        )?;
        let read = best(
            turns,
            || each(floods::by_the_library(&frames, messages, floods::exact_by_the_library)),
            || each(floods::over_tcp(&frames, messages, async |stream, check| exact_by_hand(stream, check).await)),
        )?;
        writes.push((x, written));
        reads.push((x, read));
        size *= 4;
    }
    Ok([writes, reads])
}

/// Of a round trip, with 1 to 5000 connections that take turns.
pub(crate) fn against_connections(turns: usize) -> Result<Curve, Failure> {
    let mut curve = Vec::new();
    for connections in [1, 10, 100, 1000, PAIRS].map(pairs::possible) {
        let of = |side| pairs::in_a_process(side, connections).map(|pairs| pairs.round_trip.as_secs_f64());
        curve.push((f64::from(u32::try_from(connections)?), best(turns, || of("ours"), || of("peer"))?));
    }
    Ok(curve)
}

fn each(turn: Result<Turn, Failure>) -> Result<f64, Failure> {
    Ok(turn?.seconds_each())
}

/// The shortest time a message took in some turns.
fn best(
    turns: usize,
    ours: impl Fn() -> Result<f64, Failure>,
    by_hand: impl Fn() -> Result<f64, Failure>,
) -> Result<Sides<f64>, Failure> {
    let mut best = Sides { ours: f64::INFINITY, peer: f64::INFINITY };
    for _ in 0..turns {
        best.ours = best.ours.min(ours()?);
        best.peer = best.peer.min(by_hand()?);
    }
    Ok(best)
}
