//! The shell around a session's machine, in every order that there is.
//!
//! What is tried is the shell as it is, over a stream that is no socket: reads, writes, reading ahead, the session's
//! task from its beginning to its end. loom sees each lock of it, each wait and each wake. It does not see what tokio
//! does within a timer, which never fires here, and there is no socket.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Arc, LazyLock, Weak},
    task::{Context, Poll, Waker},
};

use loom::{future::block_on, model::Builder, thread};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::Runtime,
};

use super::{
    Connection, Shared,
    driver::{Finish, run_session},
    options::SessionOptions,
    shared::Beginning,
    transport::{Source, StreamWire},
};
use crate::{DisconnectReason, ReadError, endpoint::EventSource, sync::Lock};

/// Has timers, and is never driven.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().expect("it needs nothing"));

fn model(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 10_000;
    builder.check(move || {
        let _entered = RUNTIME.enter();
        test();
    });
}

/// The other end of a stream.
#[derive(Clone)]
struct Peer(Arc<Lock<Stream>>);

#[derive(Default)]
struct Stream {
    sent: VecDeque<u8>,
    is_ended: bool,
    received: Vec<u8>,
    reader: Option<Waker>,
}

impl Peer {
    fn new(sent: &[u8]) -> Self {
        Self(Arc::new(Lock::new(Stream { sent: sent.iter().copied().collect(), ..Stream::default() })))
    }

    fn change(&self, change: impl FnOnce(&mut Stream)) {
        let reader = {
            let mut stream = self.0.lock();
            change(&mut stream);
            stream.reader.take()
        };
        reader.into_iter().for_each(Waker::wake);
    }

    fn send(&self, bytes: &[u8]) {
        self.change(|stream| stream.sent.extend(bytes));
    }

    fn end(&self) {
        self.change(|stream| stream.is_ended = true);
    }
}

impl AsyncRead for Peer {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut stream = self.0.lock();
        if stream.sent.is_empty() && !stream.is_ended {
            stream.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = stream.sent.len().min(room.remaining());
        room.put_slice(&stream.sent.drain(..count).collect::<Vec<u8>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(self: Pin<&mut Self>, _context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().received.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Connection {
    /// A session with `events`, whose task is not there.
    pub(crate) fn for_loom(events: EventSource) -> Self {
        let _entered = RUNTIME.enter();
        Self::over(&Peer::new(b""), events)
    }

    fn over(peer: &Peer, events: EventSource) -> Self {
        let shared = Shared::new(Beginning {
            number: 1,
            addresses: (None, None),
            options: Arc::new(SessionOptions::new("loom")),
            passage: None,
            source: Source::of_stream(peer.clone()),
            transport: Weak::new(),
            events,
            span: tracing::Span::none(),
        });
        Self { shared: Arc::new(shared) }
    }
}

/// A session over a stream to `peer`, and its task.
fn begin(peer: &Peer) -> (Connection, thread::JoinHandle<()>) {
    let connection = Connection::over(peer, EventSource::default());
    let (finish, wire) = (Finish::new(connection.clone()), StreamWire::new(peer.clone()));
    (connection, thread::spawn(move || block_on(run_session(finish, wire))))
}

/// The same, where the task only reads ahead.
fn begin_reading(peer: &Peer) -> (Connection, thread::JoinHandle<()>) {
    let connection = Connection::over(peer, EventSource::default());
    let reading = connection.clone();
    (connection, thread::spawn(move || block_on(poll_fn(|context| reading.poll_ahead(context)))))
}

fn read_in_thread(connection: &Connection) -> thread::JoinHandle<Result<Vec<u8>, ReadError>> {
    let connection = connection.clone();
    thread::spawn(move || block_on(connection.read_line()))
}

/// Of two reads each gets a line, whichever comes first and whenever the lines come.
#[test]
fn two_reads_get_a_line_each() {
    model(|| {
        let peer = Peer::new(b"1\n");
        let (connection, task) = begin_reading(&peer);
        let other = read_in_thread(&connection);
        peer.send(b"2\n");
        peer.end();
        let mut lines = [block_on(connection.read_line()).unwrap(), other.join().unwrap().unwrap()];
        lines.sort();
        assert_eq!(lines, [b"1\n", b"2\n"]);
        task.join().unwrap();
    });
}

/// A read that is dropped hands its turn on, also if it has been woken just then: who waits behind it gets the line.
#[test]
fn a_dropped_read_hands_on_its_turn() {
    model(|| {
        let peer = Peer::new(b"");
        let (connection, task) = begin_reading(&peer);
        let dropped = connection.clone();
        let drops = thread::spawn(move || {
            let mut read = Box::pin(dropped.read_line());
            block_on(poll_fn(|context| {
                // A line that it has is another's no more.
                Poll::Ready(matches!(read.as_mut().poll(context), Poll::Ready(Ok(_))))
            }))
        });
        let other = read_in_thread(&connection);
        peer.send(b"1\n");
        peer.end();
        let line = other.join().unwrap().ok();
        if !drops.join().unwrap() {
            assert_eq!(line.as_deref(), Some(&b"1\n"[..]));
        }
        task.join().unwrap();
    });
}

/// A message is sent, once and whole, and its writer told, whenever the task flushes; who closes behind it waits for
/// the end of the session and gets it.
#[test]
fn a_message_is_sent_and_its_writer_told() {
    model(|| {
        let peer = Peer::new(b"");
        let (connection, task) = begin(&peer);
        let writer = connection.clone();
        let writes = thread::spawn(move || block_on(writer.write(b"one")).is_ok());
        assert!(block_on(connection.write(b"two")).is_ok());
        assert!(writes.join().unwrap());
        connection.start_close(DisconnectReason::Closed);
        block_on(connection.wait_closed());
        let received = peer.0.lock().received.clone();
        assert!(received == b"onetwo" || received == b"twoone", "{received:?}");
        task.join().unwrap();
    });
}

/// A close ends a read that waits, and one that begins: with the line if that was there, or with the reason.
#[test]
fn a_close_ends_a_read() {
    model(|| {
        let peer = Peer::new(b"");
        let (connection, task) = begin(&peer);
        let read = read_in_thread(&connection);
        connection.start_close(DisconnectReason::Closed);
        match read.join().unwrap() {
            Err(ReadError::Disconnected { reason }) => assert_eq!(reason, DisconnectReason::Closed),
            Err(ReadError::NotConnected { reason, .. }) => assert_eq!(reason, Some(DisconnectReason::Closed)),
            other => panic!("{other:?}"),
        }
        block_on(connection.wait_closed());
        task.join().unwrap();
    });
}

/// A hang-up that somebody sees who looks, while the task reads ahead and a read waits, ends the session behind the
/// last line, which is read.
#[test]
fn a_hang_up_is_seen_behind_the_last_line() {
    model(|| {
        let peer = Peer::new(b"1\n");
        let (connection, task) = begin(&peer);
        let read = read_in_thread(&connection);
        peer.end();
        let _ = connection.has_hung_up();
        assert_eq!(read.join().unwrap().unwrap(), b"1\n");
        let end = block_on(connection.read_line());
        assert_eq!(end.unwrap(), b"", "the end is told");
        block_on(connection.wait_closed());
        assert_eq!(connection.reason(), Some(DisconnectReason::ClosedByPeer));
        task.join().unwrap();
    });
}
