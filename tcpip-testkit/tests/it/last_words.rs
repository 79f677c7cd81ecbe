//! What a device says before it resets the connection is heard by whom a link asks for it, however soon that comes.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tcpip_client::{Backoff, Cause, Client, Commands, DisconnectReason, LinkBuilder, Serve};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::MemoryNetwork;
use tokio::time::Instant;

use crate::commands::wordy::{InOrder, Wordy};

const SECOND: Duration = Duration::from_secs(1);
const LINES: usize = 100;

/// Says so many lines for each command, and resets the connection at once.
struct Hothead {
    lines: usize,
}

impl ReadAndDispatch for Hothead {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        connection.read_str().await?;
        let mut reply = connection.batch();
        for line in 0..self.lines {
            reply.write_str(&format!("done {line}"))?;
        }
        reply.send().await?;
        connection.abort();
        Ok(())
    }
}

async fn serve(network: &MemoryNetwork, lines: usize) -> OneClientReadLoopServer<Hothead> {
    let server = OneClientReadLoopServer::builder(Hothead { lines }).network(network).host("device").port(1);
    server.start().await.unwrap()
}

fn link(network: &MemoryNetwork) -> LinkBuilder {
    Client::builder("device", 1).network(network).link().backoff(Backoff::exponential(SECOND, SECOND).seed(7))
}

/// A reply that the reset comes behind is a reply, and one that it cuts off is shown as far as it came.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reply_before_a_reset_is_heard() {
    let network = MemoryNetwork::new();
    let _server = serve(&network, 1).await;
    let link = link(&network).connect().await.unwrap();
    for _ in 0..3 {
        assert_eq!(link.ask("?").await.unwrap(), "done 0");
        link.connection().wait_disconnected().await;
        assert_eq!(link.connection().reason(), Some(DisconnectReason::Reset));
        link.ready().await.unwrap();
    }
    let error = link.ask_for("?", tcpip_client::lines(2)).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Read(_)) && error.received() == b"done 0\r\n", "{error:?}");
}

/// Commands have the replies that came before it, and are told of the end behind them.
#[test_log::test(tokio::test(start_paused = true))]
async fn replies_before_a_reset_are_dispatched() {
    let network = MemoryNetwork::new();
    let _server = serve(&network, 1).await;
    let link = link(&network).handler(Commands::new(Wordy::<InOrder>::new())).connect().await.unwrap();
    for _ in 0..3 {
        let answered = link.handler().submit("?").await.unwrap();
        let unanswered = link.handler().submit("?").await.unwrap();
        assert_eq!(answered.await.unwrap(), "done 0");
        assert!(matches!(unanswered.await.unwrap_err().cause(), Cause::NotConnected { .. }));
        link.ready().await.unwrap();
    }
}

/// Notes the lines, each of which takes its time.
#[derive(Default)]
struct Slow {
    lines: Mutex<Vec<String>>,
}

impl Slow {
    fn heard(&self) -> usize {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl ReadAndDispatch for Slow {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.lines.lock().unwrap().push(line);
        Ok(())
    }
}

/// A handler that is behind hears all of it before the link goes on.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_slow_handler_hears_all_before_a_reset() {
    let network = MemoryNetwork::new();
    let _server = serve(&network, LINES).await;
    let link = link(&network).handler(Slow::default()).connect().await.unwrap();
    for round in 1..3 {
        link.connection().write_str("?").await.unwrap();
        link.lost().await;
        assert_eq!(link.handler().heard(), round * LINES);
        link.ready().await.unwrap();
    }
}

/// Reads nothing, and sees no end.
struct Deaf;

impl Serve for Deaf {
    async fn serve(&self, _connection: &Connection) -> HandlerResult {
        std::future::pending().await
    }
}

/// One that does not read is waited for no longer than a close may take.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_deaf_handler_is_not_waited_for_without_end() {
    let network = MemoryNetwork::new();
    let _server = serve(&network, 1).await;
    let timeout = 2 * SECOND;
    let link = link(&network).client(|client| client.close_timeout(timeout)).handler(Deaf).connect().await.unwrap();
    link.connection().write_str("?").await.unwrap();
    let begin = Instant::now();
    link.lost().await;
    assert!((timeout..timeout + SECOND / 10).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    link.ready().await.unwrap();
}
