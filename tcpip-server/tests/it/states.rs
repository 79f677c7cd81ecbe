//! What a server says of itself, without a client, with one, and between two.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_client::Client;
use tcpip_server::{
    DEFAULT_ENCODING, DEFAULT_LIMIT, DEFAULT_TERMINATOR, DisconnectReason, Encoding, OneClientReadLoopServer,
    OneClientServer, OptionError, ReadError, Server, StartError, Terminator, WriteError,
};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::io::AsyncWriteExt;

use crate::{
    dial::{dial, dial_in},
    over_both::over_both,
    scripted::Scripted,
};

/// Without a client every read and write is `NotConnected`, and nothing waits.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn server_without_a_client_is_not_connected() {
    let server = OneClientServer::builder().start().await.unwrap();
    assert!(!server.is_connected() && !server.should_be_connected() && !server.is_closed());
    assert!(matches!(eventually(server.read_str()).await, Err(ReadError::NotConnected { .. })));
    assert!(matches!(eventually(server.write_str("x")).await, Err(WriteError::NotConnected { .. })));
    eventually(server.wait_disconnected()).await;
    assert_eq!(server.connection().number(), 0);
}

/// Fault 10: when the peer goes, `should_be_connected` stays; when this end closes, it goes.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn session_that_the_peer_ended_is_lost_and_not_closed() {
    let server = OneClientServer::builder().start().await.unwrap();
    let (stream, _) = dial_in(&server).await;
    assert!(server.is_connected() && server.should_be_connected());
    drop(stream);
    eventually(server.wait_disconnected()).await;
    assert!(server.should_be_connected() && !server.is_connected());
    server.close_client().await;
    assert!(!server.should_be_connected());

    let (_stream, session) = dial_in(&server).await;
    server.basic_close_client().await;
    assert!(server.should_be_connected() && !server.is_connected());
    assert_eq!(session.reason(), Some(DisconnectReason::Closed));

    let (_stream, _) = dial_in(&server).await;
    server.basic_close().await;
    assert!(server.should_be_connected() && !server.is_connected() && server.is_closed());
    server.close().await;
    assert!(!server.should_be_connected());
}

/// Fault 11: who waits for the next client is not forgotten by `close_client`.
/// Parity: `connected_task`, `close_client`.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn waiter_for_the_next_client_outlives_close_client() {
    let server = OneClientServer::builder().start().await.unwrap();
    let (_stream, first) = dial_in(&server).await;
    server.close_client().await;
    let waiting = server.wait_connected();
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(std::time::Duration::ZERO, &mut waiting).await.is_err());
    server.close_client().await;
    let _stream = dial(&server).await;
    let second = eventually(waiting).await.unwrap();
    assert_ne!(first, second);
    assert!(second.is_connected());
}

/// `wait_connected` ends with `None` when the server is closed or dropped, also for one who waits already.
/// Parity: `done_task`.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn wait_connected_is_none_once_closed() {
    let server = OneClientServer::builder().start().await.unwrap();
    let (waiter, ()) = eventually(async { tokio::join!(server.wait_connected(), server.close()) }).await;
    assert!(waiter.is_none());
    assert!(eventually(server.wait_connected()).await.is_none());
}

/// `is_reading` is true from the moment when the client is admitted until the handler has done with it.
/// Parity: `read_loop_task`.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn is_reading_while_a_client_is_served() {
    let server = OneClientReadLoopServer::builder(Scripted::default()).start().await.unwrap();
    assert!(!server.is_reading());
    for _ in 0..10 {
        let mut stream = dial(&server).await;
        let session = eventually(server.wait_connected()).await.unwrap();
        assert!(server.is_reading());
        stream.ask("echo\r\n", "echo\r\n").await;
        assert!(server.is_reading());
        drop(stream);
        eventually(session.wait_closed()).await;
        eventually(|| !server.is_reading()).await;
    }
    let (_stream, _) = dial_in(&server).await;
    server.close().await;
    assert!(!server.is_reading());
}

