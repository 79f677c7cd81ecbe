//! The read of a reply, by code that looks at all that is there: what `tcpip-client` makes requests with.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use tokio::time::{Instant, Sleep};

use super::read_turn::Reading;
use crate::{
    DisconnectReason, Encoding, FrameBuffer, JsonMode, ReadError, Terminator,
    connection::{ReadTurn, options::deadline},
    session::{Take, Taken, Ticket, Unread},
    text::TextFormat,
};

/// What takes a reply out of the buffer, by looking at all that is there. What it has taken is its own.
pub trait TakeReply {
    /// What the reply becomes.
    type Output;

    /// Whether code of the user's runs in it. Else it runs under the lock of the session.
    const RUNS_USERS_CODE: bool;

    /// Whether it looks at nothing, too, and not only at bytes.
    fn looks_at_nothing(&self) -> bool;

    /// Takes the reply out of the front of `input`, or of what it needs of that as much as is there.
    fn take(&mut self, input: &mut Input<'_>) -> Option<Self::Output>;

    /// The same at the end of the stream.
    fn take_at_end(&mut self, input: &mut Input<'_>) -> Option<Self::Output>;

    /// Whether nobody knows any more where the next reply begins: it ends the session.
    fn is_out_of_step(output: &Self::Output) -> bool;
}

/// What has come, and what is in force for it.
#[derive(Debug)]
pub struct Input<'a> {
    frames: &'a mut FrameBuffer,
    text: &'a TextFormat,
    json: JsonMode,
    limit: usize,
}

impl Input<'_> {
    /// What has come.
    #[inline]
    pub fn bytes(&mut self) -> &[u8] {
        self.frames.all()
    }

    /// How much that is.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing has come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Takes the first bytes out, as `convert` makes them.
    ///
    /// # Panics
    ///
    /// If there are not so many, or `convert` does.
    #[inline]
    pub fn take<T>(&mut self, count: usize, convert: impl FnOnce(&[u8]) -> T) -> T {
        self.frames.take_front(count, convert)
    }

    /// Drops the first bytes.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn skip(&mut self, count: usize) {
        self.take(count, |_| ());
    }

    /// Lends all to a decoder, which takes from the front what it wants.
    pub fn decode<T>(&mut self, decode: impl FnOnce(&mut BytesMut) -> T) -> T {
        self.frames.lend_to_decoder(decode)
    }

    /// What has come, and the terminator of texts.
    #[inline]
    pub fn bytes_and_terminator(&mut self) -> (&[u8], &Terminator) {
        (self.frames.all(), self.text.terminator())
    }

    /// The encoding of texts.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.text.encoding
    }

    /// Which JSON is read.
    #[must_use]
    pub fn json(&self) -> JsonMode {
        self.json
    }

    /// How much a reply may have.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl ReadTurn {
    /// Begins to read a reply. The session is not idle for so long.
    #[doc(hidden)]
    pub fn read_reply(&mut self, not_idle_for: Duration) -> ReplyRead<'_> {
        let (connection, ticket) = self.parts();
        ReplyRead { reading: Reading::new(connection, Some(deadline(not_idle_for))), ticket }
    }
}

/// A read of a reply. Dropping it loses nothing.
#[derive(Debug)]
pub struct ReplyRead<'a> {
    reading: Reading<'a>,
    ticket: Ticket,
}

impl ReplyRead<'_> {
    /// Reads. It has no deadline.
    ///
    /// # Panics
    ///
    /// If `take` does. That ends the session.
    pub fn poll<T: TakeReply>(
        &mut self,
        context: &mut Context<'_>,
        take: &mut T,
    ) -> Poll<Result<T::Output, ReadError>> {
        let connection = self.reading.connection();
        let mut take = Reply { take, json: connection.json() };
        let taken = ready!(connection.poll_take(context, self.ticket, &mut take));
        self.reading.is_done();
        Poll::Ready(taken.result.map(|output| output.unwrap_or_else(|panic| resume_unwind(panic))))
    }

    /// Returns a timer, whatever executor polls it.
    pub fn timer(&self, deadline: Instant) -> Sleep {
        self.reading.connection().sleep_until(deadline)
    }
}

/// What a reply becomes, or how its taking panicked.
type Caught<T> = Result<T, Box<dyn Any + Send>>;

struct Reply<'a, T> {
    take: &'a mut T,
    json: JsonMode,
}

impl<T: TakeReply> Reply<'_, T> {
    fn look(
        &mut self,
        unread: &mut Unread<'_>,
        take: impl FnOnce(&mut T, &mut Input<'_>) -> Option<T::Output>,
    ) -> Option<Caught<T::Output>> {
        let Self { take: taking, json } = self;
        let Unread { frames, text, limit, .. } = unread;
        frames.take_reply(|frames| {
            let mut input = Input { frames, text, json: *json, limit: *limit };
            if T::RUNS_USERS_CODE {
                catch_unwind(AssertUnwindSafe(|| take(taking, &mut input))).transpose()
            } else {
                take(taking, &mut input).map(Ok)
            }
        })
    }
}

impl<T: TakeReply> Take for Reply<'_, T> {
    type Output = Caught<T::Output>;

    const RUNS_USERS_CODE: bool = T::RUNS_USERS_CODE;

    fn expected(&self) -> Option<usize> {
        self.take.looks_at_nothing().then_some(0)
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Self::Output, ReadError>> {
        self.look(unread, T::take).map(Ok)
    }

    fn take_at_end(&mut self, unread: &mut Unread<'_>) -> Taken<Self::Output> {
        match self.look(unread, T::take_at_end) {
            Some(output) => Taken { result: Ok(output), reports_end: false },
            None => Taken { result: self.take_rest(unread.frames.take_rest()), reports_end: true },
        }
    }

    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Self::Output, ReadError> {
        Err(ReadError::Incomplete { partial: rest, expected: None })
    }

    fn loses_track(result: &Result<Self::Output, ReadError>) -> Option<DisconnectReason> {
        let is_out_of_step = match result {
            Ok(Ok(output)) => T::is_out_of_step(output),
            Ok(Err(_)) => true,
            Err(_) => false,
        };
        is_out_of_step.then_some(DisconnectReason::OutOfStep)
    }
}
