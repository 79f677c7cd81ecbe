//! Handlers that take a whole session.

use std::{future::pending, sync::Arc, time::Duration};

use tcpip_client::{Client, Connection, DisconnectReason, HandlerResult, NetworkStream, Serve};
use tcpip_server::{OneClientReadLoopServer, OneClientServerBuilder};
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, timeout},
};

const SECOND: Duration = Duration::from_secs(1);

/// Asks who is there, and does what it is told, of which it notes what becomes.
struct Porter {
    notes: UnboundedSender<String>,
}

impl Porter {
    fn note(&self, what: &str) {
        let _ = self.notes.send(what.to_owned());
    }
}

struct Dropped<'a>(&'a Porter);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

impl Serve for Porter {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        self.note("on_connect");
        connection.write(b"who? ").await?;
        Ok(())
    }

    async fn serve(&self, connection: &Connection) -> HandlerResult {
        let _dropped = Dropped(self);
        let name = connection.read_str().await?;
        self.note(&name);
        connection.write_str(&format!("hello {name}")).await?;
        loop {
            match connection.read_str().await?.as_str() {
                "leave" => return Ok(connection.write_str("bye").await?),
                "fail" => return Err("it was told to".into()),
                "panic" => panic!("it was told to"),
                "wait" => {
                    self.note("waits");
                    pending::<()>().await;
                }
                "wait for the hang-up" => {
                    self.note("waits");
                    connection.wait_hung_up().await;
                    return Ok(());
                }
                command => connection.write_str(command).await?,
            }
        }
    }

    async fn on_disconnect(&self, connection: &Connection) {
        assert!(!connection.is_connected());
        self.note("on_disconnect");
    }
}

struct Met {
    server: Arc<OneClientReadLoopServer<Porter>>,
    network: MemoryNetwork,
    notes: UnboundedReceiver<String>,
}

impl Met {
    async fn with(options: impl FnOnce(OneClientServerBuilder<Porter>) -> OneClientServerBuilder<Porter>) -> Self {
        let (sender, notes) = unbounded_channel();
        let network = MemoryNetwork::new();
        let builder = OneClientReadLoopServer::builder(Porter { notes: sender }).terminator(b"\n").network(&network);
        Self { server: Arc::new(options(builder).start().await.unwrap()), network, notes }
    }

    async fn new() -> Self {
        Self::with(|server| server).await
    }

    /// A client that is known by its name.
    async fn client(&mut self, name: &str) -> NetworkStream {
        let mut client = self.network.connect(self.server.host(), self.server.port()).await.unwrap();
        client.write_all(format!("{name}\n").as_bytes()).await.unwrap();
        hears(&mut client, &format!("who? hello {name}\n")).await;
        self.notes(&["on_connect", name]).await;
        client
    }

    async fn notes(&mut self, what: &[&str]) {
        for what in what {
            assert_eq!(eventually(self.notes.recv()).await.as_deref(), Some(*what));
        }
    }

    async fn tell(&mut self, client: &mut NetworkStream, command: &str) {
        client.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        if command.starts_with("wait") {
            self.notes(&["waits"]).await;
        }
    }
}

async fn hears(client: &mut NetworkStream, expected: &str) {
    let mut heard = vec![0; expected.len()];
    eventually(client.read_exact(&mut heard)).await.unwrap();
    assert_eq!(String::from_utf8(heard).unwrap(), expected);
}

/// Each session has the greeting, is served as a whole, and has the farewell, also when it is the peer that ends it:
/// the end that a read has found and `?` passes on is no failure.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_session_is_served_as_a_whole() {
    let mut met = Met::new().await;
    for name in ["one", "two"] {
        let mut client = met.client(name).await;
        let session = met.server.connection();
        for command in ["up", "down"] {
            met.tell(&mut client, command).await;
            hears(&mut client, &format!("{command}\n")).await;
        }
        drop(client);
        met.notes(&["dropped", "on_disconnect"]).await;
        assert_eq!(session.reason(), Some(DisconnectReason::ClosedByPeer));
        assert!(session.should_be_connected());
    }
}

/// When it returns, this end has closed the session: what it wrote arrives, then the end, and the next client is
/// served.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_session_that_has_been_served_is_closed() {
    let mut met = Met::new().await;
    for name in ["one", "two"] {
        let mut client = met.client(name).await;
        let session = met.server.connection();
        met.tell(&mut client, "leave").await;
        let mut rest = String::new();
        eventually(client.read_to_string(&mut rest)).await.unwrap();
        assert_eq!(rest, "bye\n");
        met.notes(&["dropped", "on_disconnect"]).await;
        assert_eq!(session.reason(), Some(DisconnectReason::Closed));
        assert!(!session.should_be_connected());
    }
}

