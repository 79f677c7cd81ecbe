//! What the side that is played does.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    Active, Engine, FailureReason, Output, OwnEnd, Phase, UNSAID_DEADLINE,
    captures::Scope,
    failing::not_captured,
    frames::{Frame, FrameKind, first_steps},
    input::Input,
    sending::{self, Unsendable},
};
use crate::script::{
    program::{Branches, Node, Part, Repeat, Step, Times},
    syntax::{Action, Branching, Delay},
};

impl Engine {
    /// Nobody is connected yet: the first step may say so, or it goes without saying.
    pub(super) fn begin(&mut self) -> Output {
        let explicit = match &first_steps(&self.frames[0].block)[..] {
            [step] if step.connects() => Some(step.clone()),
            _ => None,
        };
        if let Some(Node::Step(step)) = self.frames[0].node()
            && step.connects()
        {
            self.frames[0].next += 1;
        } else {
            self.has_said_connect = explicit.is_some();
        }
        self.phase = Phase::Connecting(explicit.map(|step| (self.last + step.deadline, step.deadline)));
        Output::Connect
    }

    /// One turn: what is to be done, or nothing if something has been done.
    pub(super) fn play(&mut self, now: Instant) -> Option<Output> {
        if let Some(output) = self.send_unasked(now) {
            return Some(output);
        }
        let frame = self.frames.last().expect("the script's own frame stays");
        match frame.node().cloned() {
            Some(Node::Step(step)) if self.expects(step.side) => self.expect(&step, now),
            Some(Node::Step(step)) => self.perform(&step, now),
            Some(Node::Pause(pause)) => self.pause(pause, now),
            Some(Node::Every(unasked) | Node::AnyTime(unasked)) => {
                let next = unasked.every.filter(|_| !self.expects(unasked.side)).map(|every| now + every);
                self.unasked.push(Active { unasked, depth: self.frames.len(), next, is_ending: false });
                self.advance();
                None
            }
            Some(Node::Stop(name)) => {
                self.end_unasked(|active| active.unasked.name.as_ref() == Some(&name));
                self.advance();
                None
            }
            Some(Node::Repeat(repeat)) => self.repeat(&repeat, now),
            Some(Node::Branches(branches)) => self.branches(branches, now),
            None => self.end_of_block(now),
        }
    }

    pub(super) fn advance(&mut self) {
        self.frames.last_mut().expect("the script's own frame stays").next += 1;
    }

