//! Closing: always in time, from anywhere, and with nothing lost that need not be.

use std::{
    future::poll_fn,
    io,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use socket2::SockRef;
use tcpip_client::{Client, ClientOrServer, DisconnectReason, ReadError, WriteError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::oneshot,
};

use crate::raw_peer::{
    DETECTIONS, TOO_MUCH, arrival, meet, meet_told, pair, receive, receive_all, receive_error, send_and_close, soon,
};

/// A close at this end is told as one, clears both states, and ends the peer's stream in good order.
#[test_log::test(tokio::test)]
async fn a_close_is_told_and_seen_by_the_peer() {
    for detect in DETECTIONS {
        let (client, mut peer, mut events) = meet_told(detect).await;
        soon(client.close()).await;
        assert!(!client.is_connected() && !client.should_be_connected() && client.is_closed());
        assert_eq!(events.disconnected().await, DisconnectReason::Closed);
        assert_eq!(receive_all(&mut peer).await, b"");
        soon(client.close()).await;
        soon(client.basic_close()).await;
    }
}

/// `basic_close` closes, and leaves `should_be_connected` as it is.
/// Parity: `basic_close`.
#[test_log::test(tokio::test)]
async fn basic_close_leaves_should_be_connected() {
    let (client, mut peer, mut events) = meet_told(|client| client).await;
    soon(client.basic_close()).await;
    assert!(!client.is_connected() && client.should_be_connected() && client.is_closed());
    assert_eq!(events.disconnected().await, DisconnectReason::Closed);
    assert_eq!(receive_all(&mut peer).await, b"");
    soon(client.close()).await;
    assert!(!client.should_be_connected());
}

/// Closing a client that was never connected does nothing.
/// Parity: `Client(host="")`.
#[test_log::test(tokio::test)]
async fn closing_a_closed_client_does_nothing() {
    let client = Client::closed();
    for _ in 0..2 {
        soon(client.close()).await;
        soon(client.basic_close()).await;
        soon(client.wait_closed()).await;
        soon(client.wait_disconnected()).await;
        soon(client.callbacks_done()).await;
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
#[test_log::test(tokio::test)]
async fn a_close_on_a_stalled_peer_aborts_within_its_deadline() {
    const CLOSE: Duration = Duration::from_millis(100);
    let (client, mut peer, mut events) = meet_told(|client| client.close_timeout(CLOSE)).await;
    let connection = client.connection();
    let writing = tokio::spawn(async move { connection.write(&vec![0; TOO_MUCH]).await });
    arrival(&peer).await;
    let since = Instant::now();
    soon(client.close()).await;
    assert!(since.elapsed() >= CLOSE, "the queue had its time");
    assert!(since.elapsed() < Duration::from_secs(5));
    // The close keeps its deadline also where the session's task is late.
    soon(client.wait_closed()).await;
    assert_eq!(events.disconnected().await, DisconnectReason::Closed);
    let written = soon(writing).await.unwrap();
    assert!(matches!(written, Err(WriteError::Disconnected { reason: DisconnectReason::Closed })), "{written:?}");
    assert_eq!(receive_error(&mut peer).await, io::ErrorKind::ConnectionReset);
}

/// The default close deadline is a second.
#[test_log::test(tokio::test)]
async fn a_close_takes_a_second_at_most_by_default() {
    let (client, peer) = pair().await;
    let connection = client.connection();
    tokio::spawn(async move { connection.write(&vec![0; TOO_MUCH]).await });
    arrival(&peer).await;
    let since = Instant::now();
    soon(client.close()).await;
    assert!(since.elapsed() >= tcpip_client::DEFAULT_CLOSE_TIMEOUT);
    assert!(since.elapsed() < tcpip_client::DEFAULT_CLOSE_TIMEOUT + Duration::from_secs(4));
}

/// What is queued goes out before the end of the stream, also what a dropped write has queued.
#[test_log::test(tokio::test)]
async fn a_close_sends_what_is_queued_first() {
    let (client, mut peer) = meet(|client| client.close_timeout(Duration::from_secs(20))).await;
    let message = vec![b'x'; TOO_MUCH];
    {
        let mut writing = Box::pin(client.write(&message));
        poll_fn(|context| {
            assert!(writing.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    let (received, ()) = tokio::join!(receive_all(&mut peer), client.close());
    assert_eq!(received.len(), TOO_MUCH);
}

/// Input that nobody will read does not turn the end into a reset: the peer reads all of the last reply, then the end.
#[test_log::test(tokio::test)]
async fn a_close_discards_unread_input_so_that_the_last_reply_arrives() {
    for limit in [tcpip_client::DEFAULT_LIMIT, 16] {
        for buffered in [false, true] {
            let (client, mut peer) = meet(|client| client.limit(limit)).await;
            peer.write_all(b"one\r\n").await.unwrap();
            peer.write_all(&vec![b'x'; 100_000]).await.unwrap();
            if buffered {
                assert_eq!(client.read_str().await.unwrap(), "one");
            }
            client.write_str("goodbye").await.unwrap();
            soon(client.close()).await;
            assert_eq!(receive_all(&mut peer).await, b"goodbye\r\n");
            assert!(peer.take_error().unwrap().is_none(), "a reset followed, with a limit of {limit}");
        }
    }
}

/// The same for a session that drains.
#[test_log::test(tokio::test)]
async fn a_close_while_draining_ends_in_good_order() {
    for detect in DETECTIONS {
        let (client, mut peer, mut events) =
            meet_told(|client| detect(client).drain_timeout(Duration::from_mins(1))).await;
        peer.write_all(b"status\r\nmore").await.unwrap();
        peer.shutdown().await.unwrap();
        assert_eq!(client.read_str().await.unwrap(), "status");
        client.write_str("ok").await.unwrap();
        soon(client.close()).await;
        assert_eq!(receive_all(&mut peer).await, b"ok\r\n");
        assert_eq!(events.disconnected().await, DisconnectReason::Closed);
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected)));
    }
}

/// Two closes at once, and more, all return, and there is one event.
/// Parity: `close`.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn closing_twice_at_once_is_closing_once() {
    let (client, mut peer, mut events) = meet_told(|client| client).await;
    let client = Arc::new(client);
    let closes: Vec<_> = (0..8)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { client.close().await })
        })
        .collect();
    for close in closes {
        soon(close).await.unwrap();
    }
    assert!(client.is_closed());
    assert_eq!(events.disconnected().await, DisconnectReason::Closed);
    assert_eq!(receive_all(&mut peer).await, b"");
}

