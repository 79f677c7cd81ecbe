//! Deadlines: each ends what it names, and nothing else.

use std::{
    future::poll_fn,
    io::{self, Read},
    process::Command,
    task::Poll,
    time::{Duration, Instant},
};

use tcpip_client::{Client, ClientOrServer, DisconnectReason, ReadError, WriteError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout},
};

use crate::raw_peer::{
    TOO_MUCH, arrival, assert_reads_well, meet, meet_told, pair, receive, receive_error, reset, send_and_close, soon,
};

/// Fault 15 of the model: every read method keeps the read deadline, and names itself and the time.
#[test_log::test(tokio::test)]
async fn every_read_keeps_the_read_deadline() {
    const AFTER: Duration = Duration::from_millis(5);
    let (client, mut peer) = meet(|client| client.read_timeout(AFTER)).await;
    peer.write_all(b"x").await.unwrap();
    client.read(1).await.unwrap();
    let errors = [
        ("read", client.read(1).await.unwrap_err()),
        ("read_to_end", client.read_to_end().await.unwrap_err()),
        ("read_exact", client.read_exact(2).await.unwrap_err()),
        ("read_line", client.read_line().await.unwrap_err()),
        ("read_until", client.read_until(b">").await.unwrap_err()),
        ("read_str", client.read_str().await.unwrap_err()),
        ("read_str_into", client.read_str_into(&mut String::new()).await.unwrap_err()),
        ("read_json", client.read_json::<u8>().await.unwrap_err()),
        ("read_struct", client.read_struct::<[u8; 2]>().await.unwrap_err()),
        ("read_into", client.read_into(&mut [0u8; 2]).await.unwrap_err()),
    ];
    for (name, error) in errors {
        assert_reads_well(&error);
        assert!(matches!(error, ReadError::Timeout { operation, after: AFTER } if operation == name), "{error:?}");
        assert_eq!(error.to_string(), format!("{name} timed out after 5ms"));
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::TimedOut);
    }
    assert!(client.is_connected(), "the session lives");
}

/// Failure 11: the deadline is for the whole call, however steadily bytes drip in; none of them is lost by it.
#[test_log::test(tokio::test)]
async fn a_dripping_peer_does_not_extend_the_read_deadline() {
    let (client, mut peer) = meet(|client| client.read_timeout(Duration::from_millis(60))).await;
    let dripping = tokio::spawn(async move {
        for _ in 0..60 {
            peer.write_all(b"x").await.unwrap();
            sleep(Duration::from_millis(5)).await;
        }
        peer.write_all(b"\r\n").await.unwrap();
        peer
    });
    let error = soon(client.read_str()).await.unwrap_err();
    assert!(matches!(error, ReadError::Timeout { operation: "read_str", .. }), "{error:?}");
    let _peer = soon(dripping).await.unwrap();
    assert_eq!(soon(client.read_str()).await.unwrap(), "x".repeat(60));
}

/// A read that waits behind another one has its deadline too, and does not disturb the other.
#[test_log::test(tokio::test)]
async fn the_read_deadline_counts_while_another_read_has_its_turn() {
    let (client, mut peer) = meet(|client| client.read_timeout(Duration::from_millis(300))).await;
    let mut first = Box::pin(client.read_str());
    poll_fn(|context| Poll::Ready(first.as_mut().poll(context).is_pending())).await;
    sleep(Duration::from_millis(200)).await;
    let second = client.read_str();
    let (first, second) = soon(async { tokio::join!(first, second) }).await;
    assert!(matches!(first, Err(ReadError::Timeout { .. })) && matches!(second, Err(ReadError::Timeout { .. })));
    peer.write_all(b"late\r\n").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "late");
}

/// Failure 8: a peer that does not read ends the session after the write deadline. The write is told so, and so are
/// those behind it, a waiting read, the callback, and the peer.
#[test_log::test(tokio::test)]
async fn the_write_deadline_ends_the_session() {
    const AFTER: Duration = Duration::from_millis(50);
    let (client, mut peer, mut events) = meet_told(|client| client.write_timeout(AFTER).write_limit(10)).await;
    let reason = DisconnectReason::WriteTimeout { after: AFTER };
    let message = vec![0; TOO_MUCH];
    let since = Instant::now();
    let (first, second, read) =
        soon(async { tokio::join!(client.write(&message), client.write_str("second"), client.read_str()) }).await;
    assert!(since.elapsed() >= AFTER);
    for (name, error) in [("write", first.unwrap_err()), ("write_str", second.unwrap_err())] {
        assert_reads_well(&error);
        assert!(matches!(error, WriteError::Timeout { operation, after: AFTER } if operation == name), "{error:?}");
        assert_eq!(error.to_string(), format!("{name} made no progress for 50ms"));
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::TimedOut);
    }
    let error = read.unwrap_err();
    assert!(matches!(error, ReadError::Disconnected { reason: told } if told == reason));
    assert_eq!(error.to_string(), "disconnected: a write made no progress for 50ms");
    assert_eq!(events.disconnected().await, reason);
    assert!(matches!(client.write(b"x").await, Err(WriteError::NotConnected)));
    assert!(client.should_be_connected());
    soon(client.wait_closed()).await;
    assert_eq!(receive_error(&mut peer).await, io::ErrorKind::ConnectionReset, "a half-sent message is aborted");
}

