//! Tasks that belong to one session.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_server::{
    Connection, DisconnectReason, HandlerResult, OneClientReadLoopServer, OneClientServer, ReadAndDispatch,
};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};
use tracing::Level;

use crate::{
    dial::{dial, dial_in, reset},
    events::event_channel,
    log_count::LogCount,
    over_both::{over_both, port_is_free},
};

/// Says that it is gone when it is dropped.
struct Gone(UnboundedSender<&'static str>);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = self.0.send("task gone");
    }
}

/// Starts a task that waits for ever, and tells when it begins and when it is gone.
fn spawn_waiting(connection: &Connection) -> UnboundedReceiver<&'static str> {
    let (sender, receiver) = unbounded_channel();
    let gone = Gone(sender.clone());
    connection.spawn(async move {
        let _gone = gone;
        let _ = sender.send("task begun");
        pending::<()>().await;
    });
    receiver
}

/// For each client a task that sends what the client must be told first, and notes of what happens when.
struct Telemetry {
    notes: UnboundedSender<&'static str>,
}

impl ReadAndDispatch for Telemetry {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        let _ = self.notes.send("client");
        let gone = Gone(self.notes.clone());
        let link = connection.clone();
        connection.spawn(async move {
            let _gone = gone;
            while link.write(b"12.5\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        connection.read_str().await?;
        Ok(())
    }
}

/// A loop that is started in `on_connect` sends for as long as its client is there, and is gone before the next
/// client's `on_connect`.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_telemetry_loop_begins_and_ends_with_its_client() {
    let (notes, mut told) = unbounded_channel();
    let server = OneClientReadLoopServer::builder(Telemetry { notes }).start().await.unwrap();
    for _ in 0..50 {
        let mut stream = dial(&server).await;
        stream.expect("12.5\n12.5\n").await;
        reset(stream);
    }
    server.close().await;
    for _ in 0..50 {
        assert_eq!(told.recv().await, Some("client"));
        assert_eq!(told.recv().await, Some("task gone"));
    }
}

/// Whoever ends the session, its tasks end; a close returns when they have.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn tasks_end_however_the_session_ends() {
    for how in ["the peer hangs up", "this end closes", "the owner is dropped"] {
        let server = OneClientServer::builder().start().await.unwrap();
        let (stream, connection) = dial_in(&server).await;
        let mut told = spawn_waiting(&connection);
        assert_eq!(eventually(told.recv()).await, Some("task begun"));
        match how {
            "the peer hangs up" => drop(stream),
            "this end closes" => {
                eventually(server.close_client()).await;
                assert!(!told.is_empty(), "the close waits for the task");
            }
            _ => drop(server),
        }
        assert_eq!(eventually(told.recv()).await, Some("task gone"), "{how}");
    }
}

/// Without a session a task is dropped at once.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_task_of_a_session_that_is_over_is_dropped() {
    let mut told = spawn_waiting(&Connection::closed());
    assert_eq!(eventually(told.recv()).await, Some("task gone"));
}

/// A panic in a task is logged, ends the session, and the server serves the next client.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_panic_in_a_task_ends_the_session() {
    let (log, _listening) = LogCount::start();
    let (callback, mut events) = event_channel();
    let server = OneClientServer::builder().connect_callback(callback).start().await.unwrap();
    let (_stream, connection) = dial_in(&server).await;
    connection.spawn(async { panic!("on purpose") });
    assert!(eventually(events.recv()).await.unwrap().is_connected());
    assert!(matches!(eventually(events.recv()).await.unwrap().reason(), Some(DisconnectReason::HandlerFailed { .. })));
    assert_eq!(log.of(Level::ERROR, "on purpose").len(), 1);
    let (_stream, next) = dial_in(&server).await;
    assert!(next.is_connected());
}

/// A close that a task calls itself returns, and the task ends where it next waits.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_task_may_close_its_session() {
    for close_server in [false, true] {
        let server = Arc::new(OneClientServer::builder().close_timeout(Duration::from_mins(1)).start().await.unwrap());
        let (_stream, connection) = dial_in(&*server).await;
        let (sender, mut told) = unbounded_channel();
        let (own, gone) = (Arc::clone(&server), Gone(sender.clone()));
        connection.spawn(async move {
            let _gone = gone;
            if close_server {
                own.close().await;
            } else {
                own.close_client().await;
            }
            let _ = sender.send("closed");
            pending::<()>().await;
        });
        assert_eq!(eventually(told.recv()).await, Some("closed"));
        assert_eq!(eventually(told.recv()).await, Some("task gone"));
        eventually(server.close()).await;
        assert!(port_is_free(&server));
    }
}

/// A task that blocks its thread is given up at the close deadline, and logged; the close returns.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 3))]
async fn a_task_that_blocks_is_given_up() {
    let server = OneClientServer::builder().close_timeout(Duration::from_millis(100)).start().await.unwrap();
    let (_stream, connection) = dial_in(&server).await;
    let (release, gate) = std::sync::mpsc::channel::<()>();
    let (begun, wait_begun) = tokio::sync::oneshot::channel();
    let gate = Mutex::new(gate);
    connection.spawn(async move {
        let _ = begun.send(());
        let _ = gate.lock().unwrap().recv();
    });
    eventually(wait_begun).await.unwrap();
    let before = Instant::now();
    eventually(server.close()).await;
    assert!(before.elapsed() >= Duration::from_millis(100));
    assert!(port_is_free(&server));
    drop(release);
}
