//! Handlers whose errors, futures and panics misbehave: the session ends, and nothing else does.

use std::{
    error::Error,
    fmt,
    future::pending,
    panic::panic_any,
    sync::atomic::{AtomicBool, Ordering},
};

use macro_rules_attribute::apply;
use tcpip_server::{Connection, DisconnectReason, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{
    io::AsyncWriteExt,
    sync::mpsc::{UnboundedSender, unbounded_channel},
};
use tracing::Level;

use crate::{
    dial::{dial, dial_in},
    events::event_channel,
    log_count::LogCount,
    over_both::over_both,
};

/// An error that does what its name says.
#[derive(Debug)]
struct BadError(String);

impl fmt::Display for BadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "text panics" => panic!("on purpose"),
            "text fails" => formatter.write_str("half a te").and(Err(fmt::Error)),
            "text is huge" => (0..100_000).try_for_each(|_| formatter.write_str("0123456789")),
            "text is huge and does not end for an error" => {
                for _ in 0..100_000 {
                    let _ = formatter.write_str("0123456789");
                }
                Ok(())
            }
            other => formatter.write_str(other),
        }
    }
}

impl Error for BadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.0.as_str() {
            "source panics" => panic!("on purpose"),
            "is its own source" => Some(self),
            _ => None,
        }
    }
}

impl Drop for BadError {
    fn drop(&mut self) {
        assert!(self.0 != "drop panics", "on purpose");
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no such axis")]
struct WithSource(#[source] std::num::ParseIntError);

/// Panics when it is dropped, as many times as it says, each time with another of its kind.
struct Bomb(usize);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 {
            panic_any(Self(self.0 - 1));
        }
    }
}

/// Echoes, or does what its client says, and notes the farewell.
struct Misbehaving {
    farewells: UnboundedSender<()>,
    next_panics: AtomicBool,
}

impl Misbehaving {
    async fn obey(&self, command: String, connection: &Connection) -> HandlerResult {
        match command.as_str() {
            "echo" => connection.write_str("echo").await?,
            "panics" => panic!("on purpose"),
            "panics with a bomb" => panic_any(Bomb(1)),
            "panics with many bombs" => panic_any(Bomb(10)),
            "panics at length" => panic!("{}", "0123456789".repeat(100_000)),
            "panics before its future is there" => self.next_panics.store(true, Ordering::Relaxed),
            "waits with a bomb" => {
                let _bomb = Bomb(1);
                connection.write_str("waits").await?;
                pending::<()>().await;
            }
            "fails with a cause" => return Err("seven".parse::<u8>().map_err(WithSource).unwrap_err().into()),
            _ => return Err(BadError(command).into()),
        }
        Ok(())
    }
}

impl ReadAndDispatch for Misbehaving {
    fn read_and_dispatch(&self, connection: &Connection) -> impl Future<Output = HandlerResult> + Send {
        assert!(!self.next_panics.swap(false, Ordering::Relaxed), "on purpose");
        async move {
            let command = connection.read_str().await?;
            self.obey(command, connection).await
        }
    }

    async fn on_disconnect(&self, _connection: &Connection) {
        let _ = self.farewells.send(());
    }
}

/// However a handler fails, and however its error or panic behaves when it is shown, asked for its cause, or dropped:
/// the failure is logged, event and reason say the cause, `on_disconnect` runs, and the next client is served.
/// Failure 42.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_failure_that_misbehaves_ends_its_session_and_no_more() {
    let own_source = ["is its own source"; 16].join(": ");
    let shortened = format!("{}…", &"0123456789".repeat(200)[..1024]);
    let (log, _listening) = LogCount::start();
    let (farewells, mut farewell) = unbounded_channel();
    let (callback, mut events) = event_channel();
    let handler = Misbehaving { farewells, next_panics: false.into() };
    let server = OneClientReadLoopServer::builder(handler).connect_callback(callback).start().await.unwrap();
    let mut count = 0;
    for (command, cause) in [
        ("fails", "fails"),
        ("fails with a cause", "no such axis: invalid digit found in string"),
        ("text panics", "(its text panicked: on purpose)"),
        ("text fails", "half a te"),
        ("text is huge", &shortened),
        ("text is huge and does not end for an error", &shortened),
        ("source panics", "source panics (its text panicked: on purpose)"),
        ("is its own source", &own_source),
        ("drop panics", "drop panics"),
        ("panics", "it panicked: on purpose"),
        ("panics with a bomb", "it panicked: a value that is not text"),
        ("panics with many bombs", "it panicked: a value that is not text"),
        ("panics at length", &format!("it panicked: {shortened}")),
        ("panics before its future is there", "it panicked: on purpose"),
    ] {
        let (mut client, session) = dial_in(&server).await;
        client.ask("echo\r\n", "echo\r\n").await;
        client.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        client.expect_end().await;
        eventually(farewell.recv()).await.unwrap();
        let reason = DisconnectReason::HandlerFailed { cause: cause.into() };
        assert_eq!(session.reason(), Some(reason.clone()));
        assert_eq!(reason.to_string(), format!("the handler failed: {cause}"));
        assert!(eventually(events.recv()).await.unwrap().is_connected());
        assert_eq!(eventually(events.recv()).await.unwrap().reason(), Some(reason));
        count += 1;
        assert_eq!(log.of(Level::ERROR, "the handler ").len(), count, "{command}");
    }
    assert_eq!(log.of(Level::ERROR, "a panic while the handler's error was dropped: on purpose").len(), 1);
    let mut client = dial(&server).await;
    client.ask("echo\r\n", "echo\r\n").await;
    eventually(server.close()).await;
}

/// A handler's future that panics as it is dropped does no harm: `on_disconnect` runs, and the next client is served.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_future_that_panics_as_it_is_dropped_does_no_harm() {
    let (log, _listening) = LogCount::start();
    let (farewells, mut farewell) = unbounded_channel();
    let handler = Misbehaving { farewells, next_panics: false.into() };
    let server = OneClientReadLoopServer::builder(handler).start().await.unwrap();
    let (mut client, _) = dial_in(&server).await;
    client.ask("waits with a bomb\r\n", "waits\r\n").await;
    eventually(server.close_client()).await;
    assert!(farewell.try_recv().is_ok() && !server.is_reading());
    assert_eq!(log.of(Level::ERROR, "a panic while a future was dropped").len(), 1);
    let mut client = dial(&server).await;
    client.ask("echo\r\n", "echo\r\n").await;
}
