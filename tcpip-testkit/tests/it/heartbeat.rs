//! Peers that say nothing, and heartbeats that say that they live.

use std::time::Duration;

use tcpip_client::{Client, ClientBuilder, ConnectError, Connection, OptionError, ReadError, Terminator};
use tcpip_server::{
    DEFAULT_HEARTBEAT_INTERVAL, DEFAULT_MAX_HEARTBEAT_INTERVAL, DisconnectReason, Encoding, HEARTBEAT, HandlerResult,
    OneClientReadLoopServer, OneClientServer, OneClientServerBuilder, ReadAndDispatch, StartError, UnexpectedHeartbeat,
};
use tcpip_testkit::{MemoryNetwork, OneClientServerTestCase, TestOneClientReadLoopServer, eventually, memory_pair};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep, timeout},
};

const SECOND: Duration = Duration::from_secs(1);

/// Longer than the shortest time there is between what is compared, and shorter than what is told apart.
const ABOUT: Duration = Duration::from_millis(5);

/// Dials a server in memory.
fn dial(network: &MemoryNetwork) -> ClientBuilder {
    Client::builder("device", 1).network(network)
}

/// How long until the session has ended, and why.
pub(crate) async fn end_of(connection: &Connection) -> (Duration, DisconnectReason) {
    let before = Instant::now();
    connection.wait_disconnected().await;
    (before.elapsed(), connection.reason().unwrap())
}

pub(crate) fn assert_about(elapsed: Duration, expected: Duration) {
    assert!(elapsed >= expected && elapsed < expected + ABOUT, "{elapsed:?} is not {expected:?}");
}

/// The first heartbeat comes at once after connecting, and the others each interval; none without the option.
/// Parity: `run_heartbeat_send_task`, `heartbeat_send_sleep`.
#[test_log::test(tokio::test(start_paused = true))]
async fn heartbeats_are_sent_at_once_and_then_each_interval() {
    let (near, far) = tokio::io::duplex(1000);
    let began = Instant::now();
    let client = Client::from_stream(near).heartbeat_interval(SECOND).connect().await.unwrap();
    let peer = Client::from_stream(far).connect().await.unwrap();
    for beat in 0..5 {
        assert_eq!(peer.read_str().await.unwrap(), HEARTBEAT);
        assert_about(began.elapsed(), SECOND * beat);
    }
    // In the encoding and with the terminator of the moment, which cannot be one that a heartbeat contains.
    client.set_encoding(Encoding::Utf16).unwrap();
    client.set_terminator(b"||").unwrap();
    peer.set_encoding(Encoding::Utf16).unwrap();
    peer.set_terminator(b"||").unwrap();
    assert_eq!(peer.read_str().await.unwrap(), HEARTBEAT);
    client.set_encoding(Encoding::Utf8).unwrap();
    assert_eq!(client.set_terminator(b"beat"), Err(OptionError::TerminatorInHeartbeat));
    assert_eq!(client.terminator(), b"||");
    peer.set_encoding(Encoding::Utf8).unwrap();
    assert_eq!(peer.read_str().await.unwrap(), HEARTBEAT);
    client.close().await;
    assert!(matches!(peer.read_str().await, Err(ReadError::EndOfStream { .. })));

    let (_client, peer) = memory_pair(|end| end).await.unwrap();
    assert!(timeout(SECOND * 3600, peer.read(1)).await.is_err());
}

/// Fault 8: heartbeats never land inside another message, whoever writes how much at once.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn heartbeats_and_messages_stay_whole() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder()).await.unwrap();
    let client =
        case.create_client(&server, |client| client.heartbeat_interval(Duration::from_millis(1))).await.unwrap();
    let writer = client.connection();
    let writing = tokio::spawn(async move {
        for number in 0..300 {
            writer.write_str(&format!("{number} {}", "x".repeat(number * 97 % 50_000))).await.unwrap();
            if number % 10 == 0 {
                sleep(Duration::from_millis(2)).await;
            }
        }
    });
    let (mut next, mut beats) = (0, 0);
    while next < 300 {
        let line = eventually(server.read_str()).await.unwrap();
        if line == HEARTBEAT {
            beats += 1;
            continue;
        }
        assert_eq!(line, format!("{next} {}", "x".repeat(next * 97 % 50_000)));
        next += 1;
    }
    assert!(beats > 10, "{beats}");
    writing.await.unwrap();
}

