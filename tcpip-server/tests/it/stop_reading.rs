//! A read loop that stops while its session goes on.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, Weak},
    task::Poll,
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_server::{
    Connection, DisconnectReason, HandlerResult, NetworkStream, OneClientReadLoopServer, ReadAndDispatch, ReadError,
};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{
    io::AsyncWriteExt,
    sync::{Notify, mpsc},
};

use crate::{
    dial::{dial_in, reset},
    over_both::over_both,
};

/// Echoes, or does what its client says, and notes what becomes of it.
#[derive(Debug)]
struct Echo {
    notes: mpsc::UnboundedSender<&'static str>,
    server: Mutex<Weak<OneClientReadLoopServer<Self>>>,
    /// What the greeting and `wait` wait for.
    go: Notify,
    /// Whether the greeting does.
    greets_late: bool,
}

struct Dropped<'a>(&'a Echo);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        let _ = self.0.notes.send("dropped");
    }
}

impl ReadAndDispatch for Echo {
    async fn on_connect(&self, _connection: &Connection) -> HandlerResult {
        let _ = self.notes.send("on_connect");
        if self.greets_late {
            let _dropped = Dropped(self);
            self.go.notified().await;
        }
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command = connection.read_str().await?;
        match command.as_str() {
            "wait" => {
                let _dropped = Dropped(self);
                let _ = self.notes.send("waits");
                self.go.notified().await;
            }
            "stop" => {
                let server = self.server.lock().unwrap().upgrade().unwrap();
                server.stop_reading().await;
                let _ = self.notes.send("stopped");
            }
            _ => connection.write_str(&command).await?,
        }
        Ok(())
    }

    async fn on_disconnect(&self, connection: &Connection) {
        assert!(!connection.is_connected());
        // Returns, although it is the loop itself that asks.
        let server = self.server.lock().unwrap().upgrade();
        if let Some(server) = server {
            server.stop_reading().await;
        }
        let _ = self.notes.send("on_disconnect");
    }
}

struct Met {
    server: Arc<OneClientReadLoopServer<Echo>>,
    client: NetworkStream,
    session: Connection,
    notes: mpsc::UnboundedReceiver<&'static str>,
}

impl Met {
    async fn notes(&mut self, what: &[&str]) {
        for what in what {
            assert_eq!(eventually(self.notes.recv()).await, Some(*what));
        }
    }
}

/// Far above all that does not wait for it.
const LONG: Duration = Duration::from_mins(1);

async fn meet(greets_late: bool, drain_timeout: Duration) -> Met {
    let (sender, notes) = mpsc::unbounded_channel();
    let handler = Echo { notes: sender, server: Mutex::default(), go: Notify::new(), greets_late };
    let builder = OneClientReadLoopServer::builder(handler).close_timeout(LONG).drain_timeout(drain_timeout);
    let server = Arc::new(builder.start().await.unwrap());
    *server.handler().server.lock().unwrap() = Arc::downgrade(&server);
    let (client, session) = dial_in(&*server).await;
    let mut met = Met { server, client, session, notes };
    met.notes(&["on_connect"]).await;
    met
}

/// After the stop the messages, also one of which half had arrived, are read through the server; the farewell comes
/// with the session's end, and the next client is the handler's again.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn what_comes_after_the_stop_is_read_through_the_server() {
    let mut met = meet(false, LONG).await;
    met.client.ask("one\r\nha", "one\r\n").await;
    assert!(met.server.is_reading());
    eventually(met.server.stop_reading()).await;
    assert!(!met.server.is_reading() && met.session.is_connected());
    met.client.write_all(b"lf\r\nthree\r\n").await.unwrap();
    assert_eq!(eventually(met.server.connection().read_str()).await.unwrap(), "half");
    assert_eq!(eventually(met.server.connection().read_str()).await.unwrap(), "three");
    met.server.write_str("reply").await.unwrap();
    met.client.ask("four\r\n", "reply\r\n").await;
    assert_eq!(eventually(met.server.connection().read_str()).await.unwrap(), "four");
    assert!(met.notes.is_empty());
    drop(met.client);
    // Nobody reads: the hang-up ends the session by itself.
    eventually(met.session.wait_closed()).await;
    assert_eq!(met.session.reason(), Some(DisconnectReason::ClosedByPeer));
    let (mut next, _) = dial_in(&*met.server).await;
    next.ask("echo\r\n", "echo\r\n").await;
    assert!(met.server.is_reading());
    for what in ["on_disconnect", "on_connect"] {
        assert_eq!(eventually(met.notes.recv()).await, Some(what));
    }
}

