//! What is said when the play fails, and when it is over.

use std::{io, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Engine, FailureReason, Output, OwnEnd, Phase, ScriptFailure, frames::FrameKind, input::End, look::Seen};
use crate::{
    script::{
        place::Place,
        program::{Node, Pause, Step, Times},
        shown,
        syntax::{Action, Delay},
    },
    side::Side,
};

/// How many characters are shown of an item that was expected.
const LONGEST_ITEM: usize = 100;

impl Engine {
    /// The network fails, or nobody can be connected.
    pub(crate) fn network_failed(&mut self, error: io::Error) {
        self.fail(FailureReason::Io { source: Arc::new(error) }, "the network failed");
    }

    /// The play ends, now: what is missing, or came without being expected, is a failure.
    pub(crate) fn finish(&mut self) -> Option<ScriptFailure> {
        if let Phase::Failed(failure) = &self.phase {
            return Some(failure.clone());
        }
        if self.is_done() || self.has_nothing_to_do() {
            self.fail_if_left_over(None);
        } else {
            let message = match self.phase {
                Phase::Begin | Phase::Connecting(_) => "this was not reached: nobody connected",
                _ => "this was not reached",
            };
            self.fail(FailureReason::NotReached, message);
        }
        match &self.phase {
            Phase::Failed(failure) => Some(failure.clone()),
            _ => None,
        }
    }

    /// The sum of the deadlines of the steps that are left. An open `repeat` counts once.
    pub(crate) fn time_left(&self) -> Duration {
        let mut left = Duration::ZERO;
        for frame in &self.frames {
            let rest = time_of(frame.block.get(frame.next..).unwrap_or_default());
            left = left.saturating_add(rest);
            match &frame.kind {
                FrameKind::Repeat(again) => {
                    left = left.saturating_add(time_of(&frame.block).saturating_mul(again.saturating_sub(1)));
                }
                FrameKind::AnyOrder(branches, pending) => {
                    let times = pending.iter().map(|branch| time_of(&branches.all[*branch]));
                    left = times.fold(left, Duration::saturating_add);
                }
                FrameKind::Once | FrameKind::WhileFits => {}
            }
        }
        left
    }

    /// Nothing is left to be done. What comes unasked may come still.
    pub(super) fn done(&mut self) -> Output {
        for side in [Side::Client, Side::Server] {
            self.take_unasked(side);
        }
        Output::Done
    }

    /// Fails at the step that is next.
    pub(super) fn fail(&mut self, reason: FailureReason, message: impl Into<String>) {
        let place = self.next_place();
        self.fail_with(self.failure(reason, place, place, message));
    }

    pub(super) fn fail_at(&mut self, step: Option<&Step>, reason: FailureReason, message: impl Into<String>) {
        match step {
            None => self.fail(reason, message),
            Some(step) => self.fail_with(self.failure(reason, step.place, step.place, message)),
        }
    }

    /// Why a step fails whose time is over.
    pub(super) fn timeout(&self, until: Instant) -> FailureReason {
        FailureReason::Timeout { after: until.saturating_duration_since(self.last) }
    }

    /// Why a step fails where what has come can become nothing that is expected.
    pub(super) fn misfit(&self, step: &Step, seen: &Seen) -> FailureReason {
        let input = self.input(step.side);
        let is_short = matches!(seen, Seen::Bytes(reached) if reached.at >= input.bytes.len());
        let is_end = matches!(seen, Seen::NoEnd) && input.bytes.is_empty();
        let has_ended = input.end.is_some() && (is_short || is_end);
        if has_ended { FailureReason::Ended } else { FailureReason::Mismatch }
    }

    pub(super) fn fail_seen(&mut self, step: &Step, reason: FailureReason, seen: &Seen) {
        self.fail_with(self.failure_of(step, reason, seen));
    }

