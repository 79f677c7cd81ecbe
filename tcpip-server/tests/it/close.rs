//! Closing: always in time, and nothing is left.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tcpip_server::{
    ConnectionEvent, DEFAULT_CLOSE_TIMEOUT, DisconnectReason, NetworkStream, OneClientReadLoopServer, OneClientServer,
    WriteError,
};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{io::AsyncWriteExt, net::TcpStream, runtime::Runtime};

use crate::{
    dial::{dial_in, reset},
    events::event_channel,
    over_both::{STUCK, is_free, port_is_free},
    scripted::Scripted,
};

/// More than the kernel takes for a peer that does not read.
const FLOOD: usize = 32 << 20;

/// A client that does not read, and a write that waits for it.
async fn stall(server: &OneClientServer) -> (NetworkStream, tokio::task::JoinHandle<Result<(), WriteError>>) {
    let (stream, session) = dial_in(server).await;
    let mut writing = Box::pin(async move { session.write(&vec![0; FLOOD]).await });
    assert!(tokio::time::timeout(Duration::ZERO, &mut writing).await.is_err(), "the kernel took all of it");
    (stream, tokio::spawn(writing))
}

/// Fault 2: a server that closes soon after its client's reset frees the port.
#[test_log::test(tokio::test)]
async fn close_soon_after_a_reset_frees_the_port() {
    for yields in 0..20 {
        let server = OneClientServer::builder().start().await.unwrap();
        let (mut client, _) = dial_in(&server).await;
        client.write_all(b"unread").await.unwrap();
        reset(client);
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        eventually(server.close()).await;
        assert!(server.is_closed() && port_is_free(&server), "{yields}");
    }
}

/// Faults 2 and 5: with a client that does not read, `close` returns within its deadline, the port is free, and the
/// client's stream ends with a reset, since not all was delivered.
#[test_log::test(tokio::test)]
async fn close_returns_and_frees_the_port_although_the_peer_does_not_read() {
    let close_timeout = Duration::from_millis(200);
    let server = OneClientServer::builder().close_timeout(close_timeout).write_timeout(None).start().await.unwrap();
    let (mut stalled, writing) = stall(&server).await;
    let start = Instant::now();
    eventually(server.close()).await;
    assert!(start.elapsed() >= close_timeout, "what is queued has its chance until the deadline");
    assert!(server.is_closed() && port_is_free(&server));
    let result = eventually(writing).await.unwrap();
    assert!(matches!(result, Err(WriteError::Disconnected { reason: DisconnectReason::Closed, .. })), "{result:?}");
    assert!(stalled.rest().await.is_err());
}

/// Fault 5: the same for `close_client`, after which the next client is served.
#[test_log::test(tokio::test)]
async fn close_client_returns_although_the_peer_does_not_read() {
    let close_timeout = Duration::from_millis(100);
    let server = OneClientServer::builder().close_timeout(close_timeout).write_timeout(None).start().await.unwrap();
    let (_stalled, writing) = stall(&server).await;
    eventually(server.close_client()).await;
    assert!(server.connection().is_closed());
    assert!(eventually(writing).await.unwrap().is_err());
    dial_in(&server).await;
}

/// The deadline of a close is `DEFAULT_CLOSE_TIMEOUT` unless told otherwise.
#[test_log::test(tokio::test)]
async fn close_deadline_is_the_default_unless_told_otherwise() {
    let server = OneClientServer::builder().write_timeout(None).start().await.unwrap();
    let (_stalled, _writing) = stall(&server).await;
    let start = Instant::now();
    eventually(server.close()).await;
    assert!(start.elapsed() >= DEFAULT_CLOSE_TIMEOUT);
}

/// What is queued is flushed before the end of the stream.
#[test_log::test(tokio::test)]
async fn close_flushes_what_is_queued() {
    let server = OneClientServer::builder().close_timeout(STUCK).start().await.unwrap();
    let (mut client, writing) = stall(&server).await;
    let closing = eventually(server.close());
    let (received, ()) = tokio::join!(client.rest(), closing);
    assert_eq!(received.unwrap().len(), FLOOD);
    eventually(writing).await.unwrap().unwrap();
}

