//! The rules of a session, without I/O: what happened goes in, what is to be done comes out.
//!
//! A [`Session`] is one value behind one lock. Nothing in here waits, calls the system, runs users' code or wakes
//! anybody: what is left to do once the lock is free is in the [`Effects`].

mod ahead;
mod effects;
mod frame_log;
mod gathering;
mod incoming;
mod life;
mod message;
mod outgoing;
#[cfg(test)]
mod outgoing_model;
mod queue;
mod reads;
mod ready;
mod take;
mod turns;
mod writes;

use std::{sync::Arc, task::Waker};

use tokio::time::Instant;

pub(crate) use self::{
    effects::Effects,
    frame_log::{TapKind, Tapped},
    incoming::{Arrived, End},
    life::{Ending, Life, Phase, ReadLoop},
    message::{Begun, Numbered, Place, Queued, Unsendable, Writer},
    outgoing::{Next, Way},
    reads::{Entry, Receive, Step, Work},
    take::{Heartbeats, Take, Taken, Unread},
    turns::Ticket,
    writes::Duty,
};
use self::{
    incoming::{Buffer, Incoming, StreamEnd, Waits},
    outgoing::Outgoing,
    turns::Turns,
};
use crate::{DisconnectReason, HalfClose, OptionError, connection::options::SessionOptions, text::TextFormat};

/// One session, from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Session {
    life: Life,
    incoming: Incoming,
    /// What is asked of it beside the rules is asked of it directly.
    pub(crate) outgoing: Outgoing,
    text: Arc<TextFormat>,
    limit: usize,
    heartbeats: Heartbeats,
    options: Arc<SessionOptions>,
    /// How many look for a hang-up just now, and may be told its cause.
    looking: usize,
    /// The peer was found to have hung up while somebody called the system, who may be told the cause. The session
    /// drains, until somebody looks again when that call has returned.
    is_in_doubt: bool,
    /// How many bytes were given up at the end.
    given_up: u64,
}

/// How much is left to read beneath the buffer when the peer hangs up, and why it did if the system told.
#[derive(Debug, Default)]
pub(crate) struct HangUp {
    pub(crate) is_beneath: bool,
    pub(crate) cause: Option<DisconnectReason>,
}

/// A plain copy of what a session has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) received: u64,
    pub(crate) reads: u64,
    pub(crate) sent: u64,
    pub(crate) messages_sent: u64,
    pub(crate) queued: usize,
    pub(crate) unread: usize,
}

impl Session {
    /// A session that has begun. `way` is that of what is written.
    pub(crate) fn new(options: Arc<SessionOptions>, way: Way) -> Self {
        let first_arrival = options.idle_timeout.map(|_| Instant::now());
        let life = Life::connected(options.has_handler);
        Self::with(options, life, Incoming::new(StreamEnd::Open, way == Way::Queue, first_arrival), way)
    }

    /// One that never was.
    pub(crate) fn never_connected(options: Arc<SessionOptions>) -> Self {
        let end = StreamEnd::Told(End::Session(DisconnectReason::Closed));
        Self::with(options, Life::never_connected(), Incoming::new(end, false, None), Way::Closed)
    }

    fn with(options: Arc<SessionOptions>, life: Life, mut incoming: Incoming, way: Way) -> Self {
        let is_tapped = options.passage.taps_frames();
        incoming.set_tapped(is_tapped);
        Self {
            life,
            incoming,
            outgoing: Outgoing::new(way, options.write_limit, is_tapped),
            text: Arc::clone(&options.text),
            limit: options.limit,
            heartbeats: match options.max_heartbeat_interval {
                None => Heartbeats::AreData,
                Some(_) => Heartbeats::AreNoted(None),
            },
            options,
            looking: 0,
            is_in_doubt: false,
            given_up: 0,
        }
    }

    pub(crate) fn life(&self) -> &Life {
        &self.life
    }

