//! A handler that fails ends its session, and no more.

use macro_rules_attribute::apply;
use tcpip_server::{Connection, DisconnectReason, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::io::AsyncWriteExt;
use tracing::Level;

use crate::{
    dial::{dial, dial_in},
    log_count::LogCount,
    over_both::over_both,
    scripted::{Scripted, at_once, scripted},
};

/// An error or a panic of `on_connect` or `read_and_dispatch` ends the session, is logged once, and the next client is
/// served. `on_disconnect` runs all the same.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn error_or_panic_ends_the_session_and_the_next_client_is_served() {
    let (log, _listening) = LogCount::start();
    let server = scripted(Scripted::default()).await;
    for (time, command) in ["fail", "panic", "fail", "panic"].into_iter().enumerate() {
        let in_on_connect = time < 2;
        if in_on_connect {
            server.handler().on_connect.lock().unwrap().push(command);
        }
        let mut client = dial(&*server).await;
        if !in_on_connect {
            client.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        }
        client.expect_end().await;
        server.handler().has_noted(&["on_connect", "on_disconnect"]).await;
        assert!(matches!(server.connection().reason(), Some(DisconnectReason::HandlerFailed { .. })));
        assert!(server.should_be_connected(), "it is this end's fault, but not its wish");
        assert_eq!(log.of(Level::ERROR, "the handler").len(), time + 1);
    }
    let mut client = dial(&*server).await;
    client.ask("echo\r\n", "echo\r\n").await;
}

/// A panic of `on_disconnect` harms nobody.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn panic_in_on_disconnect_harms_nobody() {
    let server = scripted(Scripted::default()).await;
    server.handler().on_disconnect.lock().unwrap().push("panic");
    drop(dial_in(&*server).await);
    let mut client = dial(&*server).await;
    client.ask("echo\r\n", "echo\r\n").await;
    at_once(server.close()).await;
}

/// What was written before the handler failed is flushed.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn reply_before_a_failure_is_delivered() {
    let server = scripted(Scripted::default()).await;
    let mut client = dial(&*server).await;
    client.write_all(b"one\r\ntwo\r\nfail\r\nunread\r\n").await.unwrap();
    client.expect("one\r\ntwo\r\n").await;
    client.expect_end().await;
}

/// A handler whose farewell panics before it has made its future.
struct PanicsAtOnce;

impl ReadAndDispatch for PanicsAtOnce {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        connection.write_str(&line).await?;
        Ok(())
    }

    fn on_disconnect(&self, connection: &Connection) -> impl Future<Output = ()> + Send {
        assert!(connection.is_connected(), "at once");
        async {}
    }
}

/// A panic in the farewell is logged as any other, and the next client is served.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_farewell_that_panics_at_once_is_logged_and_the_next_client_served() {
    let (log, _listening) = LogCount::start();
    let server = OneClientReadLoopServer::builder(PanicsAtOnce).start().await.unwrap();
    for _ in 0..2 {
        let (mut client, _) = dial_in(&server).await;
        client.ask("echo\r\n", "echo\r\n").await;
    }
    eventually(server.close()).await;
    assert_eq!(log.of(Level::ERROR, "panicked in on_disconnect: at once").len(), 2);
}
