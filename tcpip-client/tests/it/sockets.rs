//! What a client makes of its socket. Over TCP alone: addresses, urgent data, the system's buffers, its readiness and
//! its events are a socket's.

use std::{
    future::poll_fn,
    io::{self, Read},
    task::Poll,
    time::Duration,
};

use socket2::SockRef;
use tcpip_client::{Client, DisconnectReason};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::{
    hang_up::detections,
    kinds::{Kind, Tcp, meet, meet_told, pair, send_and_close},
    reads::futures_pending,
};

/// An urgent byte is no part of the stream: what surrounds it arrives whole, and a waiting reader stays one.
#[test_log::test(tokio::test)]
async fn an_urgent_byte_leaves_the_stream_intact() {
    let (client, mut peer) = pair::<Tcp>().await;
    for _ in 0..10 {
        let reading = client.read_str();
        tokio::pin!(reading);
        peer.write_all(b"bef").await.unwrap();
        assert!(futures_pending(&mut reading).await);
        SockRef::from(&peer).send_out_of_band(b"!").unwrap();
        assert!(futures_pending(&mut reading).await);
        peer.write_all(b"ore\r\n").await.unwrap();
        assert_eq!(eventually(reading).await.unwrap(), "before");
    }
    assert!(client.is_connected());
}

/// The system ends a receive at an urgent byte, and the runtime takes a short receive for the last one. So what is
/// behind the byte may be seen late; it comes with the next arrival or the hang-up, and is never lost.
#[test_log::test(tokio::test)]
async fn what_is_behind_an_urgent_byte_comes_at_the_latest_with_the_next_arrival() {
    let (client, mut peer) = pair::<Tcp>().await;
    for _ in 0..2 {
        peer.write_all(b"one\r\n").await.unwrap();
        SockRef::from(&peer).send_out_of_band(b"!").unwrap();
        peer.write_all(b"two\r\n").await.unwrap();
        assert_eq!(eventually(client.read_str()).await.unwrap(), "one");
        peer.write_all(b"three\r\n").await.unwrap();
        assert_eq!(eventually(client.read_str()).await.unwrap(), "two");
        assert_eq!(eventually(client.read_str()).await.unwrap(), "three");
    }
    peer.write_all(b"one\r\n").await.unwrap();
    SockRef::from(&peer).send_out_of_band(b"!").unwrap();
    send_and_close(peer, b"two\r\n").await;
    assert_eq!(eventually(client.read_str()).await.unwrap(), "one");
    assert_eq!(eventually(client.read_str()).await.unwrap(), "two");
}

/// The system keeps one urgent byte: where a second one comes before a read has passed the first, the first is data.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test)]
async fn of_two_urgent_bytes_the_first_becomes_data() {
    let (client, mut peer) = pair::<Tcp>().await;
    peer.write_all(b"0").await.unwrap();
    SockRef::from(&peer).send_out_of_band(b"!").unwrap();
    peer.write_all(b"1").await.unwrap();
    SockRef::from(&peer).send_out_of_band(b"?").unwrap();
    send_and_close(peer, b"end").await;
    assert!(eventually(client.wait_hung_up()).await);
    let mut read = Vec::new();
    while read.len() < 6 {
        read.extend(eventually(client.read(6)).await.unwrap());
    }
    assert_eq!(read, b"0!1end");
}

/// A connected client says where it is, where its peer is, and who it is.
/// Parity: `connected`, `host`, `port`, `Client`.
#[test_log::test(tokio::test)]
async fn a_connected_client_knows_its_ends() {
    let (client, peer) = meet::<Tcp>(|client| client.name("dome")).await;
    let connection = client.connection();
    assert!(client.is_connected() && client.should_be_connected() && !client.is_closed());
    assert_eq!(client.host(), "127.0.0.1");
    assert_eq!(client.port(), peer.local_addr().unwrap().port());
    assert_eq!(connection.local_addr(), Some(peer.peer_addr().unwrap()));
    assert_eq!(connection.peer_addr(), Some(peer.local_addr().unwrap()));
    assert_eq!(connection.name(), "dome");
    assert_eq!(connection.reason(), None);
    assert_eq!(client.wait_connected().await, Some(connection.clone()));
    let (other, _peer) = pair::<Tcp>().await;
    assert!(other.connection() != connection && other.connection().number() != connection.number());
    let name = other.connection().name().to_owned();
    assert_eq!(name, format!("127.0.0.1:{}", other.port()), "the default");
}

/// Input that nobody will read does not turn the end into a reset: the peer reads all of the last reply, then the end.
#[test_log::test(tokio::test)]
async fn a_close_discards_unread_input_so_that_the_last_reply_arrives() {
    for limit in [tcpip_client::DEFAULT_LIMIT, 16] {
        for buffered in [false, true] {
            let (client, mut peer) = meet::<Tcp>(|client| client.limit(limit)).await;
            peer.write_all(b"one\r\n").await.unwrap();
            peer.write_all(&vec![b'x'; 100_000]).await.unwrap();
            if buffered {
                assert_eq!(client.read_str().await.unwrap(), "one");
            }
            client.write_str("goodbye").await.unwrap();
            eventually(client.close()).await;
            peer.expect(b"goodbye\r\n").await;
            peer.expect_end().await;
            assert!(peer.take_error().unwrap().is_none(), "a reset followed, with a limit of {limit}");
        }
    }
}

