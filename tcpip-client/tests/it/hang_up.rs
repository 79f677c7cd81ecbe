//! The peer goes away, in every manner, and what had arrived stays readable.

use std::{
    io,
    time::{Duration, Instant},
};

use socket2::SockRef;
use tcpip_client::{ClientOrServer, DisconnectReason, ReadError, WriteError};
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::raw_peer::{
    DETECTIONS, TOO_MUCH, arrival, assert_reads_well, ended_by, meet, meet_told, pair, receive, receive_all, reset,
    send_and_close, soon,
};

/// A session whose drain timeout never passes while the test runs.
const NEVER: Duration = Duration::from_mins(10);

/// Failure 1: told once, at once, and without any reader; by either kind of detection.
#[test_log::test(tokio::test)]
async fn a_hang_up_is_told_once_without_any_reader() {
    for detect in DETECTIONS {
        let mut delays = Vec::new();
        for _ in 0..9 {
            let (client, peer, mut events) = meet_told(detect).await;
            let since = Instant::now();
            drop(peer);
            assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
            delays.push(since.elapsed());
            assert!(!client.is_connected() && client.should_be_connected(), "lost");
            assert_eq!(client.connection().reason(), Some(DisconnectReason::ClosedByPeer));
            soon(client.wait_disconnected()).await;
            soon(client.wait_closed()).await;
        }
        delays.sort_unstable();
        println!("median {:?} of {delays:?}", delays[4]);
        assert!(delays[4] < Duration::from_secs(2));
    }
}

/// Failure 5: a half-close with nothing unread is a hang-up, and is answered with the end of this side.
#[test_log::test(tokio::test)]
async fn a_half_close_with_nothing_unread_ends_the_session() {
    for detect in DETECTIONS {
        let (client, mut peer, mut events) = meet_told(detect).await;
        peer.shutdown().await.unwrap();
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        assert_eq!(receive_all(&mut peer).await, b"");
        assert!(!client.is_connected());
    }
}

/// A hang-up while a read waits ends both, and the read is told of the end.
#[test_log::test(tokio::test)]
async fn a_waiting_read_is_told_of_the_hang_up() {
    for detect in DETECTIONS {
        let (client, peer, mut events) = meet_told(detect).await;
        let (read, ()) = soon(async { tokio::join!(client.read_str(), async { drop(peer) }) }).await;
        assert!(matches!(read, Err(ReadError::Incomplete { partial, expected: None }) if partial.is_empty()));
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected)));
    }
}

/// Fault 1 of the model, failures 2 and 5: with unread data the session drains. It counts as connected, writes
/// reach a peer that half-closed, and taking the last frame does not end it; the read that reports the end does.
#[test_log::test(tokio::test)]
async fn a_hang_up_behind_unread_data_lets_the_session_be_read_and_answered() {
    for detect in DETECTIONS {
        let (client, mut peer, mut events) = meet_told(|client| detect(client).drain_timeout(NEVER)).await;
        peer.write_all(b"status\r\n").await.unwrap();
        peer.shutdown().await.unwrap();
        draining(&client).await;
        assert!(client.is_connected() && events.is_silent());
        assert_eq!(client.read_str().await.unwrap(), "status");
        assert!(client.is_connected() && events.is_silent(), "taking the last frame does not end it");
        client.write_str("ok").await.unwrap();
        assert_eq!(receive(&mut peer, 4).await, b"ok\r\n");
        assert!(matches!(client.read_str().await, Err(ReadError::Incomplete { partial, .. }) if partial.is_empty()));
        assert!(!client.is_connected(), "the end has been reported");
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected)));
        assert!(matches!(client.write_str("late").await, Err(WriteError::NotConnected)));
        assert_eq!(receive_all(&mut peer).await, b"");
    }
}

