//! A link whose sessions are read by a handler.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tcpip_client::{
    Backoff, Client, Connection, DisconnectReason, HandlerResult, Latest, LinkBuilder, LinkError, LinkState,
    ReadAndDispatch, line,
};
use tcpip_server::OneClientReadLoopServer;
use tokio::{
    join,
    sync::mpsc::unbounded_channel,
    time::{Instant, timeout},
};

use crate::memory_network::MemoryNetwork;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);
const PORT: u16 = 5025;

/// A device that greets, and sends each line back in capitals.
struct Device;

impl ReadAndDispatch for Device {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        connection.write_str("welcome").await?;
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        if line == "hang up" {
            return Err("it was told to".into());
        }
        connection.write_str(&line.to_uppercase()).await?;
        Ok(())
    }
}

/// Keeps what comes, and what becomes of its sessions.
#[derive(Default)]
struct Listening {
    latest: Latest<String>,
    told: Mutex<Vec<String>>,
}

impl Listening {
    fn note(&self, what: &str) {
        self.told.lock().unwrap().push(what.to_owned());
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

impl ReadAndDispatch for Listening {
    async fn on_connect(&self, _: &Connection) -> HandlerResult {
        self.note("connected");
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        self.latest.set(connection.read_str().await?);
        Ok(())
    }

    async fn on_disconnect(&self, connection: &Connection) {
        self.note(&format!("disconnected: {}", connection.reason().unwrap()));
        self.latest.interrupt();
    }
}

fn network() -> MemoryNetwork {
    MemoryNetwork::new([("device", &["10.0.0.1"])])
}

fn link(network: &MemoryNetwork) -> LinkBuilder<Listening> {
    Client::builder("device", PORT)
        .network(network)
        .link()
        .backoff(Backoff::exponential(SECOND, 8 * SECOND).seed(7))
        .handshake(|session| async move {
            assert_eq!(session.receive(line()).await?, "welcome");
            Ok(())
        })
        .handler(Listening::default())
}

async fn serve(network: &MemoryNetwork) -> OneClientReadLoopServer<Device> {
    OneClientReadLoopServer::builder(Device).network(network).host("device").port(PORT).start().await.unwrap()
}

/// One handler reads session after session: it is told of each, behind the handshake, and who waits for something of a
/// session that ends waits no more.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_handler_reads_each_session() {
    let network = network();
    let server = serve(&network).await;
    let link = link(&network).connect().await.unwrap();
    let handler = Arc::clone(link.handler());
    assert_eq!(handler.told(), ["connected"]);
    let say = async |text: &str| link.connection().write_str(text).await.unwrap();
    let ((), heard) = join!(say("one"), handler.latest.next());
    assert_eq!(heard.as_deref(), Some("ONE"));
    let mut states = link.states();
    states.borrow_and_update();
    let ((), heard) = join!(say("hang up"), handler.latest.next());
    assert_eq!(heard, None);
    assert_eq!(handler.told(), ["disconnected: closed by the peer"]);
    states.changed().await.unwrap();
    let state = states.borrow_and_update().clone();
    let LinkState::Backoff { attempt: 0, error, .. } = state else { panic!("a frame has come: {state:?}") };
    assert!(matches!(&error, LinkError::Lost { reason: DisconnectReason::ClosedByPeer }), "{error:?}");
    link.ready().await.unwrap();
    let ((), heard) = join!(say("two"), handler.latest.next());
    assert_eq!(heard.as_deref(), Some("TWO"));
    link.close().await;
    assert_eq!(handler.told(), ["connected", "disconnected: closed at this end"]);
    server.close().await;
}

/// Who waits for a loss is told of the next one, be it that of a session or of an attempt; and at once of a link that is
/// over for good, however it came to that.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_loss_is_told() {
    let network = network();
    let server = serve(&network).await;
    let link =
        link(&network).backoff(Backoff::exponential(SECOND, 8 * SECOND).seed(7).at_most(3)).connect().await.unwrap();
    let (error, ()) = join!(link.lost(), server.close_client());
    assert!(matches!(&error, LinkError::Lost { reason: DisconnectReason::ClosedByPeer }), "{error:?}");
    link.ready().await.unwrap();
    // The loss before was told.
    assert!(timeout(60 * SECOND, link.lost()).await.is_err());
    let (error, ()) = join!(link.lost(), server.close());
    assert!(matches!(&error, LinkError::Lost { .. }), "{error:?}");
    for _ in 0..2 {
        assert!(matches!(link.lost().await, LinkError::Connect(_)));
    }
    let given_up = Instant::now();
    for _ in 0..2 {
        assert!(matches!(link.lost().await, LinkError::Connect(_)));
    }
    assert_eq!(given_up.elapsed(), Duration::ZERO);

