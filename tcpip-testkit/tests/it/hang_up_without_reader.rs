//! The peer hangs up while nobody reads: the connect callback is told all the same.

#![expect(clippy::unwrap_used, reason = "a test may unwrap, and so may what it calls")]

use std::{
    any::Any,
    future::pending,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use tcpip_client::Client;
use tcpip_server::{
    Connection, DisconnectReason, HandlerResult, OneClientReadLoopServer, OneClientServer, ReadAndDispatch, ReadError,
};
use tcpip_testkit::OneClientServerTestCase;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

/// A drain timeout that a test waits for.
const SHORT: Duration = Duration::from_millis(50);

/// A drain timeout that no test waits for: what happens within the test happens without it.
const LONG: Duration = Duration::from_hours(1);

/// How often the fallback looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// How a session learns of the hang-up.
#[derive(Clone, Copy, Debug)]
enum Detection {
    Event,
    Polling,
}

/// Which end it is whose peer hangs up.
#[derive(Clone, Copy, Debug)]
enum End {
    Client,
    Server,
}

const ALL: [(End, Detection); 4] = [
    (End::Client, Detection::Event),
    (End::Client, Detection::Polling),
    (End::Server, Detection::Event),
    (End::Server, Detection::Polling),
];

/// A session that nobody reads, its owner, and the raw socket at the other end.
struct Watched {
    _owner: Box<dyn Any>,
    connection: Connection,
    peer: TcpStream,
}

/// Makes a session, and sees its callback told of the beginning.
async fn watch(case: &OneClientServerTestCase, (end, detection): (End, Detection), drain_timeout: Duration) -> Watched {
    macro_rules! options {
        ($builder:expr) => {{
            let builder = $builder
                .drain_timeout(drain_timeout)
                .monitor_connection_interval(INTERVAL)
                .connect_callback(case.connect_callback());
            match detection {
                Detection::Event => builder,
                Detection::Polling => builder.poll_for_hang_up(),
            }
        }};
    }
    let watched = match end {
        End::Client => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let client = options!(Client::builder("127.0.0.1", port)).connect().await.unwrap();
            let (peer, _) = listener.accept().await.unwrap();
            Watched { connection: client.connection(), _owner: Box::new(client), peer }
        }
        End::Server => {
            let server = options!(OneClientServer::builder()).start().await.unwrap();
            let peer = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
            let connection = server.wait_connected().await.unwrap();
            Watched { connection, _owner: Box::new(server), peer }
        }
    };
    case.assert_next_connected(true).await;
    watched
}

/// The reason that the callback is told next.
async fn next_reason(case: &OneClientServerTestCase) -> DisconnectReason {
    case.next_event().await.unwrap().reason().unwrap()
}

/// Checks that reads report the end of the stream in good order, then that there is no session.
async fn assert_ended_in_order(connection: &Connection) {
    assert!(matches!(connection.read_str().await, Err(ReadError::EndOfStream { .. })));
    assert!(matches!(connection.read_str().await, Err(ReadError::NotConnected { .. })));
}

/// A peer that closes with nothing unread ends the session at once.
/// Failure 1.
#[test_log::test(tokio::test)]
async fn a_close_with_nothing_unread_reaches_the_callback() {
    for kind in ALL {
        let case = OneClientServerTestCase::new();
        let Watched { connection, peer, _owner } = watch(&case, kind, LONG).await;
        drop(peer);
        assert_eq!(next_reason(&case).await, DisconnectReason::ClosedByPeer, "{kind:?}");
        assert!(connection.should_be_connected() && !connection.is_connected());
    }
}

/// A peer that ends its stream and goes on listening has hung up as well.
/// Failure 5.
#[test_log::test(tokio::test)]
async fn a_half_close_with_nothing_unread_reaches_the_callback() {
    for kind in ALL {
        let case = OneClientServerTestCase::new();
        let mut watched = watch(&case, kind, LONG).await;
        watched.peer.shutdown().await.unwrap();
        assert_eq!(next_reason(&case).await, DisconnectReason::ClosedByPeer, "{kind:?}");
    }
}

