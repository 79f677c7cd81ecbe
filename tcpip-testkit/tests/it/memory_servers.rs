//! Servers whose clients come over streams that can do nothing but be read and written.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tcpip_client::Client;
use tcpip_server::{
    Admission, AnyServer, ConnectionEvent, DisconnectReason, Listener, NetworkStream, OneClientReadLoopServer,
    OneClientServer, Server,
};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    sync::mpsc,
    task::coop::unconstrained,
    time::{Instant, sleep, timeout},
};

use crate::{
    answer::Answer,
    odd_streams::{OddStream, takes_all},
    runtimes::on_both_runtimes,
};

/// Tells each client that it has been admitted.
async fn greet(event: ConnectionEvent) {
    if event.is_connected() {
        let _ = event.connection().write(b"hello").await;
    }
}

/// Does the same with both servers, the handler of one of which thinks, and closes them.
async fn with_both_servers(check: impl AsyncFn(&AnyServer, &Dialler)) {
    let (listener, dialler) = streams();
    let server = OneClientServer::builder().listener(listener).connect_callback(greet).start().await.unwrap();
    check(&server, &dialler).await;
    eventually(server.close()).await;

    let (listener, dialler) = streams();
    let answer = Answer { thinking: Duration::from_millis(1) };
    let builder = OneClientReadLoopServer::builder(answer).listener(listener).connect_callback(greet);
    let server = builder.start().await.unwrap();
    check(server.server(), &dialler).await;
    eventually(server.close()).await;
}

/// A client that is admitted.
async fn admitted(dialler: &Dialler, how: &str) -> DuplexStream {
    let mut stream = dialler.connect().unwrap();
    let mut hello = [0; 5];
    eventually(stream.read_exact(&mut hello)).await.unwrap_or_else(|error| panic!("refused after {how}: {error}"));
    stream
}

/// A server in memory admits one client at a time, refuses the others at once, and refuses all once it is closed.
#[test_log::test(tokio::test(start_paused = true))]
async fn one_client_at_a_time_is_served_in_memory() {
    with_both_servers(async |server, dialler| {
        assert_eq!((server.port(), server.local_addrs()), (0, &[][..]));
        let mut first = admitted(dialler, "nothing").await;
        let since = Instant::now();
        let mut surplus = dialler.connect().unwrap();
        assert_eq!(surplus.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(since.elapsed(), Duration::ZERO);
        let session = server.wait_connected().await.unwrap();
        assert_eq!((session.local_addr(), session.peer_addr()), (None, None));
        session.write_str("unharmed").await.unwrap();
        first.read_exact(&mut [0; 10]).await.unwrap();
        eventually(server.close()).await;
        assert_eq!(eventually(first.read(&mut [0])).await.unwrap(), 0);
        assert_eq!(dialler.connect().unwrap_err().kind(), ErrorKind::ConnectionRefused);
    })
    .await;
}

/// In memory too the newest client takes the place where that is asked for, also of one that is stalled.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_newest_client_in_memory_takes_the_place() {
    let (listener, dialler) = streams();
    let builder = OneClientServer::builder().admission(Admission::Replace).listener(listener);
    let server = builder.connect_callback(greet).start().await.unwrap();
    for stalled in [false, true] {
        let mut first = admitted(&dialler, "nothing").await;
        let session = server.wait_connected().await.unwrap();
        if stalled {
            assert!(timeout(Duration::ZERO, session.write(&vec![0; 1 << 20])).await.is_err());
        }
        let since = Instant::now();
        let _second = admitted(&dialler, "a client that is replaced").await;
        assert_eq!(since.elapsed(), Duration::ZERO);
        assert_eq!(session.reason(), Some(DisconnectReason::Replaced));
        eventually(first.read_to_end(&mut Vec::new())).await.unwrap();
        eventually(server.close_client()).await;
    }
}

/// In memory too a client that is turned away is told why, if it listens, and nobody waits for it.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_client_that_is_turned_away_in_memory_is_told_why() {
    let (listener, dialler) = streams();
    let builder = OneClientServer::builder().rejection_message("busy").listener(listener).connect_callback(greet);
    let server = builder.start().await.unwrap();
    let first = admitted(&dialler, "nothing").await;
    let mut surplus = dialler.connect().unwrap();
    surplus.write_all(&[b'x'; 10_000]).await.unwrap();
    let mut told = String::new();
    eventually(surplus.read_to_string(&mut told)).await.unwrap();
    assert_eq!(told, "busy\r\n");
    let _deaf: Vec<_> = (0..50).map(|_| dialler.connect().unwrap()).collect();
    // Lets the server turn all of them away.
    sleep(Duration::from_millis(1)).await;
    drop(first);
    admitted(&dialler, "clients that do not listen").await;
    eventually(server.close()).await;
}

/// A client that asks and half-closes at once gets its reply, and then the end of the stream, whether the handler
/// thinks or not.
#[test_log::test]
fn one_shot_client_in_memory_gets_its_reply() {
    on_both_runtimes(async || {
        for thinking in [Duration::ZERO, Duration::from_millis(1)] {
            let (listener, dialler) = streams();
            let server =
                OneClientReadLoopServer::builder(Answer { thinking }).listener(listener).start().await.unwrap();
            for time in 0..200 {
                let mut stream = dialler.connect().unwrap();
                stream.write_all(b"status\r\n").await.unwrap();
                stream.shutdown().await.unwrap();
                let mut reply = String::new();
                eventually(stream.read_to_string(&mut reply)).await.unwrap();
                assert_eq!(reply, "got status\r\n", "time {time}");
            }
            eventually(server.close()).await;
        }
    });
}

