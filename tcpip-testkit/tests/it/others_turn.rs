//! Whatever a stream, a decoder or a user's loop does, others have their turn: every loop of the library yields, and no
//! user's code runs with a lock held that others need.

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

use macro_rules_attribute::apply;
use tcpip_client::{
    Abort, BoxFuture, BytesMut, Client, ClientOrServer, Connection, Decoder, DisconnectReason, NetworkStream,
    ReadError, Sent, Transport, WriteError,
};
use tcpip_testkit::{ExpectExt, MemoryNetwork, TestOneClientReadLoopServer, memory_streams};
use tokio::{
    io::{AsyncWriteExt, ReadBuf},
    select,
    sync::oneshot,
    task::{spawn_blocking, unconstrained, yield_now},
    time::timeout,
};

use crate::{
    kinds::{Kind, Tcp},
    link::start,
    odd_streams::{Ask, OddStream, silent, takes_all},
    over_each_kind::over_each_kind,
};

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

/// Takes a byte, but not before it is told to.
struct Patient {
    begun: Option<oneshot::Sender<()>>,
    go_on: mpsc::Receiver<()>,
}

impl Decoder for Patient {
    type Item = u8;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<u8>> {
        if bytes.is_empty() {
            return Ok(None);
        }
        if let Some(begun) = self.begun.take() {
            let _ = begun.send(());
            self.go_on.recv_timeout(STUCK).expect("it is told");
        }
        Ok(Some(bytes.split_to(1)[0]))
    }
}

/// A decoder that computes for long holds up nobody but its reader: everything else is told and done meanwhile, also
/// the peer's hang-up.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_slow_decoder_holds_up_its_reader_alone<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let link = start(near, |options| options);
    far.write_all(b"abc").await.unwrap();
    let (begun, has_begun) = oneshot::channel();
    let (go, go_on) = mpsc::channel();
    let mut decoder = Patient { begun: Some(begun), go_on };
    let reader = link.clone();
    let reading = tokio::spawn(async move {
        let first = reader.read_frame(&mut decoder).await;
        let second = reader.read_frame(&mut decoder).await;
        let rest = reader.read(10).await;
        (first, second, rest, reader.read(10).await)
    });
    has_begun.await.unwrap();
    link.write(b"meanwhile").await.unwrap();
    let looking = link.clone();
    drop(far);
    let looks = spawn_blocking(move || {
        looking.set_limit(1000);
        looking.set_terminator(b"\n").unwrap();
        while !looking.has_hung_up() {
            thread::yield_now();
        }
        (looking.is_connected(), looking.reason())
    });
    let (is_connected, reason) = timeout(STUCK, looks).await.expect("nobody waits").unwrap();
    // What it has not taken yet is unread. A reset, for what it never read, ends the session at once.
    assert!(is_connected == reason.is_none(), "{reason:?}");
    go.send(()).unwrap();
    let (first, second, rest, end) = timeout(STUCK, reading).await.unwrap().unwrap();
    assert_eq!((first.unwrap(), second.unwrap(), rest.unwrap()), (b'a', b'b', b"c".to_vec()));
    assert!(!end.is_ok_and(|bytes| !bytes.is_empty()));
    link.close().await;
}

/// Reads that wait for a buffer that is lent rest meanwhile, also once the session is closed, and then learn of it.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn reads_that_wait_for_the_buffer_rest_after_the_end() {
    let (near, mut far) = Tcp::streams().await;
    let link = start(near, |options| options);
    far.write_all(b"one\r\ntwo\r\n").await.unwrap();
    assert_eq!(link.read_str().await.unwrap(), "one");
    let (begun, has_begun) = oneshot::channel();
    let (go, go_on) = mpsc::channel::<()>();
    let reader = link.clone();
    let lent = tokio::spawn(async move {
        let used = reader.read_str_with(move |_| {
            let _ = begun.send(());
            go_on.recv_timeout(STUCK)
        });
        used.await
    });
    has_begun.await.unwrap();
    let mut waiting = [(); 3].map(|()| tokio_test::task::spawn(link.read_str()));
    assert!(waiting.iter_mut().all(|read| read.poll().is_pending()));
    timeout(STUCK, link.close()).await.unwrap();
    for read in &mut waiting {
        assert!(read.is_woken() && read.poll().is_pending());
    }
    assert!(!waiting.iter().any(tokio_test::task::Spawn::is_woken), "they do not rest");
    go.send(()).unwrap();
    lent.await.unwrap().unwrap().unwrap();
    for read in &mut waiting {
        assert!(read.is_woken());
        assert!(matches!(read.poll(), Poll::Ready(Err(_))));
    }
}

/// Uses the connection, and takes a byte.
struct Asking(Connection);

impl Decoder for Asking {
    type Item = u8;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<u8>> {
        self.0.set_limit(self.0.limit());
        assert!(self.0.is_connected() && !self.0.has_hung_up() && self.0.reason().is_none());
        Ok((!bytes.is_empty()).then(|| bytes.split_to(1)[0]))
    }
}

/// The same for a decoder that uses the connection: it does not deadlock.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_decoder_may_use_the_connection<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let link = start(near, |options| options);
    far.write_all(b"abc").await.unwrap();
    let mut decoder = Asking(link.clone());
    assert_eq!(timeout(STUCK, link.read_frame(&mut decoder)).await.unwrap().unwrap(), b'a');
    let sum = timeout(STUCK, link.read_exact_with(2, |bytes| (bytes.to_vec(), link.has_hung_up()))).await.unwrap();
    assert_eq!(sum.unwrap(), (b"bc".to_vec(), false));
    link.close().await;
}

/// Finds nothing, and changes what is looked for each time that it is asked.
struct Changing(Connection);

impl Decoder for Changing {
    type Item = u8;
    type Error = io::Error;

    fn decode(&mut self, _bytes: &mut BytesMut) -> io::Result<Option<u8>> {
        self.0.set_limit(self.0.limit() ^ 1);
        Ok(None)
    }
}

/// A decoder that has itself asked again and again lets others have their turn.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_decoder_that_changes_the_limit_lets_others_go_on<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let link = start(near, |options| options);
    far.write_all(b"abc").await.unwrap();
    let mut decoder = Changing(link.clone());
    let mut others = 0;
    tokio::select! {
        biased;
        outcome = link.read_frame(&mut decoder) => panic!("{outcome:?}"),
        () = async {
            while others < 10 {
                others += 1;
                tokio::task::yield_now().await;
            }
        } => {}
    }
    assert_eq!(timeout(STUCK, link.read_exact(3)).await.unwrap().unwrap(), b"abc");
    link.close().await;
}

/// What is called with the bytes of a read may panic: they stay unread, and the session lives.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn bytes_whose_conversion_panics_stay_unread<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let link = start(near, |options| options);
    far.write_all(b"abc").await.unwrap();
    let reader = link.clone();
    let panicked = tokio::spawn(async move { reader.read_exact_with(2, |_| panic!("a panic of the test's")).await });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_eq!(link.read_exact_with(3, <[u8]>::to_vec).await.unwrap(), b"abc");
    assert!(link.is_connected());
    link.close().await;
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
