//! Several reads with no other between them.

use std::{fmt, future::poll_fn, task::Poll, time::Duration};

use serde::de::DeserializeOwned;
use tokio::{task::coop::consume_budget, time::Instant};
use tokio_util::codec::Decoder;
use zerocopy::TryFromBytes;

use super::{
    methods::non_empty,
    read_frame::{Frame, outcome},
    takes::{Available, Bytes, ExactWith, Line, Struct, StructInto, ToEnd, Until, UntilWith},
    text_takes::{EachText, Json, Text, TextWith, owned, stored_in},
};
use crate::{
    ReadError,
    connection::{Connection, transport::unread_beneath},
    session::{Session, Take, Ticket},
};

/// The turn to read, kept for several reads: no other read comes between them, as between a header and its body.
/// Made by [`Connection::read_turn`].
///
/// Kept from a request to its reply, it has tasks that ask on one connection take turns: the `Requester` of
/// `tcpip-client` does that, and minds callers that are dropped between the two.
///
/// Dropping it gives the turn to the next read. It borrows nothing, and may be given to a task, also one of the
/// session's own ([`Connection::spawn`]) in the `Drop` of a caller: so that a reply whose caller has gone away is read
/// to its end, and not taken for the next one's.
///
/// Its reads are those of the [`Connection`], with the same errors, deadlines and cancel safety: one that is dropped
/// loses nothing, and the turn stays. Meanwhile the connection's own reads wait: one in the same task would wait for
/// ever. Once the session has ended there are no turns any more.
///
/// # Examples
///
/// A header that says how much follows it, read by any of several tasks.
///
/// ```
/// use tcpip_core::{Connection, ReadError};
///
/// async fn image(camera: &Connection) -> Result<Vec<u8>, ReadError> {
///     let mut turn = camera.read_turn().await?;
///     let size: [u8; 4] = turn.read_struct().await?;
///     turn.read_exact(u32::from_be_bytes(size) as usize).await
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # assert!(image(&Connection::closed()).await.is_err());
/// # }
/// ```
///
/// If `image` is dropped between the two reads, the body is left for the next read. Where that must not be, the task
/// that reads is another than the one that may be dropped.
#[must_use = "dropping it gives the turn on"]
pub struct ReadTurn {
    connection: Connection,
    ticket: Ticket,
}

impl Connection {
    /// Waits for the turn to read, and keeps it until the [`ReadTurn`] is dropped.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](ReadError::NotConnected) if there is no session, and nothing of it left to read;
    /// [`Timeout`](ReadError::Timeout) if a `read_timeout` is set, and others have their turns for so long.
    ///
    /// # Cancel safety
    ///
    /// [Cancel safe](Self#cancel-safety): dropping it gives its place in the queue up.
    pub async fn read_turn(&self) -> Result<ReadTurn, ReadError> {
        self.turn("read_turn").await
    }

    /// Takes the turn to read, if nobody has it, and the session lives. `None` says nothing.
    #[doc(hidden)]
    #[must_use]
    pub fn free_turn(&self) -> Option<ReadTurn> {
        let ticket = self.input(|session, _| session.free_turn())?;
        Some(ReadTurn { connection: self.clone(), ticket })
    }

    /// As [`read_turn`](Self::read_turn), for who has another deadline than `read_timeout`.
    #[doc(hidden)]
    pub async fn read_turn_without_deadline(&self) -> Result<ReadTurn, ReadError> {
        let turn = self.queue_up_to_read().await?;
        turn.has_come().await;
        Ok(turn)
    }

    /// The same, for a read of that name.
    pub(super) async fn turn(&self, operation: &'static str) -> Result<ReadTurn, ReadError> {
        let turn = self.queue_up_to_read().await?;
        let waiting = turn.has_come();
        match self.shared.options.read_timeout {
            None => waiting.await,
            Some(after) => {
                self.within(after, waiting).await.map_err(|_| ReadError::Timeout { operation, after })?;
            }
        }
        Ok(turn)
    }

    /// A place in the queue of those who read, if there is a session.
    async fn queue_up_to_read(&self) -> Result<ReadTurn, ReadError> {
        consume_budget().await;
        if self.look(Session::is_over) { Err(self.not_connected()) } else { Ok(ReadTurn::queue_up(self)) }
    }
}

impl ReadTurn {
    /// Returns the connection, for what is no read.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// As [`Connection::unread`], which is simpler here: nobody else moves bytes into the buffer.
    #[doc(hidden)]
    #[must_use]
    pub fn unread(&self) -> usize {
        match self.connection.shared.transport.upgrade() {
            None => self.connection.unread(),
            Some(transport) => {
                let beneath = unread_beneath(&self.connection, &**transport);
                self.connection.look(Session::unread).saturating_add(beneath)
            }
        }
    }

    /// As [`Connection::read`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read`].
    pub async fn read(&mut self, count: usize) -> Result<Vec<u8>, ReadError> {
        self.take("read", Available { count }).await
    }

    /// As [`Connection::read_to_end`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_to_end`].
    pub async fn read_to_end(&mut self) -> Result<Vec<u8>, ReadError> {
        self.take("read_to_end", ToEnd).await
    }

    /// As [`Connection::read_exact`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_exact`].
    pub async fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, ReadError> {
        self.take("read_exact", Bytes { count }).await
    }

    /// As [`Connection::read_exact_with`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_exact_with`].
    ///
    /// # Panics
    ///
    /// If `convert` does.
    pub async fn read_exact_with<T>(&mut self, count: usize, convert: impl FnOnce(&[u8]) -> T) -> Result<T, ReadError> {
        self.take("read_exact_with", ExactWith { count, convert: Some(convert) }).await
    }

