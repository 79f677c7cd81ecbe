//! Rows, and how their two sides take turns.

use std::time::Duration;

use crate::{
    Failure,
    stopwatch::{Scope, Turn, count},
};

/// A turn of one side: so many units.
pub(crate) type Run = Box<dyn Fn(usize) -> Result<Turn, Failure>>;

/// Both sides.
pub(crate) struct Sides<T> {
    pub(crate) ours: T,
    pub(crate) peer: T,
}

/// What the ratio is to be: at least, where it is one of rates; at most, where it is one of sizes.
#[derive(Clone, Copy)]
pub(crate) struct Goals {
    pub(crate) must: f64,
    pub(crate) aim: f64,
}

/// Something that the library does, beside what a user would write instead.
pub(crate) struct Row {
    /// What is done.
    pub(crate) name: &'static str,
    /// What stands beside it.
    pub(crate) peer: &'static str,
    /// How many units a turn has.
    pub(crate) units: usize,
    pub(crate) goals: Goals,
    pub(crate) runs: Sides<Run>,
    /// What the runs measure.
    pub(crate) scope: Scope,
    /// The same over bytes in memory, for counting instructions.
    pub(crate) in_memory: Option<Sides<Run>>,
    /// Goals for the resident memory of a unit, if it is measured.
    pub(crate) resident: Option<(&'static str, Goals)>,
}

/// What the turns of a row have shown.
pub(crate) struct Comparison {
    /// Each side's turn, then the other's.
    pub(crate) turns: Vec<Sides<Turn>>,
}

/// A median with the quartiles around it.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl<T> Sides<T> {
    pub(crate) fn map<'a, U>(&'a self, convert: impl Fn(&'a T) -> U) -> Sides<U> {
        Sides { ours: convert(&self.ours), peer: convert(&self.peer) }
    }

    /// As [`map`](Self::map), if both sides have a result.
    pub(crate) fn both<'a, U>(&'a self, convert: impl Fn(&'a T) -> Option<U>) -> Option<Sides<U>> {
        Some(Sides { ours: convert(&self.ours)?, peer: convert(&self.peer)? })
    }
}

impl Row {
    /// Lets both sides take turns, each going first in every other one, after a short one of each that counts for
    /// nothing.
    pub(crate) fn compare(&self, turns: usize, units: usize) -> Result<Comparison, Failure> {
        let run = |side: &Run, units| side(units).map_err(|error| Failure::from(format!("{}: {error}", self.name)));
        let Sides { ours, peer } = &self.runs;
        let few = (units / 10).max(1);
        if self.resident.is_none() {
            run(ours, few)?;
            run(peer, few)?;
        }
        let turn = |index: usize| {
            Ok(if index.is_multiple_of(2) {
                Sides { ours: run(ours, units)?, peer: run(peer, units)? }
            } else {
                let peer = run(peer, units)?;
                Sides { ours: run(ours, units)?, peer }
            })
        };
        Ok(Comparison { turns: (0..turns).map(turn).collect::<Result<_, Failure>>()? })
    }
}

impl Comparison {
    /// Of a figure of each turn, such as its time: ours, the peer's, and the ratio peer / ours, turn by turn.
    pub(crate) fn figure(&self, of: impl Fn(&Turn) -> Option<f64>) -> Option<(Sides<Spread>, Spread)> {
        let pairs: Vec<Sides<f64>> = self.turns.iter().filter_map(|turn| turn.both(&of)).collect();
        let of_side = |side: fn(&Sides<f64>) -> f64| Spread::of(pairs.iter().map(side).collect());
        let ratio = Spread::of(pairs.iter().map(|pair| pair.peer / pair.ours).collect())?;
        Some((Sides { ours: of_side(|pair| pair.ours)?, peer: of_side(|pair| pair.peer)? }, ratio))
    }

    /// The latencies of all turns, the shortest first.
    pub(crate) fn latencies(&self) -> Sides<Vec<Duration>> {
        let of_side = |side: fn(&Sides<Turn>) -> &Turn| {
            let mut all: Vec<_> = self.turns.iter().flat_map(|turn| &side(turn).latencies).copied().collect();
            all.sort_unstable();
            all
        };
        Sides { ours: of_side(|turn| &turn.ours), peer: of_side(|turn| &turn.peer) }
    }

    /// How often the measured thread went to sleep for a unit, in the turn in which that was least.
    pub(crate) fn wake_ups(&self) -> Option<Sides<f64>> {
        let least = |side: fn(&Sides<Turn>) -> &Turn| {
            let each = |turn: &Turn| Some(count(usize::try_from(turn.wake_ups?).ok()?) / count(turn.units));
            self.turns.iter().filter_map(|turn| each(side(turn))).min_by(f64::total_cmp)
        };
        Some(Sides { ours: least(|turn| &turn.ours)?, peer: least(|turn| &turn.peer)? })
    }
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let at = |quarters: usize| figures.get((figures.len().checked_sub(1)? * quarters + 2) / 4).copied();
        Some(Self { low: at(1)?, median: at(2)?, high: at(3)? })
    }

    /// Of the inverse figures.
    pub(crate) fn inverse(self) -> Self {
        Self { low: 1.0 / self.high, median: 1.0 / self.median, high: 1.0 / self.low }
    }
}