/// A peer that has hung up before it returns has ended the session, and not this end.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_peer_that_hangs_up_before_the_handler_returns_has_ended_the_session() {
    let mut met = Met::new().await;
    let mut client = met.client("one").await;
    let session = met.server.connection();
    met.tell(&mut client, "wait for the hang-up").await;
    drop(client);
    met.notes(&["dropped", "on_disconnect"]).await;
    assert_eq!(session.reason(), Some(DisconnectReason::ClosedByPeer));
    assert!(session.should_be_connected());
}

/// Its error, and its panic, end the session as those of a read loop do, and the next client is served.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_error_or_a_panic_ends_the_session() {
    let mut met = Met::new().await;
    for (command, cause) in [("fail", "it was told to"), ("panic", "it panicked: it was told to")] {
        let mut client = met.client(command).await;
        let session = met.server.connection();
        met.tell(&mut client, command).await;
        met.notes(&["dropped", "on_disconnect"]).await;
        assert_eq!(session.reason(), Some(DisconnectReason::HandlerFailed { cause: cause.into() }));
        assert_eq!(eventually(client.read(&mut [0])).await.unwrap(), 0);
    }
    met.client("next").await;
}

/// Where somebody else ends the session, it is dropped where it waits, before the farewell.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_close_drops_the_handler_where_it_waits() {
    let mut met = Met::new().await;
    for command in ["wait", "up"] {
        let mut client = met.client("one").await;
        met.tell(&mut client, command).await;
        eventually(met.server.close_client()).await;
        for note in ["dropped", "on_disconnect"] {
            assert_eq!(met.notes.try_recv().as_deref(), Ok(note));
        }
    }
}

/// A stop drops it where it waits, in the middle of a message too, and takes nothing from whoever reads then; the
/// farewell comes with the end of the session.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_stop_leaves_the_session_to_others() {
    let mut met = Met::new().await;
    for command in ["wait", "up"] {
        let mut client = met.client("one").await;
        met.tell(&mut client, command).await;
        if command == "up" {
            hears(&mut client, "up\n").await;
        }
        client.write_all(b"ha").await.unwrap();
        eventually(met.server.stop_reading()).await;
        assert_eq!(met.notes.try_recv().as_deref(), Ok("dropped"));
        let session = met.server.connection();
        assert!(!met.server.is_reading() && session.is_connected());
        client.write_all(b"lf\n").await.unwrap();
        assert_eq!(eventually(session.read_str()).await.unwrap(), "half");
        assert!(met.notes.is_empty());
        drop(client);
        met.notes(&["on_disconnect"]).await;
    }
}

/// At work it is alive, whatever the peer does not say; while it reads, the peer's silence ends the session.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_handler_at_work_is_not_idle_and_misses_no_heartbeat() {
    for (watches_heartbeats, reason) in
        [(false, DisconnectReason::Idle { after: SECOND }), (true, DisconnectReason::HeartbeatMissed { after: SECOND })]
    {
        let mut met = Met::with(|server| {
            if watches_heartbeats { server.max_heartbeat_interval(SECOND) } else { server.idle_timeout(SECOND) }
        })
        .await;
        let mut client = met.client("at work").await;
        met.tell(&mut client, "wait").await;
        let session = met.server.connection();
        timeout(60 * SECOND, session.wait_disconnected()).await.expect_err("it is at work");
        eventually(met.server.close_client()).await;
        met.notes(&["dropped", "on_disconnect"]).await;

        let _client = met.client("reads").await;
        let since = Instant::now();
        let session = met.server.connection();
        eventually(session.wait_disconnected()).await;
        assert_eq!(session.reason(), Some(reason));
        assert!(since.elapsed() <= 2 * SECOND, "{:?}", since.elapsed());
        met.notes(&["dropped", "on_disconnect"]).await;
    }
}

/// A client's handler may take the whole session as well.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_client_serves_its_session_as_a_whole() {
    let (sender, mut notes) = unbounded_channel();
    let (near, far) = tokio::io::duplex(1024);
    let device = Client::from_stream(far).connect().await.unwrap();
    let client = Client::from_stream(near).connect_with(Porter { notes: sender }).await.unwrap();
    device.write_str("dome").await.unwrap();
    assert_eq!(eventually(device.read_str()).await.unwrap(), "who? hello dome");
    assert!(client.is_reading());
    device.write_str("leave").await.unwrap();
    assert_eq!(eventually(device.read_str()).await.unwrap(), "bye");
    eventually(client.wait_closed()).await;
    assert_eq!(client.connection().reason(), Some(DisconnectReason::Closed));
    for note in ["on_connect", "dome", "dropped", "on_disconnect"] {
        assert_eq!(notes.try_recv().as_deref(), Ok(note));
    }
}
