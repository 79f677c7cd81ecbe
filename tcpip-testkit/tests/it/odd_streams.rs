//! Sessions over streams that do odd things: they end for a reason, and nothing hangs or spins.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    future::ready,
    io::{self, ErrorKind},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tcpip_client::{Client, DisconnectReason, ReadError, WriteError};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::yield_now,
    time::{Instant, sleep, timeout},
};

/// What a stream is asked for by its writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To take some of so many bytes.
    Write(usize),
    Flush,
    Shutdown,
}

/// A stream that reads as the first says and writes as the second says, which gives the number of bytes taken.
pub(crate) struct OddStream<R, W>(pub(crate) R, pub(crate) W);

/// Reads nothing, for ever.
pub(crate) fn silent(_: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    Poll::Pending
}

/// Takes everything at once.
pub(crate) fn takes_all(_: &mut Context<'_>, ask: Ask) -> Poll<io::Result<usize>> {
    Poll::Ready(Ok(if let Ask::Write(count) = ask { count } else { 0 }))
}

impl<R, W: Unpin> AsyncRead for OddStream<R, W>
where
    R: FnMut(&mut Context<'_>, &mut ReadBuf<'_>) -> Poll<io::Result<()>> + Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        (self.0)(context, buffer)
    }
}

impl<R: Unpin, W> AsyncWrite for OddStream<R, W>
where
    W: FnMut(&mut Context<'_>, Ask) -> Poll<io::Result<usize>> + Unpin,
{
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        (self.1)(context, Ask::Write(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        (self.1)(context, Ask::Flush).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        (self.1)(context, Ask::Shutdown).map_ok(|_| ())
    }
}

/// A write that fails ends the session, and what had arrived, read ahead or not, stays readable.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_broken_pipe_keeps_what_had_arrived_readable() {
    for read_ahead in [true, false] {
        let mut rest: &[u8] = b"one\r\ntwo\r\nthr";
        let is_there = Arc::new(AtomicBool::new(read_ahead));
        let arrives = Arc::clone(&is_there);
        let read = move |_: &mut Context<'_>, buffer: &mut ReadBuf<'_>| {
            if rest.is_empty() || !is_there.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            buffer.put_slice(&rest[..1]);
            rest = &rest[1..];
            Poll::Ready(Ok(()))
        };
        let write = move |_: &mut Context<'_>, _: Ask| {
            // Nobody is woken for what has arrived: the reading ahead is not the first to know.
            arrives.store(true, Ordering::Relaxed);
            Poll::Ready(Err(ErrorKind::BrokenPipe.into()))
        };
        let client = Client::from_stream(OddStream(read, write)).connect().await.unwrap();
        sleep(Duration::from_millis(1)).await;
        let error = eventually(client.write_str("status")).await.unwrap_err();
        assert!(matches!(error, WriteError::Disconnected { reason: DisconnectReason::Reset, .. }), "{error:?}");
        eventually(client.wait_closed()).await;
        assert_eq!(client.read_str().await.unwrap(), "one");
        assert_eq!(client.read_str().await.unwrap(), "two");
        assert!(matches!(client.read_str().await, Err(ReadError::Incomplete { partial, .. }) if partial == b"thr"));
        let end = client.read_str().await;
        assert!(matches!(end, Err(ReadError::Disconnected { reason: DisconnectReason::Reset })), "{end:?}");
    }
}

/// Gives `text`, then what `end` gives.
fn reading(
    text: &'static str,
    end: impl Fn() -> Poll<io::Result<()>>,
) -> impl FnMut(&mut Context<'_>, &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    let mut rest = text.as_bytes();
    move |_, buffer| {
        if rest.is_empty() {
            return end();
        }
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        rest = &rest[count..];
        Poll::Ready(Ok(()))
    }
}

