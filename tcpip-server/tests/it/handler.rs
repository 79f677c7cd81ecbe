//! What a handler may rely on, and what it cannot spoil.

use std::{
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_server::{Connection, DisconnectReason, HandlerResult, OneClientReadLoopServer, ReadAndDispatch, ReadError};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{
    io::AsyncWriteExt,
    sync::{Notify, mpsc},
};
use tracing::Level;

use crate::{
    dial::{admission_of, dial, dial_in, reset},
    log_count::LogCount,
    over_both::{is_free, over_both},
};

/// A handler that does what its client says, and notes what was done to it.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    greeting: &'static str,
    notes: Notes,
    /// What `wait` waits for.
    go: Notify,
    /// What `block` waits for without yielding: that the other end is dropped.
    gate: Mutex<Option<std::sync::mpsc::Receiver<()>>>,
    /// The server, for commands that close it, and the handle that keeps it, for one that drops it.
    server: Mutex<Weak<OneClientReadLoopServer<Scripted>>>,
    owner: Mutex<Option<ScriptedServer>>,
    /// What the hooks do, as commands: for each client one, or none.
    on_connect: Mutex<Vec<&'static str>>,
    on_disconnect: Mutex<Vec<&'static str>>,
}

#[derive(Debug)]
struct Notes {
    sender: mpsc::UnboundedSender<String>,
    receiver: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
}

impl Default for Notes {
    fn default() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver: receiver.into() }
    }
}

/// Notes when a handler's future goes, and how.
struct AtWork<'a> {
    notes: &'a Notes,
    done: bool,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.notes.sender.send("dropped".into());
        }
    }
}

impl Scripted {
    pub(crate) fn greeting(greeting: &'static str) -> Self {
        Self { greeting, ..Self::default() }
    }

    fn note(&self, what: impl Into<String>) {
        let _ = self.notes.sender.send(what.into());
    }

    async fn noted(&self) -> String {
        eventually(async { self.notes.receiver.lock().await.recv().await }).await.unwrap()
    }

    async fn has_noted(&self, what: &[&str]) {
        for what in what {
            assert_eq!(self.noted().await, *what);
        }
    }

    fn block(&self) {
        if let Some(gate) = &*self.gate.lock().unwrap() {
            let _ = gate.recv();
        }
    }

    async fn obey(&self, command: &str, connection: &Connection) -> HandlerResult {
        let server = || self.server.lock().unwrap().upgrade().unwrap();
        match command {
            "" => {}
            "fail" => return Err("on purpose".into()),
            "panic" => panic!("on purpose"),
            "wait" => {
                let mut at_work = AtWork { notes: &self.notes, done: false };
                self.note("waiting");
                self.go.notified().await;
                at_work.done = true;
                connection.write_str("waited").await?;
            }
            "block" => {
                self.note("blocking");
                self.block();
            }
            "connection.close" => connection.close().await,
            "close_client" => server().close_client().await,
            "close" => server().close().await,
            "drop" => drop(self.owner.lock().unwrap().take()),
            "callbacks_done" => server().callbacks_done().await,
            other => connection.write_str(other).await?,
        }
        self.note(format!("{command} done"));
        // Whoever has closed its own session ends here.
        if command.contains("close") {
            tokio::task::yield_now().await;
            self.note("went on");
        }
        Ok(())
    }
}

impl ReadAndDispatch for Scripted {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        self.note("on_connect");
        if !self.greeting.is_empty() {
            connection.write(self.greeting.as_bytes()).await?;
        }
        let command = self.on_connect.lock().unwrap().pop();
        if let Some(command) = command {
            self.obey(command, connection).await?;
        }
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command = connection.read_str().await?;
        self.obey(&command, connection).await
    }

    async fn on_disconnect(&self, connection: &Connection) {
        let command = self.on_disconnect.lock().unwrap().pop();
        if let Some(command) = command {
            let _ = self.obey(command, connection).await;
        }
        self.note("on_disconnect");
    }
}