/// Heartbeats do not pile up in the queue while the peer reads nothing.
#[test_log::test(tokio::test(start_paused = true))]
async fn heartbeats_do_not_pile_up() {
    let (near, far) = tokio::io::duplex(15);
    let _client = Client::from_stream(near).heartbeat_interval(SECOND).write_timeout(None).connect().await.unwrap();
    sleep(SECOND * 1000).await;
    let peer = Client::from_stream(far).connect().await.unwrap();
    let mut early = 0;
    while timeout(SECOND / 2, peer.read_str()).await.is_ok() {
        early += 1;
    }
    assert!(early <= 3, "{early} heartbeats had been queued");
}

/// Reads one kind of message, and tells what came.
struct Reader {
    told: UnboundedSender<String>,
    /// How long it works on a message.
    works: Duration,
}

impl ReadAndDispatch for Reader {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        sleep(self.works).await;
        self.told.send(line)?;
        Ok(())
    }
}

/// A server that expects a heartbeat each second, what its handler is told, and how to dial it.
async fn monitoring_server(
    works: Duration,
) -> (OneClientReadLoopServer<Reader>, UnboundedReceiver<String>, MemoryNetwork) {
    let network = MemoryNetwork::new();
    let (told, receiver) = unbounded_channel();
    let builder = OneClientReadLoopServer::builder(Reader { told, works }).max_heartbeat_interval(SECOND);
    (builder.network(&network).host("device").port(1).start().await.unwrap(), receiver, network)
}

/// A client that sends heartbeats stays, and they are not told; when they stop, the session ends after the interval.
/// Parity: `run_heartbeat_monitor_task`, `max_heartbeat_interval`, `monitor_received_heartbeats`.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_session_lives_as_long_as_heartbeats_come() {
    let (server, mut told, network) = monitoring_server(Duration::ZERO).await;
    let client = dial(&network).connect().await.unwrap();
    let connection = server.wait_connected().await.unwrap();
    for _ in 0..50 {
        client.write_str(HEARTBEAT).await.unwrap();
        sleep(SECOND * 9 / 10).await;
    }
    client.write_str("last").await.unwrap();
    let (elapsed, reason) = end_of(&connection).await;
    assert_about(elapsed, SECOND / 10);
    assert_eq!(reason, DisconnectReason::HeartbeatMissed { after: SECOND });
    assert_eq!(told.try_recv().unwrap(), "last");
    assert!(told.is_empty());
    assert!(server.should_be_connected() && !server.is_connected());
    client.wait_disconnected().await;
}

/// No heartbeat at all ends the session as well, however busily the client talks; and the time counts anew for the next
/// client, also for one that comes in the place of another.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_time_counts_anew_for_each_client() {
    let (server, _told, network) = monitoring_server(Duration::ZERO).await;
    for _ in 0..3 {
        let client = dial(&network).connect().await.unwrap();
        let connection = server.wait_connected().await.unwrap();
        sleep(SECOND * 9 / 10).await;
        client.write_str("no heartbeat").await.unwrap();
        drop(client);
        connection.wait_disconnected().await;
        // Fault 8: the last client's timer is gone with it.
        let next = dial(&network).connect().await.unwrap();
        let connection = server.wait_connected().await.unwrap();
        let (elapsed, reason) = end_of(&connection).await;
        assert_about(elapsed, SECOND);
        assert_eq!(reason, DisconnectReason::HeartbeatMissed { after: SECOND });
        drop(next);
    }
    let client = dial(&network).connect().await.unwrap();
    server.wait_connected().await.unwrap();
    server.close().await;
    client.wait_disconnected().await;
    sleep(SECOND * 10).await;
    assert_eq!(server.connection().reason(), Some(DisconnectReason::Closed));
}

/// A handler at work is alive, however long it works; a handler that waits for its next message is not.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_handler_at_work_counts_as_alive() {
    let (server, mut told, network) = monitoring_server(SECOND * 10).await;
    let client = dial(&network).connect().await.unwrap();
    let connection = server.wait_connected().await.unwrap();
    client.write_str("work").await.unwrap();
    assert_eq!(eventually(told.recv()).within(20 * SECOND).await.unwrap(), "work");
    let (elapsed, reason) = end_of(&connection).await;
    assert!(elapsed <= SECOND + ABOUT, "{elapsed:?}");
    assert_eq!(reason, DisconnectReason::HeartbeatMissed { after: SECOND });
}

