//! The peer resets the connection, and what had arrived stays readable. Over TCP alone, which has resets.

use std::{
    io,
    time::{Duration, Instant},
};

use tcpip_client::{DisconnectReason, ReadError, WriteError};
use tcpip_testkit::eventually;
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::{
    hang_up::{NEVER, detections, draining},
    kinds::{Kind, Tcp, meet_told, pair, reset},
    reads_well::assert_reads_well,
    states::assert_lost,
};

/// Fault 14 of the model, failure 4: with nothing else to notice that the peer is gone, a write's error is told,
/// ends the session, and reaches the callback; whatever follows is not connected.
#[test_log::test(tokio::test)]
async fn a_write_error_ends_the_session_and_is_reported() {
    let (client, peer, mut events) =
        meet_told::<Tcp>(|client| client.poll_for_hang_up().monitor_connection_interval(Duration::ZERO)).await;
    reset(peer).await;
    let error = client.write_str("one").await.expect_err("the kernel knows of the reset");
    assert!(matches!(error, WriteError::Disconnected { reason: DisconnectReason::Reset, .. }), "{error:?}");
    assert_eq!(events.disconnected().await, DisconnectReason::Reset);
    assert!(!client.is_connected() && client.should_be_connected());
    assert!(matches!(client.write_str("two").await, Err(WriteError::NotConnected { .. })));
}

/// Failure 4: a write after the peer's close succeeds at most until the peer's answer to it has come; the next fails.
#[test_log::test(tokio::test)]
async fn a_write_after_the_peers_close_fails_when_it_can_be_known() {
    let (client, peer, mut events) =
        meet_told::<Tcp>(|client| client.poll_for_hang_up().monitor_connection_interval(Duration::ZERO)).await;
    drop(peer);
    client.write_str("one").await.expect("a half-closed peer would still read");
    let since = Instant::now();
    let error = loop {
        match client.write_str("two").await {
            Ok(()) => assert!(since.elapsed() < Duration::from_secs(5)),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, WriteError::Disconnected { reason: DisconnectReason::Reset, .. }), "{error:?}");
    assert_eq!(events.disconnected().await, DisconnectReason::Reset);

    // With the detection, the first write after it is refused.
    let (client, peer, mut events) = meet_told::<Tcp>(|client| client).await;
    drop(peer);
    events.disconnected().await;
    assert!(matches!(client.write_str("one").await, Err(WriteError::NotConnected { .. })));
}

/// Failure 3: a reset is told as one, at once.
#[test_log::test(tokio::test)]
async fn a_reset_is_told_as_a_reset() {
    for detect in detections::<Tcp>() {
        let (client, peer, mut events) = meet_told::<Tcp>(detect).await;
        reset(peer).await;
        assert_eq!(events.disconnected().await, DisconnectReason::Reset);
        let error = client.read_str().await.unwrap_err();
        assert!(matches!(error, ReadError::Disconnected { reason: DisconnectReason::Reset }), "{error:?}");
        assert_reads_well(&error);
        assert_eq!(error.to_string(), "disconnected: reset by the peer");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionReset);
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. })), "told once");
    }
}

/// Fault 10 of the model: `should_be_connected` stays true when the peer resets the connection.
#[test_log::test(tokio::test)]
async fn a_reset_connection_still_should_be_connected() {
    for detect in detections::<Tcp>() {
        let (client, peer, events) = meet_told::<Tcp>(detect).await;
        reset(peer).await;
        assert_lost(&client, events).await;
    }
}

/// Failure 3: a reset that a waiting read meets first is the same reset to the callback.
#[test_log::test(tokio::test)]
async fn a_reset_met_by_a_waiting_read_is_told_as_a_reset() {
    for detect in detections::<Tcp>() {
        for begun in ["", "beg"] {
            let (client, mut peer, mut events) = meet_told::<Tcp>(detect).await;
            let connection = client.connection();
            let reading = tokio::spawn(async move { connection.read_str().await });
            peer.write_all(begun.as_bytes()).await.unwrap();
            sleep(Duration::from_millis(2)).await;
            reset(peer).await;
            match eventually(reading).await.unwrap() {
                Err(ReadError::Incomplete { partial, .. }) => {
                    assert_eq!(partial, begun.as_bytes());
                    assert!(!partial.is_empty());
                    let next = client.read_str().await;
                    assert!(matches!(next, Err(ReadError::Disconnected { reason: DisconnectReason::Reset })));
                }
                Err(ReadError::Disconnected { reason: DisconnectReason::Reset }) => assert_eq!(begun, ""),
                other => panic!("{other:?}"),
            }
            assert_eq!(events.disconnected().await, DisconnectReason::Reset);
        }
    }
}