type ScriptedServer = Arc<OneClientReadLoopServer<Scripted>>;

/// A server that its handler can reach. Its close deadline is far away, so that what waits for it is seen to wait.
async fn scripted(handler: Scripted) -> ScriptedServer {
    let builder = OneClientReadLoopServer::builder(handler).close_timeout(Duration::from_secs(20));
    let server = Arc::new(builder.start().await.unwrap());
    *server.handler().server.lock().unwrap() = Arc::downgrade(&server);
    server
}

/// What is far below the close deadline of these servers, and far above anything that does not wait for it.
const AT_ONCE: Duration = Duration::from_secs(10);

async fn at_once<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(AT_ONCE, what).await.expect("this should not have waited")
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

/// A client that leaves between two messages is no trouble for the log; one that leaves within a message is.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn clean_end_is_not_logged_as_trouble_and_a_truncated_frame_is() {
    let (log, _listening) = LogCount::start();
    let server = scripted(Scripted::default()).await;
    for (sent, warnings) in [("", 0), ("echo\r\n", 0), ("echo\r\nhalf a li", 1)] {
        let (mut client, session) = dial_in(&*server).await;
        client.write_all(sent.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        client.rest().await.unwrap();
        eventually(session.wait_closed()).await;
        while server.handler().noted().await != "on_disconnect" {}
        assert_eq!(session.reason(), Some(DisconnectReason::ClosedByPeer));
        assert_eq!(log.of(Level::WARN, "").len(), warnings, "{sent:?}");
        assert_eq!(log.of(Level::ERROR, "").len(), 0);
    }
}

/// Reads with `read_line` and `read`, which have no error for the end of the stream.
struct Echo {
    by_line: bool,
    reads: mpsc::UnboundedSender<Vec<u8>>,
}

impl ReadAndDispatch for Echo {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let data = if self.by_line { connection.read_line().await? } else { connection.read(100).await? };
        let _ = self.reads.send(data);
        Ok(())
    }
}

/// Fault 9: a read loop on `read_line` or `read` ends with the stream, calls the callback and closes the socket.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn read_loop_on_read_line_or_read_ends_with_the_stream() {
    for by_line in [true, false] {
        let (reads, mut data) = mpsc::unbounded_channel();
        let (callback, mut events) = crate::callbacks::event_channel();
        let builder = OneClientReadLoopServer::builder(Echo { by_line, reads }).connect_callback(callback);
        let server = builder.start().await.unwrap();
        let mut client = dial(&server).await;
        client.write_all(b"a line\n").await.unwrap();
        assert_eq!(eventually(data.recv()).await.unwrap(), b"a line\n");
        client.write_all(b"a rest").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(eventually(data.recv()).await.unwrap(), b"a rest");
        client.expect_end().await;
        eventually(events.recv()).await.unwrap();
        let ended = eventually(events.recv()).await.unwrap();
        assert_eq!(ended.reason(), Some(DisconnectReason::ClosedByPeer));
        eventually(ended.connection().wait_closed()).await;
        eventually(async {
            while server.is_reading() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let reads: Vec<_> = std::iter::from_fn(|| data.try_recv().ok()).collect();
        assert!(reads.len() <= 1 && reads.concat().is_empty(), "{reads:?}");
    }
}

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
            let mut notes = server.handler().notes.receiver.try_lock().unwrap();
            assert_eq!(notes.try_recv().unwrap(), "dropped");
            assert_eq!(notes.try_recv().unwrap(), "on_disconnect");
            assert!(!server.is_reading());
            continue;
        }
        let mut next = dial(&*server).await;
        next.ask("echo\r\n", "echo\r\n").await;
        server.handler().has_noted(&["dropped", "on_disconnect", "on_connect", "echo done"]).await;
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
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(server.handler().notes.receiver.try_lock().unwrap().try_recv().is_err());
    server.handler().go.notify_one();
    next.expect("echo\r\n").await;
    server.handler().has_noted(&["on_disconnect", "on_connect", "echo done"]).await;
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
    tokio::time::sleep(Duration::from_millis(1200)).await;
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