/// After a close the address may be connected from again at once, since the peer's end came first or a reset did.
#[test_log::test(tokio::test)]
async fn a_client_connects_again_and_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for _ in 0..50 {
        let connecting = Client::builder("127.0.0.1", port).connect();
        let (client, accepted) = eventually(async { tokio::join!(connecting, listener.accept()) }).await;
        let (client, (mut peer, _)): (_, (TcpStream, _)) = (client.unwrap(), accepted.unwrap());
        assert!(SockRef::from(&peer).nonblocking().unwrap());
        eventually(client.close()).await;
        assert_eq!(eventually(peer.read(&mut [0])).await.unwrap(), 0);
    }
}

/// A task that was kept from running past the deadline finds what the system took meanwhile, not a dead peer.
#[test_log::test(tokio::test)]
async fn a_late_runtime_is_no_stalled_peer() {
    const AFTER: Duration = Duration::from_millis(250);
    // The choice between two things that are due was random once, so once would not be enough.
    for _ in 0..3 {
        let (client, peer) = meet::<Tcp>(|client| client.write_timeout(AFTER)).await;
        let mut peer = peer.into_std().unwrap();
        let message = vec![0; Tcp::TOO_MUCH];
        let mut writing = Box::pin(client.write(&message));
        poll_fn(|context| Poll::Ready(writing.as_mut().poll(context).is_pending())).await;
        // Lets the session's task begin to wait.
        tokio::task::yield_now().await;
        let reading = std::thread::spawn(move || {
            peer.set_nonblocking(false).unwrap();
            peer.read_exact(&mut vec![0; Tcp::TOO_MUCH]).unwrap();
        });
        // The whole runtime is late: this is its one thread. Meanwhile the peer reads all that there is.
        std::thread::sleep(AFTER + Duration::from_millis(50));
        eventually(writing).await.unwrap();
        tokio::task::spawn_blocking(|| reading.join().unwrap()).await.unwrap();
    }
}

/// Interval zero turns the fallback off, and the event detection never.
/// Parity: `monitor_connection_interval`.
#[test_log::test(tokio::test)]
async fn interval_zero_turns_the_fallback_off_and_never_the_detection() {
    let zero = |client: tcpip_client::ClientBuilder| client.monitor_connection_interval(Duration::ZERO);
    let (_client, peer, mut events) = meet_told::<Tcp>(zero).await;
    drop(peer);
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);

    let (client, peer, mut events) = meet_told::<Tcp>(|client| zero(client).poll_for_hang_up()).await;
    drop(peer);
    sleep(Duration::from_millis(200)).await;
    assert!(events.is_silent(), "nobody looks");
    assert_eq!(client.read(1).await.unwrap(), b"", "a read notices");
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
}

/// Failure 10: a hang-up behind a full receive window is invisible, since it cannot arrive; a close ends the session.
#[test_log::test(tokio::test)]
async fn a_hang_up_behind_a_full_window_waits_for_a_read_or_a_close() {
    for read in [true, false] {
        let (client, peer, mut events) = meet_told::<Tcp>(|client| client.limit(Tcp::TOO_MUCH + 1)).await;
        let peer = peer.into_std().unwrap();
        peer.set_nonblocking(true).unwrap();
        let chunk = vec![b'x'; 1 << 20];
        let mut sent = 0;
        // The window is full once the system takes nothing for a while.
        let mut refusals = 0;
        while refusals < 20 {
            match io::Write::write(&mut &peer, &chunk) {
                Ok(count) => sent += count,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    refusals += 1;
                    sleep(Duration::from_millis(2)).await;
                }
            }
        }
        drop(peer);
        sleep(Duration::from_millis(20)).await;
        assert!(client.is_connected() && events.is_silent(), "the end is behind {sent} bytes");
        if read {
            assert_eq!(eventually(client.read_to_end()).await.unwrap().len(), sent);
            assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        } else {
            eventually(client.close()).await;
            assert_eq!(events.disconnected().await, DisconnectReason::Closed);
        }
    }
}

/// Failure 26: an urgent byte is no hang-up, and no cause to look for one again and again.
#[test_log::test(tokio::test)]
async fn an_urgent_byte_is_no_hang_up() {
    for detect in detections::<Tcp>() {
        let (client, peer, mut events) = meet_told::<Tcp>(detect).await;
        SockRef::from(&peer).send_out_of_band(b"!").unwrap();
        sleep(Duration::from_millis(20)).await;
        assert!(client.is_connected() && events.is_silent());
        drop(peer);
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
    }
}
