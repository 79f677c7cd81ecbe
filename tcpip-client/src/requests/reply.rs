//! A reply as it comes.

use std::{error::Error, sync::Arc, time::Duration};

use tcpip_core::endpoint::{Input, Lock, TakeReply, Trailing};
use tokio::time::Instant;

use super::{
    error::Cause,
    front::Front,
    options::RequestOptions,
    shape::{Mismatch, Shape, skip},
};

/// A reply that is taken: its shape, and what of it has come.
pub(super) struct Reply<S: Shape> {
    shape: Described<S>,
    state: S::State,
    /// What may still come of the reply before.
    before: Trailing,
    /// What is still to come of the echo.
    echo: Vec<u8>,
    /// How many bytes have been taken, and how many were there at the last look.
    taken: usize,
    seen: usize,
    /// The first of them, for errors.
    front: Front,
    /// Since when its first byte is awaited: since the command went out, or the echo was there.
    waits_since: Option<Instant>,
    /// When its first byte has come, and its last so far.
    began: Option<(Instant, Instant)>,
    /// Nothing has come for as long as the shape says.
    is_quiet: bool,
}

/// The shape of a reply: of one request, or of one that may be repeated, while a task of the session takes the rest of
/// the reply before by the same shape.
pub(super) enum Described<S> {
    Once(S),
    Repeatedly(Arc<Lock<S>>),
}

impl<S: Shape> Described<S> {
    fn with<T>(&self, with: impl FnOnce(&S) -> T) -> T {
        match self {
            Self::Once(shape) => with(shape),
            Self::Repeatedly(shape) => with(&shape.lock()),
        }
    }
}

/// What a [`Reply`] comes to: a value, or one that does not convert. What is neither is out of step.
pub(super) type Taken<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What came is no such reply.
pub(super) struct OutOfStep(pub(super) String);

impl<S: Shape> Reply<S> {
    pub(super) fn new(shape: Described<S>, before: Trailing, echo: Vec<u8>) -> Self {
        Self {
            shape,
            state: S::State::default(),
            before,
            echo,
            taken: 0,
            seen: 0,
            front: Front::EMPTY,
            waits_since: None,
            began: None,
            is_quiet: false,
        }
    }

    /// What may still come of it, when it has been taken, or of the reply before.
    pub(super) fn trailing(&self) -> Trailing {
        if self.seen == 0 { self.before } else { self.shape.with(|shape| shape.trailing(&self.state)) }
    }

    /// Whether a byte of an answer has come.
    pub(super) fn has_come(&self) -> bool {
        self.seen > 0
    }

    /// The first bytes of what has come.
    pub(super) fn front(&self) -> Front {
        self.front
    }

    /// When something is due, if nothing more comes: the reply is late by `options`, or the silence is there that its
    /// shape waits for. If nothing has come, the wait begins with the first call.
    pub(super) fn deadline(&mut self, options: Option<&RequestOptions>) -> Option<Instant> {
        let silence = self.silence();
        let late = options.map(|options| match self.began {
            None => later(*self.waits_since.get_or_insert_with(Instant::now), options.reply_timeout),
            Some((first, last)) => {
                let whole = later(first, options.whole_timeout);
                if silence.is_some() { whole } else { later(last, options.gap_timeout).min(whole) }
            }
        });
        match (silence, late) {
            (Some(silence), Some(late)) => Some(silence.min(late)),
            (silence, late) => silence.or(late),
        }
    }

    /// What is so by now, of what was due: nothing but the silence that the shape waits for, or the reply is late.
    pub(super) fn is_due(&mut self, options: Option<&RequestOptions>) -> Option<Cause> {
        let now = Instant::now();
        self.is_quiet = self.silence().is_some_and(|silence| silence <= now);
        let RequestOptions { reply_timeout, gap_timeout, whole_timeout, .. } = *options?;
        if self.is_quiet || self.deadline(options)? > now {
            return None;
        }
        match self.began {
            None => Some(Cause::NoReply { after: reply_timeout }),
            Some((first, _)) if later(first, whole_timeout) <= now => Some(Cause::TooSlow { after: whole_timeout }),
            Some(_) => Some(Cause::Stalled { after: gap_timeout }),
        }
    }