/// A close of any kind, called from the session's own handler or hook, returns without waiting for its caller, and the
/// caller ends where it next waits.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn close_from_the_own_handler_returns_at_once() {
    for command in ["connection.close", "close_client", "close"] {
        for place in ["on_connect", "read_and_dispatch", "on_disconnect"] {
            let server = scripted(Scripted::default()).await;
            let handler = server.handler();
            match place {
                "on_connect" => handler.on_connect.lock().unwrap().push(command),
                "on_disconnect" => handler.on_disconnect.lock().unwrap().push(command),
                _ => {}
            }
            let mut client = dial(&*server).await;
            handler.has_noted(&["on_connect"]).await;
            match place {
                "read_and_dispatch" => client.write_all(format!("{command}\r\n").as_bytes()).await.unwrap(),
                "on_disconnect" => client.shutdown().await.unwrap(),
                _ => {}
            }
            let done = format!("{command} done");
            let went_on = if place == "on_disconnect" { vec!["went on"] } else { vec![] };
            at_once(handler.has_noted(&[&[done.as_str()], &went_on[..], &["on_disconnect"]].concat())).await;
            assert_eq!(at_once(client.rest()).await.unwrap(), b"", "{command} in {place}");
            at_once(server.connection().wait_closed()).await;
            if command == "close" {
                at_once(server.wait_closed()).await;
                assert!(crate::over_both::port_is_free(&server));
            } else {
                let mut next = dial(&*server).await;
                next.ask("echo\r\n", "echo\r\n").await;
            }
        }
    }
}

/// A server that is dropped by its own handler closes.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn server_dropped_by_its_own_handler_closes() {
    let server = scripted(Scripted::default()).await;
    let mut client = dial(&*server).await;
    let (handler, address) = (Arc::clone(server.handler()), server.local_addrs()[0]);
    *handler.owner.lock().unwrap() = Some(server);
    client.write_all(b"drop\r\n").await.unwrap();
    assert_eq!(at_once(client.rest()).await.unwrap(), b"");
    at_once(handler.has_noted(&["on_connect", "drop done", "on_disconnect"])).await;
    eventually(async {
        while !is_free(address) {
            tokio::task::yield_now().await;
        }
    })
    .await;
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
        assert!(crate::over_both::port_is_free(&server));
        eventually(server.wait_closed()).await;
        // Both are blocked until now.
        drop(gate);
    }
}

/// How a handler's helpers pass an error of the library on.
#[derive(Clone, Copy, Debug)]
enum PassedOn {
    LibraryError,
    IoError,
    Cause,
}

#[derive(Debug)]
struct Cause(ReadError);

impl std::fmt::Display for Cause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("no command came")
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl ReadAndDispatch for PassedOn {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        connection.read_str().await.map(drop).map_err(|error| match self {
            Self::LibraryError => tcpip_server::Error::from(error).into(),
            Self::IoError => std::io::Error::from(error).into(),
            Self::Cause => Cause(error).into(),
        })
    }
}

/// The end of a session stays no failure of the handler however the handler's helpers wrap it, and an end within a
/// message stays one to warn of.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn end_that_is_passed_on_in_another_error_is_no_failure() {
    for passed_on in [PassedOn::LibraryError, PassedOn::IoError, PassedOn::Cause] {
        for (sent, warnings) in [("one\r\n", 0), ("one\r\nhalf", 1)] {
            let (log, _listening) = LogCount::start();
            let server = OneClientReadLoopServer::builder(passed_on).start().await.unwrap();
            let (mut client, _) = dial_in(&server).await;
            client.write_all(sent.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
            client.rest().await.unwrap();
            eventually(server.close()).await;
            assert_eq!(log.of(Level::ERROR, ""), Vec::<String>::new(), "{passed_on:?}");
            assert_eq!(log.of(Level::WARN, "").len(), warnings, "{passed_on:?}");
        }
    }
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