/// Hangs up in every way and dials again at once: each call is answered.
async fn redial(dialler: &Dialler) {
    for _ in 0..100 {
        drop(admitted(dialler, "a hang-up before admission").await);

        let mut unread = admitted(dialler, "a hang-up").await;
        unread.write_all(b"x").await.unwrap();
        drop(unread);

        let mut full = admitted(dialler, "a hang-up with a byte unread").await;
        full.write_all(&vec![b'x'; 60_000]).await.unwrap();
        drop(full);

        drop(admitted(dialler, "a hang-up with much unread").await);
        let client = Client::from_stream(dialler.connect().unwrap()).connect().await.unwrap();
        assert_eq!(eventually(client.read_exact(5)).await.unwrap(), b"hello");
        client.close().await;

        let mut half_closed = admitted(dialler, "a client's close").await;
        half_closed.write_all(b"status\r\n").await.unwrap();
        half_closed.shutdown().await.unwrap();
        drop(half_closed);

        drop(dialler.connect().unwrap());
    }
}

/// A client that hangs up and redials at once is admitted, whatever it left unread and whatever the handler does.
#[test_log::test]
fn redialling_in_memory_is_never_refused() {
    on_both_runtimes(async || with_both_servers(async |_, dialler| redial(dialler).await).await);
}

/// The same behind any number of calls that were given up too: the server looks at a stream however much it has done
/// since it last let others run.
#[test_log::test(tokio::test(start_paused = true))]
async fn redialling_behind_a_storm_of_calls_is_never_refused() {
    with_both_servers(async |_, dialler| {
        for calls in 0..80 {
            let mut gone = vec![admitted(dialler, "a storm of calls").await];
            gone.extend((0..calls).map(|_| dialler.connect().unwrap()));
            // All at once: the server sees none of them before all are gone.
            let writing = async {
                for stream in &mut gone {
                    stream.write_all(b"x").await.unwrap();
                }
            };
            unconstrained(writing).await;
        }
    })
    .await;
}

/// A server that looks whether its client is still there takes nothing from a read that waits.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_a_surplus_client_brings_to_light_reaches_the_waiting_read() {
    let (listener, dialler) = streams();
    let server = OneClientServer::builder().listener(listener).connect_callback(greet).start().await.unwrap();
    let mut first = admitted(&dialler, "nothing").await;
    let session = server.wait_connected().await.unwrap();
    for _ in 0..10 {
        let reader = session.clone();
        let reading = tokio::spawn(async move { reader.read_str().await });
        sleep(Duration::from_millis(1)).await;
        // The server's own task runs before the session's.
        let _surplus = dialler.connect().unwrap();
        first.write_all(b"status\r\n").await.unwrap();
        assert_eq!(eventually(reading).await.unwrap().unwrap(), "status");
    }
}

/// A listener, and what connects to it.
fn streams() -> (Streams<DuplexStream>, Dialler) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Streams(receiver), Dialler(sender))
}

struct Dialler(mpsc::UnboundedSender<DuplexStream>);

impl Dialler {
    fn connect(&self) -> io::Result<DuplexStream> {
        let (near, far) = duplex(64 * 1024);
        self.0.send(far).map_err(|_| ErrorKind::ConnectionRefused)?;
        Ok(near)
    }
}

/// Takes what is sent to it as clients.
pub(crate) struct Streams<S>(pub(crate) mpsc::UnboundedReceiver<S>);

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + 'static> Listener for Streams<S> {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<NetworkStream>> {
        self.0.poll_recv(context).map(|stream| stream.map(NetworkStream::new).ok_or(ErrorKind::ConnectionReset.into()))
    }
}

/// A client's stream that panics when the server looks whether it is still there ends its session, and not the server:
/// the next client is served.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_stream_that_panics_ends_its_session_and_not_the_server() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let server = OneClientServer::builder().listener(Streams(receiver)).start().await.unwrap();
    let panics = Arc::new(AtomicBool::new(false));
    let call = || {
        let panics = Arc::clone(&panics);
        let read = move |_: &mut Context<'_>, _: &mut ReadBuf<'_>| {
            assert!(!panics.swap(false, Ordering::Relaxed), "a panic of the test's");
            Poll::Pending
        };
        assert!(sender.send(OddStream(read, takes_all)).is_ok());
    };
    call();
    let first = eventually(server.wait_connected()).await.unwrap();
    sleep(Duration::from_millis(1)).await;
    panics.store(true, Ordering::Relaxed);
    call();
    eventually(first.wait_closed()).await;
    assert_eq!(first.reason(), Some(DisconnectReason::Io { kind: ErrorKind::Other, os_error: None }));
    let second = eventually(server.wait_connected()).await.unwrap();
    assert_ne!(first, second);
    second.write_str("served").await.unwrap();
}