    /// What is told of a step that does not fit.
    pub(super) fn failure_of(&self, step: &Step, reason: FailureReason, seen: &Seen) -> ScriptFailure {
        let input = self.input(step.side);
        let came = input.bytes.clone();
        let ended = match input.end {
            Some(End::Reset | End::ResetTaken) => "the connection was reset",
            _ => "the stream ended",
        };
        let (reason, place, at, what) = match seen {
            Seen::Unset(name) => {
                let (reason, message) = not_captured(name.clone());
                return self.failure(reason, step.place, step.place, message);
            }
            Seen::NoEnd => {
                let expected = if matches!(step.action, Action::Reset) { "a reset" } else { "the end of the stream" };
                (reason, step.place, 0, expected.to_owned())
            }
            Seen::Bytes(reached) => (reason, reached.item, reached.at, self.script.text_of(reached.item).to_owned()),
        };
        let line = self.script.line_of(step.place);
        let message = match &reason {
            FailureReason::Timeout { after } => format!("nothing more came within {after:?} for"),
            FailureReason::Ended => format!("{ended} before"),
            _ => "what came does not fit".to_owned(),
        };
        let (shown, _) = shown::around(&what, 0, LONGEST_ITEM);
        let message = format!("{message} {shown} at byte {at} of the step of line {line}");
        self.failure(reason, step.place, place, message).expecting(&what, at).with_input(&came)
    }

    pub(super) fn fail_pause(&mut self, pause: Pause, side: Side) {
        let came = self.input(side).bytes.clone();
        let message = "something came while nothing may come";
        let failure = self.failure(FailureReason::LeftOver, pause.place, pause.place, message);
        self.fail_with(failure.with_input(&came));
    }

    /// Fails if there is something left that no step has taken: at the end of the script, or before this step.
    pub(super) fn fail_if_left_over(&mut self, before: Option<&Step>) -> bool {
        let sides = [Side::Client, Side::Server].into_iter().filter(|side| self.expects(*side));
        let sides: Vec<Side> = sides.filter(|_| self.own_end != Some(OwnEnd::Close)).collect();
        for side in sides {
            self.take_unasked(side);
            let came = self.input(side).bytes.clone();
            if !came.is_empty() && !self.is_unasked_under_way(side) {
                let message = format!("{} has sent more than the script expects", side.name());
                let place = before.map_or_else(|| self.last_place(), |step| step.place);
                let failure = self.failure(FailureReason::LeftOver, place, place, message).with_input(&came);
                if self.bless_left_over(before, side, &failure) {
                    continue;
                }
                self.fail_with(failure);
                return true;
            }
        }
        false
    }

    fn fail_with(&mut self, failure: ScriptFailure) {
        self.phase = Phase::Failed(failure);
    }

    /// What is told of a step, and of what in it is wrong.
    fn failure(&self, reason: FailureReason, step: Place, wrong: Place, message: impl Into<String>) -> ScriptFailure {
        ScriptFailure::new(reason, self.script.line_of(step), self.script.fault_at(wrong, message))
    }

    /// Where the step is that is next.
    fn next_place(&self) -> Place {
        let found = self.frames.iter().rev().find_map(|frame| match &frame.kind {
            FrameKind::AnyOrder(branches, pending) if !pending.is_empty() => Some(branches.place),
            _ => frame.node().map(place_of),
        });
        found.unwrap_or_else(|| self.last_place())
    }

    /// Where the last step of the script is.
    fn last_place(&self) -> Place {
        self.script.block().last().map(place_of).unwrap_or_default()
    }
}

/// Why a step fails that needs what no hole has captured, and what is said of it.
pub(super) fn not_captured(name: String) -> (FailureReason, String) {
    let message = format!("nothing has been captured as `{name}`");
    (FailureReason::NotCaptured { name }, message)
}

fn place_of(node: &Node) -> Place {
    match node {
        Node::Step(step) => step.place,
        Node::Pause(pause) => pause.place,
        Node::Every(unasked) | Node::AnyTime(unasked) => unasked.place,
        Node::Repeat(repeat) => repeat.place,
        Node::Branches(branches) => branches.place,
        Node::Stop(_) => Place::default(),
    }
}

fn time_of(nodes: &[Node]) -> Duration {
    nodes.iter().map(time_of_node).fold(Duration::ZERO, Duration::saturating_add)
}

fn time_of_node(node: &Node) -> Duration {
    match node {
        Node::Step(step) => {
            let delay = step.delay.map_or(Duration::ZERO, |delay| match delay {
                Delay::After(delay) | Delay::At(delay) => delay,
            });
            delay.saturating_add(step.deadline)
        }
        Node::Pause(pause) => pause.time,
        Node::Repeat(repeat) => match repeat.times {
            Times::Exactly(times) => time_of(&repeat.body).saturating_mul(times),
            Times::WhileFits(_) => time_of(&repeat.body),
        },
        Node::Branches(branches) => {
            branches.all.iter().map(|branch| time_of(branch)).fold(Duration::ZERO, Duration::saturating_add)
        }
        Node::Every(_) | Node::AnyTime(_) | Node::Stop(_) => Duration::ZERO,
    }
}
