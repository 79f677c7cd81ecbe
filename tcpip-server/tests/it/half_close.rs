//! Clients that say all they have to say, end their half, and listen on.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_server::{Connection, DisconnectReason, HalfClose, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::io::AsyncWriteExt;

use crate::{
    dial::{dial, dial_in, is_refused},
    over_both::over_both,
};

/// Answers `go` with ten lines: by itself, or by a task of the session.
struct Lines {
    by_task: bool,
}

async fn say_ten_lines(connection: Connection) {
    for line in 0..10 {
        if connection.write_str(&line.to_string()).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl ReadAndDispatch for Lines {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command = connection.read_str().await?;
        assert_eq!(command, "go");
        let lines = say_ten_lines(connection.clone());
        if self.by_task {
            connection.spawn(lines);
        } else {
            lines.await;
        }
        Ok(())
    }
}

const TEN_LINES: &str = "0\r\n1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n";

/// A one-shot that ends its half behind its command hears everything, whether the handler says it or a task that the
/// handler has spawned; then the session ends by itself, as the client's doing. Failure 34.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_client_that_has_ended_its_half_hears_all() {
    for by_task in [false, true] {
        let server =
            OneClientReadLoopServer::builder(Lines { by_task }).half_close(HalfClose::Allowed).start().await.unwrap();
        for _ in 0..2 {
            let (mut client, session) = dial_in(&server).await;
            client.write_all(b"go\r\n").await.unwrap();
            client.shutdown().await.unwrap();
            client.expect(TEN_LINES).await;
            client.expect_end().await;
            eventually(session.wait_closed()).await;
            assert_eq!(session.reason(), Some(DisconnectReason::ClosedByPeer));
            assert!(session.should_be_connected());
        }
        eventually(server.close()).await;
    }
}

/// Says nothing, for as long as the session lasts.
struct Silent;

impl ReadAndDispatch for Silent {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        let link = connection.clone();
        connection.spawn(async move { link.wait_closed().await });
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        connection.read_str().await?;
        Ok(())
    }
}

/// While it listens it holds the place.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_client_that_listens_on_holds_the_place() {
    let server = OneClientReadLoopServer::builder(Silent).half_close(HalfClose::Allowed).start().await.unwrap();
    let (mut client, session) = dial_in(&server).await;
    client.shutdown().await.unwrap();
    assert!(eventually(session.wait_hung_up()).await);
    assert!(is_refused(dial(&server).await).await);
    assert!(session.is_connected() && server.is_connected());
    eventually(server.close_client()).await;
    client.expect_end().await;
}

/// A read loop that has found the end is stopped at once, whatever its tasks do, and the session goes on.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_loop_that_has_found_the_end_is_stopped_at_once() {
    let server = OneClientReadLoopServer::builder(Silent).half_close(HalfClose::Allowed).start().await.unwrap();
    let (mut client, session) = dial_in(&server).await;
    client.shutdown().await.unwrap();
    assert!(eventually(session.wait_hung_up()).await);
    eventually(server.stop_reading()).await;
    assert!(!server.is_reading() && session.is_connected());
    session.write_str("still here").await.unwrap();
    eventually(server.close()).await;
    client.expect("still here\r\n").await;
    client.expect_end().await;
}