/// The handler's future is dropped where it waits, in `on_connect` as well, before the stop returns; a stop may be
/// called twice, and by several at once.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_handler_at_work_is_dropped_before_the_stop_returns() {
    for greets_late in [true, false] {
        let mut met = meet(greets_late, LONG).await;
        if !greets_late {
            met.client.write_all(b"wait\r\n").await.unwrap();
            met.notes(&["waits"]).await;
        }
        eventually(async { tokio::join!(met.server.stop_reading(), met.server.stop_reading()) }).await;
        assert_eq!(met.notes.try_recv(), Ok("dropped"));
        assert!(met.session.is_connected() && met.notes.is_empty());
        eventually(met.server.stop_reading()).await;
        met.client.write_all(b"wait\r\n").await.unwrap();
        assert_eq!(eventually(met.server.connection().read_str()).await.unwrap(), "wait");
        eventually(met.server.close_client()).await;
        assert_eq!(met.notes.try_recv(), Ok("on_disconnect"), "a close waits for the farewell");
        eventually(met.server.stop_reading()).await;
        eventually(met.server.close()).await;
    }
}

/// A stop that the handler calls itself returns, and the handler is dropped where it next waits.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_handler_may_stop_itself() {
    let mut met = meet(false, LONG).await;
    met.client.write_all(b"stop\r\nnext\r\n").await.unwrap();
    met.notes(&["stopped"]).await;
    // Returns when the handler is gone, whose stop this joins.
    eventually(met.server.stop_reading()).await;
    assert_eq!(eventually(met.server.connection().read_str()).await.unwrap(), "next");
    eventually(met.server.close()).await;
    met.notes(&["on_disconnect"]).await;
}

/// A stop that is dropped after its first poll stops the handler all the same; one that was never polled does nothing.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_dropped_stop_goes_on() {
    let mut met = meet(false, LONG).await;
    drop(met.server.stop_reading());
    met.client.ask("one\r\n", "one\r\n").await;
    {
        let mut stopping = pin!(met.server.stop_reading());
        assert!(poll_fn(|context| Poll::Ready(stopping.as_mut().poll(context).is_pending())).await);
    }
    eventually(|| !met.server.is_reading()).await;
    assert!(met.session.is_connected());
    met.client.write_all(b"two\r\n").await.unwrap();
    assert_eq!(eventually(met.server.connection().read_str()).await.unwrap(), "two");
}

/// What a client sent before it hung up is read through the server, to the end; if nobody reads, the session ends when
/// it has drained, which begins with the stop.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_session_whose_client_has_hung_up_drains_after_the_stop() {
    for reads in [true, false] {
        let mut met = meet(false, if reads { LONG } else { Duration::from_millis(50) }).await;
        met.client.write_all(b"wait\r\nunread\r\n").await.unwrap();
        met.notes(&["waits"]).await;
        met.client.shutdown().await.unwrap();
        eventually(met.server.stop_reading()).await;
        if reads {
            assert_eq!(eventually(met.server.connection().read_str()).await.unwrap(), "unread");
            let end = eventually(met.server.connection().read_str()).await;
            assert!(matches!(end, Err(ReadError::EndOfStream { .. })), "{end:?}");
        }
        eventually(met.session.wait_closed()).await;
        assert_eq!(met.session.reason(), Some(DisconnectReason::ClosedByPeer));
        met.notes(&["dropped", "on_disconnect"]).await;
        met.client.expect_end().await;
    }
}

/// A reset after the stop ends the session, and its farewell is said.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_reset_after_the_stop_ends_the_session() {
    let Met { server, client, session, mut notes } = meet(false, LONG).await;
    eventually(server.stop_reading()).await;
    reset(client);
    eventually(session.wait_closed()).await;
    assert_eq!(session.reason(), Some(DisconnectReason::Reset));
    assert_eq!(eventually(notes.recv()).await, Some("on_disconnect"));
}

/// Without a client there is nothing to stop.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_stop_without_a_client_returns_at_once() {
    let (sender, _notes) = mpsc::unbounded_channel();
    let handler = Echo { notes: sender, server: Mutex::default(), go: Notify::new(), greets_late: false };
    let server = OneClientReadLoopServer::builder(handler).start().await.unwrap();
    eventually(server.stop_reading()).await;
    let (mut client, _) = dial_in(&server).await;
    assert!(server.is_reading());
    client.ask("echo\r\n", "echo\r\n").await;
}