/// Returns once the session is known to drain, which shows in its `Debug` alone.
async fn draining(client: &tcpip_client::Client) {
    soon(async {
        while !format!("{:?}", client.connection()).contains("Draining") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// Fault 1 of the model: one unread byte that nobody ever reads does not hide the hang-up; what had arrived is
/// still there afterwards, is told once, and then the reads are not connected.
#[test_log::test(tokio::test)]
async fn one_unread_byte_never_hides_a_hang_up() {
    for detect in DETECTIONS {
        let (client, peer, mut events) =
            meet_told(|client| detect(client).drain_timeout(Duration::from_millis(20))).await;
        send_and_close(peer, b"x").await;
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        soon(client.wait_closed()).await;
        let error = client.read_str().await.unwrap_err();
        assert!(matches!(error, ReadError::Incomplete { partial, .. } if partial == b"x"));
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected)));
    }
}

/// Unread data in the buffer counts as unread data in the kernel does.
#[test_log::test(tokio::test)]
async fn a_hang_up_behind_a_buffered_frame_drains_too() {
    let (client, mut peer, mut events) = meet_told(|client| client.drain_timeout(NEVER)).await;
    peer.write_all(b"one\r\ntwo\r\n").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "one");
    peer.shutdown().await.unwrap();
    draining(&client).await;
    client.write_str("still here").await.unwrap();
    assert_eq!(receive(&mut peer, 12).await, b"still here\r\n");
    assert_eq!(client.read_str().await.unwrap(), "two");
    assert!(events.is_silent());
    assert!(client.read_str().await.is_err());
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
}

/// The drain timeout counts from the last read that returned, not from the hang-up.
#[test_log::test(tokio::test)]
async fn a_session_drains_for_as_long_as_it_is_read() {
    const DRAIN: Duration = Duration::from_millis(600);
    let (client, peer, mut events) = meet_told(|client| client.drain_timeout(DRAIN)).await;
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
#[test_log::test(tokio::test)]
async fn what_had_arrived_stays_readable_after_the_end() {
    for detect in DETECTIONS {
        let (client, peer, mut events) =
            meet_told(|client| detect(client).drain_timeout(Duration::from_millis(10))).await;
        send_and_close(peer, b"one\r\ntwo\r\nthr").await;
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        soon(client.wait_closed()).await;
        assert!(!client.is_connected() && client.should_be_connected());
        assert!(matches!(client.write_str("x").await, Err(WriteError::NotConnected)));
        assert_eq!(client.read_str().await.unwrap(), "one");
        assert_eq!(client.read_until(b"\n").await.unwrap(), b"two\r\n");
        assert!(matches!(client.read_str().await, Err(ReadError::Incomplete { partial, .. }) if partial == b"thr"));
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected)));
    }
}

/// What had arrived is given up by a close at this end.
#[test_log::test(tokio::test)]
async fn a_close_after_the_end_gives_up_what_had_arrived() {
    let (client, peer, mut events) = meet_told(|client| client.drain_timeout(Duration::ZERO)).await;
    send_and_close(peer, b"one\r\n").await;
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
    soon(client.close()).await;
    assert!(matches!(client.read_str().await, Err(ReadError::NotConnected)));
    assert!(!client.should_be_connected());
    assert_eq!(client.connection().reason(), Some(DisconnectReason::ClosedByPeer), "who came first");
}

/// Failure 3: a reset is told as one, at once.
#[test_log::test(tokio::test)]
async fn a_reset_is_told_as_a_reset() {
    for detect in DETECTIONS {
        let (client, peer, mut events) = meet_told(detect).await;
        reset(peer).await;
        assert_eq!(events.disconnected().await, DisconnectReason::Reset);
        let error = client.read_str().await.unwrap_err();
        assert!(matches!(error, ReadError::Disconnected { reason: DisconnectReason::Reset }), "{error:?}");
        assert_reads_well(&error);
        assert_eq!(error.to_string(), "disconnected: reset by the peer");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionReset);
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected)), "told once");
    }
}

