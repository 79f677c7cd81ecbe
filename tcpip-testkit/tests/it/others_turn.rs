//! Whatever a stream or a user's loop does, others have their turn: every loop of the library yields.

use std::{
    future::pending,
    io::{self, IoSlice},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

use tcpip_client::{
    Abort, BoxFuture, Client, ClientOrServer, Connection, NetworkStream, ReadError, Sent, Transport, WriteError,
};
use tcpip_testkit::{ExpectExt, MemoryNetwork, TestOneClientReadLoopServer, memory_streams};
use tokio::{
    io::{AsyncWriteExt, ReadBuf},
    select,
    task::{unconstrained, yield_now},
};

use crate::odd_streams::{OddStream, takes_all};

/// Far longer than anything here takes.
const STUCK: Duration = Duration::from_secs(30);

/// Runs a test on a runtime of one thread, and fails if that hangs.
fn on_one_thread<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let running = thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
        let _ = done.send(());
    });
    assert!(is_done.recv_timeout(STUCK) != Err(mpsc::RecvTimeoutError::Timeout), "the runtime hangs");
    running.join().unwrap();
}

/// Gives as many bytes as it is asked for, always at once, whatever tokio's budget says.
fn endless(_: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    buffer.initialize_unfilled().fill(b'x');
    buffer.advance(buffer.remaining());
    Poll::Ready(Ok(()))
}

/// A stream that never ends and is always ready, after a frame that was too long, leaves others their turn.
/// Failure 39.
#[test]
fn an_endless_stream_leaves_others_their_turn() {
    on_one_thread(async || {
        let client = Client::from_stream(OddStream(endless, takes_all)).limit(100).connect().await.unwrap();
        assert!(matches!(client.read_str().await, Err(ReadError::FrameTooLong { limit: 100 })));
        let reader = client.connection();
        let reading = tokio::spawn(unconstrained(async move { reader.read_str().await }));
        for _ in 0..1000 {
            yield_now().await;
        }
        client.close().await;
        assert!(reading.await.unwrap().is_err());
    });
}

/// The same as a transport, a line at a time, which never tells what has arrived at its peer.
#[derive(Debug)]
struct EndlessTransport;

impl Transport for EndlessTransport {
    fn poll_read(&self, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        buffer.put_slice(b"x\r\n");
        Poll::Ready(Ok(()))
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(b'x');
        Ok(buffer.len())
    }

    fn poll_write_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn hung_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(pending())
    }

    fn has_hung_up(&self) -> bool {
        false
    }

    fn unread(&self) -> usize {
        1
    }

    fn shutdown_write(&self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&self, _: Abort) {}
}

/// A loop that reads from a transport which is always ready leaves others their turn, and so does a close of it.
#[test]
fn an_endless_transport_leaves_others_their_turn() {
    on_one_thread(async || {
        let client = Client::from_stream(NetworkStream::over(EndlessTransport)).close_timeout(Duration::from_secs(1));
        let client = client.connect().await.unwrap();
        let turns = Arc::new(AtomicUsize::new(0));
        let others = Arc::clone(&turns);
        tokio::spawn(async move {
            loop {
                others.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        });
        for _ in 0..10_000 {
            assert_eq!(client.read_str().await.unwrap(), "x");
        }
        assert!(turns.swap(0, Ordering::Relaxed) > 10, "while one reads");
        client.close().await;
        assert!(turns.load(Ordering::Relaxed) > 10, "while the session is closed");
    });
}

/// A task that writes to a bare stream in memory, and reads from it, leaves others their turn, as with a socket.
#[test]
fn bare_streams_in_memory_leave_others_their_turn() {
    on_one_thread(async || {
        let (mut near, mut far) = memory_streams(1024);
        let talking = async {
            loop {
                near.write_all(b"x").await.unwrap();
                far.expect("x").await;
            }
        };
        select! {
            biased;
            () = talking => {}
            () = yield_now() => {}
        }
    });
}

/// Says that there is room for a write, and has none.
#[derive(Debug)]
struct NeverTakes;

impl Transport for NeverTakes {
    fn poll_read(&self, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn try_read(&self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn poll_write_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn try_write_vectored(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn hung_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(pending())
    }

    fn has_hung_up(&self) -> bool {
        false
    }

    fn unread(&self) -> usize {
        0
    }

    fn shutdown_write(&self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&self, _: Abort) {}
}

/// A transport that pretends to have room leaves others their turn, and the write deadline holds.
#[test]
fn a_transport_that_pretends_to_have_room_leaves_others_their_turn() {
    on_one_thread(async || {
        let client = Client::from_stream(NetworkStream::over(NeverTakes)).write_timeout(Duration::from_millis(100));
        let client = client.connect().await.unwrap();
        let link = client.connection();
        let writing = tokio::spawn(async move { link.write(b"x").await });
        for _ in 0..1000 {
            yield_now().await;
        }
        let written = writing.await.unwrap();
        assert!(matches!(written, Err(WriteError::Timeout { sent: Sent::No, .. })), "{written:?}");
    });
}

/// Loops that do not mind an error leave others their turn.
#[test]
fn loops_that_ignore_errors_leave_others_their_turn() {
    on_one_thread(async || {
        let (near, _far) = tokio::io::duplex(100);
        let client = Client::from_stream(near).connect().await.unwrap();
        client.close().await;
        for link in [client.connection(), Connection::closed()] {
            let writer = link.clone();
            let discarder = link.clone();
            tokio::spawn(async move { while matches!(link.read_str().await, Err(ReadError::NotConnected { .. })) {} });
            tokio::spawn(async move {
                while matches!(writer.write_str("x").await, Err(WriteError::NotConnected { .. })) {}
            });
            tokio::spawn(async move { while discarder.discard_input().await.is_err() {} });
        }
        let (near, _far) = tokio::io::duplex(100);
        let client = Client::from_stream(near).connect().await.unwrap();
        client.shutdown_write().await.unwrap();
        let link = client.connection();
        tokio::spawn(async move { while matches!(link.write_str("x").await, Err(WriteError::WriteHalfEnded)) {} });
        let link = client.connection();
        tokio::spawn(async move { while link.write_str("one\r\ntwo").await.is_err() {} });
        let link = client.connection();
        tokio::spawn(async move { while link.read_until(b"").await.is_err() {} });
        let network = MemoryNetwork::new();
        let server = TestOneClientReadLoopServer::builder().options(|server| server.network(&network)).start();
        let server = Arc::new(server.await.unwrap());
        let _peer = network.connect(server.host(), server.port()).await.unwrap();
        server.wait_connected().await;
        let beside = Arc::clone(&server);
        tokio::spawn(async move { while matches!(beside.read_str().await, Err(ReadError::HandlerReads)) {} });
        for _ in 0..1000 {
            yield_now().await;
        }
    });
}