    pub(super) fn enter(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    /// What is to be waited for: this time, or what is sent before it.
    pub(super) fn wait(&self, until: Option<Instant>) -> Output {
        let ticks = self.unasked.iter().filter(|_| self.is_sending_unasked()).filter_map(|active| active.next);
        Output::Wait(ticks.chain(until).min())
    }

    fn repeat(&mut self, repeat: &Arc<Repeat>, now: Instant) -> Option<Output> {
        match repeat.times {
            Times::Exactly(0) => self.advance(),
            Times::Exactly(times) => {
                self.advance();
                self.enter(Frame::new(repeat.body.clone(), FrameKind::Repeat(times)));
            }
            Times::WhileFits(side) => return self.expect_repeat(repeat, side, now),
        }
        None
    }

    fn branches(&mut self, branches: Arc<Branches>, now: Instant) -> Option<Output> {
        match branches.branching {
            Branching::AnyOrder => {
                self.advance();
                self.enter(Frame::any_order(branches));
                None
            }
            Branching::OneOf => {
                let pending: Vec<usize> = (0..branches.all.len()).collect();
                self.expect_branch(&branches, &pending, now, |engine, _| engine.advance())
            }
        }
    }

    fn end_of_block(&mut self, now: Instant) -> Option<Output> {
        let depth = self.frames.len();
        let frame = self.frames.last_mut().expect("the script's own frame stays");
        match &mut frame.kind {
            FrameKind::AnyOrder(branches, pending) if !pending.is_empty() => {
                let (branches, pending) = (branches.clone(), pending.clone());
                return self.any_order(&branches, &pending, now);
            }
            FrameKind::Repeat(left) if *left > 1 => {
                *left -= 1;
                frame.next = 0;
                self.end_unasked(|active| active.depth >= depth);
            }
            _ if depth == 1 => return Some(self.done()),
            _ => {
                self.frames.pop();
                self.end_unasked(|active| active.depth >= depth);
            }
        }
        None
    }

    /// These are sent no more. What is expected of them may be under way, until something comes that its sender has
    /// sent behind it.
    pub(super) fn end_unasked(&mut self, ends: impl Fn(&Active) -> bool) {
        let mut unasked = std::mem::take(&mut self.unasked);
        unasked.retain_mut(|active| {
            active.is_ending |= ends(active);
            !active.is_ending || (active.unasked.every.is_some() && self.expects(active.unasked.side))
        });
        self.unasked = unasked;
    }

    fn any_order(&mut self, branches: &Arc<Branches>, pending: &[usize], now: Instant) -> Option<Output> {
        if !self.expects(branches.side) {
            self.begin_branch(branches, pending[0]);
            return None;
        }
        self.expect_branch(branches, pending, now, |_, _| {})
    }

    /// Begins this branch, of those that have not been played.
    pub(super) fn begin_branch(&mut self, branches: &Arc<Branches>, branch: usize) {
        if let Some(Frame { kind: FrameKind::AnyOrder(_, pending), .. }) = self.frames.last_mut() {
            pending.retain(|pending| *pending != branch);
        }
        self.enter(Frame::new(branches.all[branch].clone(), FrameKind::Once));
    }

    /// When the step may begin: its deadline counts from then on.
    pub(super) fn begin_of(&self, step: &Step) -> Instant {
        match step.delay {
            None => self.last,
            Some(Delay::After(delay)) => self.last + delay,
            Some(Delay::At(delay)) => self.connected + delay,
        }
    }

    /// Does what the step says, when it is time.
    fn perform(&mut self, step: &Arc<Step>, now: Instant) -> Option<Output> {
        let begin = self.begin_of(step);
        if now < begin && !self.has_said_connect {
            return Some(self.wait(Some(begin)));
        }
        if step.connects() {
            return self.connect_again(step, now);
        }
        let is_reset = self.input(step.side.other()).is_reset();
        let has_ended = match step.action {
            Action::Close => self.own_end == Some(OwnEnd::Close),
            _ => self.own_end.is_some(),
        };
        if is_reset || has_ended {
            let message = if is_reset { "the connection has been reset" } else { "this side has ended before" };
            self.fail_at(Some(step), FailureReason::CannotSend, message);
            return None;
        }
        let output = match &step.action {
            Action::Items(parts) => return self.send(parts, Some(step), now),
            Action::Fin => {
                self.own_end = Some(OwnEnd::Fin);
                Output::Fin
            }
            Action::Close => {
                self.read_no_more(step);
                Output::Close
            }
            Action::Reset | Action::Connect => {
                self.read_no_more(step);
                Output::Reset
            }
        };
        self.last = now;
        self.advance();
        Some(output)
    }

    fn read_no_more(&mut self, step: &Step) {
        self.own_end = Some(OwnEnd::Close);
        *self.input_mut(step.side.other()) = Input::default();
    }

    pub(super) fn connect_again(&mut self, step: &Arc<Step>, now: Instant) -> Option<Output> {
        if std::mem::take(&mut self.has_said_connect) {
            self.advance();
            return None;
        }
        if self.fail_if_left_over(Some(step)) {
            return None;
        }
        self.phase = Phase::Connecting(self.role.map(|_| (now + step.deadline, step.deadline)));
        self.advance();
        Some(Output::Connect)
    }

    /// Sends items: of a step, or of what is sent unasked.
    fn send(&mut self, parts: &[Part], step: Option<&Arc<Step>>, now: Instant) -> Option<Output> {
        let mut scope = Scope::new(&self.captures);
        let bytes = match sending::bytes(parts, &mut scope) {
            Ok(bytes) => bytes,
            Err(error) => {
                let (reason, message) = match error {
                    Unsendable::Unset(name) => not_captured(name),
                    Unsendable::Unknown => (FailureReason::CannotSend, "it is not known what to send".to_owned()),
                    Unsendable::TooLong => (FailureReason::CannotSend, "this is too long".to_owned()),
                };
                self.fail_at(step.map(|step| &**step), reason, message);
                return None;
            }
        };
        let captured = scope.into_new();
        self.captures.extend(captured);
        if step.is_some() {
            self.advance();
        }
        if bytes.is_empty() {
            if step.is_some() {
                self.last = now;
            }
            return None;
        }
        let within = step.map_or(UNSAID_DEADLINE, |step| step.deadline);
        self.phase = Phase::Sending { until: now + within, within, step: step.cloned() };
        Some(Output::Send(bytes))
    }

    fn is_sending_unasked(&self) -> bool {
        self.own_end.is_none() && !self.client.is_reset() && !self.server.is_reset() && !self.is_done()
    }

    /// Sends what is due of what is sent unasked.
    fn send_unasked(&mut self, now: Instant) -> Option<Output> {
        if !self.is_sending_unasked() {
            return None;
        }
        let due = |active: &&mut Active| active.next.is_some_and(|next| next <= now);
        let active = self.unasked.iter_mut().filter(due).min_by_key(|active| active.next)?;
        let (mut next, every) = (active.next?, active.unasked.every?);
        // What could not be sent in time is left out: it does not come all at once.
        let missed = now.duration_since(next).as_nanos() / every.as_nanos();
        next += every * u32::try_from(missed.saturating_add(1)).unwrap_or(u32::MAX);
        active.next = Some(next);
        let parts = active.unasked.steps.concat();
        self.send(&parts, None, now)
    }
}
