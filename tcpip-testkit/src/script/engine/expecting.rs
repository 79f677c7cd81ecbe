//! What is expected of a side that is not played.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    Engine, Output, OwnEnd, Phase,
    blessing::Blessed,
    frames::{Frame, FrameKind, first_steps, steps_behind},
    input::End,
    look::{self, Look, Seen, Taken},
};
use crate::{
    script::program::{Branches, Node, Pause, Repeat, Step},
    side::Side,
};

/// What becomes of the input, if one of several steps is expected.
enum Decision {
    /// The step of this number takes this.
    Step(usize, Taken),
    /// What comes unasked takes this.
    Unasked(Taken),
    /// That is not certain yet.
    Wait(Seen),
    /// No step takes it.
    Nothing(Seen),
}

impl Engine {
    /// Whether the input of this side is looked at now.
    pub(super) fn is_expecting(&self, side: Side) -> bool {
        if !matches!(self.phase, Phase::Playing) || !self.expects(side) {
            return false;
        }
        match self.frames.last().and_then(Frame::node) {
            Some(Node::Step(step)) => step.side == side,
            Some(Node::Pause(_)) => false,
            Some(_) => true,
            None => !self.is_done(),
        }
    }

    /// Takes what a step expects, as far as it has come.
    pub(super) fn expect(&mut self, step: &Arc<Step>, now: Instant) -> Option<Output> {
        if step.connects() {
            return self.connect_again(step, now);
        }
        if self.reads_no_more() {
            self.advance();
            return None;
        }
        let until = self.deadline_of(step);
        let (reason, seen) = match self.decide(std::slice::from_ref(step), step.side) {
            Decision::Step(_, taken) => {
                self.take(step.side, taken);
                self.unasked.retain(|active| !(active.is_ending && active.unasked.side == step.side));
                self.last = now;
                self.advance();
                return None;
            }
            Decision::Unasked(taken) => {
                self.take(step.side, taken);
                return None;
            }
            Decision::Wait(_) if now < until => return Some(self.wait(Some(until))),
            Decision::Wait(seen) => (self.timeout(until), seen),
            Decision::Nothing(seen) => (self.misfit(step, &seen), seen),
        };
        match self.bless_step(step, &seen, now) {
            Blessed::Now => {}
            Blessed::Later(output) => return Some(output),
            Blessed::Not => self.fail_seen(step, reason, &seen),
        }
        None
    }

    /// Takes the first step of one of these branches.
    pub(super) fn expect_branch(
        &mut self,
        branches: &Arc<Branches>,
        pending: &[usize],
        now: Instant,
        before: fn(&mut Self, usize),
    ) -> Option<Output> {
        if self.reads_no_more() {
            before(self, pending[0]);
            self.begin_branch(branches, pending[0]);
            return None;
        }
        let first = |branch: &usize| match branches.all[*branch].first() {
            Some(Node::Step(step)) => step.clone(),
            _ => unreachable!("a branch begins with a step"),
        };
        let steps: Vec<Arc<Step>> = pending.iter().map(first).collect();
        let until = self.last_deadline(&steps);
        match self.decide(&steps, branches.side) {
            // The step looks at it once more, and takes it.
            Decision::Step(index, _) => {
                before(self, pending[index]);
                self.begin_branch(branches, pending[index]);
            }
            Decision::Unasked(taken) => self.take(branches.side, taken),
            Decision::Wait(_) if now < until => return Some(self.wait(Some(until))),
            Decision::Wait(seen) => self.fail_seen(&steps[0], self.timeout(until), &seen),
            Decision::Nothing(seen) => self.fail_seen(&steps[0], self.misfit(&steps[0], &seen), &seen),
        }
        None
    }

    /// Begins the block of a `repeat` again, or goes on behind it.
    pub(super) fn expect_repeat(&mut self, repeat: &Arc<Repeat>, side: Side, now: Instant) -> Option<Output> {
        if self.reads_no_more() {
            self.advance();
            return None;
        }
        let steps = first_steps(&repeat.body);
        let behind = steps_behind(&self.frames, side);
        let until = self.last_deadline(&steps);
        match self.decide_repeat(&steps, &behind, side) {
            Decision::Step(..) => self.enter(Frame::new(repeat.body.clone(), FrameKind::WhileFits)),
            Decision::Unasked(taken) => self.take(side, taken),
            Decision::Wait(_) if now < until && !self.repeats_are_over => return Some(self.wait(Some(until))),
            Decision::Wait(_) | Decision::Nothing(_) => {
                // What is behind has its own deadline, from then on.
                self.last = self.last.max(now);
                self.advance();
            }
        }
        None
    }