/// The session owns the write deadline: it passes also for a message whose write was dropped.
#[test_log::test(tokio::test)]
async fn the_write_deadline_passes_without_a_writer() {
    let (client, _peer, mut events) = meet_told(|client| client.write_timeout(Duration::from_millis(20))).await;
    assert!(timeout(Duration::from_millis(1), client.write(&vec![0; TOO_MUCH])).await.is_err());
    assert!(matches!(events.disconnected().await, DisconnectReason::WriteTimeout { .. }));
    drop(client);
}

/// The write deadline counts from the last byte that the system took: a slow peer is no stalled one.
#[test_log::test(tokio::test)]
async fn a_slow_peer_is_no_stalled_one() {
    const AFTER: Duration = Duration::from_millis(500);
    let (client, mut peer) = meet(|client| client.write_timeout(AFTER)).await;
    let since = Instant::now();
    let message = vec![0; TOO_MUCH];
    let reading = async {
        let mut buffer = vec![0; TOO_MUCH / 24];
        for _ in 0..24 {
            sleep(AFTER / 12).await;
            peer.read_exact(&mut buffer).await.unwrap();
        }
    };
    let (written, ()) = soon(async { tokio::join!(client.write(&message), reading) }).await;
    written.unwrap();
    assert!(since.elapsed() > AFTER, "longer than the deadline in all");
}

/// A task that was kept from running past the deadline finds what the system took meanwhile, not a dead peer.
#[test_log::test(tokio::test)]
async fn a_late_runtime_is_no_stalled_peer() {
    const AFTER: Duration = Duration::from_millis(250);
    // The choice between two things that are due was random once, so once would not be enough.
    for _ in 0..3 {
        let (client, peer) = meet(|client| client.write_timeout(AFTER)).await;
        let mut peer = peer.into_std().unwrap();
        let message = vec![0; TOO_MUCH];
        let mut writing = Box::pin(client.write(&message));
        poll_fn(|context| Poll::Ready(writing.as_mut().poll(context).is_pending())).await;
        // Lets the session's task begin to wait.
        tokio::task::yield_now().await;
        let reading = std::thread::spawn(move || {
            peer.set_nonblocking(false).unwrap();
            peer.read_exact(&mut vec![0; TOO_MUCH]).unwrap();
        });
        // The whole runtime is late: this is its one thread. Meanwhile the peer reads all that there is.
        std::thread::sleep(AFTER + Duration::from_millis(50));
        soon(writing).await.unwrap();
        tokio::task::spawn_blocking(|| reading.join().unwrap()).await.unwrap();
    }
}

/// Without a write deadline a write waits for as long as the peer likes.
#[test_log::test(tokio::test)]
async fn a_write_without_a_deadline_waits() {
    let (client, mut peer) = meet(|client| client.write_timeout(None)).await;
    let message = vec![0; TOO_MUCH];
    let mut writing = Box::pin(client.write(&message));
    assert!(timeout(Duration::from_millis(100), &mut writing).await.is_err());
    let (written, received) = soon(async { tokio::join!(writing, receive(&mut peer, TOO_MUCH)) }).await;
    written.unwrap();
    assert_eq!(received.len(), TOO_MUCH);
}

/// The longest duration there is means "never", in every option.
#[test_log::test(tokio::test)]
async fn the_longest_duration_is_never() {
    let longest = |client: tcpip_client::ClientBuilder| {
        client
            .connect_timeout(Duration::MAX)
            .read_timeout(Duration::MAX)
            .write_timeout(Duration::MAX)
            .close_timeout(Duration::MAX)
            .drain_timeout(Duration::MAX)
            .monitor_connection_interval(Duration::MAX)
    };
    let (client, mut peer) = meet(longest).await;
    let message = vec![0; TOO_MUCH];
    let mut writing = Box::pin(client.write(&message));
    assert!(timeout(Duration::from_millis(10), &mut writing).await.is_err());
    assert!(client.is_connected());
    let (written, _) = soon(async { tokio::join!(writing, receive(&mut peer, TOO_MUCH)) }).await;
    written.unwrap();
    peer.write_all(b"one\r\n").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "one");
    soon(client.close()).await;
    assert!(client.is_closed());

    let (client, peer, mut events) = meet_told(longest).await;
    send_and_close(peer, b"one\r\n").await;
    sleep(Duration::from_millis(10)).await;
    assert!(client.is_connected() && events.is_silent(), "it drains");
    assert_eq!(client.read_str().await.unwrap(), "one");
    assert!(client.read_str().await.is_err());
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
}

