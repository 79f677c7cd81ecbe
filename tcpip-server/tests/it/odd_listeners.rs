//! Listeners and streams of users' own that misbehave: the server goes on, and so does everything beside it.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    task::{Context, Poll, ready},
    thread,
    time::Duration,
};

use tcpip_server::{Listener, NetworkStream, OneClientServer};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex, empty, join, sink},
    runtime::Builder,
    sync::mpsc,
    time::Instant,
};
use tracing::Level;

use crate::{log_count::LogCount, over_both::STUCK};

/// Asks a function for its clients.
struct Asks<F>(F);

impl<F, S> Listener for Asks<F>
where
    F: FnMut(&mut Context<'_>) -> Poll<io::Result<S>> + Send + Sync + 'static,
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<NetworkStream>> {
        (self.0)(context).map_ok(NetworkStream::new)
    }
}

/// Runs `check` on a runtime with one thread, which nothing may hold.
fn on_a_runtime_of_its_own(check: impl AsyncFnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    let running = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check());
        done.send(()).unwrap();
    });
    assert_ne!(is_done.recv_timeout(STUCK), Err(RecvTimeoutError::Timeout), "the runtime is held");
    running.join().unwrap();
}

/// Lets all else run, a number of times.
async fn others_run() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// A listener that blames its clients for ever neither holds the runtime nor fills the log nor keeps a processor busy.
#[test]
fn a_listener_that_always_fails_harms_nobody() {
    for kind in [ErrorKind::Interrupted, ErrorKind::ConnectionReset, ErrorKind::WouldBlock, ErrorKind::Other] {
        on_a_runtime_of_its_own(async move || {
            let (log, _listening) = LogCount::start();
            let polls = Arc::new(AtomicU32::new(0));
            let counted = Arc::clone(&polls);
            let listener = Asks(move |_: &mut Context<'_>| -> Poll<io::Result<DuplexStream>> {
                counted.fetch_add(1, Ordering::Relaxed);
                Poll::Ready(Err(kind.into()))
            });
            let since = Instant::now();
            let server = OneClientServer::builder().listener(listener).start().await.unwrap();
            others_run().await;
            tokio::time::sleep(Duration::from_millis(250)).await;
            let pauses = u32::try_from(since.elapsed().as_millis() / 100).unwrap() + 1;
            let polls = polls.load(Ordering::Relaxed);
            assert!(polls <= 100 * pauses, "{polls} in {pauses} pauses");
            for level in [Level::ERROR, Level::DEBUG] {
                let told = log.of(level, "client").len();
                assert!(told <= 2, "{told} lines");
            }
            server.close().await;
        });
    }
}

/// A listener that always has another client does not hold the runtime, whether they are refused or admitted.
#[test]
fn a_listener_that_always_has_a_client_leaves_others_time() {
    on_a_runtime_of_its_own(async || {
        let (stays, _kept) = duplex(64);
        let mut stays = Some(stays);
        let listener = Asks(move |_: &mut Context<'_>| Poll::Ready(Ok(stays.take().unwrap_or_else(|| duplex(1).0))));
        let server = OneClientServer::builder().listener(listener).start().await.unwrap();
        others_run().await;
        server.close().await;
    });
    on_a_runtime_of_its_own(async || {
        let gone = |_: &mut Context<'_>| Poll::Ready(Ok(join(empty(), sink())));
        let server = OneClientServer::builder().listener(Asks(gone)).start().await.unwrap();
        others_run().await;
        server.close().await;
    });
}

/// What a listener does next, in tests that tell it.
enum Next {
    Client(DuplexStream),
    Panic,
    Error(io::Error),
}

/// A listener that does as it is told.
fn told() -> (mpsc::UnboundedSender<Next>, impl Listener) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let listener = Asks(move |context: &mut Context<'_>| match ready!(receiver.poll_recv(context)) {
        Some(Next::Client(stream)) => Poll::Ready(Ok(stream)),
        Some(Next::Error(error)) => Poll::Ready(Err(error)),
        Some(Next::Panic) => panic!("a panic of the test's"),
        None => Poll::Pending,
    });
    (sender, listener)
}

/// A client of it that is served.
async fn is_served(server: &OneClientServer, tell: &mpsc::UnboundedSender<Next>) {
    let (mut near, far) = duplex(64);
    assert!(tell.send(Next::Client(far)).is_ok());
    let connection = eventually(server.wait_connected()).await.unwrap();
    connection.write_str("hello").await.unwrap();
    let mut heard = [0; 7];
    eventually(near.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"hello\r\n");
    server.close_client().await;
}

/// An error that panics wherever it can.
#[derive(Debug)]
struct PanickingError;

impl fmt::Display for PanickingError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a panic of the test's")
    }
}

impl Error for PanickingError {}

impl Drop for PanickingError {
    fn drop(&mut self) {
        assert!(thread::panicking(), "a panic of the test's");
    }
}

/// A listener that panics, or whose errors do, is one that has failed: the next client is served.
#[test_log::test(tokio::test)]
async fn a_listener_that_panics_has_failed_and_goes_on() {
    let (log, _listening) = LogCount::start();
    let (tell, listener) = told();
    let server = OneClientServer::builder().listener(listener).start().await.unwrap();
    for next in [Next::Panic, Next::Error(io::Error::other(PanickingError)), Next::Panic] {
        assert!(tell.send(next).is_ok());
        is_served(&server, &tell).await;
    }
    assert_eq!(log.of(Level::ERROR, "panicked: a panic of the test's").len(), 1, "at a limited rate");
    eventually(server.close()).await;
}

/// A stream that panics when it is dropped.
struct PanicsOnDrop(DuplexStream);

impl AsyncRead for PanicsOnDrop {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for PanicsOnDrop {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        assert!(thread::panicking(), "a panic of the test's");
    }
}

/// A stream that panics when it is dropped, refused, and a listener that does: the client that is there is unharmed,
/// and the server closes in good order.
#[test_log::test(tokio::test)]
async fn a_stream_that_panics_when_refused_harms_nobody() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let on_drop = PanicsOnDrop(duplex(1).0);
    let listener = Asks(move |context: &mut Context<'_>| {
        // Held, and so dropped with the listener.
        let _ = &on_drop;
        receiver.poll_recv(context).map(|stream: Option<PanicsOnDrop>| Ok(stream.unwrap()))
    });
    let server = OneClientServer::builder().listener(listener).start().await.unwrap();
    let (mut near, far) = duplex(64);
    assert!(sender.send(PanicsOnDrop(far)).is_ok());
    let connection = eventually(server.wait_connected()).await.unwrap();
    for _ in 0..3 {
        let (mut surplus, far) = duplex(64);
        assert!(sender.send(PanicsOnDrop(far)).is_ok());
        assert_eq!(eventually(surplus.read(&mut [0])).await.unwrap(), 0);
    }
    near.write_all(b"still here\r\n").await.unwrap();
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "still here");
    drop(near);
    assert!(sender.send(PanicsOnDrop(duplex(1).0)).is_ok());
    eventually(server.close()).await;
    assert!(server.is_closed() && connection.is_closed());
}
