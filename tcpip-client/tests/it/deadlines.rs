//! Deadlines: each ends what it names, and nothing else.

use std::{future::poll_fn, io, task::Poll, time::Duration};

use macro_rules_attribute::apply;
use tcpip_client::{DisconnectReason, ReadError, WriteError};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

use crate::{
    kinds::{Builder, Kind, meet, meet_told, pair, send_and_close},
    over_each_kind::over_each_kind,
    reads_well::assert_reads_well,
};

/// Fault 15 of the model: every read method keeps the read deadline, and names itself and the time.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn every_read_keeps_the_read_deadline<K: Kind>() {
    const AFTER: Duration = Duration::from_millis(5);
    let (client, mut peer) = meet::<K>(|client| client.read_timeout(AFTER)).await;
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
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dripping_peer_does_not_extend_the_read_deadline<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.read_timeout(Duration::from_millis(60))).await;
    let dripping = tokio::spawn(async move {
        for _ in 0..60 {
            peer.write_all(b"x").await.unwrap();
            sleep(Duration::from_millis(5)).await;
        }
        peer.write_all(b"\r\n").await.unwrap();
        peer
    });
    let error = eventually(client.read_str()).await.unwrap_err();
    assert!(matches!(error, ReadError::Timeout { operation: "read_str", .. }), "{error:?}");
    let _peer = eventually(dripping).await.unwrap();
    assert_eq!(eventually(client.read_str()).await.unwrap(), "x".repeat(60));
}

/// A read that waits behind another one has its deadline too, and does not disturb the other.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_read_deadline_counts_while_another_read_has_its_turn<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.read_timeout(Duration::from_millis(300))).await;
    let mut first = Box::pin(client.read_str());
    poll_fn(|context| Poll::Ready(first.as_mut().poll(context).is_pending())).await;
    sleep(Duration::from_millis(200)).await;
    let second = client.read_str();
    let (first, second) = eventually(async { tokio::join!(first, second) }).await;
    assert!(matches!(first, Err(ReadError::Timeout { .. })) && matches!(second, Err(ReadError::Timeout { .. })));
    peer.write_all(b"late\r\n").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "late");
}

/// Failure 8: a peer that does not read ends the session after the write deadline. The write is told so, and so are
/// those behind it, a waiting read, the callback, and the peer.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_write_deadline_ends_the_session<K: Kind>() {
    const AFTER: Duration = Duration::from_millis(50);
    let (client, peer, mut events) = meet_told::<K>(|client| client.write_timeout(AFTER).write_limit(10)).await;
    let reason = DisconnectReason::WriteTimeout { after: AFTER };
    let message = vec![0; K::TOO_MUCH];
    let since = Instant::now();
    let (first, second, read) =
        eventually(async { tokio::join!(client.write(&message), client.write_str("second"), client.read_str()) }).await;
    assert!(since.elapsed() >= AFTER);
    for (name, error) in [("write", first.unwrap_err()), ("write_str", second.unwrap_err())] {
        assert_reads_well(&error);
        assert!(matches!(error, WriteError::Timeout { operation, after: AFTER, .. } if operation == name), "{error:?}");
        assert_eq!(error.to_string(), format!("{name} made no progress for 50ms"));
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::TimedOut);
    }
    let error = read.unwrap_err();
    assert!(matches!(&error, ReadError::Disconnected { reason: told } if *told == reason));
    assert_eq!(error.to_string(), "disconnected: a write made no progress for 50ms");
    assert_eq!(events.disconnected().await, reason);
    assert!(matches!(client.write(b"x").await, Err(WriteError::NotConnected { .. })));
    assert!(client.should_be_connected());
    eventually(client.wait_closed()).await;
    K::assert_aborted(peer).await;
}