/// Checks that a session over `stream` ends for `reason` by itself or when it is written to, that all that wait are
/// told, and that it comes to rest.
async fn assert_ends(stream: impl AsyncRead + AsyncWrite + Send + 'static, reason: DisconnectReason) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let client = Client::from_stream(stream)
        .connect_callback(move |event| {
            hear.lock().unwrap().push(event.reason());
            ready(())
        })
        .connect()
        .await
        .unwrap();
    let connection = client.connection();
    let waiting = tokio::spawn(async move { (connection.read_str().await, connection.read_str().await) });
    sleep(Duration::from_millis(1)).await;
    let _ = eventually(client.write_str("status")).await;
    eventually(client.wait_disconnected()).await;
    eventually(client.wait_closed()).await;
    let (first, second) = eventually(waiting).await.unwrap();
    assert_eq!(first.unwrap(), "one", "what had arrived is read");
    assert!(matches!(&second, Err(ReadError::Disconnected { reason: told }) if *told == reason), "{second:?}");
    assert!(matches!(client.write_str("status").await, Err(WriteError::NotConnected { .. })));
    assert!(client.should_be_connected(), "lost");
    eventually(client.callbacks_done()).await;
    assert_eq!(*told.lock().unwrap(), [None, Some(reason)]);
    let since = Instant::now();
    eventually(client.close()).await;
    assert_eq!(since.elapsed(), Duration::ZERO);
}

/// An error of the stream, whichever poll returns it, ends the session for that reason.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_error_of_the_stream_is_the_reason() {
    let other = |kind| DisconnectReason::Io { kind, os_error: None };
    for (kind, reason) in [
        (ErrorKind::ConnectionReset, DisconnectReason::Reset),
        (ErrorKind::BrokenPipe, DisconnectReason::Reset),
        (ErrorKind::TimedOut, DisconnectReason::LinkDead),
        (ErrorKind::InvalidData, other(ErrorKind::InvalidData)),
    ] {
        let fails = reading("one\r\n", move || Poll::Ready(Err(kind.into())));
        assert_ends(OddStream(fails, takes_all), reason.clone()).await;
        for asked_for in [Ask::Write(8), Ask::Flush] {
            let fails = move |context: &mut Context<'_>, ask| {
                if ask == asked_for { Poll::Ready(Err(kind.into())) } else { takes_all(context, ask) }
            };
            assert_ends(OddStream(reading("one\r\n", || Poll::Pending), fails), reason.clone()).await;
        }
    }
    let full = |_: &mut Context<'_>, _: Ask| Poll::Ready(Ok(0));
    assert_ends(OddStream(reading("one\r\n", || Poll::Pending), full), other(ErrorKind::WriteZero)).await;
}

/// A stream that panics, whichever poll it is, ends its session as one that fails.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_panic_of_the_stream_is_an_error_of_the_stream() {
    let reason = DisconnectReason::Io { kind: ErrorKind::Other, os_error: None };
    let panics = reading("one\r\n", || panic!("a panic of the test's"));
    assert_ends(OddStream(panics, takes_all), reason.clone()).await;
    for asked_for in [Ask::Write(8), Ask::Flush] {
        let panics = move |context: &mut Context<'_>, ask| {
            assert!(ask != asked_for, "a panic of the test's");
            takes_all(context, ask)
        };
        assert_ends(OddStream(reading("one\r\n", || Poll::Pending), panics), reason.clone()).await;
    }
    let panics = move |context: &mut Context<'_>, ask| {
        assert!(ask != Ask::Shutdown, "a panic of the test's");
        takes_all(context, ask)
    };
    let client = Client::from_stream(OddStream(silent, panics)).connect().await.unwrap();
    eventually(client.close()).await;
    assert!(client.is_closed());
    assert_eq!(client.connection().reason(), Some(DisconnectReason::Closed));
}

