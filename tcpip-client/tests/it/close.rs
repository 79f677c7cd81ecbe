//! Closing: always in time, from anywhere, and with nothing lost that need not be.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use macro_rules_attribute::apply;
use tcpip_client::{Client, DisconnectReason, ReadError, WriteError};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{io::AsyncWriteExt, sync::oneshot, time::Instant};

use crate::{
    hang_up::detections,
    kinds::{Kind, meet, meet_told, pair, send_and_close},
    over_each_kind::over_each_kind,
};

/// A close at this end is told as one, clears both states, and ends the peer's stream in good order.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_close_is_told_and_seen_by_the_peer<K: Kind>() {
    for detect in detections::<K>() {
        let (client, mut peer, mut events) = meet_told::<K>(detect).await;
        eventually(client.close()).await;
        assert!(!client.is_connected() && !client.should_be_connected() && client.is_closed());
        assert_eq!(events.disconnected().await, DisconnectReason::Closed);
        peer.expect_end().await;
        eventually(client.close()).await;
        eventually(client.basic_close()).await;
    }
}

/// `basic_close` closes, and leaves `should_be_connected` as it is.
/// Parity: `basic_close`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn basic_close_leaves_should_be_connected<K: Kind>() {
    let (client, mut peer, mut events) = meet_told::<K>(|client| client).await;
    eventually(client.basic_close()).await;
    assert!(!client.is_connected() && client.should_be_connected() && client.is_closed());
    assert_eq!(events.disconnected().await, DisconnectReason::Closed);
    peer.expect_end().await;
    eventually(client.close()).await;
    assert!(!client.should_be_connected());
}

/// Closing a client that was never connected does nothing.
/// Parity: `Client(host="")`.
#[test_log::test(tokio::test)]
async fn closing_a_closed_client_does_nothing() {
    let client = Client::closed();
    for _ in 0..2 {
        eventually(client.close()).await;
        eventually(client.basic_close()).await;
        eventually(client.wait_closed()).await;
        eventually(client.wait_disconnected()).await;
        eventually(client.callbacks_done()).await;
    }
    assert!(!client.is_connected() && !client.should_be_connected() && client.is_closed());
}

/// The same needs no runtime: there is nothing to wait for.
#[test]
fn closing_a_closed_client_needs_no_runtime() {
    let client = Client::closed();
    let mut close = Box::pin(client.close());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(close.as_mut().poll(&mut context).is_ready());
}

/// Fault 5 of the model, failure 9: a stalled peer cannot hold a close up. It is aborted, which the peer can see.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_close_on_a_stalled_peer_aborts_within_its_deadline<K: Kind>() {
    const CLOSE: Duration = Duration::from_millis(100);
    let (client, mut peer, mut events) = meet_told::<K>(|client| client.close_timeout(CLOSE)).await;
    let connection = client.connection();
    let writing = tokio::spawn(async move { connection.write(&vec![0; K::TOO_MUCH]).await });
    K::arrival(&mut peer).await;
    let since = Instant::now();
    eventually(client.close()).await;
    assert!(since.elapsed() >= CLOSE, "the queue had its time");
    assert!(since.elapsed() < Duration::from_secs(5));
    // The close keeps its deadline also where the session's task is late.
    eventually(client.wait_closed()).await;
    assert_eq!(events.disconnected().await, DisconnectReason::Closed);
    let written = eventually(writing).await.unwrap();
    assert!(matches!(written, Err(WriteError::Disconnected { reason: DisconnectReason::Closed, .. })), "{written:?}");
    K::assert_aborted(peer).await;
}

/// The default close deadline is a second.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_close_takes_a_second_at_most_by_default<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let connection = client.connection();
    tokio::spawn(async move { connection.write(&vec![0; K::TOO_MUCH]).await });
    K::arrival(&mut peer).await;
    let since = Instant::now();
    eventually(client.close()).await;
    assert!(since.elapsed() >= tcpip_client::DEFAULT_CLOSE_TIMEOUT);
    assert!(since.elapsed() < tcpip_client::DEFAULT_CLOSE_TIMEOUT + Duration::from_secs(4));
}

/// What is queued goes out before the end of the stream, also what a dropped write has queued.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_close_sends_what_is_queued_first<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.close_timeout(Duration::from_secs(20))).await;
    let message = vec![b'x'; K::TOO_MUCH];
    {
        let mut writing = Box::pin(client.write(&message));
        poll_fn(|context| {
            assert!(writing.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    let (received, ()) = tokio::join!(peer.rest(), client.close());
    assert_eq!(received.unwrap().len(), K::TOO_MUCH);
}

/// The same for a session that drains.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_close_while_draining_ends_in_good_order<K: Kind>() {
    for detect in detections::<K>() {
        let (client, mut peer, mut events) =
            meet_told::<K>(|client| detect(client).drain_timeout(Duration::from_mins(1))).await;
        peer.write_all(b"status\r\nmore").await.unwrap();
        peer.shutdown().await.unwrap();
        assert_eq!(client.read_str().await.unwrap(), "status");
        client.write_str("ok").await.unwrap();
        eventually(client.close()).await;
        peer.expect(b"ok\r\n").await;
        peer.expect_end().await;
        assert_eq!(events.disconnected().await, DisconnectReason::Closed);
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. })));
    }
}

