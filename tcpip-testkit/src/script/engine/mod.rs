//! Plays a script, without I/O and without a clock: what has happened is told, and [`poll`](Engine::poll) says what is
//! to be done.

mod blessing;
mod captures;
mod expecting;
mod failing;
mod failure;
mod frames;
mod input;
mod json_expected;
mod json_match;
mod json_value;
mod look;
mod matching;
mod playable;
mod playing;
mod sending;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;

pub(crate) use self::captures::Captures;
pub use self::failure::{FailureReason, ScriptFailure};
use self::{
    blessing::Blessing,
    captures::Capture,
    frames::{Frame, FrameKind},
    input::{End, Input},
};
use super::{
    Script, ScriptFault,
    compile::DEFAULT_DEADLINE,
    program::{Step, Unasked},
};
use crate::side::Side;

/// How much a player keeps that no step expects yet: then it reads no more.
const MOST_KEPT: usize = 1 << 20;
/// How many steps are played at once before the caller has a chance to look at its own deadlines.
const STEPS_AT_ONCE: usize = 1000;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Output {
    /// Connect, or accept, for the first time or again; then [`connected`](Engine::connected) is to be told.
    Connect,
    /// Write this; then [`sent`](Engine::sent) is to be told.
    Send(Vec<u8>),
    /// End this side's direction, and read on.
    Fin,
    /// The same, and read no more.
    Close,
    Reset,
    /// Nothing, until something happens or it is that time.
    Wait(Option<Instant>),
    /// Nothing: the script is over.
    Done,
    Failed(ScriptFailure),
}

/// Plays one side of a script and expects the other, or expects both.
#[derive(Debug)]
pub(crate) struct Engine {
    script: Script,
    /// Who is played; `None` if both sides are expected.
    role: Option<Side>,
    frames: Vec<Frame>,
    captures: Captures,
    unasked: Vec<Active>,
    client: Input,
    server: Input,
    /// What the side that is played has ended.
    own_end: Option<OwnEnd>,
    /// Whether the first step that is reached connects for the first time: within blocks, it says what has been done.
    has_said_connect: bool,
    /// Whether an open `repeat` waits for nothing more before the peer is connected again.
    repeats_are_over: bool,
    phase: Phase,
    /// When the peer was connected.
    connected: Instant,
    /// When the step before was over.
    last: Instant,
    blessing: Option<Blessing>,
}

#[derive(Debug)]
enum Phase {
    /// Nobody is connected, and nobody was.
    Begin,
    /// Until then, if it is to be until then.
    Connecting(Option<(Instant, Duration)>),
    Playing,
    /// The bytes of the step, if it is one, are being written.
    Sending {
        until: Instant,
        within: Duration,
        step: Option<Arc<Step>>,
    },
    Failed(ScriptFailure),
}

/// How the side that is played has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OwnEnd {
    /// It sends no more.
    Fin,
    /// It reads no more either.
    Close,
}

/// What may come, or is sent, until its block ends.
#[derive(Debug)]
struct Active {
    unasked: Arc<Unasked>,
    /// How many frames there are around it.
    depth: usize,
    /// When it is sent next.
    next: Option<Instant>,
    /// Whether it is over for who sends it. Until that side is known to have come so far, more of it may be under way.
    is_ending: bool,
}

impl Engine {
    /// One that plays this side, or none.
    ///
    /// # Errors
    ///
    /// The script has something that this side cannot play.
    pub(crate) fn new(script: Script, role: Option<Side>, now: Instant) -> Result<Self, ScriptFault> {
        playable::check(&script, role)?;
        let root = Frame::new(script.block().clone(), FrameKind::Once);
        Ok(Self {
            script,
            role,
            frames: vec![root],
            captures: HashMap::new(),
            unasked: Vec::new(),
            client: Input::default(),
            server: Input::default(),
            own_end: None,
            has_said_connect: false,
            repeats_are_over: false,
            phase: Phase::Begin,
            connected: now,
            last: now,
            blessing: None,
        })
    }

    /// Goes on with another script, when the one before is over.
    ///
    /// # Errors
    ///
    /// The script has something that this side cannot play.
    pub(crate) fn go_on(&mut self, script: Script, now: Instant) -> Result<(), ScriptFault> {
        playable::check(&script, self.role)?;
        self.frames = vec![Frame::new(script.block().clone(), FrameKind::Once)];
        self.end_unasked(|_| true);
        self.script = script;
        self.last = now;
        Ok(())
    }

    pub(crate) fn set(&mut self, name: String, bytes: Vec<u8>) {
        self.captures.insert(name, Capture { bytes, ..Capture::default() });
    }

