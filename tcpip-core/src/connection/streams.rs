//! Reads as streams.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::{
    runtime::Handle,
    task::coop::poll_proceed,
    time::{Sleep, sleep},
};

use serde::de::DeserializeOwned;
use tokio_util::codec::Decoder;
use zerocopy::TryFromBytes;

use super::{
    Connection,
    read::{Json, Struct, Text, owned},
    read_frame::{OwnFrame, outcome},
};
use crate::{
    ReadError,
    session::{Session, Take, Taken, Ticket},
};

/// A stream gives what a read gives, again and again. Dropping it loses nothing: what it has not given is there for the
/// next read. While it waits for an item it has the turn to read.
///
/// An error that has consumed one message, or none ([`Timeout`](ReadError::Timeout)), is an item, and the stream goes on
/// behind it. It ends where the peer has hung up in good order; if the session ends otherwise, or within a message, it
/// gives that error first.
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
    /// /// Logs what the peer says until it hangs up. Most programs use the `next` of an extension trait for the `poll_fn`.
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

    /// Returns a stream of the frames that `decoder` finds, as [`read_frame`](Self::read_frame) reads them. An error of the
    /// decoder ends the session, and the stream behind it.
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
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<T> Reads<T> {
    fn new(connection: Connection, operation: &'static str, take: T) -> Self {
        Self { operation, connection, take, ticket: None, deadline: None }
    }

    fn leave(&mut self) {
        self.deadline = None;
        if let Some(ticket) = self.ticket.take() {
            self.connection.input(|session, effects| session.leave(ticket, effects));
        }
    }
}

impl<T: Take + Unpin> Reads<T> {
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T::Output, ReadError>>> {
        if self.ticket.is_none() {
            if let Some(output) = self.connection.take_ready(&mut self.take) {
                return Poll::Ready(Some(Ok(output)));
            }
            if T::RUNS_USERS_CODE
                && let Some(taken) = self.connection.work_ready(&mut self.take)
            {
                return Poll::Ready(item(taken));
            }
            if self.connection.look(Session::is_over) {
                return Poll::Ready(None);
            }
            if self.connection.look(Session::is_unit_due) {
                ready!(poll_proceed(context)).made_progress();
            }
            let ticket = self.connection.input(|session, _| {
                session.take_unit();
                session.queue_up()
            });
            self.ticket = Some(ticket);
            self.deadline = self.connection.shared.options.read_timeout.map(|after| {
                let _entered = self.connection.shared.runtime.as_ref().map(Handle::enter);
                Box::pin(sleep(after))
            });
        }
        let ticket = self.ticket.expect("it has just got one");
        if let Poll::Ready(taken) = self.connection.poll_take(context, ticket, &mut self.take) {
            self.leave();
            return Poll::Ready(item(taken));
        }
        if let Some(deadline) = &mut self.deadline {
            ready!(deadline.as_mut().poll(context));
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
fn item<T>(taken: Taken<T>) -> Option<Result<T, ReadError>> {
    match taken.result {
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