    pub(crate) fn text(&self) -> &Arc<TextFormat> {
        &self.text
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether what has arrived is not to be kept.
    pub(crate) fn is_discarded(&self) -> bool {
        self.incoming.is_discarded
    }

    pub(crate) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// What has been counted.
    pub(crate) fn counts(&self) -> Counts {
        let (sent, messages_sent) = self.outgoing.queue.sent();
        Counts {
            received: self.incoming.received,
            reads: self.incoming.reads,
            sent,
            messages_sent,
            queued: self.outgoing.queue.len(),
            unread: self.incoming.unread(),
        }
    }

    /// How many bytes no read has taken.
    pub(crate) fn unread(&self) -> usize {
        self.incoming.unread()
    }

    /// When the peer's last heartbeat came.
    pub(crate) fn last_heartbeat(&self) -> Option<Instant> {
        self.heartbeats.last()
    }

    /// Notes a heartbeat. Whether any is expected.
    pub(crate) fn heartbeat_came(&mut self) -> bool {
        match &mut self.heartbeats {
            Heartbeats::AreData => false,
            Heartbeats::AreNoted(last) => {
                *last = Some(Instant::now());
                true
            }
        }
    }

    /// Has the session begin with what was set since its options were read.
    pub(crate) fn begin_with(&mut self, options: &SessionOptions) {
        self.text = Arc::clone(&options.text);
        self.limit = options.limit;
    }

    /// Changes the format of text, from the next message on.
    pub(crate) fn change_text(
        &mut self,
        change: impl FnOnce(&mut TextFormat),
        effects: &mut Effects,
    ) -> Result<(), OptionError> {
        let mut text = TextFormat::clone(&self.text);
        change(&mut text);
        self.options.check_heartbeats(&text)?;
        if text != *self.text {
            self.text = Arc::new(text);
            self.look_again(effects);
        }
        Ok(())
    }

    pub(crate) fn set_limit(&mut self, limit: usize, effects: &mut Effects) {
        if limit != self.limit {
            self.limit = limit;
            self.look_again(effects);
        }
    }

    /// Has those who read look again: what they look for has changed.
    fn look_again(&mut self, effects: &mut Effects) {
        self.incoming.has_changed = true;
        self.incoming.wake_task(effects);
        effects.wake(self.incoming.waker.take());
    }

    /// Whether the messages go to a handler.
    pub(crate) fn has_reader(&self) -> bool {
        self.options.has_handler && self.life.read_loop().reads()
    }

    /// Whether reads have nothing more to tell: a read has reported the end, or the session was revoked.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.has_told_end() || self.life.is_revoked()
    }

    /// Whether there is no session, and nothing of it left to read.
    pub(crate) fn is_over(&self) -> bool {
        !self.life.is_connected() && self.is_exhausted()
    }

    /// Whether a read has told its caller that the stream is at its end.
    pub(crate) fn has_told_end(&self) -> bool {
        matches!(self.incoming.end, StreamEnd::Told(_))
    }

    /// Whether the session goes on when the peer has ended its half.
    fn outlives_peer(&self) -> bool {
        self.options.half_close == HalfClose::Allowed && !self.outgoing.has_half_ended()
    }

    /// Ends the session, unless it has ended before. What has arrived stays readable.
    pub(crate) fn end(&mut self, reason: DisconnectReason, effects: &mut Effects) {
        self.life.end(reason, Ending::Kept, effects);
    }

    /// Ends the session, and what of it is still readable or at work.
    pub(crate) fn revoke(&mut self, reason: DisconnectReason, ending: Ending, effects: &mut Effects) {
        self.life.end(reason, ending, effects);
        if self.life.is_finished() {
            self.discard(effects);
        }
    }

    /// Ends the session for good, unless it has ended before, and nobody but those who read has anything to do with it.
    pub(crate) fn let_go(&mut self, reason: DisconnectReason, effects: &mut Effects) {
        if self.life.is_connected() || self.life.read_loop() != ReadLoop::Absent {
            self.close(reason, Ending::Revoked, effects);
        } else {
            self.life.give_up();
        }
    }

    /// As [`revoke`](Self::revoke), for good.
    pub(crate) fn close(&mut self, reason: DisconnectReason, ending: Ending, effects: &mut Effects) {
        self.life.give_up();
        self.revoke(reason, ending, effects);
    }

    /// Notes so many bytes that will not be sent, or may not have arrived. How many they are in all.
    pub(crate) fn give_up(&mut self, count: usize) -> u64 {
        self.given_up += count as u64;
        self.given_up
    }

    /// Somebody begins to look whether the peer has hung up, and may be told why.
    pub(crate) fn look_begins(&mut self) {
        self.looking += 1;
    }

    /// Somebody has looked, and the peer has hung up. Ends the session, or lets it drain if there is
    /// something left to read.
    pub(crate) fn looked(&mut self, hang_up: HangUp, effects: &mut Effects) {
        self.looking -= 1;
        self.hung_up(hang_up, effects);
        self.call_returned(effects);
    }

    /// Somebody has looked, and the stream has failed: for the cause that was found, or that somebody else was told.
    /// Why.
    pub(crate) fn has_failed(&mut self, cause: Option<DisconnectReason>, effects: &mut Effects) -> DisconnectReason {
        self.looking -= 1;
        let cause = cause.or_else(|| self.outgoing.error().cloned()).unwrap_or(DisconnectReason::Reset);
        self.end(cause.clone(), effects);
        self.call_returned(effects);
        cause
    }