    /// As [`decide`](Self::decide), but what comes unasked has to leave alone what a step behind the block expects.
    fn decide_repeat(&self, steps: &[Arc<Step>], behind: &[Arc<Step>], side: Side) -> Decision {
        match self.decide_steps(steps, side) {
            Decision::Nothing(seen) => match self.decide_steps(behind, side) {
                Decision::Step(..) => Decision::Nothing(seen),
                Decision::Wait(seen) => Decision::Wait(seen),
                _ => self.decide_unasked(side, seen),
            },
            // An empty step would be taken for ever.
            Decision::Step(_, Taken { length: 0, end: None, .. }) => Decision::Nothing(Seen::NoEnd),
            decision => decision,
        }
    }

    pub(super) fn pause(&mut self, pause: Pause, now: Instant) -> Option<Output> {
        let Some(role) = self.role else {
            // Nothing can be said of times where none pass.
            self.advance();
            return None;
        };
        if pause.is_silent && !self.reads_no_more() && self.breaks_silence(pause, role.other()) {
            return None;
        }
        let until = self.last + pause.time;
        if now < until {
            return Some(self.wait(Some(until)));
        }
        self.last = now;
        self.advance();
        None
    }

    /// Fails if anything has come but what comes unasked.
    fn breaks_silence(&mut self, pause: Pause, side: Side) -> bool {
        self.take_unasked(side);
        self.unasked.retain(|active| !active.is_ending);
        let input = self.input(side);
        let is_unasked = self.is_unasked_under_way(side);
        let has_ended = matches!(input.end, Some(End::Fin | End::FinThenReset | End::Reset));
        if (input.bytes.is_empty() || is_unasked) && !has_ended {
            return false;
        }
        self.fail_pause(pause, side);
        true
    }

    /// Takes all that comes unasked.
    pub(super) fn take_unasked(&mut self, side: Side) {
        while let Decision::Unasked(taken) = self.decide_unasked(side, Seen::NoEnd) {
            self.take(side, taken);
        }
    }

    /// Whether what is there of this side is the beginning of what comes unasked, and no more.
    pub(super) fn is_unasked_under_way(&self, side: Side) -> bool {
        matches!(self.decide_unasked(side, Seen::NoEnd), Decision::Wait(_))
    }

    fn reads_no_more(&self) -> bool {
        self.own_end == Some(OwnEnd::Close)
    }

    fn take(&mut self, side: Side, taken: Taken) {
        let input = self.input_mut(side);
        input.take(taken.length);
        input.end = taken.end.or(input.end);
        self.captures.extend(taken.captured);
    }

    /// The step that takes the input, or else what comes unasked.
    fn decide(&self, steps: &[Arc<Step>], side: Side) -> Decision {
        match self.decide_steps(steps, side) {
            Decision::Nothing(seen) => self.decide_unasked(side, seen),
            decision => decision,
        }
    }

    /// The step that ends first, and of those the first, whatever more may come.
    fn decide_steps(&self, steps: &[Arc<Step>], side: Side) -> Decision {
        let looks = steps.iter().map(|step| look::at_step(step, self.input(side), &self.captures));
        first_of(looks)
    }

    fn decide_unasked(&self, side: Side, seen: Seen) -> Decision {
        let expected = self.unasked.iter().filter(|active| active.unasked.side == side && self.expects(side));
        let looks = expected.map(|active| look::at_unasked(&active.unasked, self.input(side), &self.captures));
        match first_of(looks) {
            Decision::Step(_, taken) => Decision::Unasked(taken),
            // What is told is what the step expects.
            Decision::Wait(_) => Decision::Wait(seen),
            _ => Decision::Nothing(seen),
        }
    }

    fn deadline_of(&self, step: &Step) -> Instant {
        self.begin_of(step) + step.deadline
    }

    fn last_deadline(&self, steps: &[Arc<Step>]) -> Instant {
        steps.iter().map(|step| self.deadline_of(step)).max().unwrap_or(self.last)
    }
}

/// The first to fit of those that end first; those that do not fit yet end later. Else, what is told is the one that
/// comes furthest.
fn first_of(looks: impl Iterator<Item = Look>) -> Decision {
    let (mut first, mut more, mut not): (Option<(usize, Taken)>, _, _) = (None, None, None);
    for (index, look) in looks.enumerate() {
        match look {
            Look::Fits(taken) => {
                if first.as_ref().is_none_or(|(_, first)| taken.length < first.length) {
                    first = Some((index, taken));
                }
            }
            Look::More(seen) => furthest(&mut more, seen),
            Look::Not(seen) => furthest(&mut not, seen),
        }
    }
    match (first, more, not) {
        (Some((index, taken)), _, _) => Decision::Step(index, taken),
        (None, Some(seen), _) => Decision::Wait(seen),
        (None, None, Some(seen)) => Decision::Nothing(seen),
        (None, None, None) => Decision::Nothing(Seen::NoEnd),
    }
}

fn furthest(known: &mut Option<Seen>, seen: Seen) {
    let reached = |seen: &Seen| match seen {
        Seen::Bytes(stop) => Some(stop.at),
        _ => None,
    };
    if known.as_ref().is_none_or(|known| reached(known) < reached(&seen)) {
        *known = Some(seen);
    }
}
