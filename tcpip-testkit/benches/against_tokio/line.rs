//! What is reported of a row.

use crate::{
    Failure,
    callgrind::Cost,
    measuring::{Comparison, Goals, Row, Sides, Spread},
    rows::FLOOD,
    stopwatch::Turn,
};

/// A line of the report.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) kind: Kind,
    /// Seconds for a unit, or bytes.
    pub(crate) each: Sides<f64>,
    /// Of rates, or of sizes: ours / the peer's.
    pub(crate) ratio: Spread,
    pub(crate) goals: Goals,
    /// Whether a goal is met too if the ratio of instructions meets it.
    pub(crate) is_flood: bool,
    /// The peer's time of the processor / ours.
    pub(crate) processor: Option<f64>,
    pub(crate) cost: Option<Sides<Cost>>,
    pub(crate) system_calls: Option<Sides<f64>>,
    pub(crate) wake_ups: Option<Sides<f64>>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// The ratio is one of rates: the larger, the better.
    Rate,
    /// The ratio is one of sizes: the smaller, the better.
    Size,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Met {
    Nothing,
    Must,
    Aim,
}

impl Line {
    /// The lines of a row: one of rates, and one of sizes if these were measured.
    pub(crate) fn of(
        row: &Row,
        comparison: &Comparison,
        cost: Option<Sides<Cost>>,
        system_calls: Option<Sides<f64>>,
    ) -> Result<Vec<Self>, Failure> {
        let figure = |of: fn(&Turn) -> Option<f64>| comparison.figure(of);
        let (each, ratio) = figure(|turn| Some(turn.seconds_each())).ok_or("a row without a turn")?;
        let processor = figure(|turn| Some(turn.processor?.as_secs_f64()));
        let rate = Self {
            name: row.name,
            peer: row.peer,
            kind: Kind::Rate,
            each: each.map(|spread| spread.median),
            ratio,
            goals: row.goals,
            is_flood: row.name.starts_with(FLOOD),
            processor: processor.map(|(_, ratio)| ratio.median),
            cost,
            system_calls,
            wake_ups: comparison.wake_ups(),
        };
        let size = row.resident.zip(figure(|turn| turn.resident)).map(|((name, goals), (each, ratio))| Self {
            name,
            kind: Kind::Size,
            each: each.map(|spread| spread.median),
            ratio: ratio.inverse(),
            goals,
            processor: None,
            cost: None,
            system_calls: None,
            wake_ups: None,
            ..rate
        });
        Ok([rate].into_iter().chain(size).collect())
    }

    /// The peer's instructions / ours.
    pub(crate) fn instructions(&self) -> Option<f64> {
        self.cost.as_ref().map(|cost| cost.peer.instructions / cost.ours.instructions)
    }

    /// Which goal is met: by the ratio, or, for a flood, by that of the instructions.
    pub(crate) fn met(&self) -> Met {
        let is_met = |goal: f64| match self.kind {
            Kind::Rate => {
                let instructions = self.instructions().filter(|_| self.is_flood);
                self.ratio.median >= goal || instructions.is_some_and(|ratio| ratio >= goal)
            }
            Kind::Size => self.ratio.median <= goal,
        };
        match (is_met(self.goals.must), is_met(self.goals.aim)) {
            (false, _) => Met::Nothing,
            (true, false) => Met::Must,
            (true, true) => Met::Aim,
        }
    }
}