/// Failure 3: a reset that a waiting read meets first is the same reset to the callback.
#[test_log::test(tokio::test)]
async fn a_reset_met_by_a_waiting_read_is_told_as_a_reset() {
    for detect in DETECTIONS {
        for begun in ["", "beg"] {
            let (client, mut peer, mut events) = meet_told(detect).await;
            let connection = client.connection();
            let reading = tokio::spawn(async move { connection.read_str().await });
            peer.write_all(begun.as_bytes()).await.unwrap();
            sleep(Duration::from_millis(2)).await;
            reset(peer).await;
            match soon(reading).await.unwrap() {
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
            meet_told(|client| client.poll_for_hang_up().monitor_connection_interval(Duration::ZERO)).await;
        peer.write_all(begun.as_bytes()).await.unwrap();
        reset(peer).await;
        let read = soon(client.read_str()).await;
        assert!(read.is_err());
        assert_eq!(events.disconnected().await, DisconnectReason::Reset, "after {read:?}");
    }
}

/// The system tells a socket's error once: whoever of several tasks meets it, all of them are told of a reset.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_reset_met_by_reads_and_writes_at_once_is_a_reset_to_all() {
    for _ in 0..100 {
        let (client, peer, mut events) = meet_told(|client| client).await;
        let (reader, writer) = (client.connection(), client.connection());
        let reading = tokio::spawn(async move { reader.read_str().await });
        let writing = tokio::spawn(async move {
            loop {
                if let Err(error) = writer.write_str("x").await {
                    return error;
                }
            }
        });
        arrival(&peer).await;
        reset(peer).await;
        let read = soon(reading).await.unwrap();
        assert!(matches!(read, Err(ReadError::Disconnected { reason: DisconnectReason::Reset })), "{read:?}");
        let written = soon(writing).await.unwrap();
        assert!(
            matches!(written, WriteError::NotConnected | WriteError::Disconnected { reason: DisconnectReason::Reset }),
            "{written:?}"
        );
        assert_eq!(events.disconnected().await, DisconnectReason::Reset);
    }
}

/// Failure 3: frames that arrived before a reset are read, then the reset is told.
#[test_log::test(tokio::test)]
async fn what_had_arrived_before_a_reset_is_still_readable() {
    for detect in DETECTIONS {
        for buffered in [false, true] {
            let (client, mut peer, mut events) = meet_told(detect).await;
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
            assert!(matches!(client.read_str().await, Err(ReadError::NotConnected)));
        }
    }
}

/// Failure 3: a peer that closes with our message unread resets the connection; its last reply is read all the same.
#[test_log::test(tokio::test)]
async fn a_reply_followed_by_the_reset_of_a_close_with_unread_input_is_read() {
    for detect in DETECTIONS {
        let (client, mut peer, mut events) = meet_told(detect).await;
        client.write_str("never read").await.unwrap();
        arrival(&peer).await;
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
    for detect in DETECTIONS {
        let (client, mut peer, mut events) = meet_told(|client| detect(client).drain_timeout(NEVER)).await;
        peer.write_all(b"one\r\n").await.unwrap();
        peer.shutdown().await.unwrap();
        draining(&client).await;
        reset(peer).await;
        assert_eq!(events.disconnected().await, DisconnectReason::Reset);
        assert_eq!(client.read_str().await.unwrap(), "one");
        assert!(client.read_str().await.is_err());
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected)));
    }
}

/// Interval zero turns the fallback off, and the event detection never.
/// Parity: `monitor_connection_interval`.
#[test_log::test(tokio::test)]
async fn interval_zero_turns_the_fallback_off_and_never_the_detection() {
    let zero = |client: tcpip_client::ClientBuilder| client.monitor_connection_interval(Duration::ZERO);
    let (_client, peer, mut events) = meet_told(zero).await;
    drop(peer);
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);

    let (client, peer, mut events) = meet_told(|client| zero(client).poll_for_hang_up()).await;
    drop(peer);
    sleep(Duration::from_millis(200)).await;
    assert!(client.is_connected() && events.is_silent(), "nobody looks");
    assert_eq!(client.read(1).await.unwrap(), b"", "a read notices");
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
}