/// A peer that closes behind unread data ends the session after `drain_timeout`; the data stays readable, then the end.
#[test_log::test(tokio::test)]
async fn a_close_behind_unread_data_reaches_the_callback() {
    for kind in ALL {
        let case = OneClientServerTestCase::new();
        let Watched { connection, mut peer, _owner } = watch(&case, kind, SHORT).await;
        peer.write_all(b"one\r\ntwo\r\n").await.unwrap();
        let closed = Instant::now();
        drop(peer);
        assert_eq!(next_reason(&case).await, DisconnectReason::ClosedByPeer, "{kind:?}");
        assert!(closed.elapsed() >= SHORT, "{kind:?}: it drained for {:?} only", closed.elapsed());
        assert!(!connection.is_connected());
        assert_eq!(connection.read_str().await.unwrap(), "one");
        assert_eq!(connection.read_str().await.unwrap(), "two");
        assert_ended_in_order(&connection).await;
    }
}

/// Data that waits in the connection's own buffer is unread too.
#[test_log::test(tokio::test)]
async fn a_close_behind_buffered_data_reaches_the_callback() {
    for kind in ALL {
        let case = OneClientServerTestCase::new();
        let Watched { connection, mut peer, _owner } = watch(&case, kind, SHORT).await;
        peer.write_all(b"one\r\ntwo\r\n").await.unwrap();
        assert_eq!(connection.read_str().await.unwrap(), "one");
        let closed = Instant::now();
        drop(peer);
        assert_eq!(next_reason(&case).await, DisconnectReason::ClosedByPeer, "{kind:?}");
        assert!(closed.elapsed() >= SHORT, "{kind:?}: it drained for {:?} only", closed.elapsed());
        assert_eq!(connection.read_str().await.unwrap(), "two");
        assert_ended_in_order(&connection).await;
    }
}

/// A reset ends the session at once, unread data or not, and leaves what had arrived readable.
#[test_log::test(tokio::test)]
async fn a_reset_reaches_the_callback_at_once() {
    for kind in ALL {
        for unread in [&b""[..], b"one\r\n"] {
            let case = OneClientServerTestCase::new();
            let Watched { connection, mut peer, _owner } = watch(&case, kind, LONG).await;
            peer.write_all(unread).await.unwrap();
            peer.set_zero_linger().unwrap();
            drop(peer);
            assert_eq!(next_reason(&case).await, DisconnectReason::Reset, "{kind:?}, {unread:?}");
            if !unread.is_empty() {
                assert_eq!(connection.read_str().await.unwrap(), "one", "{kind:?}");
            }
            let error = connection.read_str().await.unwrap_err();
            assert!(
                matches!(error, ReadError::Disconnected { reason: DisconnectReason::Reset }),
                "{kind:?}: {error:?}"
            );
        }
    }
}

/// A reset after the peer's orderly end cuts the draining short.
#[test_log::test(tokio::test)]
async fn a_reset_while_draining_reaches_the_callback_at_once() {
    for end in [End::Client, End::Server] {
        let case = OneClientServerTestCase::new();
        let Watched { connection, mut peer, _owner } = watch(&case, (end, Detection::Event), LONG).await;
        peer.write_all(b"one\r\n").await.unwrap();
        peer.shutdown().await.unwrap();
        peer.set_zero_linger().unwrap();
        drop(peer);
        assert_eq!(next_reason(&case).await, DisconnectReason::Reset, "{end:?}");
        assert!(connection.should_be_connected());
    }
}

struct NeverReads;

impl ReadAndDispatch for NeverReads {
    async fn read_and_dispatch(&self, _connection: &Connection) -> HandlerResult {
        pending().await
    }
}

/// A reset is seen past a handler that is at work and does not read; the next client is then served.
#[test_log::test(tokio::test)]
async fn a_reset_reaches_the_callback_past_a_handler_at_work() {
    let case = OneClientServerTestCase::new();
    let builder = OneClientReadLoopServer::builder(NeverReads).connect_callback(case.connect_callback());
    let server = case.create_server(builder.drain_timeout(LONG)).await.unwrap();
    for unread in [&b""[..], b"one\r\n"] {
        let mut peer = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
        case.assert_next_connected(true).await;
        peer.write_all(unread).await.unwrap();
        peer.set_zero_linger().unwrap();
        drop(peer);
        assert_eq!(next_reason(&case).await, DisconnectReason::Reset, "{unread:?}");
    }
}