/// Fault 8: a heartbeat in the connection's encoding or in ASCII is taken out by text reads; a message that only
/// contains the word is data, and so is everything where no heartbeat is expected.
#[test_log::test(tokio::test)]
async fn only_a_whole_heartbeat_is_taken_out() {
    let case = OneClientServerTestCase::new();
    for expected in [true, false] {
        let builder = OneClientServer::builder().encoding(Encoding::Utf16);
        let builder = if expected { builder.max_heartbeat_interval(SECOND * 60) } else { builder };
        let server = case.create_server(builder).await.unwrap();
        let client = case.create_client(&server, |client| client.encoding(Encoding::Utf16)).await.unwrap();
        client.write_str(HEARTBEAT).await.unwrap();
        if expected {
            client.write(b"heartbeat\r\n").await.unwrap();
        } else {
            assert_eq!(eventually(server.read_str()).await.unwrap(), HEARTBEAT);
        }
        for encoding in [Encoding::Utf16, Encoding::Utf8] {
            client.set_encoding(encoding).unwrap();
            server.set_encoding(encoding).unwrap();
            for data in ["heartbeats", " heartbeat", "HEARTBEAT", "", "a heartbeat b"] {
                client.write_str(data).await.unwrap();
                assert_eq!(eventually(server.read_str()).await.unwrap(), data);
            }
        }
        client.write(b"heartbeat\r\n1\r\nheartbeat\r\nline\r\nheartbeat\r\nother\nheartbeat\r\n").await.unwrap();
        if expected {
            assert_eq!(eventually(server.read_json::<i32>()).await.unwrap(), 1);
            assert_eq!(eventually(server.read_until(b"\r\n")).await.unwrap(), b"line\r\n");
            assert_eq!(eventually(server.read_until(b"r\n")).await.unwrap(), b"heartbeat\r\nother\n");
            // Reads that do not look for the terminator do not look for heartbeats.
            assert_eq!(eventually(server.read_line()).await.unwrap(), b"heartbeat\r\n");
        } else {
            assert_eq!(eventually(server.read_until(b"\r\n")).await.unwrap(), b"heartbeat\r\n");
        }
        server.close().await;
    }
}

/// Heartbeats do not keep a read from its deadline, and the data behind them is not lost.
#[test_log::test(tokio::test(start_paused = true))]
async fn heartbeats_do_not_extend_the_read_deadline() {
    let network = MemoryNetwork::new();
    let builder = OneClientServer::builder().max_heartbeat_interval(SECOND * 60).read_timeout(SECOND * 3);
    let server = builder.network(&network).host("device").port(1).start().await.unwrap();
    let client = dial(&network).heartbeat_interval(SECOND).connect().await.unwrap();
    server.wait_connected().await.unwrap();
    let before = Instant::now();
    assert!(matches!(server.read_str().await, Err(ReadError::Timeout { .. })));
    assert_about(before.elapsed(), SECOND * 3);
    client.write_str("data").await.unwrap();
    assert_eq!(server.read_str().await.unwrap(), "data");
}

/// Without a handler nobody counts as alive: where the owner does not read, heartbeats are not seen.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_owner_that_does_not_read_misses_heartbeats() {
    let network = MemoryNetwork::new();
    let server = OneClientServer::builder()
        .max_heartbeat_interval(SECOND * 3)
        .network(&network)
        .host("device")
        .port(1)
        .start()
        .await
        .unwrap();
    let _client = dial(&network).heartbeat_interval(SECOND).connect().await.unwrap();
    let connection = server.wait_connected().await.unwrap();
    let (elapsed, reason) = end_of(&connection).await;
    assert_about(elapsed, SECOND * 3);
    assert_eq!(reason, DisconnectReason::HeartbeatMissed { after: SECOND * 3 });
}

/// A handler as those of ts_tcpip: it reads lines, finds the heartbeats itself, and notes them.
struct ByHand;

impl ReadAndDispatch for ByHand {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        if connection.read_line().await? == b"heartbeat\r\n" {
            connection.handle_received_heartbeat()?;
        }
        Ok(())
    }
}

