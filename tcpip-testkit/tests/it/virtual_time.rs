//! Dialogues in memory under a paused clock: each deadline passes at its moment, to the millisecond, and nothing else
//! takes time.

use std::time::Duration;

use tcpip_client::{Client, DisconnectReason, ReadError, WriteError};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, OneClientServer, ReadAndDispatch};
use tcpip_testkit::{DEFAULT_MEMORY_WINDOW, MemoryNetwork, memory_pair};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    task::yield_now,
    time::{Instant, sleep},
};

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Measures the time since the last look.
struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    #[track_caller]
    fn shows(&mut self, expected: Duration) {
        assert_eq!(self.0.elapsed(), expected);
        self.0 = Instant::now();
    }
}

/// A whole life: replies that come at once take no time, one that is late times its read out and is read by the next,
/// a device that does not read ends the session when the write deadline passes.
#[test_log::test(tokio::test(start_paused = true))]
async fn each_deadline_of_a_dialogue_passes_at_its_moment() {
    let (client, device) = memory_pair(|end| end.read_timeout(ms(2500)).write_timeout(ms(1500))).await.unwrap();
    let mut clock = Clock::start();
    for number in 0..100 {
        client.write_str(&format!("move {number}")).await.unwrap();
        assert_eq!(device.read_str().await.unwrap(), format!("move {number}"));
        device.write_str("ok").await.unwrap();
        assert_eq!(client.read_str().await.unwrap(), "ok");
    }
    clock.shows(Duration::ZERO);

    let late = device.connection();
    tokio::spawn(async move {
        sleep(ms(3000)).await;
        late.write_str("late").await
    });
    assert!(matches!(client.read_str().await, Err(ReadError::Timeout { operation: "read_str", .. })));
    clock.shows(ms(2500));
    assert_eq!(client.read_str().await.unwrap(), "late");
    clock.shows(ms(500));

    // What the session of the device reads ahead, the stream, and some more.
    let too_much = vec![b'x'; device.limit() + 2 * DEFAULT_MEMORY_WINDOW];
    let error = client.write(&too_much).await.unwrap_err();
    assert!(matches!(error, WriteError::Timeout { operation: "write", .. }), "{error:?}");
    clock.shows(ms(1500));
    client.wait_closed().await;
    let reason = DisconnectReason::WriteTimeout { after: ms(1500) };
    assert_eq!(client.connection().reason(), Some(reason));
    clock.shows(Duration::ZERO);
}

/// The write deadline counts from the last byte that was taken: a device that reads a little now and then keeps the
/// session alive, and one that stops ends it after exactly the deadline.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_write_deadline_counts_from_the_last_byte_that_was_taken() {
    let (near, mut far) = duplex(10);
    let client = Client::from_stream(near).write_timeout(ms(1000)).connect().await.unwrap();
    let mut clock = Clock::start();
    let connection = client.connection();
    let writing = tokio::spawn(async move { connection.write(&[b'x'; 100]).await });
    for _ in 0..5 {
        sleep(ms(999)).await;
        far.read_exact(&mut [0; 10]).await.unwrap();
    }
    assert!(matches!(writing.await.unwrap(), Err(WriteError::Timeout { .. })));
    clock.shows(ms(5 * 999 + 1000));
}

/// A session whose peer has hung up ends exactly `drain_timeout` after the last read that returned.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_session_drains_for_exactly_its_time() {
    let (client, device) = memory_pair(|end| end.drain_timeout(ms(700))).await.unwrap();
    device.write(b"one\r\ntwo\r\nthree\r\n").await.unwrap();
    device.close().await;
    let mut clock = Clock::start();
    for text in ["one", "two"] {
        sleep(ms(699)).await;
        assert!(client.is_connected());
        assert_eq!(client.read_str().await.unwrap(), text);
    }
    clock.shows(ms(2 * 699));
    client.wait_disconnected().await;
    clock.shows(ms(700));
    assert_eq!(client.read_str().await.unwrap(), "three", "what is left stays readable");
}

/// A close takes no time when everything can be sent, and exactly `close_timeout` when it cannot.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_close_takes_no_time_or_exactly_its_deadline() {
    let (client, device) = memory_pair(|end| end.close_timeout(ms(300)).limit(1000)).await.unwrap();
    let mut clock = Clock::start();
    client.write_str("last words").await.unwrap();
    client.close().await;
    clock.shows(Duration::ZERO);
    assert_eq!(device.read_str().await.unwrap(), "last words");

    let (client, _device) = memory_pair(|end| end.close_timeout(ms(300)).limit(1000)).await.unwrap();
    let connection = client.connection();
    tokio::spawn(async move { connection.write(&vec![b'x'; 2 * DEFAULT_MEMORY_WINDOW]).await });
    yield_now().await;
    client.close().await;
    clock.shows(ms(300));
}

/// Takes its time for each command.
struct Slow;

impl ReadAndDispatch for Slow {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command = connection.read_str().await?;
        sleep(ms(command.parse()?)).await;
        connection.write_str("done").await?;
        Ok(())
    }
}

/// A mock that thinks for a day answers at once on the wall clock, and on its own after exactly a day; the client that
/// half-closed is answered, too.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_mock_thinks_for_exactly_its_time() {
    let network = MemoryNetwork::new();
    let server = OneClientReadLoopServer::builder(Slow).network(&network).port(1).start().await.unwrap();
    let client = Client::builder(server.host(), 1).network(&network).connect().await.unwrap();
    let mut clock = Clock::start();
    for thinking in [0, 1, 250, 24 * 3600 * 1000] {
        client.write_str(&thinking.to_string()).await.unwrap();
        assert_eq!(client.read_str().await.unwrap(), "done");
        clock.shows(ms(thinking));
    }
    client.close().await;

    let mut raw = network.connect(server.host(), 1).await.unwrap();
    raw.write_all(b"5000\r\n").await.unwrap();
    raw.shutdown().await.unwrap();
    let mut reply = String::new();
    raw.read_to_string(&mut reply).await.unwrap();
    assert_eq!(reply, "done\r\n");
    clock.shows(ms(5000));
    server.close().await;
    clock.shows(Duration::ZERO);
}

/// A server closes within its deadline, exactly then if its client does not read.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_server_closes_at_its_deadline() {
    let network = MemoryNetwork::new();
    let server = OneClientServer::builder().network(&network).port(1).close_timeout(ms(400)).start().await.unwrap();
    let _stalled = network.connect(server.host(), 1).await.unwrap();
    let session = server.wait_connected().await.unwrap();
    let writing = tokio::spawn(async move { session.write(&vec![b'x'; 2 * DEFAULT_MEMORY_WINDOW]).await });
    yield_now().await;
    let mut clock = Clock::start();
    server.close().await;
    clock.shows(ms(400));
    assert!(server.is_closed() && writing.await.unwrap().is_err());
}