/// Two closes at once, and more, all return, and there is one event.
/// Parity: `close`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn closing_twice_at_once_is_closing_once<K: Kind>() {
    let (client, mut peer, mut events) = meet_told::<K>(|client| client).await;
    let client = Arc::new(client);
    let closes: Vec<_> = (0..8)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { client.close().await })
        })
        .collect();
    for close in closes {
        eventually(close).await.unwrap();
    }
    assert!(client.is_closed());
    assert_eq!(events.disconnected().await, DisconnectReason::Closed);
    peer.expect_end().await;
}

/// A close whose future is dropped goes on.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dropped_close_goes_on<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    {
        let mut close = Box::pin(client.close());
        poll_fn(|context| Poll::Ready(close.as_mut().poll(context).is_pending())).await;
    }
    eventually(client.wait_closed()).await;
    peer.expect_end().await;
}

/// A callback may close the connection that it is told of, and wait for that.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_callback_may_close_its_connection<K: Kind>() {
    let (told, hear) = oneshot::channel();
    let told = Arc::new(std::sync::Mutex::new(Some(told)));
    let (client, mut peer) = meet::<K>(|client| {
        client.connect_callback(move |event| {
            let told = Arc::clone(&told);
            async move {
                if event.is_connected() {
                    event.connection().close().await;
                    assert!(event.connection().is_closed());
                } else {
                    told.lock().unwrap().take().unwrap().send(event.reason()).unwrap();
                }
            }
        })
    })
    .await;
    assert_eq!(eventually(hear).await.unwrap(), Some(DisconnectReason::Closed));
    peer.expect_end().await;
    eventually(client.callbacks_done()).await;
    assert!(client.is_closed() && !client.should_be_connected());
}

/// A callback may drop the client that it is told about.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_callback_may_drop_its_client<K: Kind>() {
    let (give, take) = oneshot::channel::<Client>();
    let take = Arc::new(tokio::sync::Mutex::new(Some(take)));
    let (client, mut peer) = meet::<K>(|client| {
        client.connect_callback(move |event| {
            let take = Arc::clone(&take);
            async move {
                if event.is_connected() {
                    drop(take.lock().await.take().unwrap().await.unwrap());
                }
            }
        })
    })
    .await;
    let connection = client.connection();
    give.send(client).unwrap();
    eventually(connection.wait_closed()).await;
    assert_eq!(connection.reason(), Some(DisconnectReason::Closed));
    peer.expect_end().await;
}

/// Dropping the client closes, whatever clones of its connection live on; what is queued is sent.
/// Parity: `async with`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn dropping_the_client_closes<K: Kind>() {
    for detect in detections::<K>() {
        let (client, mut peer, mut events) = meet_told::<K>(detect).await;
        let connection = client.connection();
        client.write_str("last words").await.unwrap();
        drop(client);
        assert_eq!(events.disconnected().await, DisconnectReason::Closed);
        peer.expect(b"last words\r\n").await;
        peer.expect_end().await;
        assert!(!connection.is_connected() && !connection.should_be_connected());
        assert!(matches!(connection.read_str().await, Err(ReadError::NotConnected { .. })));
        assert!(matches!(connection.write_str("x").await, Err(WriteError::NotConnected { .. })));
    }
}

/// Dropping a clone of the connection, even the last one, closes nothing.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn dropping_a_clone_of_the_connection_closes_nothing<K: Kind>() {
    let (client, mut peer, events) = meet_told::<K>(|client| client).await;
    let connection = client.connection();
    let another = connection.clone();
    assert_eq!(connection, another);
    drop(connection);
    drop(another);
    client.write_str("here").await.unwrap();
    peer.expect(b"here\r\n").await;
    assert!(client.is_connected() && events.is_silent());
}

/// A connection taken from a client closes it, as the client itself would.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_clone_of_the_connection_closes_the_session<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    eventually(client.connection().close()).await;
    assert!(client.is_closed() && !client.should_be_connected());
    peer.expect_end().await;
}

/// The peer's end is not awaited when nothing was arriving: a frozen peer costs a close no time.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_close_does_not_wait_for_a_silent_peer<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.close_timeout(Duration::from_mins(10))).await;
    eventually(client.close()).await;
    peer.expect_end().await;
}

/// A peer that never stops sending cannot hold a close up either.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_close_on_a_peer_that_keeps_sending_returns<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.close_timeout(Duration::from_millis(100))).await;
    let (has_begun, begun) = oneshot::channel();
    let sending = tokio::spawn(async move {
        let chunk = vec![0; 1 << 16];
        peer.write_all(&chunk).await.unwrap();
        has_begun.send(()).unwrap();
        while peer.write_all(&chunk).await.is_ok() {}
    });
    eventually(begun).await.unwrap();
    eventually(client.close()).await;
    eventually(client.wait_closed()).await;
    eventually(sending).await.unwrap();
}

/// A session that the peer has ended, with something still to read, is at rest; its socket is closed by the drop of
/// the client at the latest.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_is_kept_to_be_read_goes_with_the_client<K: Kind>() {
    let (client, peer, mut events) = meet_told::<K>(|client| client.drain_timeout(Duration::ZERO)).await;
    send_and_close(peer, b"unread").await;
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
    eventually(client.wait_closed()).await;
    let connection = client.connection();
    drop(client);
    assert!(matches!(connection.read(1).await, Err(ReadError::NotConnected { .. })));
}
