//! A reply as it comes.

use std::{error::Error, io, sync::Arc, time::Duration};

use tcpip_core::{BytesMut, Decoder, endpoint::Lock};
use tokio::time::Instant;

use super::{
    error::Cause,
    front::Front,
    options::RequestOptions,
    shape::{Format, Mismatch, Shape},
};

/// A reply that is taken: its shape, and what of it has come. It is the decoder of a
/// [`read_frame`](tcpip_core::Connection::read_frame).
pub(super) struct Reply<S: Shape> {
    shape: Described<S>,
    state: S::State,
    format: Format,
    /// What is still to come of the echo.
    echo: Vec<u8>,
    /// How many bytes have been taken, and how many were there at the last look.
    taken: usize,
    seen: usize,
    /// The first of them, for errors.
    front: Front,
    waits_since: Instant,
    began: Option<Instant>,
    last: Instant,
}

/// The shape of a reply: of one request, or of one that may be repeated, while a task of the session takes the rest of
/// the reply before by the same shape.
pub(super) enum Described<S> {
    Once(S),
    Repeatedly(Arc<Lock<S>>),
}

impl<S: Shape> Described<S> {
    fn take(&self, state: &mut S::State, bytes: &mut BytesMut, format: &Format) -> Option<Result<S::Output, Mismatch>> {
        match self {
            Self::Once(shape) => shape.take(state, bytes, format),
            Self::Repeatedly(shape) => shape.lock().take(state, bytes, format),
        }
    }
}

/// What a [`Reply`] comes to: a value, or one that does not convert.
pub(super) type Taken<T> = Result<T, Box<dyn Error + Send + Sync>>;

impl<S: Shape> Reply<S> {
    pub(super) fn new(shape: Described<S>, format: Format, echo: Vec<u8>) -> Self {
        let now = Instant::now();
        Self {
            shape,
            state: S::State::default(),
            format,
            echo,
            taken: 0,
            seen: 0,
            front: Front::EMPTY,
            waits_since: now,
            began: None,
            last: now,
        }
    }

    /// The command has gone out just now.
    pub(super) fn is_awaited(&mut self) {
        self.waits_since = Instant::now();
    }

    /// Whether a byte of an answer has come.
    pub(super) fn has_come(&self) -> bool {
        self.seen > 0
    }

    /// The first bytes of what has come.
    pub(super) fn front(&self) -> Front {
        self.front
    }

    /// When it is late, and what it is then.
    pub(super) fn deadline(&self, options: &RequestOptions) -> (Instant, Cause) {
        let RequestOptions { reply_timeout, gap_timeout, whole_timeout, .. } = *options;
        let Some(began) = self.began else {
            return (later(self.waits_since, reply_timeout), Cause::NoReply { after: reply_timeout });
        };
        let (gap, whole) = (later(self.last, gap_timeout), later(began, whole_timeout));
        if gap < whole {
            (gap, Cause::Stalled { after: gap_timeout })
        } else {
            (whole, Cause::TooSlow { after: whole_timeout })
        }
    }

    /// Notes what is there.
    fn look(&mut self, bytes: &[u8]) {
        let seen = self.taken + bytes.len();
        if seen > self.seen {
            if self.echo.is_empty() && self.began.is_none() {
                // Behind the echo, which was shown so far.
                self.front = Front::EMPTY;
            }
            self.front.add(&bytes[self.seen - self.taken..]);
            self.seen = seen;
            self.last = Instant::now();
            if self.echo.is_empty() {
                self.began.get_or_insert(self.last);
            }
        }
    }

    /// Takes the echo out, as far as it is there. Whether all of it has come.
    fn take_echo(&mut self, bytes: &mut BytesMut) -> Result<bool, Mismatch> {
        let there = bytes.len().min(self.echo.len());
        if bytes[..there] != self.echo[..there] {
            let (expected, found) = (self.echo.escape_ascii(), bytes[..there].escape_ascii());
            return Err(Mismatch::OutOfStep(format!("\"{found}\" came where \"{expected}\" is echoed")));
        }
        self.echo.drain(..there);
        let _ = bytes.split_to(there);
        self.taken += there;
        if there > 0 && self.echo.is_empty() {
            // Behind it the deadline of the first byte begins anew.
            self.waits_since = Instant::now();
            if !bytes.is_empty() {
                self.began = Some(self.last);
                self.front = Front::of(bytes);
            }
        }
        Ok(self.echo.is_empty())
    }

    fn take(&mut self, bytes: &mut BytesMut) -> Option<Result<S::Output, Mismatch>> {
        match self.take_echo(bytes) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error)),
        }
        let before = bytes.len();
        let taken = self.shape.take(&mut self.state, bytes, &self.format);
        self.taken += before - bytes.len();
        let limit = self.format.limit;
        if self.taken + if taken.is_none() { bytes.len() } else { 0 } > limit {
            return Some(Err(Mismatch::OutOfStep(format!("the reply has more than {limit} bytes"))));
        }
        taken
    }
}

/// An error ends the session.
impl<S: Shape> Decoder for Reply<S> {
    type Item = Taken<S::Output>;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        self.look(bytes);
        match self.take(bytes) {
            None => Ok(None),
            Some(Ok(output)) => Ok(Some(Ok(output))),
            Some(Err(Mismatch::Value(error))) => Ok(Some(Err(error))),
            Some(Err(error @ Mismatch::OutOfStep(_))) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }

    fn decode_eof(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        self.decode(bytes)
    }
}

/// No deadline is too far for the clock.
fn later(begin: Instant, after: Duration) -> Instant {
    const FAR: Duration = Duration::from_hours(24 * 365);
    begin + after.min(FAR)
}
