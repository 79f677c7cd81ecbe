//! Links on which the peer's end of its half is not the end.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_client::{DisconnectReason, HalfClose, ReadError, WriteError};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::io::AsyncWriteExt;

use crate::{
    hang_up::detections,
    kinds::{Kind, meet, meet_told, pair},
    over_each_kind::over_each_kind,
    reads_well::assert_reads_well,
};

/// With the option, a peer that has said all still hears all: the session goes on, reads find the end again and again,
/// and the session ends when this end ends its half too. Failure 34.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_session_outlives_the_peers_half<K: Kind>() {
    for detect in detections::<K>() {
        let (client, mut peer, mut events) =
            meet_told::<K>(|client| detect(client).half_close(HalfClose::Allowed).drain_timeout(Duration::ZERO)).await;
        peer.write_all(b"go\r\n").await.unwrap();
        peer.shutdown().await.unwrap();
        let link = client.connection();
        assert!(eventually(link.wait_hung_up()).await && link.has_hung_up());
        assert_eq!(client.read_str().await.unwrap(), "go");
        for line in 0..10 {
            assert!(matches!(client.read_str().await, Err(ReadError::EndOfStream { .. })));
            client.write_str(&line.to_string()).await.unwrap();
            peer.expect(format!("{line}\r\n").as_bytes()).await;
        }
        assert!(client.is_connected() && link.reason().is_none() && events.is_silent());
        eventually(link.shutdown_write()).await.unwrap();
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        peer.expect_end().await;
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. })));
    }
}

/// This end's half ends behind what is queued, and reads go on; a write is an error that says so.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn this_ends_half_ends_behind_what_is_queued<K: Kind>() {
    let (client, mut peer, mut events) = meet_told::<K>(|client| client).await;
    let link = client.connection();
    let message = vec![b'x'; K::TOO_MUCH];
    let all = async {
        let (written, ended) = tokio::join!(client.write(&message), link.shutdown_write());
        written.unwrap();
        ended.unwrap();
        let error = client.write_str("more").await.unwrap_err();
        assert!(matches!(error, WriteError::WriteHalfEnded) && !error.ends_session(), "{error:?}");
        assert_reads_well(&error);
        link.shutdown_write().await.unwrap();
    };
    let (received, ()) = eventually(async { tokio::join!(peer.rest(), all) }).await;
    assert_eq!(received.unwrap().len(), K::TOO_MUCH);
    assert!(client.is_connected() && !link.has_hung_up() && events.is_silent());
    peer.write_all(b"late\r\n").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "late");
    drop(peer);
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
}

/// A `shutdown_write` that is dropped once polled is done all the same; without a session it is an error.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dropped_shutdown_write_is_done<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let link = client.connection();
    {
        let mut ending = Box::pin(link.shutdown_write());
        std::future::poll_fn(|context| std::task::Poll::Ready(ending.as_mut().poll(context).is_pending())).await;
    }
    peer.expect_end().await;
    eventually(client.close()).await;
    assert!(matches!(link.shutdown_write().await, Err(WriteError::NotConnected { .. })));
}

/// Without the option, the peer's half-close ends a session as before, and its face is seen at once, also behind what
/// nobody reads.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_hang_up_is_seen_behind_what_nobody_reads<K: Kind>() {
    for detect in detections::<K>() {
        let (client, mut peer) = meet::<K>(|client| detect(client).drain_timeout(Duration::from_mins(10))).await;
        let link = client.connection();
        assert!(!link.has_hung_up());
        peer.write_all(b"unread\r\n").await.unwrap();
        drop(peer);
        assert!(eventually(link.wait_hung_up()).await && link.has_hung_up());
        assert!(link.is_connected(), "it drains");
        assert_eq!(client.read_str().await.unwrap(), "unread");
    }
}

/// A close at this end is no hang-up of the peer, and ends the wait for one.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_close_ends_the_wait_for_a_hang_up<K: Kind>() {
    let (client, _peer) = pair::<K>().await;
    let link = client.connection();
    let (hung_up, ()) = eventually(async { tokio::join!(link.wait_hung_up(), client.close()) }).await;
    assert!(!hung_up && !link.has_hung_up());
}

/// The heartbeat monitor and the idle time do not judge a peer that cannot say anything any more.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_peer_that_has_ended_its_half_is_not_idle<K: Kind>() {
    const IDLE: Duration = Duration::from_millis(50);
    let (client, mut peer) = meet::<K>(|client| client.half_close(HalfClose::Allowed).idle_timeout(IDLE)).await;
    peer.shutdown().await.unwrap();
    assert!(eventually(client.connection().wait_hung_up()).await);
    tokio::time::sleep(IDLE * 4).await;
    client.write_str("still here").await.unwrap();
    peer.expect(b"still here\r\n").await;
}

/// A peer that resets ends the session whatever the option says.
#[test_log::test(tokio::test)]
async fn a_reset_ends_a_session_that_allows_half_closes() {
    let (_client, peer, mut events) =
        meet_told::<crate::kinds::Tcp>(|client| client.half_close(HalfClose::Allowed)).await;
    crate::kinds::reset(peer).await;
    assert_eq!(events.disconnected().await, DisconnectReason::Reset);
}

/// So does a peer that has closed, once something is written to it.
#[test_log::test(tokio::test)]
async fn a_peer_that_has_closed_is_found_by_a_write() {
    let (client, peer, mut events) =
        meet_told::<crate::kinds::Tcp>(|client| client.half_close(HalfClose::Allowed)).await;
    drop(peer);
    assert!(eventually(client.connection().wait_hung_up()).await);
    assert!(client.is_connected());
    client.write_str("anybody there?").await.unwrap();
    assert_eq!(events.disconnected().await, DisconnectReason::Reset);
}
