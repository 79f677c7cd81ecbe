//! Clients that are gone almost before they have come: each is served, a thousand times of a thousand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{net::SocketAddr, time::Duration};

use tcpip_client::Client;
use tcpip_server::{ConnectionEvent, DisconnectReason, OneClientReadLoopServer, OneClientServer, ReadError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

use crate::{answer::Answer, runtimes::on_both_runtimes};

/// A thousand times in all, several at once so that they get into each other's way.
const AT_ONCE: usize = 8;
const TIMES_EACH: usize = 125;

/// Does the same at several places at once.
async fn at_once<F: Future<Output = ()> + Send + 'static>(mut once: impl FnMut() -> F) {
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        tasks.spawn(once());
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
}

/// What `printf 'status\r\n' | nc -N host port` prints.
async fn ask_and_half_close(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"status\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

async fn check_one_shots(thinking: Duration) {
    at_once(|| async move {
        let server = OneClientReadLoopServer::builder(Answer { thinking }).start().await.unwrap();
        for time in 0..TIMES_EACH {
            assert_eq!(ask_and_half_close(server.local_addrs()[0]).await, "got status\r\n", "time {time}");
        }
        server.close().await;
    })
    .await;
}

/// A client that asks and half-closes at once gets its reply, and then the end of the stream.
/// Failure 2.
#[test_log::test]
fn one_shot_client_gets_its_reply_from_a_handler_that_answers_at_once() {
    on_both_runtimes(async || check_one_shots(Duration::ZERO).await);
}

/// The same, although the hang-up comes while the handler thinks.
#[test_log::test]
fn one_shot_client_gets_its_reply_from_a_handler_that_thinks() {
    on_both_runtimes(async || check_one_shots(Duration::from_millis(1)).await);
}

/// A reply that a reset follows is read, by a reader that waits and by one that comes when all is over; then the reset
/// is told, to the reader and to the callback alike.
#[test_log::test]
fn reply_followed_by_a_reset_is_read_and_then_the_reset() {
    on_both_runtimes(async || {
        at_once(|| async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    stream.read_exact(&mut [0; 8]).await.unwrap();
                    stream.set_zero_linger().unwrap();
                    stream.write_all(b"got status\r\n").await.unwrap();
                }
            });
            for time in 0..TIMES_EACH {
                let (ended, mut reasons) = mpsc::unbounded_channel();
                let callback = move |event: ConnectionEvent| {
                    event.reason().map(|reason| ended.send(reason));
                    std::future::ready(())
                };
                let client =
                    Client::builder("127.0.0.1", address.port()).connect_callback(callback).connect().await.unwrap();
                client.write_str("status").await.unwrap();
                if time % 2 == 1 {
                    client.wait_disconnected().await;
                }
                assert_eq!(client.read_str().await.unwrap(), "got status", "time {time}");
                let error = client.read_str().await.unwrap_err();
                assert!(
                    matches!(error, ReadError::Disconnected { reason: DisconnectReason::Reset }),
                    "time {time}: {error:?}"
                );
                assert_eq!(reasons.recv().await, Some(DisconnectReason::Reset), "time {time}");
                client.close().await;
            }
        })
        .await;
    });
}

/// Tells each client that it has been admitted.
async fn greet(event: ConnectionEvent) {
    if event.is_connected() {
        let _ = event.connection().write(b"hello").await;
    }
}

async fn admitted(address: SocketAddr, how: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut hello = [0; 5];
    stream.read_exact(&mut hello).await.unwrap_or_else(|error| panic!("refused after {how}: {error}"));
    stream
}

/// Hangs up in every way and dials again at once: each call must be answered.
async fn redial(address: SocketAddr) {
    for _ in 0..TIMES_EACH / 5 {
        drop(admitted(address, "a hang-up before admission").await);

        let mut unread = admitted(address, "a hang-up").await;
        unread.write_all(b"x").await.unwrap();
        drop(unread);

        let reset = admitted(address, "a hang-up with a byte unread").await;
        reset.set_zero_linger().unwrap();
        drop(reset);

        drop(admitted(address, "a reset").await);
        let client = Client::builder("127.0.0.1", address.port()).connect().await.unwrap();
        assert_eq!(client.read_exact(5).await.unwrap(), b"hello");
        client.close().await;

        let mut half_closed = admitted(address, "a client's close").await;
        half_closed.write_all(b"status\r\n").await.unwrap();
        half_closed.shutdown().await.unwrap();
        drop(half_closed);

        drop(TcpStream::connect(address).await.unwrap());
    }
}

/// A client that hangs up and redials at once is admitted, by the server without a read loop.
#[test_log::test]
fn redialling_client_is_admitted() {
    on_both_runtimes(async || {
        at_once(|| async {
            let server = OneClientServer::builder().connect_callback(greet).start().await.unwrap();
            redial(server.local_addrs()[0]).await;
            server.close().await;
        })
        .await;
    });
}

/// A client that hangs up and redials at once is admitted, by the server with a read loop, whatever its handler does.
#[test_log::test]
fn redialling_client_is_admitted_beside_a_handler_at_work() {
    on_both_runtimes(async || {
        at_once(|| async {
            let answer = Answer { thinking: Duration::from_millis(1) };
            let server = OneClientReadLoopServer::builder(answer).connect_callback(greet).start().await.unwrap();
            redial(server.local_addrs()[0]).await;
            server.close().await;
        })
        .await;
    });
}
