//! A session over a transport of a user's own does with it what it does with a socket.

use std::{
    io::ErrorKind,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tcpip_client::{Abort, Client, DisconnectReason, NetworkStream, ReadError, SockRef};
use tcpip_server::OneClientServer;
use tcpip_testkit::{eventually, memory_streams};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    task::yield_now,
    time::{Instant, timeout},
};

use crate::{
    kinds::{Kind, Tcp},
    memory_servers::Streams,
    telling_transport::{METHODS, Telling},
};

/// How much is sent and not read.
const MUCH: usize = 10_000;

/// The two ends of a transport in memory, whose window is [`MUCH`].
fn transports() -> (NetworkStream, NetworkStream) {
    memory_streams(MUCH)
}

async fn client_over(stream: NetworkStream) -> Client {
    Client::from_stream(stream).connect().await.unwrap()
}

/// Nothing is read ahead of its reader, and a hang-up is seen behind all that is unread, which stays where it is.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_hang_up_is_seen_behind_what_is_unread_in_the_transport() {
    let (near, mut peer) = transports();
    let client = client_over(near).await;
    peer.write_all(&[7; MUCH]).await.unwrap();
    drop(peer);
    assert!(eventually(client.wait_hung_up()).await);
    assert!(client.is_connected(), "it drains");
    assert_eq!(client.connection().stats().bytes_received, 0);
    assert_eq!(client.read_exact(MUCH).await.unwrap(), [7; MUCH]);
    assert!(matches!(client.read_str().await, Err(ReadError::EndOfStream { .. })));
    assert_eq!(client.connection().reason(), Some(DisconnectReason::ClosedByPeer));
}

/// What had arrived before a reset is read; and a peer that is reset reads what had arrived before.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reset_comes_behind_what_had_arrived() {
    let (near, mut peer) = transports();
    let client = client_over(near).await;
    peer.write_all(b"last\r\n").await.unwrap();
    peer.transport().unwrap().abort(Abort::Now);
    eventually(client.wait_disconnected()).await;
    assert_eq!(client.connection().reason(), Some(DisconnectReason::Reset));
    assert_eq!(client.read_str().await.unwrap(), "last");

    let (near, mut peer) = transports();
    let client = client_over(near).await;
    client.write_str("last").await.unwrap();
    client.abort();
    assert!(peer.transport().unwrap().has_hung_up(), "without the session's task");
    let mut received = Vec::new();
    let error = eventually(peer.read_to_end(&mut received)).await.unwrap_err();
    assert_eq!((error.kind(), received.as_slice()), (ErrorKind::ConnectionReset, &b"last\r\n"[..]));
}

/// A close ends the stream in good order though the peer has sent what nobody read, and waits until all has arrived:
/// what has not by its deadline is given up, and the stream reset.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_close_waits_for_what_has_not_arrived() {
    for arrives in [true, false] {
        let (near, mut peer) = transports();
        let transport = Telling::new(near, |_| ());
        let under_way = Arc::clone(&transport.under_way);
        let client = client_over(NetworkStream::over(transport)).await;
        peer.write_all(b"unread\r\n").await.unwrap();
        client.write_str("status").await.unwrap();
        // The end of the stream counts as well.
        under_way.store(9, Ordering::Relaxed);
        let (since, mut received) = (Instant::now(), Vec::new());
        let arriving = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if arrives {
                under_way.store(0, Ordering::Relaxed);
            }
            peer.read_to_end(&mut received).await
        };
        let ((), end) = eventually(async { tokio::join!(client.close(), arriving) }).await;
        assert_eq!(received, b"status\r\n");
        assert!(end.is_ok(), "the end of the stream came first: {end:?}");
        assert_eq!(client.connection().given_up(), if arrives { 0 } else { 8 });
        assert_eq!(since.elapsed() >= tcpip_client::DEFAULT_CLOSE_TIMEOUT, !arrives, "{:?}", since.elapsed());
    }
}

/// A write that makes no progress resets the stream, behind what had been taken.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_write_deadline_resets_the_transport() {
    let (near, mut peer) = transports();
    let after = Duration::from_secs(3);
    let client = Client::from_stream(near).write_timeout(after).connect().await.unwrap();
    client.write(&vec![7; 2 * MUCH]).await.unwrap_err();
    eventually(client.wait_closed()).await;
    assert_eq!(client.connection().reason(), Some(DisconnectReason::WriteTimeout { after }));
    let mut received = Vec::new();
    let error = eventually(peer.read_to_end(&mut received)).await.unwrap_err();
    assert_eq!((error.kind(), received.len()), (ErrorKind::ConnectionReset, MUCH));
}