    /// As [`Connection::discard_input`]. It has its turn, and waits for nothing.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](ReadError::NotConnected) if there is no session.
    pub async fn discard_input(&mut self) -> Result<usize, ReadError> {
        consume_budget().await;
        if self.connection.look(Session::is_over) {
            return Err(self.connection.not_connected());
        }
        Ok(self.connection.discard_all_that_is_here())
    }

    /// As [`Connection::read_line`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_line`].
    pub async fn read_line(&mut self) -> Result<Vec<u8>, ReadError> {
        self.take("read_line", Line).await
    }

    /// As [`Connection::read_until`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_until`].
    pub async fn read_until(&mut self, separator: &[u8]) -> Result<Vec<u8>, ReadError> {
        let separator = non_empty(separator).await?;
        self.take("read_until", Until { separator }).await
    }

    /// As [`Connection::read_until_with`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_until_with`].
    ///
    /// # Panics
    ///
    /// If `use_bytes` does.
    pub async fn read_until_with<T>(
        &mut self,
        separator: &[u8],
        use_bytes: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ReadError> {
        let separator = non_empty(separator).await?;
        self.take("read_until_with", UntilWith { separator, use_bytes: Some(use_bytes) }).await
    }

    /// As [`Connection::read_str`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_str`].
    pub async fn read_str(&mut self) -> Result<String, ReadError> {
        self.take("read_str", Text::new(owned)).await
    }

    /// As [`Connection::read_str_into`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_str_into`].
    pub async fn read_str_into(&mut self, target: &mut String) -> Result<(), ReadError> {
        self.take("read_str_into", Text::new(stored_in(target))).await
    }

    /// As [`Connection::read_str_with`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_str_with`].
    ///
    /// # Panics
    ///
    /// If `use_text` does.
    pub async fn read_str_with<T>(&mut self, use_text: impl FnOnce(&str) -> T) -> Result<T, ReadError> {
        self.take("read_str_with", TextWith { use_text: Some(use_text) }).await
    }

    /// As [`Connection::read_each_str`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_each_str`].
    ///
    /// # Panics
    ///
    /// If `use_text` does.
    pub async fn read_each_str(&mut self, use_text: impl FnMut(&str)) -> Result<usize, ReadError> {
        self.take("read_each_str", EachText { use_text, count: 0 }).await
    }

    /// As [`Connection::read_json`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_json`].
    pub async fn read_json<T: DeserializeOwned>(&mut self) -> Result<T, ReadError> {
        let mode = self.connection.json();
        self.take("read_json", Json::new(mode)).await
    }

    /// As [`Connection::read_struct`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_struct`].
    pub async fn read_struct<T: TryFromBytes>(&mut self) -> Result<T, ReadError> {
        self.take("read_struct", Struct::new()).await
    }

    /// As [`Connection::read_into`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_into`].
    pub async fn read_into<T: TryFromBytes>(&mut self, target: &mut T) -> Result<(), ReadError> {
        self.take("read_into", StructInto(target)).await
    }

    /// As [`Connection::read_frame`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::read_frame`].
    ///
    /// # Panics
    ///
    /// If the decoder does.
    pub async fn read_frame<D: Decoder>(&mut self, decoder: &mut D) -> Result<D::Item, D::Error> {
        outcome::<D>(self.take("read_frame", Frame { decoder }).await)
    }

    pub(super) fn parts(&self) -> (&Connection, Ticket) {
        (&self.connection, self.ticket)
    }

    /// A place in the queue of those who read, until the turn [has come](Self::has_come).
    pub(in crate::connection) fn queue_up(connection: &Connection) -> Self {
        Self { connection: connection.clone(), ticket: connection.input(|session, _| session.queue_up()) }
    }

    pub(in crate::connection) async fn has_come(&self) {
        poll_fn(|context| {
            let mut waker = Some(context.waker().clone());
            let has_turn = self.connection.input(|session, effects| session.has_turn(self.ticket, &mut waker, effects));
            if has_turn { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    pub(super) async fn take<T: Take>(&mut self, operation: &'static str, mut take: T) -> Result<T::Output, ReadError> {
        let (connection, ticket) = (&self.connection, self.ticket);
        consume_budget().await;
        if connection.look(Session::is_over) {
            return Err(connection.not_connected());
        }
        let timeout = connection.shared.options.read_timeout;
        let _reading = Reading::new(connection, timeout);
        let taking = poll_fn(|context| connection.poll_take(context, ticket, &mut take));
        let taken = match timeout {
            None => taking.await,
            Some(after) => {
                connection.within(after, taking).await.map_err(|_| ReadError::Timeout { operation, after })?
            }
        };
        taken.result
    }
}

impl Drop for ReadTurn {
    fn drop(&mut self) {
        self.connection.input(|session, effects| session.leave(self.ticket, effects));
    }
}

impl fmt::Debug for ReadTurn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReadTurn").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// A read in a turn. When it is dropped nobody waits, though the turn is kept.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    connection: &'a Connection,
    /// The session is not idle before.
    until: Option<Instant>,
    /// It may wait for something.
    waits: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn new(connection: &'a Connection, timeout: Option<Duration>) -> Self {
        let until = timeout.filter(|_| connection.read_deadline_counts()).map(|after| Instant::now() + after);
        if let Some(until) = until {
            connection.input(|session, _| session.read_waits_until(until));
        }
        Self { connection, until, waits: true }
    }

    pub(super) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// It has come to its result, with which it waits for nothing any more.
    pub(super) fn is_done(&mut self) {
        self.waits = false;
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if !self.waits && self.until.is_none() {
            return;
        }
        self.connection.input(|session, effects| {
            if let Some(until) = self.until {
                session.read_waited_until(until);
            }
            session.read_ends(effects);
        });
    }
}