    pub(crate) fn captures(&self) -> &Captures {
        &self.captures
    }

    /// The peer is connected.
    pub(crate) fn connected(&mut self, now: Instant) {
        (self.client, self.server, self.own_end) = (Input::default(), Input::default(), None);
        self.repeats_are_over = false;
        (self.connected, self.last) = (now, now);
        self.unasked.retain(|active| !active.is_ending);
        self.phase = Phase::Playing;
    }

    /// Nobody can be waited for any longer than this to connect.
    pub(crate) fn connect_within(&mut self, within: Duration, now: Instant) {
        if matches!(self.phase, Phase::Connecting(None)) {
            self.phase = Phase::Connecting(Some((now + within, within)));
        }
    }

    /// This side has sent these bytes.
    pub(crate) fn receive(&mut self, side: Side, bytes: &[u8]) {
        if self.own_end != Some(OwnEnd::Close) {
            self.input_mut(side).bytes.extend_from_slice(bytes);
        }
    }

    /// This side has ended its direction.
    pub(crate) fn end(&mut self, side: Side) {
        self.input_mut(side).end.get_or_insert(End::Fin);
    }

    /// This side has reset the connection.
    pub(crate) fn reset(&mut self, side: Side) {
        self.input_mut(side).reset();
        if let Phase::Sending { step, .. } = &self.phase {
            let step = step.clone();
            self.phase = Phase::Playing;
            if let Some(step) = step {
                self.fail_at(Some(&step), FailureReason::CannotSend, "the connection has been reset");
            }
        }
    }

    /// All has been told that passed while the peer was connected: what may come as often as it likes is over.
    pub(crate) fn end_repeats(&mut self) {
        self.repeats_are_over = true;
    }

    /// What was to be sent has been written.
    pub(crate) fn sent(&mut self, now: Instant) {
        if let Phase::Sending { step, .. } = &self.phase {
            if step.is_some() {
                self.last = now;
            }
            self.phase = Phase::Playing;
        }
    }

    /// Whether more is to be read: as much as the step that is expected takes, or as much as is kept for later ones.
    pub(crate) fn is_reading(&self, side: Side) -> bool {
        self.input(side).bytes.len() < MOST_KEPT || self.is_expecting(side)
    }

    /// How many bytes this side has sent that no step has taken.
    pub(crate) fn waiting(&self, side: Side) -> usize {
        self.input(side).bytes.len()
    }

    /// What is to be done now, after what has been told.
    pub(crate) fn poll(&mut self, now: Instant) -> Output {
        for _ in 0..STEPS_AT_ONCE {
            match self.phase {
                Phase::Failed(ref failure) => return Output::Failed(failure.clone()),
                Phase::Begin => return self.begin(),
                Phase::Connecting(Some((until, within))) if now >= until => {
                    self.fail(FailureReason::Timeout { after: within }, "nobody connected");
                }
                Phase::Connecting(until) => return Output::Wait(until.map(|(until, _)| until)),
                Phase::Sending { until, within, ref step } if now >= until => {
                    let step = step.clone();
                    self.fail_at(step.as_deref(), FailureReason::Timeout { after: within }, "it could not be written");
                }
                Phase::Sending { until, .. } => return Output::Wait(Some(until)),
                Phase::Playing => {
                    if let Some(output) = self.play(now) {
                        return output;
                    }
                }
            }
        }
        Output::Wait(Some(now))
    }

    /// Whether the play has failed.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.phase, Phase::Failed(_))
    }

    /// Whether there is nothing to do, so that nobody needs to be connected.
    pub(crate) fn has_nothing_to_do(&self) -> bool {
        self.script.block().is_empty() && matches!(self.phase, Phase::Begin | Phase::Connecting(_))
    }

    /// Whether the script says, further on, that the client connects again.
    pub(crate) fn connects_again(&self) -> bool {
        self.frames.iter().any(Frame::connects)
    }

    /// Whether the script is over, so that another may follow.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Playing) && matches!(&self.frames[..], [root] if root.next >= root.block.len())
    }

    fn input(&self, side: Side) -> &Input {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn input_mut(&mut self, side: Side) -> &mut Input {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Whether this side's steps are expected, not played.
    fn expects(&self, side: Side) -> bool {
        self.role != Some(side)
    }
}

/// From how many bytes on a step that has come in part is not looked at anew with each few more.
pub(crate) const LONG_STEP: usize = 4096;

/// Until when a step of the network that no script speaks of may take.
pub(crate) const UNSAID_DEADLINE: Duration = DEFAULT_DEADLINE;