/// The session owns the write deadline: it passes also for a message whose write was dropped.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_write_deadline_passes_without_a_writer<K: Kind>() {
    let (client, _peer, mut events) = meet_told::<K>(|client| client.write_timeout(Duration::from_millis(20))).await;
    assert!(timeout(Duration::from_millis(1), client.write(&vec![0; K::TOO_MUCH])).await.is_err());
    assert!(matches!(events.disconnected().await, DisconnectReason::WriteTimeout { .. }));
    drop(client);
}

/// The write deadline counts from the last byte that the system took: a slow peer is no stalled one.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_slow_peer_is_no_stalled_one<K: Kind>() {
    const AFTER: Duration = Duration::from_millis(500);
    let (client, mut peer) = meet::<K>(|client| client.write_timeout(AFTER)).await;
    let since = Instant::now();
    let message = vec![0; K::TOO_MUCH];
    let reading = async {
        let mut buffer = vec![0; K::TOO_MUCH / 24];
        for _ in 0..24 {
            sleep(AFTER / 12).await;
            peer.read_exact(&mut buffer).await.unwrap();
        }
    };
    let (written, ()) = eventually(async { tokio::join!(client.write(&message), reading) }).await;
    written.unwrap();
    assert!(since.elapsed() > AFTER, "longer than the deadline in all");
}

/// Without a write deadline a write waits for as long as the peer likes.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_write_without_a_deadline_waits<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.write_timeout(None)).await;
    let message = vec![0; K::TOO_MUCH];
    let mut writing = Box::pin(client.write(&message));
    assert!(timeout(Duration::from_millis(100), &mut writing).await.is_err());
    let (written, received) = eventually(async { tokio::join!(writing, peer.receive(K::TOO_MUCH)) }).await;
    written.unwrap();
    assert_eq!(received.len(), K::TOO_MUCH);
}

/// The longest duration there is means "never", in every option.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_longest_duration_is_never<K: Kind>() {
    let longest = |client: Builder<K>| {
        client
            .read_timeout(Duration::MAX)
            .write_timeout(Duration::MAX)
            .close_timeout(Duration::MAX)
            .drain_timeout(Duration::MAX)
            .monitor_connection_interval(Duration::MAX)
    };
    let (client, mut peer) = meet::<K>(longest).await;
    let message = vec![0; K::TOO_MUCH];
    let mut writing = Box::pin(client.write(&message));
    assert!(timeout(Duration::from_millis(10), &mut writing).await.is_err());
    assert!(client.is_connected());
    let (written, _) = eventually(async { tokio::join!(writing, peer.receive(K::TOO_MUCH)) }).await;
    written.unwrap();
    peer.write_all(b"one\r\n").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "one");
    eventually(client.close()).await;
    assert!(client.is_closed());

    let (client, peer, mut events) = meet_told::<K>(longest).await;
    send_and_close(peer, b"one\r\n").await;
    sleep(Duration::from_millis(10)).await;
    assert!(client.is_connected() && events.is_silent(), "it drains");
    assert_eq!(client.read_str().await.unwrap(), "one");
    assert!(client.read_str().await.is_err());
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
}

/// The least duration there is means "at once", in every option.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_duration_of_zero_is_at_once<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| {
        client.read_timeout(Duration::ZERO).write_timeout(Duration::ZERO).close_timeout(Duration::ZERO)
    })
    .await;
    peer.write_all(b"one\r\n").await.unwrap();
    client.write_str("taken at once").await.unwrap();
    assert!(matches!(client.read_line().await, Err(ReadError::Timeout { .. }) | Ok(_)));
    eventually(client.close()).await;
    eventually(client.wait_closed()).await;
}

/// A close after a deadline has ended the session returns at once.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_close_after_a_write_deadline_returns<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.write_timeout(Duration::from_millis(10))).await;
    let connection = client.connection();
    let writing = tokio::spawn(async move { connection.write(&vec![0; K::TOO_MUCH]).await });
    K::arrival(&mut peer).await;
    assert!(eventually(writing).await.unwrap().is_err());
    eventually(client.close()).await;
    assert!(client.is_closed() && !client.should_be_connected());
    let (_other, _peer) = pair::<K>().await;
}
