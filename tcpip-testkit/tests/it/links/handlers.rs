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
    Backoff, Client, Connection, DisconnectReason, HandlerResult, Latest, Link, LinkBuilder, LinkError, LinkState,
    ReadAndDispatch,
};
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::{
    join,
    sync::mpsc::unbounded_channel,
    task::yield_now,
    time::{Instant, sleep, timeout},
};

use super::{PORT, SECOND, TICK, serve};

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

fn link(network: &MemoryNetwork) -> LinkBuilder<Listening> {
    super::link(network).handler(Listening::default())
}

/// One handler reads session after session: it is told of each, behind the handshake, and who waits for something of a
/// session that ends waits no more.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_handler_reads_each_session() {
    let network = MemoryNetwork::new();
    let server = serve(&network).await;
    let link = link(&network).connect().await.unwrap();
    let handler = Arc::clone(link.handler());
    assert_eq!(handler.told(), ["connected"]);
    let say = async |text: &str| link.connection().write_str(text).await.unwrap();
    let ((), heard) = join!(say("one"), handler.latest.next());
    assert_eq!(heard.as_deref(), Some("one"));
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
    assert_eq!(heard.as_deref(), Some("two"));
    link.close().await;
    assert_eq!(handler.told(), ["connected", "disconnected: closed at this end"]);
    server.close().await;
}

/// Who waits for a loss is told of the next one, be it that of a session or of an attempt; and at once of a link that
/// is over for good, however it came to that.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_loss_is_told() {
    let network = MemoryNetwork::new();
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
    for _ in 0..3 {
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
    let network = MemoryNetwork::new();
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
    let network = MemoryNetwork::new();
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
    let network = MemoryNetwork::new();
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
    let network = MemoryNetwork::new();
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

/// A handler that gives up at once.
struct GivesUp;

impl ReadAndDispatch for GivesUp {
    async fn read_and_dispatch(&self, _: &Connection) -> HandlerResult {
        Err("it gives up".into())
    }
}

/// A session that has ended is not said to be ready.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_has_ended_is_not_ready() {
    let network = MemoryNetwork::new();
    let server = serve(&network).await;
    let (told, mut states) = unbounded_channel();
    let link = Client::builder("device", PORT)
        .network(&network)
        .link()
        .handler(GivesUp)
        .state_callback(move |state| {
            let _ = told.send(state);
            async {}
        })
        .start();
    loop {
        match eventually(states.recv()).await.unwrap() {
            LinkState::Backoff { .. } => break,
            state => assert!(!matches!(state, LinkState::Ready), "{state:?}"),
        }
    }
    link.close().await;
    server.close().await;
}

/// A handler whose greeting and farewell take their time, and which closes the link in that.
#[derive(Default)]
struct Slow {
    told: Mutex<Vec<String>>,
    link: Mutex<Option<Arc<Link<Slow>>>>,
}

impl ReadAndDispatch for Slow {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        self.told.lock().unwrap().push("connected".to_owned());
        while connection.read_str().await? != "ready" {}
        Ok(())
    }

    async fn read_and_dispatch(&self, _: &Connection) -> HandlerResult {
        pending().await
    }

    async fn on_disconnect(&self, connection: &Connection) {
        sleep(SECOND / 2).await;
        let link = self.link.lock().unwrap().clone();
        if let Some(link) = link {
            // Which waits for this.
            link.close().await;
        }
        self.told.lock().unwrap().push(connection.reason().unwrap().to_string());
    }
}

/// A link that is closed has no handler at work, also where it was not ready, or about to pause.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_close_waits_for_the_farewell() {
    for is_lost in [false, true] {
        let network = MemoryNetwork::new();
        let server = serve(&network).await;
        let link = Client::builder("device", PORT).network(&network).link().handler(Slow::default()).start();
        let (handler, link) = (Arc::clone(link.handler()), Arc::new(link));
        *handler.link.lock().unwrap() = Some(Arc::clone(&link));
        eventually(link.states().wait_for(|state| matches!(state, LinkState::Handshaking))).await.unwrap();
        eventually(server.wait_connected()).await;
        while handler.told.lock().unwrap().is_empty() {
            yield_now().await;
        }
        if is_lost {
            server.close_client().await;
            // It is in its farewell then.
            sleep(SECOND / 4).await;
        }
        eventually(link.close()).await;
        let reason = if is_lost { "closed by the peer" } else { "closed at this end" };
        assert_eq!(*handler.told.lock().unwrap(), ["connected", reason]);
        handler.link.lock().unwrap().take();
        server.close().await;
    }
}