/// A session over a stream that is silent asks it nothing, however long that lasts; nor does one whose reading ahead
/// has come to the limit.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_silent_stream_is_left_alone() {
    for endless in [false, true] {
        let polls = Arc::new(AtomicUsize::new(0));
        let (reads, writes) = (Arc::clone(&polls), Arc::clone(&polls));
        let read = move |_: &mut Context<'_>, buffer: &mut ReadBuf<'_>| {
            reads.fetch_add(1, Ordering::Relaxed);
            if endless {
                buffer.put_slice(b"x");
                return Poll::Ready(Ok(()));
            }
            Poll::Pending
        };
        let write = move |context: &mut Context<'_>, ask| {
            writes.fetch_add(1, Ordering::Relaxed);
            takes_all(context, ask)
        };
        let client = Client::from_stream(OddStream(read, write)).limit(100).connect().await.unwrap();
        sleep(Duration::from_hours(1)).await;
        let asked = polls.load(Ordering::Relaxed);
        assert!(asked <= if endless { 100 } else { 1 }, "{asked} polls");
        match timeout(Duration::from_hours(1), client.read_until(b">")).await {
            Ok(read) => assert!(endless && matches!(read, Err(ReadError::FrameTooLong { limit: 100 })), "{read:?}"),
            Err(_) => assert!(!endless),
        }
        let asked = polls.load(Ordering::Relaxed) - asked;
        assert!(asked <= 101, "{asked} polls");
        assert!(client.is_connected());
    }
}

/// Drops the stream with itself, and tells of it.
struct Told(Arc<AtomicBool>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A stream that never takes what it is asked to take is given up after the deadline that is meant, to the millisecond,
/// by dropping it: there is no other abort.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_abort_is_a_drop_at_the_deadline() {
    let (write_timeout, close_timeout) = (Duration::from_millis(1234), Duration::from_millis(567));
    for stuck in [Ask::Write(8), Ask::Flush, Ask::Shutdown] {
        for by_close in [true, false] {
            if stuck == Ask::Shutdown && !by_close {
                continue;
            }
            let dropped = Arc::new(AtomicBool::new(false));
            let told = Told(Arc::clone(&dropped));
            let write = move |context: &mut Context<'_>, ask| {
                let _with_the_stream = &told;
                if ask == stuck { Poll::Pending } else { takes_all(context, ask) }
            };
            let client =
                Client::from_stream(OddStream(silent, write)).write_timeout(write_timeout).close_timeout(close_timeout);
            let client = client.connect().await.unwrap();
            let since = Instant::now();
            let connection = client.connection();
            let writing = tokio::spawn(async move { connection.write_str("status").await });
            if by_close {
                yield_now().await;
                client.close().await;
                assert_eq!(since.elapsed(), close_timeout, "{stuck:?}");
            } else {
                client.wait_closed().await;
                assert_eq!(since.elapsed(), write_timeout, "{stuck:?}");
                let reason = DisconnectReason::WriteTimeout { after: write_timeout };
                assert_eq!(client.connection().reason(), Some(reason));
            }
            assert!(client.is_closed() && dropped.load(Ordering::SeqCst), "{stuck:?}");
            assert_eq!(writing.await.unwrap().is_ok(), stuck != Ask::Write(8), "taken is written");
        }
    }
}

/// A stream that takes more than it was offered is one that fails.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_stream_that_takes_too_much_fails() {
    let takes_too_much = |context: &mut Context<'_>, ask| match ask {
        Ask::Write(count) => Poll::Ready(Ok(count + 1)),
        _ => takes_all(context, ask),
    };
    let client = Client::from_stream(OddStream(silent, takes_too_much)).connect().await.unwrap();
    let reason = DisconnectReason::Io { kind: io::ErrorKind::Other, os_error: None };
    let written = client.write_str("status").await;
    assert!(matches!(&written, Err(WriteError::Disconnected { reason: told, .. }) if *told == reason), "{written:?}");
    client.wait_closed().await;
    assert_eq!(client.connection().reason(), Some(reason));
}
