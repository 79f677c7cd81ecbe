//! The peer goes away, in every manner, and what had arrived stays readable.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_client::{DisconnectReason, ReadError, WriteError};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep},
};

use crate::{
    kinds::{Builder, Kind, ended_by, meet, meet_told, send_and_close},
    over_each_kind::over_each_kind,
};

/// A session whose drain timeout never passes while the test runs.
pub(crate) const NEVER: Duration = Duration::from_mins(10);

/// Failure 1: told once, at once, and without any reader; by either kind of detection.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_hang_up_is_told_once_without_any_reader<K: Kind>() {
    for detect in detections::<K>() {
        let mut delays = Vec::new();
        for _ in 0..9 {
            let (client, peer, mut events) = meet_told::<K>(detect).await;
            let since = Instant::now();
            drop(peer);
            assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
            delays.push(since.elapsed());
            assert!(!client.is_connected() && client.should_be_connected(), "lost");
            assert_eq!(client.connection().reason(), Some(DisconnectReason::ClosedByPeer));
            eventually(client.wait_disconnected()).await;
            eventually(client.wait_closed()).await;
        }
        delays.sort_unstable();
        println!("median {:?} of {delays:?}", delays[4]);
        assert!(delays[4] < Duration::from_secs(2));
    }
}

/// Failure 5: a half-close with nothing unread is a hang-up, and is answered with the end of this side.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_half_close_with_nothing_unread_ends_the_session<K: Kind>() {
    for detect in detections::<K>() {
        let (client, mut peer, mut events) = meet_told::<K>(detect).await;
        peer.shutdown().await.unwrap();
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        peer.expect_end().await;
        assert!(!client.is_connected());
    }
}

/// A hang-up while a read waits ends both, and the read is told of the end.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_waiting_read_is_told_of_the_hang_up<K: Kind>() {
    for detect in detections::<K>() {
        let (client, peer, mut events) = meet_told::<K>(detect).await;
        let (read, ()) = eventually(async { tokio::join!(client.read_str(), async { drop(peer) }) }).await;
        assert!(matches!(read, Err(ReadError::EndOfStream { received: 0, .. })));
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. })));
    }
}

/// Fault 1 of the model, failures 2 and 5: with unread data the session drains. It counts as connected, writes
/// reach a peer that half-closed, and taking the last frame does not end it; the read that reports the end does.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_hang_up_behind_unread_data_lets_the_session_be_read_and_answered<K: Kind>() {
    for detect in detections::<K>() {
        let (client, mut peer, mut events) = meet_told::<K>(|client| detect(client).drain_timeout(NEVER)).await;
        peer.write_all(b"status\r\n").await.unwrap();
        peer.shutdown().await.unwrap();
        draining(&client).await;
        assert!(client.is_connected() && events.is_silent());
        assert_eq!(client.read_str().await.unwrap(), "status");
        assert!(client.is_connected() && events.is_silent(), "taking the last frame does not end it");
        client.write_str("ok").await.unwrap();
        peer.expect(b"ok\r\n").await;
        assert!(matches!(client.read_str().await, Err(ReadError::EndOfStream { .. })));
        assert!(!client.is_connected(), "the end has been reported");
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. })));
        assert!(matches!(client.write_str("late").await, Err(WriteError::NotConnected { .. })));
        peer.expect_end().await;
    }
}

/// Returns once the session is known to drain, which shows in its `Debug` alone.
pub(crate) async fn draining(client: &tcpip_client::Client) {
    eventually(async {
        while !format!("{:?}", client.connection()).contains("Draining") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// Fault 1 of the model: one unread byte that nobody ever reads does not hide the hang-up; what had arrived is
/// still there afterwards, is told once, and then the reads are not connected.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn one_unread_byte_never_hides_a_hang_up<K: Kind>() {
    for detect in detections::<K>() {
        let (client, peer, mut events) =
            meet_told::<K>(|client| detect(client).drain_timeout(Duration::from_millis(20))).await;
        send_and_close(peer, b"x").await;
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        eventually(client.wait_closed()).await;
        let error = client.read_str().await.unwrap_err();
        assert!(matches!(error, ReadError::Incomplete { partial, .. } if partial == b"x"));
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. })));
    }
}

/// Unread data in the buffer counts as unread data in the kernel does.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_hang_up_behind_a_buffered_frame_drains_too<K: Kind>() {
    let (client, mut peer, mut events) = meet_told::<K>(|client| client.drain_timeout(NEVER)).await;
    peer.write_all(b"one\r\ntwo\r\n").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "one");
    peer.shutdown().await.unwrap();
    draining(&client).await;
    client.write_str("still here").await.unwrap();
    peer.expect(b"still here\r\n").await;
    assert_eq!(client.read_str().await.unwrap(), "two");
    assert!(events.is_silent());
    assert!(client.read_str().await.is_err());
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
}