/// Unread input does not turn the farewell into a reset.
#[test_log::test(tokio::test)]
async fn close_with_unread_input_still_delivers_the_last_reply() {
    for _ in 0..20 {
        let server = OneClientServer::builder().start().await.unwrap();
        let (mut client, session) = dial_in(&server).await;
        client.write_all(b"status\r\nand much more that nobody reads\r\n").await.unwrap();
        assert_eq!(eventually(session.read_str()).await.unwrap(), "status");
        session.write_str("goodbye").await.unwrap();
        server.close().await;
        client.expect("goodbye\r\n").await;
        client.expect_end().await;
    }
}

/// `close` and `close_client` may be called again, twice at once, before any client, and after the end.
/// Parity: `close`, `close_client`, `basic_close_client`.
#[test_log::test(tokio::test)]
async fn close_may_be_called_again_and_twice_at_once() {
    let (callback, mut events) = event_channel();
    let server = OneClientServer::builder().connect_callback(callback).start().await.unwrap();
    eventually(server.close_client()).await;
    eventually(server.basic_close_client()).await;
    let (_client, _) = dial_in(&server).await;
    eventually(async { tokio::join!(server.close_client(), server.close_client(), server.basic_close_client()) }).await;
    let (_client, _) = dial_in(&server).await;
    eventually(async { tokio::join!(server.close(), server.close(), server.basic_close(), server.close_client()) })
        .await;
    eventually(server.close()).await;
    eventually(server.close_client()).await;
    eventually(server.wait_closed()).await;
    eventually(server.callbacks_done()).await;
    drop(server);
    let mut connected = Vec::new();
    while let Some(event) = eventually(events.recv()).await {
        connected.push(event.is_connected());
    }
    assert_eq!(connected, [true, false, true, false]);
}

/// A close whose future is dropped goes on by itself.
#[test_log::test(tokio::test)]
async fn dropped_close_goes_on() {
    let server = OneClientServer::builder().start().await.unwrap();
    let (mut client, _) = dial_in(&server).await;
    drop(tokio::time::timeout(Duration::ZERO, server.close_client()).await);
    client.expect_end().await;
    let (mut client, _) = dial_in(&server).await;
    drop(tokio::time::timeout(Duration::ZERO, server.close()).await);
    client.expect_end().await;
    eventually(server.wait_closed()).await;
    assert!(port_is_free(&server));
}

/// A server that is dropped closes, whatever clones of its connections live on.
/// Parity: `async with`.
#[test_log::test(tokio::test)]
async fn dropped_server_closes_although_its_connection_lives_on() {
    let server = OneClientReadLoopServer::builder(Scripted::default()).start().await.unwrap();
    let (mut client, session) = dial_in(&server).await;
    let address = server.local_addrs()[0];
    drop(server);
    client.expect_end().await;
    eventually(session.wait_closed()).await;
    assert!(!session.should_be_connected());
    eventually(|| is_free(address)).await;
}

/// After `close` no task is left, with a client connected, a handler at work and a refused client.
#[test_log::test]
fn close_leaves_no_task() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let (callback, _events) = event_channel();
        let builder = OneClientReadLoopServer::builder(Scripted::default()).connect_callback(callback);
        let server = builder.start().await.unwrap();
        let (mut client, _) = dial_in(&server).await;
        client.write_all(b"wait\r\n").await.unwrap();
        let _surplus = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
        server.close().await;
        let start = Instant::now();
        while runtime.metrics().num_alive_tasks() > 0 {
            assert!(start.elapsed() < STUCK, "{} tasks", runtime.metrics().num_alive_tasks());
            tokio::task::yield_now().await;
        }
    });
}

/// Failure 30: a runtime that is shut down under a server, its client and a callback at work causes no panic; the port
/// is free, and the handles that are left can be asked and dropped outside any runtime.
#[test_log::test]
fn runtime_shut_down_under_a_server_leaves_nothing_open() {
    for shut_down_before_first_poll in [false, true] {
        for mut builder in [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()]
        {
            let runtime = builder.enable_all().build().unwrap();
            let (server, session, client) = runtime.block_on(async {
                let callback = |_| std::future::pending();
                let builder = OneClientReadLoopServer::builder(Scripted::default()).connect_callback(callback);
                let server = builder.start().await.unwrap();
                if shut_down_before_first_poll {
                    return (server, tcpip_server::Connection::closed(), None);
                }
                let (mut client, session) = dial_in(&server).await;
                client.write_all(b"wait\r\n").await.unwrap();
                session.write(b"").await.unwrap();
                (server, session, Some(client))
            });
            drop(runtime);
            assert!(port_is_free(&server));
            assert!(server.is_closed() && !server.is_reading());
            assert!(session.is_closed() && !session.is_connected());
            drop((server, session, client));
        }
    }
}