    /// The peer has hung up.
    pub(crate) fn hung_up(&mut self, hang_up: HangUp, effects: &mut Effects) {
        if !self.life.is_connected() {
            return;
        }
        effects.has_changed = true;
        let was_in_doubt = std::mem::take(&mut self.is_in_doubt);
        let has_handler_at_work = self.has_reader() && !self.has_told_end();
        let unread = hang_up.is_beneath || self.incoming.unread() > 0 || self.incoming.place != Buffer::Here;
        if let Some(cause) = hang_up.cause.or_else(|| self.outgoing.error().cloned()) {
            self.end(cause, effects);
            return;
        }
        self.life.note_hang_up();
        let is_receiving = matches!(self.incoming.place, Buffer::LentToSystem(_));
        self.is_in_doubt = is_receiving || self.outgoing.is_sending() || self.looking > 0;
        if self.outlives_peer() {
            // It goes on.
        } else if self.is_in_doubt {
            self.life.drain();
        } else if self.life.last_read().is_some() && !was_in_doubt {
            // It lives until a read has found the end, or for as long as it may drain: looking does not shorten that.
        } else if !unread && (self.incoming.is_being_read() || !has_handler_at_work) {
            self.end(DisconnectReason::ClosedByPeer, effects);
        } else {
            self.life.drain();
        }
    }

    /// A call of the system has returned that may have been told why the stream has ended.
    fn call_returned(&mut self, effects: &mut Effects) {
        if self.incoming.end == StreamEnd::Suspected {
            self.incoming.end = StreamEnd::Open;
            self.stream_ended(None, effects);
            effects.wake(self.incoming.waker.take());
        }
    }

    /// Nothing more will come, for a cause or because the peer has said all. A cause, of which a writer may have been
    /// told instead, ends the session before anybody else finds a stream without it.
    fn stream_ended(&mut self, cause: Option<DisconnectReason>, effects: &mut Effects) {
        if self.incoming.end != StreamEnd::Open {
            return;
        }
        let is_told = cause.is_some();
        if let Some(cause) = cause.or_else(|| self.outgoing.error().cloned()) {
            self.end(cause, effects);
        } else if !is_told && (self.looking > 0 || self.outgoing.is_sending()) {
            self.incoming.end = StreamEnd::Suspected;
            return;
        }
        self.incoming.end = StreamEnd::Known(match self.life.reason() {
            None | Some(DisconnectReason::ClosedByPeer) => End::Stream,
            Some(reason) => End::Session(reason.clone()),
        });
    }

    /// Has the handler read no more.
    pub(crate) fn stop_read_loop(&mut self, effects: &mut Effects) {
        if self.life.read_loop() == ReadLoop::Reading {
            self.life.set_read_loop(ReadLoop::Stopping, effects);
        }
    }

    /// Notes that the handler has been dropped, for others to read. A session that drains does so anew, as one that
    /// never had a handler.
    pub(crate) fn read_loop_stopped(&mut self, effects: &mut Effects) {
        self.life.set_read_loop(ReadLoop::Stopped, effects);
        self.life.was_read();
    }

    /// Ends a session whose handler has done all that it wants: closed by this end, unless the peer has hung up or
    /// ended it before.
    pub(crate) fn handler_has_returned(&mut self, effects: &mut Effects) {
        if self.life.has_hung_up() {
            self.revoke(DisconnectReason::ClosedByPeer, Ending::Revoked, effects);
        } else if self.life.is_connected() {
            self.close(DisconnectReason::Closed, Ending::Revoked, effects);
        } else {
            self.revoke(DisconnectReason::Closed, Ending::Revoked, effects);
        }
    }

    /// Notes that the handler has done with the session.
    pub(crate) fn read_loop_ended(&mut self, effects: &mut Effects) {
        self.life.set_read_loop(ReadLoop::Absent, effects);
    }

    pub(crate) fn task_begins(&mut self) {
        self.life.task_begins();
    }

    pub(crate) fn task_has_ended(&mut self, effects: &mut Effects) {
        self.life.task_has_ended(effects);
    }

    /// The session's task is gone: in good order, or with its runtime.
    pub(crate) fn finish(&mut self, in_order: bool, effects: &mut Effects) {
        if !in_order {
            self.end(DisconnectReason::Closed, effects);
            self.outgoing.close(effects);
        }
        self.life.finish(effects);
        self.log_unread(effects);
        self.log_end(effects);
        // Of a frame that a read takes later, half may have been told.
        self.incoming.set_tapped(false);
        // For the last time, so that nobody keeps it.
        effects.has_work = true;
        if self.life.is_revoked() || !in_order {
            self.discard(effects);
        }
    }
}