/// Encoding, terminator and limit may be set without a client, hold for this client and for later ones.
/// Parity: `encoding`, `terminator`.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn options_set_on_a_server_hold_without_a_client_and_for_later_ones() {
    let server = OneClientServer::builder().start().await.unwrap();
    assert_eq!((server.encoding(), server.limit()), (DEFAULT_ENCODING, DEFAULT_LIMIT));
    assert_eq!(server.terminator(), DEFAULT_TERMINATOR);
    server.set_encoding(Encoding::Latin1).unwrap();
    server.set_terminator(b";").unwrap();
    server.set_limit(4);
    for _ in 0..2 {
        let (mut stream, session) = dial_in(&server).await;
        assert_eq!((server.encoding(), server.limit()), (Encoding::Latin1, 4));
        assert_eq!((session.encoding(), session.terminator(), session.limit()), (Encoding::Latin1, b";".into(), 4));
        stream.write_all(b"\xe9t\xe9;too long;").await.unwrap();
        assert_eq!(eventually(server.read_str()).await.unwrap(), "été");
        assert!(matches!(eventually(server.read_str()).await, Err(ReadError::FrameTooLong { limit: 4 })));
        drop(stream);
        eventually(server.wait_disconnected()).await;
    }
    let (mut stream, _) = dial_in(&server).await;
    server.set_terminator(b"\n").unwrap();
    server.set_encoding(Encoding::Utf8).unwrap();
    server.set_limit(100);
    server.write_str("é").await.unwrap();
    stream.write_all("a somewhat longer é\n".as_bytes()).await.unwrap();
    assert_eq!(eventually(server.read_str()).await.unwrap(), "a somewhat longer é");
    server.close().await;
    stream.expect("é\n").await;
    stream.expect_end().await;
}

/// What is set while a client is being admitted reaches that client, too.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 4))]
async fn options_set_while_a_client_is_admitted_reach_it() {
    let server = std::sync::Arc::new(OneClientServer::builder().start().await.unwrap());
    for time in 1..300_usize {
        let dialling = tokio::spawn({
            let server = std::sync::Arc::clone(&server);
            async move { dial_in(&*server).await }
        });
        for _ in 0..time % 30 {
            tokio::task::yield_now().await;
        }
        let terminator = Terminator::new(time.to_string()).unwrap();
        server.set_terminator(terminator.clone()).unwrap();
        server.set_limit(time);
        let (stream, session) = eventually(dialling).await.unwrap();
        assert_eq!((session.limit(), session.terminator()), (time, terminator));
        drop(stream);
    }
}

/// An option that cannot be is an error of `start`, and nothing is left behind.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn an_option_that_cannot_be_is_an_error_of_start() {
    let result = OneClientServer::builder().idle_timeout(Duration::ZERO).start().await;
    assert!(matches!(result, Err(StartError::Option(OptionError::ZeroInterval { option: "idle_timeout" }))));
}

/// `handler` gives the handler back, while it works and after the server has closed.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn handler_gives_the_handler_back() {
    let server = OneClientReadLoopServer::builder(Scripted::greeting("hello\r\n")).start().await.unwrap();
    let handler = std::sync::Arc::clone(server.handler());
    let mut stream = dial(&server).await;
    stream.ask("echo\r\n", "hello\r\necho\r\n").await;
    server.close().await;
    assert!(std::sync::Arc::ptr_eq(&handler, server.handler()));
}

/// The client of this library and both servers see the same session from both ends.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn client_and_server_talk() {
    let server = OneClientServer::builder().name("mock").start().await.unwrap();
    assert_eq!((server.host(), server.server().port()), ("127.0.0.1", server.local_addrs()[0].port()));
    let client = Client::builder(server.host(), server.port()).connect().await.unwrap();
    let session = eventually(server.wait_connected()).await.unwrap();
    assert_eq!(session.name(), "mock");
    assert_eq!(
        (session.local_addr(), session.peer_addr()),
        (client.connection().peer_addr(), client.connection().local_addr())
    );
    client.write_str("ping").await.unwrap();
    assert_eq!(eventually(server.read_str()).await.unwrap(), "ping");
    server.write_str("pong").await.unwrap();
    assert_eq!(eventually(client.read_str()).await.unwrap(), "pong");
    client.close().await;
    eventually(server.wait_disconnected()).await;
    assert_eq!(session.reason(), Some(DisconnectReason::ClosedByPeer));
}
