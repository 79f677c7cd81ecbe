//! The client that reads by itself.

use std::{
    future::pending,
    sync::{Mutex, OnceLock, Weak},
    time::Duration,
};

use tcpip_client::{Client, Connection, DisconnectReason, HandlerResult, ReadAndDispatch, ReadLoopClient};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};

use crate::kinds::{Kind, Tcp, reset};

/// Notes each line, and does what it says.
struct Scripted {
    notes: UnboundedSender<String>,
    own: OnceLock<Weak<ReadLoopClient<Scripted>>>,
    /// What `block` waits for without yielding.
    gate: Mutex<std::sync::mpsc::Receiver<()>>,
}

struct Dropped<'a>(&'a Scripted);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

impl Scripted {
    fn note(&self, what: &str) {
        let _ = self.notes.send(what.to_owned());
    }
}

impl ReadAndDispatch for Scripted {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        connection.write_str("hello").await?;
        self.note("on_connect");
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        self.note(&line);
        match line.as_str() {
            "fail" => return Err("as told".into()),
            "panic" => panic!("as told"),
            "wait" => {
                let _dropped = Dropped(self);
                pending::<()>().await;
            }
            "block" => drop(self.gate.lock().unwrap().recv()),
            "close" => {
                let own = self.own.get().and_then(Weak::upgrade).unwrap();
                own.close().await;
                self.note("closed");
                pending::<()>().await;
            }
            _ => {}
        }
        Ok(())
    }

    async fn on_disconnect(&self, _connection: &Connection) {
        self.note("on_disconnect");
    }
}

struct Met {
    client: ReadLoopClient<Scripted>,
    peer: TcpStream,
    notes: UnboundedReceiver<String>,
    /// Ends what blocks when it is dropped.
    gate: std::sync::mpsc::Sender<()>,
}

impl Met {
    async fn hears(&mut self, what: &[&str]) {
        for what in what {
            assert_eq!(eventually(self.notes.recv()).await.as_deref(), Some(*what));
        }
    }
}

/// A client with the scripted handler and a close deadline, and its peer.
async fn meet(close_timeout: Duration) -> Met {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, notes) = unbounded_channel();
    let (gate, block) = std::sync::mpsc::channel();
    let handler = Scripted { notes: sender, own: OnceLock::new(), gate: block.into() };
    let connecting = Client::builder("127.0.0.1", port).close_timeout(close_timeout).connect_with(handler);
    let (client, accepted) = eventually(async { tokio::join!(connecting, listener.accept()) }).await;
    let mut met = Met { client: client.unwrap(), peer: accepted.unwrap().0, notes, gate };
    met.hears(&["on_connect"]).await;
    met
}

/// Longer than any test lasts.
const LONG: Duration = Duration::from_mins(1);

/// All that had arrived is dispatched before the end, which is no failure, whether it came in good order or as a reset;
/// the client is then at rest, and lost, not closed.
#[test_log::test(tokio::test)]
async fn everything_is_dispatched_before_the_end() {
    for end in ["a hang-up", "a reset"] {
        let Met { client, mut peer, mut notes, .. } = meet(LONG).await;
        Tcp::arrival(&mut peer).await;
        peer.write_all(b"one\r\ntwo\r\nthree\r\n").await.unwrap();
        if end == "a reset" {
            reset(peer).await;
        } else {
            peer.expect(b"hello\r\n").await;
            drop(peer);
        }
        for what in ["one", "two", "three", "on_disconnect"] {
            assert_eq!(eventually(notes.recv()).await.as_deref(), Some(what), "{end}");
        }
        eventually(client.wait_closed()).await;
        assert!(client.is_closed() && !client.is_reading() && client.should_be_connected());
        assert!(!matches!(client.connection().reason(), Some(DisconnectReason::HandlerFailed { .. })), "{end}");
    }
}

/// A close drops the handler where it waits, and returns when `on_disconnect` has been called.
#[test_log::test(tokio::test)]
async fn a_close_ends_the_loop() {
    let mut met = meet(LONG).await;
    met.peer.write_all(b"wait\r\n").await.unwrap();
    met.hears(&["wait"]).await;
    assert!(met.client.is_reading() && !met.client.is_closed());
    eventually(met.client.close()).await;
    assert!(!met.client.is_reading() && met.client.is_closed() && !met.client.should_be_connected());
    met.hears(&["dropped", "on_disconnect"]).await;
    met.peer.expect(b"hello\r\n").await;
    met.peer.expect_end().await;
}

/// A failure or a panic of the handler ends the session with that reason, and the loop in order.
#[test_log::test(tokio::test)]
async fn a_failure_ends_the_session() {
    for how in ["fail", "panic"] {
        let mut met = meet(LONG).await;
        met.peer.write_all(format!("{how}\r\nnever read\r\n").as_bytes()).await.unwrap();
        met.hears(&[how, "on_disconnect"]).await;
        eventually(met.client.wait_closed()).await;
        assert!(matches!(met.client.connection().reason(), Some(DisconnectReason::HandlerFailed { .. })));
    }
}

/// A close that the handler calls itself returns at once, and the handler is dropped where it next waits.
#[test_log::test(tokio::test)]
async fn a_handler_may_close_its_client() {
    let met = meet(LONG).await;
    let Met { client, mut peer, mut notes, .. } = met;
    let client = std::sync::Arc::new(client);
    client.handler().own.set(std::sync::Arc::downgrade(&client)).unwrap();
    peer.write_all(b"close\r\n").await.unwrap();
    for what in ["close", "closed", "on_disconnect"] {
        assert_eq!(eventually(notes.recv()).await.as_deref(), Some(what));
    }
    eventually(client.wait_closed()).await;
}

/// A client that is dropped ends its loop.
#[test_log::test(tokio::test)]
async fn a_dropped_client_ends_the_loop() {
    let mut met = meet(LONG).await;
    met.peer.write_all(b"wait\r\n").await.unwrap();
    met.hears(&["wait"]).await;
    drop(met.client);
    for what in ["dropped", "on_disconnect"] {
        assert_eq!(eventually(met.notes.recv()).await.as_deref(), Some(what));
    }
}

/// A handler that blocks its thread cannot hold a close up for longer than its deadline.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 3))]
async fn a_handler_that_blocks_is_given_up() {
    let mut met = meet(Duration::from_millis(100)).await;
    met.peer.write_all(b"block\r\n").await.unwrap();
    met.hears(&["block"]).await;
    let before = Instant::now();
    eventually(met.client.close()).await;
    assert!(before.elapsed() >= Duration::from_millis(100));
    assert!(met.client.is_reading(), "it still blocks");
    drop(met.gate);
    met.notes.close();
    eventually(met.client.wait_closed()).await;
}

/// The loop works over any stream.
#[test_log::test(tokio::test)]
async fn the_loop_runs_over_any_stream() {
    let (sender, mut notes) = unbounded_channel();
    let (_gate, block) = std::sync::mpsc::channel();
    let handler = Scripted { notes: sender, own: OnceLock::new(), gate: block.into() };
    let (stream, mut other_end) = tokio::io::duplex(64);
    other_end.write_all(b"one\r\n").await.unwrap();
    let client = Client::from_stream(stream).connect_with(handler).await.unwrap();
    for what in ["on_connect", "one"] {
        assert_eq!(eventually(notes.recv()).await.as_deref(), Some(what));
    }
    drop(other_end);
    assert_eq!(eventually(notes.recv()).await.as_deref(), Some("on_disconnect"));
    eventually(client.wait_closed()).await;
}
