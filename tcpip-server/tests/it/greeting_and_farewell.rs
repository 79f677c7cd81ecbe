//! The hooks of a handler: each session has one greeting and one farewell, in this order.

use std::{
    future::pending,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_server::{Connection, ConnectionEvent, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{
    io::AsyncWriteExt,
    runtime::Builder,
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::yield_now,
    time::{Instant, sleep},
};
use tracing::Level;

use crate::{
    dial::{dial, dial_in},
    log_count::LogCount,
    over_both::over_both,
    scripted::{Scripted, scripted},
};

/// Notes when its hooks begin.
struct Noting(UnboundedSender<(u64, &'static str)>);

impl ReadAndDispatch for Noting {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        let _ = self.0.send((connection.number(), "on_connect"));
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        connection.read_str().await?;
        Ok(())
    }

    async fn on_disconnect(&self, connection: &Connection) {
        let _ = self.0.send((connection.number(), "on_disconnect"));
    }
}

/// A session that is ended before its handler's task has run has its greeting all the same, before its farewell.
#[test]
fn every_session_has_its_greeting_before_its_farewell() {
    for workers in [1, 2, 4] {
        let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap();
        runtime.block_on(async {
            let (sender, mut noted) = unbounded_channel();
            let server = OneClientReadLoopServer::builder(Noting(sender)).start().await.unwrap();
            for _ in 0..100 {
                let _client = dial(&server).await;
                let session = eventually(server.wait_connected()).await.unwrap();
                eventually(server.close_client()).await;
                let hooks = [noted.try_recv().unwrap(), noted.try_recv().unwrap()];
                assert_eq!(hooks, [(session.number(), "on_connect"), (session.number(), "on_disconnect")]);
            }
        });
    }
}

/// Its farewell never ends.
struct Endless;

impl ReadAndDispatch for Endless {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        connection.write_str(&line).await?;
        Ok(())
    }

    async fn on_disconnect(&self, _connection: &Connection) {
        pending::<()>().await;
    }
}

/// A farewell that never ends is given up after the close deadline, and logged: the loop ends without a close, and
/// without a next client.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_farewell_that_never_ends_is_given_up_at_the_close_deadline() {
    let close_timeout = Duration::from_millis(100);
    let (log, _listening) = LogCount::start();
    let server = OneClientReadLoopServer::builder(Endless).close_timeout(close_timeout).start().await.unwrap();
    for _ in 0..2 {
        let (client, session) = dial_in(&server).await;
        let before = Instant::now();
        drop(client);
        eventually(session.wait_closed()).await;
        eventually(|| !server.is_reading()).await;
        assert!(before.elapsed() >= close_timeout);
    }
    assert_eq!(log.of(Level::ERROR, "on_disconnect does not end").len(), 2);
    let mut client = dial(&server).await;
    client.ask("echo\r\n", "echo\r\n").await;
}

/// Says in its greeting whether the callback has been told of the session.
struct WaitsForCallback(std::sync::Arc<AtomicBool>);

impl ReadAndDispatch for WaitsForCallback {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        connection.callbacks_done().await;
        connection.write_str(if self.0.load(Ordering::SeqCst) { "told" } else { "not told" }).await?;
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        connection.read_str().await?;
        Ok(())
    }

    async fn on_disconnect(&self, connection: &Connection) {
        connection.callbacks_done().await;
        let _ = self.0.swap(false, Ordering::SeqCst);
    }
}

/// `on_connect` may wait until the callback has been told of the session, however long that takes; the callback itself,
/// which asks for the same, does not wait for itself.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_greeting_may_wait_for_the_callbacks() {
    let is_told = std::sync::Arc::new(AtomicBool::new(false));
    let tells = std::sync::Arc::clone(&is_told);
    let callback = move |event: ConnectionEvent| {
        let tells = std::sync::Arc::clone(&tells);
        async move {
            event.connection().callbacks_done().await;
            for _ in 0..20 {
                yield_now().await;
            }
            if event.is_connected() {
                tells.store(true, Ordering::SeqCst);
            }
        }
    };
    let builder = OneClientReadLoopServer::builder(WaitsForCallback(is_told)).connect_callback(callback);
    let server = builder.start().await.unwrap();
    for _ in 0..20 {
        let mut client = dial(&server).await;
        client.expect("told\r\n").await;
    }
    let session = server.connection();
    eventually(server.close()).await;
    // It is over, and its callbacks have returned; another never had any.
    eventually(session.callbacks_done()).await;
    eventually(Connection::closed().callbacks_done()).await;
}

/// A callback that closes the client for which the greeting waits on the callbacks does not wait for ever.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_callback_may_close_what_a_greeting_waits_in() {
    let callback = |event: ConnectionEvent| async move { event.connection().close().await };
    let builder = OneClientReadLoopServer::builder(WaitsForCallback(std::sync::Arc::default()));
    let server = builder.close_timeout(Duration::from_mins(1)).connect_callback(callback).start().await.unwrap();
    let mut client = dial(&server).await;
    client.expect_end().await;
    eventually(server.callbacks_done()).await;
    eventually(server.close()).await;
}

/// The greeting comes before the reply to a command that was sent before the greeting.
/// Parity: `OneClientReadLoopServer`, `read_and_dispatch`.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn greeting_runs_before_the_first_dispatch() {
    for _ in 0..20 {
        let server = scripted(Scripted::greeting("welcome\r\n")).await;
        let mut client = dial(&*server).await;
        client.ask("echo\r\n", "welcome\r\necho\r\n").await;
        server.handler().has_noted(&["on_connect", "echo done"]).await;
    }
}

/// The next client's `on_connect` waits for an `on_disconnect` that takes its time.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn next_client_waits_for_on_disconnect() {
    let server = scripted(Scripted::default()).await;
    server.handler().on_disconnect.lock().unwrap().push("wait");
    drop(dial_in(&*server).await);
    server.handler().has_noted(&["on_connect", "waiting"]).await;
    let mut next = dial(&*server).await;
    next.write_all(b"echo\r\n").await.unwrap();
    // Time enough for something to begin that must not.
    sleep(Duration::from_millis(50)).await;
    assert_eq!(server.handler().noted_by_now(), None);
    server.handler().go.notify_one();
    next.expect("echo\r\n").await;
    server.handler().has_noted(&["on_disconnect", "on_connect", "echo done"]).await;
}
