//! A session over any stream.
//!
//! Such a stream cannot tell that its end has come except to a read, and only one task can wait for it to be ready in
//! each direction. So the session's task alone reads and writes: ahead, as far as the limit of a frame allows, and from
//! the queue.

use std::{
    future::{pending, poll_fn},
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::AsyncWrite,
    time::{Instant, timeout_at},
};

use super::{Connection, Input, Wire};
use crate::{DisconnectReason, catch_panic::poll_stream, connection::writing::Writing, lock::Lock};

/// The write half of a stream. The read half is with the reads.
#[derive(Debug)]
pub(in crate::connection) struct StreamWire<W>(Lock<W>);

impl<W: AsyncWrite + Unpin> StreamWire<W> {
    pub(in crate::connection) fn new(writer: W) -> Self {
        Self(Lock::new(writer))
    }

    async fn poll<T>(&self, mut poll: impl FnMut(Pin<&mut W>, &mut Context<'_>) -> Poll<T>) -> T {
        poll_fn(|context| poll(Pin::new(&mut *self.0.lock()), context)).await
    }

    /// Sends some of the queue.
    async fn send_some(&self, writing: &Writing) -> Result<(), DisconnectReason> {
        self.poll(|mut writer, context| {
            let sent = writing.send_some(|slices| {
                match poll_stream(|| writer.as_mut().poll_write_vectored(context, slices)) {
                    Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                    Poll::Ready(Ok(0)) => Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(result) => result,
                }
            });
            match sent {
                Ok(0) => Poll::Pending,
                Ok(_) => Poll::Ready(Ok(())),
                Err(reason) => Poll::Ready(Err(reason)),
            }
        })
        .await
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> Wire for StreamWire<W> {
    async fn flush(&self, writing: &Writing, write_timeout: Option<Duration>) -> Result<(), DisconnectReason> {
        while !writing.is_empty() {
            within(write_timeout, writing.progress(), self.send_some(writing)).await?;
        }
        let flushed = self.poll(|writer, context| poll_stream(|| writer.poll_flush(context)));
        let flushed = async { flushed.await.map_err(|error| writing.failed(&error)) };
        within(write_timeout, Instant::now(), flushed).await
    }

    async fn hung_up(&self, connection: &Connection) {
        let ended = |cause: Option<DisconnectReason>| connection.stream_end(cause);
        poll_fn(|context| connection.shared.reading.poll_ahead(context, connection.limit(), ended)).await;
        stream_ended(connection);
    }

    /// What comes after the end of a stream is not looked at.
    async fn failed_after(&self, _connection: &Connection) -> DisconnectReason {
        pending().await
    }

    /// What is there is taken in: a writer may have been quicker to find the end than the reading ahead.
    fn leaves_unread(&self, connection: &Connection) -> bool {
        look_ahead(connection);
        false
    }

    fn unread(&self) -> u64 {
        0
    }

    async fn end(&self, _input: Input) {
        let _ = self.poll(|writer, context| poll_stream(|| writer.poll_shutdown(context))).await;
    }

    fn abort(self) {}
}

/// Reads ahead what is there now, and acts on the end if that is there.
pub(in crate::connection) fn look_ahead(connection: &Connection) {
    if connection.shared.reading.read_ahead(connection.limit(), |cause| connection.stream_end(cause)) {
        stream_ended(connection);
    }
}

fn stream_ended(connection: &Connection) {
    // All of it is in the buffer, and an error has ended the session already.
    connection.peer_hung_up(|| (false, None));
}

/// The result of `sending`, unless nothing of it happens within `timeout` after `start`.
async fn within(
    timeout: Option<Duration>,
    start: Instant,
    sending: impl Future<Output = Result<(), DisconnectReason>>,
) -> Result<(), DisconnectReason> {
    match timeout {
        None => sending.await,
        Some(after) => {
            timeout_at(start + after, sending).await.unwrap_or(Err(DisconnectReason::WriteTimeout { after }))
        }
    }
}
