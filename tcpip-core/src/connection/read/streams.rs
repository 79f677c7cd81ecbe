//! Reads as streams.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use serde::de::DeserializeOwned;
use tokio_util::codec::Decoder;
use zerocopy::TryFromBytes;

use super::{
    one_read::Read,
    read_frame::{OwnFrame, outcome},
    takes::Struct,
    text_takes::{Json, Text, owned},
};
use crate::{ReadError, connection::Connection, session::Take};

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
struct Reads<T>(Pin<Box<Read<Connection, T>>>);

impl<T> Reads<T> {
    fn new(connection: Connection, operation: &'static str, take: T) -> Self {
        Self(Box::pin(Read::new(connection, operation, take)))
    }
}

impl<T: Take> Stream for Reads<T> {
    type Item = Result<T::Output, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // The peer's end in good order is the stream's, and so is that of a session of which nothing is left.
        self.0.as_mut().poll_read(context).map(|result| match result {
            Err(ReadError::EndOfStream { .. } | ReadError::NotConnected { .. }) => None,
            result => Some(result),
        })
    }
}

/// The frames that a codec finds.
struct Frames<D>(Reads<OwnFrame<D>>);

impl<D: Decoder + Unpin> Stream for Frames<D> {
    type Item = Result<D::Item, D::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.get_mut().0).poll_next(context).map(|item| item.map(outcome::<D>))
    }
}
