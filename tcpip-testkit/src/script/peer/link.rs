//! The stream that a scripted peer plays over.

use std::{
    future::poll_fn,
    io::{self, ErrorKind},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use tcpip_core::{Abort, NetworkStream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::coop::unconstrained,
    time::{Instant, timeout},
};

use crate::{
    script::engine::UNSAID_DEADLINE,
    side::Side,
    transcript::{Transcript, log::Passed, passing::PassingSession},
};

/// How much is read at once.
const READ_AT_ONCE: usize = 16 * 1024;

/// A stream, which tells a transcript of all that passes.
#[derive(Debug)]
pub(super) struct Link {
    stream: NetworkStream,
    session: PassingSession,
    side: Side,
    writing: Vec<u8>,
    written: usize,
    reading: Reading,
    /// A write has met a reset, which a read may not tell of any more: behind what arrived, it finds an end.
    is_reset: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Open,
    /// What comes is read and dropped, so that what was sent before is not lost by a reset.
    Discarding,
    Ended,
}

/// What happens on a link.
#[derive(Debug)]
pub(super) enum Event {
    Received(Vec<u8>),
    /// The peer has ended its direction.
    Ended,
    /// The peer has reset the connection.
    Reset,
    /// All has been written.
    Sent,
    Failed(io::Error),
}

impl Link {
    pub(super) fn new(stream: NetworkStream, side: Side, transcript: &Transcript) -> Self {
        let (client, server) = side.client_first(stream.local_addr(), stream.peer_addr());
        let session = transcript.told_by(side, client, server);
        Self { stream, session, side, writing: Vec::new(), written: 0, reading: Reading::Open, is_reset: false }
    }

    pub(super) fn write(&mut self, bytes: Vec<u8>) {
        (self.writing, self.written) = (bytes, 0);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.reading == Reading::Ended
    }

    /// Ends this end's direction.
    pub(super) async fn fin(&mut self) -> io::Result<()> {
        self.note(self.side, Passed::Fin);
        self.shut_down().await
    }

    /// Ends this end's direction, and reads no more.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        self.note(self.side, Passed::Close);
        if self.reading == Reading::Open {
            self.reading = Reading::Discarding;
        }
        self.shut_down().await
    }

    /// Ends the session, of which the script says no more. A peer that is gone needs no end.
    pub(super) async fn end(mut self) {
        let _ = self.shut_down().await;
        // Left unread, it would reset what has been written.
        let mut buffer = vec![0; READ_AT_ONCE];
        while matches!(self.stream.transport().map(|transport| transport.try_read(&mut buffer)), Some(Ok(1..))) {}
    }

    async fn shut_down(&mut self) -> io::Result<()> {
        let shutdown = poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context));
        // A stream with a layer of its own may have something to write first.
        match timeout(UNSAID_DEADLINE, shutdown).await {
            Ok(Err(error)) if is_reset(&error) => Ok(()),
            Ok(result) => result,
            Err(_) => Err(ErrorKind::TimedOut.into()),
        }
    }

    /// The peer has reset the connection, and what arrived before has been taken.
    pub(super) fn was_reset(self) {
        self.note(self.side.other(), Passed::Reset);
    }

    pub(super) fn reset(self) {
        self.note(self.side, Passed::Reset);
        if let Some(transport) = self.stream.transport() {
            transport.abort(Abort::Now);
        }
    }

    /// Waits until something happens. Cancel safe: what is not told yet has not been taken from the stream.
    pub(super) async fn event(&mut self, reads: bool) -> Event {
        if self.reading == Reading::Ended
            && self.writing.is_empty()
            && let Some(transport) = self.stream.transport()
        {
            transport.failed().await;
            return Event::Reset;
        }
        poll_fn(|context| self.poll_event(context, reads)).await
    }

    /// What has arrived by now, if anything has.
    pub(super) fn take_arrived(&mut self) -> Option<Event> {
        if self.reading != Reading::Open {
            return None;
        }
        let mut buffer = vec![0; READ_AT_ONCE];
        let result = if let Some(transport) = self.stream.transport() {
            transport.try_read(&mut buffer)
        } else {
            let mut read = ReadBuf::new(&mut buffer);
            // What is there is there, however long this task has had its turn.
            let arrived =
                pin!(unconstrained(poll_fn(|context| Pin::new(&mut self.stream).poll_read(context, &mut read))));
            match arrived.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => return None,
                Poll::Ready(result) => result.map(|()| read.filled().len()),
            }
        };
        match result {
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Ok(count) => {
                buffer.truncate(count);
                self.received(Ok(buffer))
            }
            Err(error) => self.received(Err(error)),
        }
    }

    fn poll_event(&mut self, context: &mut Context<'_>, reads: bool) -> Poll<Event> {
        if let Poll::Ready(event) = self.poll_write(context) {
            return Poll::Ready(event);
        }
        while self.reading == Reading::Discarding || (self.reading == Reading::Open && reads) {
            let mut buffer = vec![0; READ_AT_ONCE];
            let mut read = ReadBuf::new(&mut buffer);
            let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(context, &mut read) else { break };
            let count = read.filled().len();
            buffer.truncate(count);
            if let Some(event) = self.received(result.map(|()| buffer)) {
                return Poll::Ready(event);
            }
        }
        Poll::Pending
    }

    /// What a read means.
    fn received(&mut self, result: io::Result<Vec<u8>>) -> Option<Event> {
        let was_open = self.reading == Reading::Open;
        let event = match result {
            Ok(bytes) if bytes.is_empty() && self.is_reset => {
                self.reading = Reading::Ended;
                Event::Reset
            }
            Ok(bytes) if bytes.is_empty() => {
                self.note(self.side.other(), Passed::Fin);
                self.reading = Reading::Ended;
                Event::Ended
            }
            Ok(bytes) => {
                self.note(self.side.other(), Passed::Bytes(bytes.clone()));
                Event::Received(bytes)
            }
            Err(error) => {
                self.reading = Reading::Ended;
                failed(error)
            }
        };
        (was_open || matches!(event, Event::Reset)).then_some(event)
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        while self.written < self.writing.len() {
            let stream = Pin::new(&mut self.stream);
            match stream.poll_write(context, &self.writing[self.written..]) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return Poll::Ready(Event::Failed(ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    let bytes = self.writing[self.written..][..count].to_vec();
                    self.note(self.side, Passed::Bytes(bytes));
                    self.written += count;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(self.write_failed(error)),
            }
        }
        if self.writing.is_empty() {
            return Poll::Pending;
        }
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => {
                self.writing.clear();
                Poll::Ready(Event::Sent)
            }
            Poll::Ready(Err(error)) => Poll::Ready(self.write_failed(error)),
        }
    }

    fn write_failed(&mut self, error: io::Error) -> Event {
        self.writing.clear();
        // A broken pipe has an end before the reset, which a read tells of.
        self.is_reset = matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted);
        failed(error)
    }

    fn note(&self, by: Side, passed: Passed) {
        self.session.note(by, Instant::now(), passed);
    }
}

/// What an error of a read or a write means.
fn failed(error: io::Error) -> Event {
    if is_reset(&error) { Event::Reset } else { Event::Failed(error) }
}

/// Whether the peer is gone, and not just the network in trouble.
fn is_reset(error: &io::Error) -> bool {
    use ErrorKind as Kind;
    matches!(error.kind(), Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::NotConnected)
}
