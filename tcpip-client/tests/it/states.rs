//! What a client says of itself, and what its callbacks are told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_client::{Client, Connection, DisconnectReason};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::sync::{Notify, mpsc};

use crate::{
    events::Events,
    hang_up::detections,
    kinds::{Kind, meet, meet_told, pair},
    over_each_kind::over_each_kind,
};

/// A client that was never connected: not connected, not meant to be, closed, and nameless.
/// Parity: `Client(host="")`.
#[test_log::test(tokio::test)]
async fn a_client_that_was_never_connected_is_closed() {
    let client = Client::closed();
    assert!(!client.is_connected() && !client.should_be_connected() && client.is_closed());
    assert_eq!((client.host(), client.port()), ("", 0));
    assert!(client.wait_connected().await.is_none());
    let connection = client.connection();
    assert_eq!((connection.local_addr(), connection.peer_addr(), connection.reason()), (None, None, None));
    assert_eq!((connection.number(), connection.name()), (0, ""));
    assert_ne!(connection, Connection::closed(), "each is its own, with its own settings");
    eventually(client.wait_disconnected()).await;
    eventually(client.wait_closed()).await;
}

/// Fault 10 of the model: `should_be_connected` stays true whoever but this end ends the session, and so "lost" can
/// be told from "closed".
/// Parity: `should_be_connected`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_lost_connection_still_should_be_connected<K: Kind>() {
    for detect in detections::<K>() {
        let (client, peer, events) = meet_told::<K>(detect).await;
        drop(peer);
        assert_lost(&client, events).await;
    }
}

/// Waits until the client is told of the end, of which it is not the cause.
/// Parity: `done_task`.
pub(crate) async fn assert_lost(client: &Client, mut events: Events) {
    events.disconnected().await;
    assert!(client.should_be_connected() && !client.is_connected());
    assert!(client.wait_connected().await.is_none());
    eventually(client.close()).await;
    assert!(!client.should_be_connected());
}

/// Waiting for the end ends with it, for any number of waiters, before it and after it.
/// Parity: `done_task`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn every_waiter_is_told_of_the_end<K: Kind>() {
    let (client, peer) = pair::<K>().await;
    let connection = client.connection();
    let waiters: Vec<_> = (0..8)
        .map(|number| {
            let connection = connection.clone();
            tokio::spawn(async move {
                if number % 2 == 0 { connection.wait_disconnected().await } else { connection.wait_closed().await }
            })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(peer);
    for waiter in waiters {
        eventually(waiter).await.unwrap();
    }
    eventually(client.wait_disconnected()).await;
    eventually(client.wait_closed()).await;
}

/// Several callbacks are told, in the order in which they were added, of each event before the next.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn callbacks_are_told_in_order<K: Kind>() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (client, _peer) = meet::<K>(|mut client| {
        for number in 0..3 {
            let told = Arc::clone(&told);
            client = client.connect_callback(move |event| {
                let told = Arc::clone(&told);
                async move {
                    tokio::task::yield_now().await;
                    told.lock().unwrap().push((number, event.is_connected(), event.reason()));
                }
            });
        }
        client
    })
    .await;
    eventually(client.close()).await;
    eventually(client.callbacks_done()).await;
    let closed = || Some(DisconnectReason::Closed);
    let expected = [
        (0, true, None),
        (1, true, None),
        (2, true, None),
        (0, false, closed()),
        (1, false, closed()),
        (2, false, closed()),
    ];
    assert_eq!(*told.lock().unwrap(), expected);
}

/// A callback that panics harms nobody: the next event comes, to it and to the others.
/// Parity: `connect_callback`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_panicking_callback_is_told_of_the_next_event<K: Kind>() {
    let calls = Arc::new(AtomicUsize::new(0));
    let (sender, mut told) = mpsc::unbounded_channel();
    let (client, _peer) = meet::<K>(|client| {
        let calls = Arc::clone(&calls);
        client
            .connect_callback(move |event| {
                calls.fetch_add(1, Ordering::Relaxed);
                // Once while the future is made, once while it runs.
                assert!(!event.is_connected(), "a panic of the test's");
                async { panic!("another panic of the test's") }
            })
            .connect_callback(move |event| {
                let sender = sender.clone();
                async move { sender.send(event.is_connected()).unwrap() }
            })
    })
    .await;
    assert_eq!(eventually(told.recv()).await, Some(true));
    eventually(client.close()).await;
    assert_eq!(eventually(told.recv()).await, Some(false));
    assert_eq!(eventually(told.recv()).await, None);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

/// A callback that does not return holds nothing up: connecting, reading, closing; and its later events still come.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_slow_callback_holds_nothing_up<K: Kind>() {
    let go = Arc::new(Notify::new());
    let (sender, mut told) = mpsc::unbounded_channel();
    let (client, _peer) = meet::<K>(|client| {
        let go = Arc::clone(&go);
        client.connect_callback(move |event| {
            let (go, sender) = (Arc::clone(&go), sender.clone());
            async move {
                go.notified().await;
                sender.send(event.is_connected()).unwrap();
            }
        })
    })
    .await;
    client.write_str("still works").await.unwrap();
    eventually(client.close()).await;
    assert!(client.is_closed() && told.is_empty());
    go.notify_one();
    assert_eq!(eventually(told.recv()).await, Some(true));
    go.notify_one();
    assert_eq!(eventually(told.recv()).await, Some(false));
}