/// Failure 30: a callback may shut its own runtime down.
#[test_log::test]
fn callback_may_shut_its_runtime_down() {
    let runtime = Arc::new(Mutex::new(None::<Runtime>));
    let (told, shut_down) = std::sync::mpsc::channel();
    let callback = {
        let runtime = Arc::clone(&runtime);
        move |event: ConnectionEvent| {
            let (runtime, told) = (Arc::clone(&runtime), told.clone());
            async move {
                let runtime = runtime.lock().unwrap().take();
                if let Some(runtime) = runtime {
                    runtime.shutdown_background();
                    told.send(event).unwrap();
                }
            }
        }
    };
    let this = Runtime::new().unwrap();
    let server = this.block_on(OneClientServer::builder().connect_callback(callback).start()).unwrap();
    *runtime.lock().unwrap() = Some(this);
    let _client = std::net::TcpStream::connect(server.local_addrs()[0]).unwrap();
    let event = shut_down.recv_timeout(STUCK).unwrap();
    let start = Instant::now();
    while !(server.is_closed() && event.connection().is_closed() && port_is_free(&server)) {
        assert!(start.elapsed() < STUCK, "{server:?}");
        std::thread::yield_now();
    }
    drop((server, event));
}

/// Failure 30: a server, and a connection that is still readable, may be dropped outside any runtime.
#[test_log::test]
fn server_may_be_dropped_outside_a_runtime() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(OneClientServer::builder().start()).unwrap();
    let (client, session) = runtime.block_on(dial_in(&server));
    let address = server.local_addrs()[0];
    drop(server);
    runtime.block_on(eventually(session.wait_closed()));
    let start = Instant::now();
    while !is_free(address) {
        assert!(start.elapsed() < STUCK);
        std::thread::yield_now();
    }
    drop((session, client));
}

/// A session that this end closes is told as closed here, however quickly its handler is stopped.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 3))]
async fn a_closed_session_is_told_as_closed_and_not_as_a_failed_handler() {
    let server = OneClientReadLoopServer::builder(Scripted::default()).start().await.unwrap();
    for _ in 0..100 {
        let (_client, session) = dial_in(&server).await;
        eventually(server.close_client()).await;
        assert_eq!(session.reason(), Some(DisconnectReason::Closed));
    }
}

/// Closing what is at rest has nothing to wait for, and so needs no runtime.
#[test]
fn closing_a_server_at_rest_needs_no_runtime() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(OneClientServer::builder().start()).unwrap();
    runtime.block_on(server.close());
    drop(runtime);
    let mut again = Box::pin(async {
        server.close().await;
        server.close_client().await;
        server.basic_close().await;
    });
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(again.as_mut().poll(&mut context).is_ready());
}

/// A server is closed by whatever executor, and by none of tokio's: here by a thread that only polls.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_server_is_closed_from_a_foreign_executor() {
    let server = OneClientServer::builder().start().await.unwrap();
    let (mut client, _session) = dial_in(&server).await;
    let closing = std::thread::spawn(move || {
        let mut closing = std::pin::pin!(server.close());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        while closing.as_mut().poll(&mut context).is_pending() {
            std::thread::yield_now();
        }
        assert!(server.is_closed());
    });
    client.expect_end().await;
    eventually(tokio::task::spawn_blocking(|| closing.join().unwrap())).await.unwrap();
}

/// `abort_client` resets the client at once, for a reason of its own, and the next one is served.
#[test_log::test(tokio::test)]
async fn an_aborted_client_sees_a_reset() {
    let server = OneClientServer::builder().start().await.unwrap();
    server.abort_client();
    for _ in 0..3 {
        let (mut client, session) = dial_in(&server).await;
        server.abort_client();
        assert_eq!(session.reason(), Some(DisconnectReason::Aborted));
        assert!(!session.is_connected() && !session.should_be_connected());
        assert_eq!(client.rest().await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
}
