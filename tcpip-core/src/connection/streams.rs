//! Reads as streams.

use std::{
    future::{Pending, pending},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::{
    task::coop::poll_proceed,
    time::{Instant, Timeout},
};

use serde::de::DeserializeOwned;
use tokio_util::codec::Decoder;
use zerocopy::TryFromBytes;

use super::{
    Connection,
    read_frame::{OwnFrame, outcome},
    takes::{Json, Struct, Text, owned},
};
use crate::{
    ReadError,
    session::{Take, Ticket},
};

/// A stream gives what a read gives, again and again. Dropping it loses nothing: what it has not given is there for the
/// next read. While it waits for an item it has the turn to read.
///
/// An error that has consumed one message, or none ([`Timeout`](ReadError::Timeout)), is an item, and the stream goes
/// on behind it. It ends where the peer has hung up in good order; if the session ends otherwise, or within a message,
/// it gives that error first.
impl Connection {
    /// Returns a stream of text messages, as [`read_str`](Self::read_str) reads them.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_core::Stream;
    /// use std::{future::poll_fn, pin::Pin};
    /// use tcpip_core::Connection;
    ///
    /// /// Logs what the peer says until it hangs up. Most programs use the `next` of an extension trait for this.
    /// async fn log(connection: &Connection) {
    ///     let mut messages = connection.messages();
    ///     while let Some(message) = poll_fn(|context| Pin::new(&mut messages).poll_next(context)).await {
    ///         match message {
    ///             Ok(message) => tracing::info!("{message}"),
    ///             Err(error) => tracing::warn!("{error}"),
    ///         }
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # log(&Connection::closed()).await;
    /// # }
    /// ```
    pub fn messages(&self) -> impl Stream<Item = Result<String, ReadError>> + Send + Unpin + use<> {
        Reads::new(self.clone(), "messages", Text::new(owned))
    }

    /// Returns a stream of the values of JSON messages, as [`read_json`](Self::read_json) reads them.
    pub fn json_messages<T: DeserializeOwned>(
        &self,
    ) -> impl Stream<Item = Result<T, ReadError>> + Send + Unpin + use<T> {
        Reads::new(self.clone(), "json_messages", Json::<T>::new(self.json()))
    }

    /// Returns a stream of binary structures, as [`read_struct`](Self::read_struct) reads them.
    pub fn structs<T: TryFromBytes>(&self) -> impl Stream<Item = Result<T, ReadError>> + Send + Unpin + use<T> {
        Reads::new(self.clone(), "structs", Struct::<T>::new())
    }

    /// Returns a stream of the frames that `decoder` finds, as [`read_frame`](Self::read_frame) reads them. An error of
    /// the decoder ends the session, and the stream behind it.
    pub fn frames<D: Decoder + Send + Unpin>(
        &self,
        decoder: D,
    ) -> impl Stream<Item = Result<D::Item, D::Error>> + Send + Unpin + use<D> {
        Frames(Reads::new(self.clone(), "frames", OwnFrame::new(decoder)))
    }
}

/// A read again and again, which has its turn while it waits, until it has given an item or is dropped.
struct Reads<T> {
    operation: &'static str,
    connection: Connection,
    take: T,
    /// While it waits for its turn, or has it.
    ticket: Option<Ticket>,
    /// When the item that it waits for is late.
    deadline: Option<Deadline>,
}

struct Deadline {
    timeout: Pin<Box<Timeout<Pending<()>>>>,
    /// The moment, if the session is not idle before.
    counts: Option<Instant>,
}

impl<T> Reads<T> {
    fn new(connection: Connection, operation: &'static str, take: T) -> Self {
        Self { operation, connection, take, ticket: None, deadline: None }
    }

    fn queue_up(&mut self) {
        let connection = &self.connection;
        let counts = connection.read_deadline_counts();
        self.deadline = connection.shared.options.read_timeout.map(|after| Deadline {
            timeout: Box::pin(connection.within(after, pending())),
            counts: counts.then(|| Instant::now() + after),
        });
        let until = self.deadline.as_ref().and_then(|deadline| deadline.counts);
        self.ticket = Some(connection.input(|session, _| {
            if let Some(until) = until {
                session.read_waits_until(until);
            }
            session.queue_up()
        }));
    }

    fn leave(&mut self) {
        let until = self.deadline.take().and_then(|deadline| deadline.counts);
        if let Some(ticket) = self.ticket.take() {
            self.connection.input(|session, effects| {
                if let Some(until) = until {
                    session.read_waited_until(until);
                }
                session.leave(ticket, effects);
            });
        }
    }
}

impl<T: Take + Unpin> Reads<T> {
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T::Output, ReadError>>> {
        if self.ticket.is_none() {
            if let Some(result) = self.connection.ready(&mut self.take) {
                return Poll::Ready(item(result));
            }
            let (is_over, is_unit_due) = self.connection.look(|session| (session.is_over(), session.is_unit_due()));
            if is_over {
                return Poll::Ready(None);
            }
            if is_unit_due {
                ready!(poll_proceed(context)).made_progress();
            }
            self.queue_up();
        }
        let ticket = self.ticket.expect("it has just got one");
        if let Poll::Ready(taken) = self.connection.poll_take(context, ticket, &mut self.take) {
            self.leave();
            return Poll::Ready(item(taken.result));
        }
        if let Some(deadline) = &mut self.deadline {
            let _ = ready!(deadline.timeout.as_mut().poll(context));
            self.leave();
            let after = self.connection.shared.options.read_timeout.unwrap_or_default();
            return Poll::Ready(Some(Err(ReadError::Timeout { operation: self.operation, after })));
        }
        Poll::Pending
    }
}

impl<T: Take + Unpin> Stream for Reads<T> {
    type Item = Result<T::Output, ReadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_read(context)
    }
}

impl<T> Drop for Reads<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The peer's end in good order is the stream's.
fn item<T>(result: Result<T, ReadError>) -> Option<Result<T, ReadError>> {
    match result {
        Err(ReadError::EndOfStream { .. }) => None,
        result => Some(result),
    }
}

/// The frames that a codec finds.
struct Frames<D>(Reads<OwnFrame<D>>);

impl<D: Decoder + Unpin> Stream for Frames<D> {
    type Item = Result<D::Item, D::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_read(context).map(|item| item.map(outcome::<D>))
    }
}