    let server = serve(&network).await;
    let link = self::link(&network).connect().await.unwrap();
    let (error, ()) = join!(link.lost(), link.close());
    assert!(matches!(error, LinkError::Closed), "{error:?}");
    assert!(matches!(link.lost().await, LinkError::Closed));
    server.close().await;
}

/// A session that the device ends before a frame of it was read is a failed attempt, greeting or not.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_greeting_alone_proves_nothing() {
    let network = network();
    let server = serve(&network).await;
    let link = link(&network).connect().await.unwrap();
    let mut states = link.states();
    for expected in 1..=3 {
        link.ready().await.unwrap();
        server.close_client().await;
        let state = states.wait_for(|state| matches!(state, LinkState::Backoff { .. })).await.unwrap().clone();
        let LinkState::Backoff { attempt, .. } = state else { unreachable!() };
        assert_eq!(attempt, expected);
    }
    link.close().await;
    server.close().await;
}

/// The handler does not hear of a session whose handshake fails.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_failed_handshake_is_not_the_handlers() {
    let network = network();
    let server = serve(&network).await;
    let tries = AtomicUsize::new(0);
    let link = link(&network).handshake(move |_| {
        let is_first = tries.fetch_add(1, Ordering::Relaxed) == 0;
        async move { if is_first { Err("not yet".into()) } else { Ok(()) } }
    });
    let link = link.start();
    let mut states = link.states();
    let state = states.wait_for(|state| matches!(state, LinkState::Backoff { .. })).await.unwrap().clone();
    let LinkState::Backoff { error, .. } = state else { unreachable!() };
    assert_eq!(error.to_string(), "the handshake failed: not yet");
    assert_eq!(link.handler().told(), Vec::<String>::new());
    link.ready().await.unwrap();
    assert_eq!(link.handler().told(), ["connected"]);
    link.close().await;
    server.close().await;
}

/// What comes behind the handshake has the handler read meanwhile; its errors, its panics and its deadline are those of
/// the attempt, and it is not waited for when the session ends.
#[test_log::test(tokio::test(start_paused = true))]
async fn it_is_ready_when_its_handler_says_so() {
    let network = network();
    let server = serve(&network).await;
    let tries = AtomicUsize::new(0);
    let (told, mut states) = unbounded_channel();
    let (begins, mut has_begun) = unbounded_channel();
    let link = link(&network)
        .handshake_timeout(3 * SECOND)
        .state_callback(move |state| {
            told.send(state).unwrap();
            async {}
        })
        .ready_when(move |handler| {
            let number = tries.fetch_add(1, Ordering::Relaxed);
            let _ = begins.send(());
            async move {
                assert_eq!(handler.told().last().unwrap(), "connected");
                match number {
                    0 => Err("no answer".into()),
                    1 => panic!("as it may"),
                    2 | 3 => pending().await,
                    _ => Ok(()),
                }
            }
        })
        .start();
    let mut errors = Vec::new();
    for number in 0..4 {
        has_begun.recv().await.unwrap();
        let begin = Instant::now();
        if number == 3 {
            server.close_client().await;
        }
        let error = loop {
            if let LinkState::Backoff { error, .. } = states.recv().await.unwrap() {
                break error;
            }
        };
        errors.push(error.to_string());
        let expected = if number == 2 { 3 * SECOND } else { Duration::ZERO };
        assert!((expected..expected + TICK * 10).contains(&begin.elapsed()), "{number}: {:?}", begin.elapsed());
        assert_eq!(link.handler().told().len(), 1, "its farewell");
    }
    assert_eq!(
        errors,
        [
            "the handshake failed: no answer",
            "the handshake failed: it panicked: as it may",
            "the handshake has not ended for 3s",
            "lost: closed by the peer",
        ]
    );
    link.ready().await.unwrap();
    link.close().await;
    server.close().await;
}

/// Callbacks are told of each state, in order, also one that panics.
#[test_log::test(tokio::test(start_paused = true))]
async fn callbacks_are_told_of_each_state() {
    let network = network();
    let (told, mut states) = unbounded_channel();
    let link = link(&network)
        .state_callback(|_| async { panic!("as a callback may") })
        .state_callback(move |state| {
            let told = told.clone();
            async move { told.send(format!("{state:?}")).unwrap() }
        })
        .start();
    let mut next = async || states.recv().await.unwrap();
    assert_eq!(next().await, "Connecting { attempt: 1 }");
    assert!(next().await.starts_with("Backoff { attempt: 1"));
    let server = serve(&network).await;
    for expected in ["Connecting { attempt: 2 }", "Handshaking", "Ready"] {
        assert_eq!(next().await, expected);
    }
    link.close().await;
    assert_eq!(next().await, "Closed");
    drop(link);
    assert!(states.recv().await.is_none(), "nothing comes behind it");
    server.close().await;
}