/// The drain timeout counts from the last read that returned, not from the hang-up.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_session_drains_for_as_long_as_it_is_read<K: Kind>() {
    const DRAIN: Duration = Duration::from_millis(600);
    let (client, peer, mut events) = meet_told::<K>(|client| client.drain_timeout(DRAIN)).await;
    let since = Instant::now();
    send_and_close(peer, &b"x\r\n".repeat(100)).await;
    let mut last_read = since;
    while since.elapsed() < DRAIN * 5 / 4 {
        last_read = Instant::now();
        assert_eq!(client.read_str().await.unwrap(), "x");
        assert!(client.is_connected() && events.is_silent());
        sleep(DRAIN / 30).await;
    }
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
    assert!(last_read.elapsed() >= DRAIN);
    assert_eq!(client.read_str().await.unwrap(), "x", "what is left stays readable");
}

/// After the end, what had arrived stays readable: frames first, then how the stream ended, once, then nothing.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_had_arrived_stays_readable_after_the_end<K: Kind>() {
    for detect in detections::<K>() {
        let (client, peer, mut events) =
            meet_told::<K>(|client| detect(client).drain_timeout(Duration::from_millis(10))).await;
        send_and_close(peer, b"one\r\ntwo\r\nthr").await;
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        eventually(client.wait_closed()).await;
        assert!(!client.is_connected() && client.should_be_connected());
        assert!(matches!(client.write_str("x").await, Err(WriteError::NotConnected { .. })));
        assert_eq!(client.read_str().await.unwrap(), "one");
        assert_eq!(client.read_until(b"\n").await.unwrap(), b"two\r\n");
        assert!(matches!(client.read_str().await, Err(ReadError::Incomplete { partial, .. }) if partial == b"thr"));
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. })));
    }
}

/// What had arrived is given up by a close at this end.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_close_after_the_end_gives_up_what_had_arrived<K: Kind>() {
    let (client, peer, mut events) = meet_told::<K>(|client| client.drain_timeout(Duration::ZERO)).await;
    send_and_close(peer, b"one\r\n").await;
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
    eventually(client.close()).await;
    assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. })));
    assert!(!client.should_be_connected());
    assert_eq!(client.connection().reason(), Some(DisconnectReason::ClosedByPeer), "who came first");
}

/// A reader that takes part of what there is and then stays away does not keep the session alive for ever.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_stalled_reader_does_not_keep_a_drained_session<K: Kind>() {
    let (client, peer, mut events) = meet_told::<K>(|client| client.drain_timeout(Duration::from_millis(30))).await;
    send_and_close(peer, b"one\r\ntwo\r\n").await;
    assert_eq!(client.read_str().await.unwrap(), "one");
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
    assert_eq!(client.read_str().await.unwrap(), "two");
}

/// An end that nobody was told of is told to the first read, whatever it is, and only to that.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_end_is_told_to_one_read_of_any_kind<K: Kind>() {
    for kind in 0..3 {
        let client = ended_by::<K>(async |peer| drop(peer)).await;
        match kind {
            0 => assert_eq!(client.read(5).await.unwrap(), b""),
            1 => assert_eq!(client.read_to_end().await.unwrap(), b""),
            _ => assert!(matches!(client.read_exact(5).await, Err(ReadError::EndOfStream { .. }))),
        }
        assert!(matches!(client.read(5).await, Err(ReadError::NotConnected { .. })));
    }
}

/// What had arrived is readable also when what this end has queued cannot be sent any more.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_had_arrived_outlives_a_queue_that_nobody_takes<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| {
        let short = Duration::from_millis(50);
        client.drain_timeout(short).close_timeout(short).write_timeout(None).write_limit(2 * K::TOO_MUCH)
    })
    .await;
    let writer = client.connection();
    let writing = tokio::spawn(async move { writer.write(&vec![0; K::TOO_MUCH]).await });
    peer.write_all(b"all of this").await.unwrap();
    peer.shutdown().await.unwrap();
    eventually(client.wait_closed()).await;
    assert!(eventually(writing).await.unwrap().is_err());
    assert_eq!(eventually(client.read_to_end()).await.unwrap(), b"all of this");
}

/// Both ways to learn of a hang-up: by the system's event, and by looking now and then.
pub(crate) fn detections<K: Kind>() -> [fn(Builder<K>) -> Builder<K>; 2] {
    [|client| client, |client| client.poll_for_hang_up().monitor_connection_interval(Duration::from_millis(5))]
}