/// `callbacks_done` waits for the callbacks of every event so far; from within one it returns at once.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn callbacks_done_waits_for_the_callbacks<K: Kind>() {
    let go = Arc::new(Notify::new());
    let client: Arc<Mutex<Option<Arc<Client>>>> = Arc::default();
    let done = Arc::new(AtomicUsize::new(0));
    let (connected, _peer) = meet::<K>(|builder| {
        let (go, client, done) = (Arc::clone(&go), Arc::clone(&client), Arc::clone(&done));
        builder.connect_callback(move |_| {
            let (go, client, done) = (Arc::clone(&go), Arc::clone(&client), Arc::clone(&done));
            async move {
                go.notified().await;
                let client = client.lock().unwrap().clone().unwrap();
                client.callbacks_done().await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        })
    })
    .await;
    let connected = Arc::new(connected);
    *client.lock().unwrap() = Some(Arc::clone(&connected));
    let waiting = tokio::time::timeout(Duration::from_millis(20), connected.callbacks_done()).await;
    assert!(waiting.is_err() && done.load(Ordering::Relaxed) == 0);
    go.notify_one();
    eventually(connected.callbacks_done()).await;
    assert_eq!(done.load(Ordering::Relaxed), 1);
    client.lock().unwrap().take();
    drop(connected);
}

/// An event's connection is the client's, and can be read from and written to within the callback.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_callback_may_use_the_connection<K: Kind>() {
    let (sender, mut told) = mpsc::unbounded_channel();
    let (client, mut peer) = meet::<K>(|client| {
        client.connect_callback(move |event| {
            let sender = sender.clone();
            async move {
                if event.is_connected() {
                    event.connection().write_str("hello").await.unwrap();
                    sender.send((event.connection().clone(), event.connection().read_str().await.unwrap())).unwrap();
                }
            }
        })
    })
    .await;
    peer.expect(b"hello\r\n").await;
    tokio::io::AsyncWriteExt::write_all(&mut peer, b"welcome\r\n").await.unwrap();
    assert_eq!(eventually(told.recv()).await, Some((client.connection(), "welcome".to_owned())));
}

/// Whoever sees that the session has ended finds the event in the queue: `callbacks_done` waits for its callback.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 3))]
async fn callbacks_done_covers_an_end_that_has_been_seen<K: Kind>() {
    for _ in 0..500 {
        let ends = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ends);
        let callback = move |event: tcpip_client::ConnectionEvent| {
            count.fetch_add(usize::from(!event.is_connected()), Ordering::SeqCst);
            std::future::ready(())
        };
        let (client, peer) = meet::<K>(|client| client.connect_callback(callback)).await;
        eventually(client.callbacks_done()).await;
        drop(peer);
        while client.is_connected() {
            std::hint::spin_loop();
        }
        eventually(client.callbacks_done()).await;
        assert_eq!(ends.load(Ordering::SeqCst), 1);
    }
}

/// A writer into memory, for the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Every log event of a session names the endpoint, its kind, the peer if that has an address, and the session.
/// Parity: `name`, `log`.
#[apply(over_each_kind)]
#[tokio::test]
async fn log_events_name_the_session<K: Kind>() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _listening = tracing::subscriber::set_default(subscriber);
    let (client, _peer) = meet::<K>(|client| client.name("dome")).await;
    eventually(client.close()).await;
    let connection = client.connection();
    let peer = connection.peer_addr().map_or_else(String::new, |peer| {
        format!(" network.peer.address={} network.peer.port={}", peer.ip(), peer.port())
    });
    let span = format!("session{{endpoint=dome otel.kind=\"client\"{peer} number={}}}", connection.number());
    let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let named: Vec<&str> = lines.lines().filter(|line| line.contains(&span)).collect();
    assert_eq!(named.len(), 2, "{lines}");
    assert!(named[0].ends_with("connected") && named[1].ends_with("disconnected: closed at this end"), "{lines}");
}

/// From the moment that anybody can know the end, by whatever way, the reason is there.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn the_reason_is_there_as_soon_as_the_end_is<K: Kind>() {
    for way in 0..5 {
        for _ in 0..20 {
            let (client, peer) = pair::<K>().await;
            let link = client.connection();
            let known = tokio::spawn(async move {
                match way {
                    0 => assert!(link.read_str().await.is_err()),
                    1 => while link.write_str("x").await.is_ok() {},
                    2 => link.wait_disconnected().await,
                    3 => while link.is_connected() {},
                    _ => assert!(link.wait_hung_up().await && !link.is_connected()),
                }
                link.reason()
            });
            drop(peer);
            let reason = eventually(known).await.unwrap();
            assert!(
                matches!(reason, Some(DisconnectReason::ClosedByPeer | DisconnectReason::Reset)),
                "{way}: {reason:?}"
            );
        }
    }
}