/// The same without any detection: a read that meets the reset ends the session with that reason.
#[test_log::test(tokio::test)]
async fn a_reset_that_only_a_read_can_notice_is_told_as_a_reset() {
    for begun in ["", "beg"] {
        let (client, mut peer, mut events) =
            meet_told::<Tcp>(|client| client.poll_for_hang_up().monitor_connection_interval(Duration::ZERO)).await;
        peer.write_all(begun.as_bytes()).await.unwrap();
        reset(peer).await;
        let read = eventually(client.read_str()).await;
        assert!(read.is_err());
        assert_eq!(events.disconnected().await, DisconnectReason::Reset, "after {read:?}");
    }
}

/// The system tells a socket's error once: whoever of several tasks meets it, all of them are told of a reset.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_reset_met_by_reads_and_writes_at_once_is_a_reset_to_all() {
    for _ in 0..100 {
        let (client, mut peer, mut events) = meet_told::<Tcp>(|client| client).await;
        let (reader, writer) = (client.connection(), client.connection());
        let reading = tokio::spawn(async move { reader.read_str().await });
        let writing = tokio::spawn(async move {
            loop {
                if let Err(error) = writer.write_str("x").await {
                    return error;
                }
            }
        });
        Tcp::arrival(&mut peer).await;
        reset(peer).await;
        let read = eventually(reading).await.unwrap();
        assert!(matches!(read, Err(ReadError::Disconnected { reason: DisconnectReason::Reset })), "{read:?}");
        let written = eventually(writing).await.unwrap();
        assert!(
            matches!(
                written,
                WriteError::NotConnected { .. } | WriteError::Disconnected { reason: DisconnectReason::Reset, .. }
            ),
            "{written:?}"
        );
        assert_eq!(events.disconnected().await, DisconnectReason::Reset);
    }
}

/// Failure 3: frames that arrived before a reset are read, then the reset is told.
#[test_log::test(tokio::test)]
async fn what_had_arrived_before_a_reset_is_still_readable() {
    for detect in detections::<Tcp>() {
        for buffered in [false, true] {
            let (client, mut peer, mut events) = meet_told::<Tcp>(detect).await;
            peer.write_all(b"one\r\ntwo\r\nthr").await.unwrap();
            if buffered {
                assert_eq!(client.read_str().await.unwrap(), "one");
            }
            reset(peer).await;
            assert_eq!(events.disconnected().await, DisconnectReason::Reset);
            if !buffered {
                assert_eq!(client.read_str().await.unwrap(), "one");
            }
            assert_eq!(client.read_str().await.unwrap(), "two");
            assert!(matches!(client.read_str().await, Err(ReadError::Incomplete { partial, .. }) if partial == b"thr"));
            let end = client.read_str().await;
            assert!(matches!(end, Err(ReadError::Disconnected { reason: DisconnectReason::Reset })), "{end:?}");
            assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. })));
        }
    }
}

/// Failure 3: a peer that closes with our message unread resets the connection; its last reply is read all the same.
#[test_log::test(tokio::test)]
async fn a_reply_followed_by_the_reset_of_a_close_with_unread_input_is_read() {
    for detect in detections::<Tcp>() {
        let (client, mut peer, mut events) = meet_told::<Tcp>(detect).await;
        client.write_str("never read").await.unwrap();
        Tcp::arrival(&mut peer).await;
        peer.write_all(b"bye\r\n").await.unwrap();
        drop(peer);
        assert_eq!(events.disconnected().await, DisconnectReason::Reset);
        assert_eq!(client.read_str().await.unwrap(), "bye");
        let end = client.read_str().await;
        assert!(matches!(end, Err(ReadError::Disconnected { reason: DisconnectReason::Reset })), "{end:?}");
    }
}

/// A reset ends a draining session at once, and what is unread stays readable.
#[test_log::test(tokio::test)]
async fn a_reset_ends_a_draining_session_at_once() {
    for detect in detections::<Tcp>() {
        let (client, mut peer, mut events) = meet_told::<Tcp>(|client| detect(client).drain_timeout(NEVER)).await;
        peer.write_all(b"one\r\n").await.unwrap();
        peer.shutdown().await.unwrap();
        draining(&client).await;
        reset(peer).await;
        assert_eq!(events.disconnected().await, DisconnectReason::Reset);
        assert_eq!(client.read_str().await.unwrap(), "one");
        assert!(client.read_str().await.is_err());
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. })));
    }
}

/// A writer with a stalled message is told when the peer resets the connection.
#[test_log::test(tokio::test)]
async fn a_waiting_write_is_told_of_the_reset() {
    let (client, mut peer) = pair::<Tcp>().await;
    let connection = client.connection();
    let writing = tokio::spawn(async move { connection.write(&vec![0; Tcp::TOO_MUCH]).await });
    Tcp::arrival(&mut peer).await;
    reset(peer).await;
    let error = eventually(writing).await.unwrap().unwrap_err();
    assert!(matches!(error, WriteError::Disconnected { reason: DisconnectReason::Reset, .. }), "{error:?}");
    assert_reads_well(&error);
    assert_eq!(error.to_string(), "disconnected: reset by the peer");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionReset);
}