/// The least duration there is means "at once", in every option.
#[test_log::test(tokio::test)]
async fn a_duration_of_zero_is_at_once() {
    let (client, mut peer) =
        meet(|client| client.read_timeout(Duration::ZERO).write_timeout(Duration::ZERO).close_timeout(Duration::ZERO))
            .await;
    peer.write_all(b"one\r\n").await.unwrap();
    client.write_str("taken at once").await.unwrap();
    assert!(matches!(client.read_line().await, Err(ReadError::Timeout { .. }) | Ok(_)));
    soon(client.close()).await;
    soon(client.wait_closed()).await;
}

/// Fault 17 of the model, failure 7: a link that died with data in flight is a dead link to everybody, and not the
/// timeout that a slow reply is. In a network namespace of its own, where that takes a second.
#[test]
fn a_dead_link_is_not_a_timeout() {
    let inside = "deadlines::inside_a_namespace_a_link_dies";
    let namespace = Command::new("unshare").args(["-n", "true"]).output();
    if !namespace.is_ok_and(|output| output.status.success()) {
        println!("skipped: no network namespace can be made here");
        return;
    }
    let script = "ip link set lo up && echo 1 > /proc/sys/net/ipv4/tcp_retries2 && exec \"$0\" \"$@\"";
    let output = Command::new("unshare")
        .args(["-n", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", inside, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let (told, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !told.contains("inside") && log.contains("/proc/sys/net/ipv4/tcp_retries2") {
        println!("skipped: {log}");
        return;
    }
    assert!(output.status.success() && told.contains("1 passed"), "{told}{log}");
}

/// The inner half of the test above, which runs it.
#[test_log::test(tokio::test)]
#[ignore = "run by a_dead_link_is_not_a_timeout, in a namespace"]
async fn inside_a_namespace_a_link_dies() {
    println!("inside");
    for reading in [false, true] {
        let (client, mut peer, mut events) = meet_told(|client| client).await;
        peer.write_all(b"arrived\r\n").await.unwrap();
        assert!(Command::new("ip").args(["link", "set", "lo", "down"]).status().unwrap().success());
        client.write_str("into the void").await.expect("the system takes it");
        if reading {
            assert_eq!(client.read_str().await.unwrap(), "arrived");
            let error = soon(client.read_str()).await.unwrap_err();
            assert_dead(error);
        }
        assert_eq!(events.disconnected().await, DisconnectReason::LinkDead);
        assert_eq!(DisconnectReason::LinkDead.to_string(), "the link is dead");
        if !reading {
            assert_eq!(client.read_str().await.unwrap(), "arrived");
            assert_dead(client.read_str().await.unwrap_err());
        }
        assert!(matches!(client.write_str("x").await, Err(WriteError::NotConnected)));
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        reset(peer).await;
    }
    // Whatever the system's own patience is, minutes here, that of `tcp_user_timeout` counts.
    std::fs::write("/proc/sys/net/ipv4/tcp_retries2", "15").unwrap();
    let patience = Duration::from_millis(300);
    let (client, peer, mut events) = meet_told(|client| client.tcp_user_timeout(patience).write_timeout(None)).await;
    assert!(Command::new("ip").args(["link", "set", "lo", "down"]).status().unwrap().success());
    client.write_str("into the void").await.expect("the system takes it");
    assert_eq!(events.disconnected().await, DisconnectReason::LinkDead);
    assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
    reset(peer).await;
    // Nothing is behind an address without a route.
    assert!(Command::new("ip").args(["link", "set", "lo", "down"]).status().unwrap().success());
    let error = soon(Client::builder("192.0.2.1", 1).connect()).await.unwrap_err();
    assert!(matches!(error, tcpip_client::ConnectError::Failed { .. }), "{error:?}");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::NetworkUnreachable);
}

fn assert_dead(error: ReadError) {
    assert!(matches!(error, ReadError::Disconnected { reason: DisconnectReason::LinkDead }), "{error:?}");
    assert_eq!(error.to_string(), "disconnected: the link is dead");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::HostUnreachable);
}

/// A close after a deadline has ended the session returns at once.
#[test_log::test(tokio::test)]
async fn a_close_after_a_write_deadline_returns() {
    let (client, peer) = meet(|client| client.write_timeout(Duration::from_millis(10))).await;
    let connection = client.connection();
    let writing = tokio::spawn(async move { connection.write(&vec![0; TOO_MUCH]).await });
    arrival(&peer).await;
    assert!(soon(writing).await.unwrap().is_err());
    soon(client.close()).await;
    assert!(client.is_closed() && !client.should_be_connected());
    let (_other, _peer) = pair().await;
}