/// What had come before a peer ended its half stays readable when what it does not take is given up by a reset.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reset_at_this_end_leaves_what_had_arrived() {
    let (near, mut peer) = transports();
    let client = client_over(near).await;
    peer.write_all(b"last\r\n").await.unwrap();
    peer.shutdown().await.unwrap();
    client.write(&vec![7; 2 * MUCH]).await.unwrap_err();
    eventually(client.wait_closed()).await;
    assert_eq!(client.connection().reason(), Some(DisconnectReason::ClosedByPeer));
    assert_eq!(client.read_str().await.unwrap(), "last");
    assert!(matches!(client.read_str().await, Err(ReadError::EndOfStream { .. })));
    drop(client);
    let error = eventually(peer.read_to_end(&mut Vec::new())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// A socket that is wrapped is one: it has the options of sockets and is lent, and its hang-up, its reset and its half
/// are those of the socket.
#[test_log::test(tokio::test)]
async fn a_wrapped_socket_is_one() {
    let (near, mut peer) = Tcp::streams().await;
    let addresses = (near.local_addr().ok(), near.peer_addr().ok());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let transport = Telling::new(NetworkStream::new(near), move |method| log.lock().unwrap().push(method));
    let client = Client::from_stream(NetworkStream::over(transport)).nodelay(true).connect().await.unwrap();
    let link = client.connection();
    assert_eq!((link.local_addr(), link.peer_addr()), addresses);
    assert_eq!(link.with_socket(|socket| socket.tcp_nodelay().unwrap()), Some(true));
    client.shutdown_write().await.unwrap();
    assert_eq!(eventually(peer.read(&mut [0])).await.unwrap(), 0);
    peer.write_all(&[7; MUCH]).await.unwrap();
    SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    while link.with_socket(|_| ()).is_some() && !has_arrived(&link) {
        yield_now().await;
    }
    drop(peer);
    eventually(client.wait_disconnected()).await;
    assert_eq!(link.reason(), Some(DisconnectReason::Reset));
    let asked = asked.lock().unwrap();
    assert!(["hung_up", "has_unread", "shutdown_write"].iter().all(|method| asked.contains(method)), "{asked:?}");
    assert!(!asked.contains(&"poll_read"), "nobody reads");
}

/// Whether the socket beneath has all that was sent.
fn has_arrived(link: &tcpip_client::Connection) -> bool {
    let peek = |socket: SockRef<'_>| socket.peek(&mut [std::mem::MaybeUninit::uninit(); MUCH]);
    link.with_socket(peek).is_some_and(|count| count.is_ok_and(|count| count == MUCH))
}

/// Whatever method of it panics, the session ends with an error if that cannot go on, at the latest with its peer, and
/// the server serves the next client.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_transport_that_panics_harms_nobody_else() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let server = OneClientServer::builder().listener(Streams(receiver)).start().await.unwrap();
    for panics in METHODS {
        let (near, mut peer) = transports();
        let (has_panicked, has_begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (noted, begun) = (Arc::clone(&has_panicked), Arc::clone(&has_begun));
        let transport = Telling::new(near, move |method| {
            if method == panics && (method.ends_with("_addr") || begun.load(Ordering::Relaxed)) {
                noted.store(true, Ordering::Relaxed);
                panic!("a panic of the test's");
            }
        });
        sender.send(NetworkStream::over(transport)).unwrap();
        let session = eventually(server.wait_connected()).await.unwrap();
        has_begun.store(true, Ordering::Relaxed);
        // All of this may fail: somewhere in it is the panic.
        let _ = peer.write_all(b"status\r\nrest").await;
        let _ = eventually(session.read_str()).await;
        let _ = timeout(Duration::from_millis(1), session.write(&vec![7; 2 * MUCH])).await;
        match panics {
            "try_read" => drop(eventually(session.discard_input()).await),
            "unacknowledged" | "abort" => session.abort(),
            "has_hung_up" => drop(session.has_hung_up()),
            _ => {}
        }
        let _ = peer.shutdown().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        drop(peer);
        eventually(session.wait_closed()).await;
        assert!(has_panicked.load(Ordering::Relaxed), "{panics} is not called");
        if ["poll_read", "poll_write_ready", "try_write_vectored", "hung_up", "has_hung_up"].contains(&panics) {
            let is_error = DisconnectReason::Io { kind: ErrorKind::Other, os_error: None };
            assert_eq!(session.reason(), Some(is_error), "{panics}");
        }

        let (near, mut peer) = transports();
        sender.send(near).unwrap();
        let next = eventually(server.wait_connected()).await.unwrap();
        next.write_str("served").await.unwrap();
        eventually(peer.read_exact(&mut [0; 8])).await.unwrap();
        eventually(server.close_client()).await;
    }
    server.close().await;
}