/// Failure 10: a hang-up behind a full receive window is invisible, since it cannot arrive; a close ends the session.
#[test_log::test(tokio::test)]
async fn a_hang_up_behind_a_full_window_waits_for_a_read_or_a_close() {
    for read in [true, false] {
        let (client, peer, mut events) = meet_told(|client| client.limit(TOO_MUCH + 1)).await;
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
            assert_eq!(soon(client.read_to_end()).await.unwrap().len(), sent);
            assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        } else {
            soon(client.close()).await;
            assert_eq!(events.disconnected().await, DisconnectReason::Closed);
        }
    }
}

/// Failure 26: an urgent byte is no hang-up, and no cause to look for one again and again.
#[test_log::test(tokio::test)]
async fn an_urgent_byte_is_no_hang_up() {
    for detect in DETECTIONS {
        let (client, peer, mut events) = meet_told(detect).await;
        SockRef::from(&peer).send_out_of_band(b"!").unwrap();
        sleep(Duration::from_millis(20)).await;
        assert!(client.is_connected() && events.is_silent());
        drop(peer);
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
    }
}

/// A reader that takes part of what there is and then stays away does not keep the session alive for ever.
#[test_log::test(tokio::test)]
async fn a_stalled_reader_does_not_keep_a_drained_session() {
    let (client, peer, mut events) = meet_told(|client| client.drain_timeout(Duration::from_millis(30))).await;
    send_and_close(peer, b"one\r\ntwo\r\n").await;
    assert_eq!(client.read_str().await.unwrap(), "one");
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
    assert_eq!(client.read_str().await.unwrap(), "two");
}

/// An end that nobody was told of is told to the first read, whatever it is, and only to that.
#[test_log::test(tokio::test)]
async fn the_end_is_told_to_one_read_of_any_kind() {
    for kind in 0..3 {
        let client = ended_by(async |peer| drop(peer)).await;
        match kind {
            0 => assert_eq!(client.read(5).await.unwrap(), b""),
            1 => assert_eq!(client.read_to_end().await.unwrap(), b""),
            _ => assert!(matches!(client.read_exact(5).await, Err(ReadError::Incomplete { expected: Some(5), .. }))),
        }
        assert!(matches!(client.read(5).await, Err(ReadError::NotConnected)));
    }
}

/// A writer with a stalled message is told when the peer resets the connection.
#[test_log::test(tokio::test)]
async fn a_waiting_write_is_told_of_the_reset() {
    let (client, peer) = pair().await;
    let connection = client.connection();
    let writing = tokio::spawn(async move { connection.write(&vec![0; TOO_MUCH]).await });
    arrival(&peer).await;
    reset(peer).await;
    let error = soon(writing).await.unwrap().unwrap_err();
    assert!(matches!(error, WriteError::Disconnected { reason: DisconnectReason::Reset }), "{error:?}");
    assert_reads_well(&error);
    assert_eq!(error.to_string(), "disconnected: reset by the peer");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionReset);
}

/// What had arrived is readable also when what this end has queued cannot be sent any more.
#[test_log::test(tokio::test)]
async fn what_had_arrived_outlives_a_queue_that_nobody_takes() {
    let (client, mut peer) = meet(|client| {
        let short = Duration::from_millis(50);
        client.drain_timeout(short).close_timeout(short).write_timeout(None).write_limit(2 * TOO_MUCH)
    })
    .await;
    let writer = client.connection();
    let writing = tokio::spawn(async move { writer.write(&vec![0; TOO_MUCH]).await });
    peer.write_all(b"all of this").await.unwrap();
    peer.shutdown().await.unwrap();
    soon(client.wait_closed()).await;
    assert!(soon(writing).await.unwrap().is_err());
    assert_eq!(soon(client.read_to_end()).await.unwrap(), b"all of this");
}
