//! A session over any stream.
//!
//! Such a stream cannot tell that its end has come except to a read, and only one task can wait for it to be ready in
//! each direction. So the session's task alone reads and writes: ahead, as far as the limit of a frame allows, and from
//! the queue.

use std::{
    future::{pending, poll_fn},
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::AsyncWrite,
    time::{Instant, timeout_at},
};

use super::{Connection, Input, Wire, within};
use crate::{
    DisconnectReason,
    session::{HangUp, Next},
    sync::{Lock, drop_caught, misbehaved, poll_stream},
};

/// How many bytes of the queue are offered to the stream at once.
const OFFERED: usize = 64 * 1024;

/// The write half of a stream. The read half is with the reads.
#[derive(Debug)]
pub(in crate::connection) struct StreamWire<W>(Lock<Option<Output<W>>>);

/// The session's task alone uses it, so nobody waits for its lock while the stream does its work.
#[derive(Debug)]
struct Output<W> {
    writer: W,
    /// What the stream has been offered and has not taken. It is offered again as it was.
    offered: Vec<u8>,
}

impl<W: AsyncWrite + Unpin> StreamWire<W> {
    pub(in crate::connection) fn new(writer: W) -> Self {
        Self(Lock::new(Some(Output { writer, offered: Vec::new() })))
    }

    async fn poll<T>(
        &self,
        mut poll: impl FnMut(&mut Output<W>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        poll_fn(|context| match &mut *self.0.lock() {
            Some(output) => poll(output, context),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        })
        .await
    }

    /// Sends some of the queue.
    async fn send_some(&self, connection: &Connection) -> Result<(), DisconnectReason> {
        let sent = self.poll(|Output { writer, offered }, context| {
            if offered.is_empty() {
                *offered = connection.input(|session, _| session.outgoing.queue.offer(OFFERED));
            }
            let tapping = connection.tapping();
            let taken = ready!(poll_stream(|| Pin::new(writer).poll_write(context, offered)))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if taken > offered.len() {
                return Poll::Ready(Err(misbehaved("the stream has taken more than it was offered")));
            }
            if let Some(tapping) = tapping {
                tapping.took(connection, &[offered], taken);
            }
            offered.drain(..taken);
            connection.input(|session, effects| session.outgoing.took(taken, effects));
            Poll::Ready(Ok(()))
        });
        sent.await.map_err(|error| write_failed(connection, &error))
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> Wire for StreamWire<W> {
    async fn flush(&self, connection: &Connection, write_timeout: Option<Duration>) -> Result<(), DisconnectReason> {
        while let Next::Queue(since) = connection.input(|session, _| session.outgoing.next()) {
            within(write_timeout, since, self.send_some(connection)).await?;
        }
        let flushed = self.poll(|output, context| poll_stream(|| Pin::new(&mut output.writer).poll_flush(context)));
        let flushed = async { flushed.await.map_err(|error| write_failed(connection, &error)) };
        within(write_timeout, Instant::now(), flushed).await
    }

    async fn hung_up(&self, connection: &Connection) {
        poll_fn(|context| connection.poll_ahead(context)).await;
        stream_ended(connection);
    }

    /// What comes after the end of a stream is not looked at.
    async fn failed_after(&self, _connection: &Connection) -> DisconnectReason {
        pending().await
    }

    /// What is there is taken in: a writer may have been quicker to find the end than the reading ahead.
    async fn leaves_unread(&self, connection: &Connection) -> bool {
        connection.look_all_ahead().await;
        false
    }

    fn unread(&self) -> u64 {
        0
    }

    async fn end_half(&self, connection: &Connection, write_timeout: Option<Duration>) -> Result<(), DisconnectReason> {
        let ended = async { self.shut_down().await.map_err(|error| write_failed(connection, &error)) };
        within(write_timeout, Instant::now(), ended).await
    }

    async fn end(&self, _input: Input, deadline: Instant) -> bool {
        timeout_at(deadline, self.shut_down()).await.is_ok()
    }

    fn unacknowledged(&self) -> usize {
        0
    }

    fn abort(self, _input: Input) {}

    fn let_go(self) {}
}

impl<W: AsyncWrite + Unpin> StreamWire<W> {
    async fn shut_down(&self) -> io::Result<()> {
        self.poll(|output, context| poll_stream(|| Pin::new(&mut output.writer).poll_shutdown(context))).await
    }
}

impl<W> Drop for StreamWire<W> {
    fn drop(&mut self) {
        drop_caught("a stream", self.0.lock().take());
    }
}

/// All of the stream is in the buffer, and an error has ended the session already.
pub(in crate::connection) fn stream_ended(connection: &Connection) {
    connection.input(|session, effects| session.hung_up(HangUp::default(), effects));
}

fn write_failed(connection: &Connection, error: &io::Error) -> DisconnectReason {
    connection.input(|session, _| session.outgoing.failed(error))
}
