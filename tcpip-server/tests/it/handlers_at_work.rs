//! What drops a handler at work where it waits, and what does not.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_server::{DisconnectReason, OneClientReadLoopServer};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::{
    dial::{admission_of, dial, dial_in, reset},
    over_both::{over_both, port_is_free},
    scripted::{Scripted, at_once, scripted},
};

/// When the owner ends the session, or a new client takes the place of one that has hung up, the handler's future is
/// dropped where it waits, and the next client's `on_connect` comes after `on_disconnect`.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn handler_at_work_is_dropped_before_the_next_client_begins() {
    for how in ["close_client", "replaced", "connection.close", "close"] {
        let server = scripted(Scripted::default()).await;
        let (mut client, session) = dial_in(&*server).await;
        client.write_all(b"wait\r\n").await.unwrap();
        server.handler().has_noted(&["on_connect", "waiting"]).await;
        assert!(server.is_reading());
        match how {
            "close_client" => at_once(server.close_client()).await,
            "connection.close" => at_once(session.close()).await,
            "close" => at_once(server.close()).await,
            _ => drop(client),
        }
        if how == "close" {
            // A close waits for the handler.
            assert_eq!(server.handler().noted_by_now().as_deref(), Some("dropped"));
            assert_eq!(server.handler().noted_by_now().as_deref(), Some("on_disconnect"));
            assert!(!server.is_reading());
            continue;
        }
        let mut next = dial(&*server).await;
        next.ask("echo\r\n", "echo\r\n").await;
        server.handler().has_noted(&["dropped", "on_disconnect", "on_connect", "echo done"]).await;
    }
}

/// The peer's hang-up does not drop a handler at work, which may answer a client that has only half-closed.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn hang_up_does_not_drop_a_handler_at_work() {
    let server = scripted(Scripted::default()).await;
    let (mut client, session) = dial_in(&*server).await;
    client.write_all(b"wait\r\n").await.unwrap();
    server.handler().has_noted(&["on_connect", "waiting"]).await;
    client.shutdown().await.unwrap();
    // Longer than a session without a handler drains, and than a poll of the fallback.
    sleep(Duration::from_millis(1200)).await;
    assert!(session.is_connected() && server.is_reading());
    server.handler().go.notify_one();
    client.expect("waited\r\n").await;
    client.expect_end().await;
    server.handler().has_noted(&["wait done", "on_disconnect"]).await;
}

/// A reset ends the session at once, but not the handler at work.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn reset_ends_the_session_but_does_not_drop_a_handler_at_work() {
    let server = scripted(Scripted::default()).await;
    let (mut client, session) = dial_in(&*server).await;
    client.write_all(b"wait\r\n").await.unwrap();
    server.handler().has_noted(&["on_connect", "waiting"]).await;
    reset(client);
    eventually(session.wait_disconnected()).await;
    assert_eq!(session.reason(), Some(DisconnectReason::Reset));
    server.handler().go.notify_one();
    // Its write fails, as noted by the drop of nothing: it had waited to the end.
    server.handler().has_noted(&["on_disconnect"]).await;
}

/// A handler that blocks its thread and never waits is given up at the close deadline: by `close`, and for the next
/// client. Whether it blocks at once or later, its session comes to rest.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 4))]
async fn handler_that_never_yields_is_given_up_at_the_close_deadline() {
    for _ in 0..8 {
        let builder = OneClientReadLoopServer::builder(Scripted::default()).close_timeout(Duration::from_millis(20));
        let server = builder.start().await.unwrap();
        let (gate, closed) = std::sync::mpsc::channel();
        *server.handler().gate.lock().unwrap() = Some(closed);
        let mut client = dial(&server).await;
        client.write_all(b"block\r\n").await.unwrap();
        let session = admission_of(client.local_addr(), &server).await;
        server.handler().has_noted(&["on_connect", "blocking"]).await;
        eventually(server.close_client()).await;
        eventually(session.wait_closed()).await;
        client.expect_end().await;
        let (mut next, _) = dial_in(&server).await;
        server.handler().has_noted(&["on_connect"]).await;
        next.write_all(b"block\r\n").await.unwrap();
        server.handler().has_noted(&["blocking"]).await;
        eventually(server.close()).await;
        assert!(port_is_free(&server));
        eventually(server.wait_closed()).await;
        // Both are blocked until now.
        drop(gate);
    }
}