/// A close whose future is dropped goes on.
#[test_log::test(tokio::test)]
async fn a_dropped_close_goes_on() {
    let (client, mut peer) = pair().await;
    {
        let mut close = Box::pin(client.close());
        poll_fn(|context| Poll::Ready(close.as_mut().poll(context).is_pending())).await;
    }
    soon(client.wait_closed()).await;
    assert_eq!(receive_all(&mut peer).await, b"");
}

/// A callback may close the connection that it is told of, and wait for that.
#[test_log::test(tokio::test)]
async fn a_callback_may_close_its_connection() {
    let (told, hear) = oneshot::channel();
    let told = Arc::new(std::sync::Mutex::new(Some(told)));
    let (client, mut peer) = meet(|client| {
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
    assert_eq!(soon(hear).await.unwrap(), Some(DisconnectReason::Closed));
    assert_eq!(receive_all(&mut peer).await, b"");
    soon(client.callbacks_done()).await;
    assert!(client.is_closed() && !client.should_be_connected());
}

/// A callback may drop the client that it is told about.
#[test_log::test(tokio::test)]
async fn a_callback_may_drop_its_client() {
    let (give, take) = oneshot::channel::<Client>();
    let take = Arc::new(tokio::sync::Mutex::new(Some(take)));
    let (client, mut peer) = meet(|client| {
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
    soon(connection.wait_closed()).await;
    assert_eq!(connection.reason(), Some(DisconnectReason::Closed));
    assert_eq!(receive_all(&mut peer).await, b"");
}

/// Dropping the client closes, whatever clones of its connection live on; what is queued is sent.
/// Parity: `async with`.
#[test_log::test(tokio::test)]
async fn dropping_the_client_closes() {
    for detect in DETECTIONS {
        let (client, mut peer, mut events) = meet_told(detect).await;
        let connection = client.connection();
        client.write_str("last words").await.unwrap();
        drop(client);
        assert_eq!(events.disconnected().await, DisconnectReason::Closed);
        assert_eq!(receive_all(&mut peer).await, b"last words\r\n");
        assert!(!connection.is_connected() && !connection.should_be_connected());
        assert!(matches!(connection.read_str().await, Err(ReadError::NotConnected)));
        assert!(matches!(connection.write_str("x").await, Err(WriteError::NotConnected)));
    }
}

/// Dropping a clone of the connection, even the last one, closes nothing.
#[test_log::test(tokio::test)]
async fn dropping_a_clone_of_the_connection_closes_nothing() {
    let (client, mut peer, events) = meet_told(|client| client).await;
    let connection = client.connection();
    let another = connection.clone();
    assert_eq!(connection, another);
    drop(connection);
    drop(another);
    client.write_str("here").await.unwrap();
    assert_eq!(receive(&mut peer, 6).await, b"here\r\n");
    assert!(client.is_connected() && events.is_silent());
}

/// A connection taken from a client closes it, as the client itself would.
#[test_log::test(tokio::test)]
async fn a_clone_of_the_connection_closes_the_session() {
    let (client, mut peer) = pair().await;
    soon(client.connection().close()).await;
    assert!(client.is_closed() && !client.should_be_connected());
    assert_eq!(receive_all(&mut peer).await, b"");
}

/// The peer's end is not awaited when nothing was arriving: a frozen peer costs a close no time.
#[test_log::test(tokio::test)]
async fn a_close_does_not_wait_for_a_silent_peer() {
    let (client, mut peer) = meet(|client| client.close_timeout(Duration::from_mins(10))).await;
    soon(client.close()).await;
    assert_eq!(receive_all(&mut peer).await, b"");
}

/// A peer that never stops sending cannot hold a close up either.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_close_on_a_peer_that_keeps_sending_returns() {
    let (client, mut peer) = meet(|client| client.close_timeout(Duration::from_millis(100))).await;
    let (has_begun, begun) = oneshot::channel();
    let sending = tokio::spawn(async move {
        let chunk = vec![0; 1 << 16];
        peer.write_all(&chunk).await.unwrap();
        has_begun.send(()).unwrap();
        while peer.write_all(&chunk).await.is_ok() {}
    });
    soon(begun).await.unwrap();
    soon(client.close()).await;
    soon(client.wait_closed()).await;
    soon(sending).await.unwrap();
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A client of a runtime that is about to end, and its peer, which is a blocking socket.
fn client_of(runtime: &Runtime) -> (Client, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = runtime.block_on(Client::builder("127.0.0.1", port).connect()).unwrap();
    let peer = listener.accept().unwrap().0;
    peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    (client, peer)
}

/// Dropping a client where there is no runtime neither blocks nor panics, and closes.
#[test]
fn dropping_a_client_outside_a_runtime_closes() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (client, mut peer) = client_of(&runtime);
    drop(client);
    assert_eq!(io::Read::read(&mut peer, &mut [0]).unwrap(), 0);
}

/// The runtime ends before the client, with or without the session's task having run: the socket is closed, nobody
/// hangs or panics, and the session is over.
#[test]
fn a_client_that_outlives_its_runtime_is_closed() {
    for has_run in [false, true] {
        for drop_it in [false, true] {
            let first = runtime();
            let (client, mut peer) = client_of(&first);
            let connection = client.connection();
            if has_run {
                first.block_on(async {
                    io::Write::write_all(&mut &peer, b"unread").unwrap();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                });
            }
            drop(first);
            assert!(!connection.is_connected() && client.is_closed());
            match io::Read::read(&mut peer, &mut [0]) {
                Ok(0) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                other => panic!("{other:?}"),
            }
            let second = runtime();
            if drop_it {
                drop(client);
            } else {
                second.block_on(soon(client.close()));
                second.block_on(soon(client.callbacks_done()));
            }
            second.block_on(soon(async {
                connection.close().await;
                assert!(matches!(connection.read_str().await, Err(ReadError::NotConnected)));
                assert!(matches!(connection.write_str("x").await, Err(WriteError::NotConnected)));
            }));
        }
    }
}

/// The runtime ends while a close flushes to a stalled peer: the socket is closed with it.
#[test]
fn a_runtime_that_ends_within_a_close_closes_the_socket() {
    let first = runtime();
    let (client, mut peer) = client_of(&first);
    first.block_on(async {
        let message = vec![0; TOO_MUCH];
        let mut writing = Box::pin(client.write(&message));
        poll_fn(|context| Poll::Ready(writing.as_mut().poll(context).is_pending())).await;
        let mut close = Box::pin(client.close());
        poll_fn(|context| Poll::Ready(close.as_mut().poll(context).is_pending())).await;
        tokio::task::yield_now().await;
    });
    drop(first);
    assert!(client.is_closed());
    let received = io::copy(&mut peer, &mut io::sink());
    assert!(received.is_err() || received.unwrap() < TOO_MUCH as u64);
}

/// A session that the peer has ended, with something still to read, is at rest; its socket is closed by the drop of
/// the client at the latest.
#[test_log::test(tokio::test)]
async fn what_is_kept_to_be_read_goes_with_the_client() {
    let (client, peer, mut events) = meet_told(|client| client.drain_timeout(Duration::ZERO)).await;
    send_and_close(peer, b"unread").await;
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
    soon(client.wait_closed()).await;
    let connection = client.connection();
    drop(client);
    assert!(matches!(connection.read(1).await, Err(ReadError::NotConnected)));
}

/// After a close the address may be connected from again at once, since the peer's end came first or a reset did.
#[test_log::test(tokio::test)]
async fn a_client_connects_again_and_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for _ in 0..50 {
        let connecting = Client::builder("127.0.0.1", port).connect();
        let (client, accepted) = soon(async { tokio::join!(connecting, listener.accept()) }).await;
        let (client, (mut peer, _)): (_, (TcpStream, _)) = (client.unwrap(), accepted.unwrap());
        assert!(SockRef::from(&peer).nonblocking().unwrap());
        soon(client.close()).await;
        assert_eq!(soon(peer.read(&mut [0])).await.unwrap(), 0);
    }
}