    /// Whether the silence is there, and has not been looked at.
    pub(super) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// When there is the silence that the shape waits for, if it waits for one.
    fn silence(&self) -> Option<Instant> {
        let (_, last) = self.began?;
        let quiet = self.shape.with(|shape| shape.gap(&self.state))?;
        Some(later(last, quiet))
    }

    /// Notes what is there. Whether that is more than before.
    fn look(&mut self, bytes: &[u8]) -> bool {
        let seen = self.taken + bytes.len();
        if seen <= self.seen {
            return false;
        }
        if self.echo.is_empty() && self.began.is_none() {
            // Behind the echo, which was shown so far.
            self.front = Front::EMPTY;
        }
        self.front.add(&bytes[self.seen - self.taken..]);
        self.seen = seen;
        true
    }

    /// Takes the echo out, as far as it is there. Whether all of it has come.
    fn take_echo(&mut self, input: &mut Input<'_>) -> Result<bool, OutOfStep> {
        let there = input.len().min(self.echo.len());
        let bytes = input.bytes();
        if bytes[..there] != self.echo[..there] {
            let (expected, found) = (self.echo.escape_ascii(), bytes[..there].escape_ascii());
            return Err(OutOfStep(format!("\"{found}\" came where \"{expected}\" is echoed")));
        }
        if there > 0 && there == self.echo.len() {
            // Behind it the deadline of the first byte begins anew.
            self.waits_since = None;
            if bytes.len() > there {
                self.front = Front::of(&bytes[there..]);
            }
        }
        self.echo.drain(..there);
        input.skip(there);
        self.taken += there;
        Ok(self.echo.is_empty())
    }

    /// Takes it out, by `take` of its shape, if all of it is there.
    fn take_by(
        &mut self,
        input: &mut Input<'_>,
        take: impl FnOnce(&S, &mut S::State, &mut Input<'_>) -> Option<Result<S::Output, Mismatch>>,
    ) -> Option<Result<Taken<S::Output>, OutOfStep>> {
        skip(&mut self.before, input);
        let has_more = self.look(input.bytes());
        let is_quiet = std::mem::take(&mut self.is_quiet) && !has_more;
        if !self.echo.is_empty() {
            match self.take_echo(input) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        let before = input.len();
        let Self { shape, state, .. } = self;
        let taken =
            shape.with(|shape| if is_quiet { shape.take_at_gap(state, input) } else { take(shape, state, input) });
        self.taken += before - input.len();
        let limit = input.limit();
        if self.taken + if taken.is_none() { input.len() } else { 0 } > limit {
            return Some(Err(OutOfStep(format!("the reply has more than {limit} bytes"))));
        }
        match taken {
            Some(Ok(output)) => Some(Ok(Ok(output))),
            Some(Err(Mismatch::Value(error))) => Some(Ok(Err(error))),
            Some(Err(Mismatch::OutOfStep(error))) => Some(Err(OutOfStep(error))),
            None => {
                // The next part awaits its first byte from here on.
                if is_quiet || has_more && before > 0 {
                    let now = Instant::now();
                    self.began = Some((self.began.map_or(now, |(first, _)| first), now));
                }
                None
            }
        }
    }
}

impl<S: Shape> TakeReply for Reply<S> {
    type Output = Result<Taken<S::Output>, OutOfStep>;

    const RUNS_USERS_CODE: bool = S::RUNS_USERS_CODE;

    fn looks_at_nothing(&self) -> bool {
        self.is_quiet || self.shape.with(S::may_be_empty)
    }

    #[inline]
    fn take(&mut self, input: &mut Input<'_>) -> Option<Self::Output> {
        self.take_by(input, S::take)
    }

    fn take_at_end(&mut self, input: &mut Input<'_>) -> Option<Self::Output> {
        let has_begun = self.began.is_some();
        self.take_by(input, |shape, state, input| {
            let is_quiet = has_begun || !input.is_empty();
            shape.take(state, input).or_else(|| {
                shape.gap(state).filter(|_| is_quiet)?;
                shape.take_at_gap(state, input)
            })
        })
    }

    fn is_out_of_step(output: &Self::Output) -> bool {
        output.is_err()
    }
}

/// No deadline is too far for the clock.
pub(crate) fn later(begin: Instant, after: Duration) -> Instant {
    const FAR: Duration = Duration::from_hours(24 * 365);
    begin + after.min(FAR)
}