/// A handler may note heartbeats by hand, which keeps the session alive; where none is expected it is an error.
/// Parity: `handle_received_heartbeat`.
#[test_log::test(tokio::test(start_paused = true))]
async fn heartbeats_may_be_noted_by_hand() {
    let network = MemoryNetwork::new();
    let builder = OneClientReadLoopServer::builder(ByHand).max_heartbeat_interval(SECOND * 3);
    let server = builder.network(&network).host("device").port(1).start().await.unwrap();
    let client = dial(&network).heartbeat_interval(SECOND).connect().await.unwrap();
    let connection = server.wait_connected().await.unwrap();
    sleep(SECOND * 100).await;
    assert!(connection.is_connected());
    client.close().await;
    server.close().await;

    let network = MemoryNetwork::new();
    let server =
        OneClientReadLoopServer::builder(ByHand).network(&network).host("device").port(1).start().await.unwrap();
    let client = dial(&network).heartbeat_interval(SECOND).connect().await.unwrap();
    client.wait_disconnected().await;
    assert!(matches!(server.connection().reason(), Some(DisconnectReason::HandlerFailed { .. })));
    assert_eq!(Connection::closed().handle_received_heartbeat(), Err(UnexpectedHeartbeat));
    assert_eq!(std::io::Error::from(UnexpectedHeartbeat).kind(), std::io::ErrorKind::InvalidData);
}

/// The test server ends the session of a client that sends a heartbeat though none is expected.
/// Parity: `unexpected heartbeat`.
#[test_log::test(tokio::test)]
async fn an_unexpected_heartbeat_ends_the_session() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(TestOneClientReadLoopServer::builder()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    let connection = server.connection();
    client.write_str("data").await.unwrap();
    client.write_str(HEARTBEAT).await.unwrap();
    eventually(connection.wait_disconnected()).await;
    assert!(matches!(connection.reason(), Some(DisconnectReason::HandlerFailed { .. })));
    assert_eq!(server.get_next_data().await.unwrap(), "data");

    let server = TestOneClientReadLoopServer::builder().options(|server| server.max_heartbeat_interval(SECOND * 60));
    let server = case.create_server(server).await.unwrap();
    let client = case.create_client(&server, |client| client.heartbeat_interval(SECOND)).await.unwrap();
    client.write_str("data").await.unwrap();
    assert_eq!(server.get_next_data().await.unwrap(), "data");
    assert!(server.is_connected());
}

async fn not_connected(client: ClientBuilder) -> OptionError {
    match client.connect().await {
        Err(ConnectError::Option(error)) => error,
        other => panic!("{other:?}"),
    }
}

async fn not_started(server: OneClientServerBuilder) -> OptionError {
    match server.start().await {
        Err(StartError::Option(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// An interval of zero, and a terminator that is part of a heartbeat, are errors before anything happens.
#[test_log::test(tokio::test)]
async fn heartbeats_that_cannot_be_are_refused() {
    let client = || Client::builder("127.0.0.1", 1);
    let server = OneClientServer::builder;
    for terminator in [Terminator::from(b"beat"), Terminator::from(b't')] {
        let client = client().heartbeat_interval(SECOND).terminator(terminator.clone());
        assert_eq!(not_connected(client).await, OptionError::TerminatorInHeartbeat);
        let server = server().max_heartbeat_interval(SECOND).terminator(terminator);
        assert_eq!(not_started(server).await, OptionError::TerminatorInHeartbeat);
    }
    let zero = |option| OptionError::ZeroInterval { option };
    assert_eq!(not_connected(client().heartbeat_interval(Duration::ZERO)).await, zero("heartbeat_interval"));
    assert_eq!(not_started(server().max_heartbeat_interval(Duration::ZERO)).await, zero("max_heartbeat_interval"));
    assert_eq!(not_started(server().idle_timeout(Duration::ZERO)).await, zero("idle_timeout"));
}

/// The constants have the values of the Python library.
/// Parity: `HEARTBEAT`, `DEFAULT_MAX_HEARTBEAT_INTERVAL`.
#[test]
fn the_constants_of_heartbeats_have_their_values() {
    assert_eq!(HEARTBEAT, "heartbeat");
    assert_eq!(DEFAULT_MAX_HEARTBEAT_INTERVAL, Duration::from_secs(10));
    assert_eq!(DEFAULT_HEARTBEAT_INTERVAL, Duration::from_secs(1));
}
