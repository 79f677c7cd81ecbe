//! What connect callbacks are told, and what they may do.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_server::{ConnectionEvent, OneClientReadLoopServer, OneClientServer};
use tcpip_testkit::eventually;
use tokio::{
    sync::{Notify, mpsc},
    time::sleep,
};
use tracing::Level;

use crate::{
    dial::{dial, dial_in},
    events::event_channel,
    log_count::LogCount,
    over_both::{STUCK, is_free, over_both},
    scripted::Scripted,
};

type Telling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A callback that tells nothing until it is let go, once for all, by the `Notify`.
fn held_back()
-> (impl Fn(ConnectionEvent) -> Telling + Send + Sync + 'static, Arc<Notify>, mpsc::UnboundedReceiver<ConnectionEvent>)
{
    let go = Arc::new(Notify::new());
    let (told, events) = mpsc::unbounded_channel();
    let held = Arc::clone(&go);
    let callback = move |event| -> Telling {
        let (held, told) = (Arc::clone(&held), told.clone());
        Box::pin(async move {
            held.notified().await;
            held.notify_one();
            told.send(event).unwrap();
        })
    };
    (callback, go, events)
}

/// Sessions that come and go, one after another.
async fn come_and_go(server: &OneClientServer, times: usize) {
    for _ in 0..times {
        let (stream, session) = dial_in(server).await;
        drop(stream);
        eventually(session.wait_disconnected()).await;
    }
}

/// Checks C1 D1 C2 D2 … for so many sessions.
fn assert_alternating(events: &[ConnectionEvent], sessions: usize) {
    assert_eq!(events.len(), 2 * sessions, "{events:?}");
    for pair in events.chunks(2) {
        assert!(pair[0].is_connected() && !pair[1].is_connected(), "{events:?}");
        assert_eq!(pair[0].connection(), pair[1].connection());
    }
}

/// Fault 6: each session has one event of each kind, in order and never two at once, although each callback sleeps
/// longer than a session lasts.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 4))]
async fn slow_callbacks_neither_overlap_nor_finish_out_of_order() {
    let (at_work, finished) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let callback = {
        let finished = Arc::clone(&finished);
        move |event: ConnectionEvent| {
            let (at_work, finished) = (Arc::clone(&at_work), Arc::clone(&finished));
            async move {
                assert!(!at_work.swap(true, Ordering::SeqCst), "two at once");
                sleep(Duration::from_millis(5)).await;
                finished.lock().unwrap().push(event);
                at_work.store(false, Ordering::SeqCst);
            }
        }
    };
    let server = OneClientServer::builder().connect_callback(callback).start().await.unwrap();
    come_and_go(&server, 20).await;
    eventually(server.callbacks_done()).await;
    assert_alternating(&finished.lock().unwrap(), 20);
}

/// Fault 6: a reader whose timeout passes as its session ends does not cancel the callback.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn readers_timeout_does_not_cancel_a_callback() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (done, mut finished) = mpsc::unbounded_channel();
    let callback = {
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        move |event: ConnectionEvent| {
            let (begun, go, done) = (Arc::clone(&begun), Arc::clone(&go), done.clone());
            async move {
                if !event.is_connected() {
                    begun.notify_one();
                    go.notified().await;
                }
                done.send(event.is_connected()).unwrap();
            }
        }
    };
    let server = OneClientServer::builder().connect_callback(callback).start().await.unwrap();
    let (stream, session) = dial_in(&server).await;
    assert!(eventually(finished.recv()).await.unwrap());
    {
        let reading = session.read_str();
        tokio::pin!(reading);
        drop(stream);
        // The reader is dropped while the callback is half-way.
        tokio::select! {
            biased;
            () = begun.notified() => {}
            result = &mut reading => {
                assert!(result.is_err());
                eventually(begun.notified()).await;
            }
        }
    }
    go.notify_one();
    assert!(!eventually(finished.recv()).await.unwrap());
}

/// Several callbacks are told of each event in the order in which they were added.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn several_callbacks_are_called_in_order() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let noting = |which: u8| {
        let told = Arc::clone(&told);
        move |event: ConnectionEvent| {
            let told = Arc::clone(&told);
            async move {
                // The first takes longest, and the second must wait for it.
                sleep(Duration::from_millis(u64::from(3 - which))).await;
                told.lock().unwrap().push((which, event.is_connected()));
            }
        }
    };
    let builder = OneClientServer::builder();
    let builder = builder.connect_callback(noting(1)).connect_callback(noting(2)).connect_callback(noting(3));
    let server = builder.start().await.unwrap();
    come_and_go(&server, 2).await;
    eventually(server.callbacks_done()).await;
    let session = [(1, true), (2, true), (3, true), (1, false), (2, false), (3, false)];
    assert_eq!(*told.lock().unwrap(), session.repeat(2));
}

/// Failure 28: a callback that panics is logged; the callbacks beside it and the later events come all the same.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn panicking_callback_is_logged_and_harms_nobody() {
    let (log, _listening) = LogCount::start();
    let (callback, mut events) = event_channel();
    let server = OneClientServer::builder()
        .connect_callback(|_| async { panic!("on purpose") })
        .connect_callback(callback)
        .start()
        .await
        .unwrap();
    come_and_go(&server, 3).await;
    eventually(server.close()).await;
    eventually(server.callbacks_done()).await;
    events.close();
    let mut told = Vec::new();
    while let Some(event) = events.recv().await {
        told.push(event);
    }
    assert_alternating(&told, 3);
    assert_eq!(log.of(Level::ERROR, "on purpose").len(), 6);
}

/// Failure 28: a callback that panics before it has made its future does no more harm than one that panics in it.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn callback_that_panics_without_a_future_harms_nobody() {
    let calls = Arc::new(AtomicUsize::new(0));
    let callback = {
        let calls = Arc::clone(&calls);
        move |_: ConnectionEvent| -> std::future::Ready<()> {
            calls.fetch_add(1, Ordering::SeqCst);
            panic!("on purpose")
        }
    };
    let server = OneClientServer::builder().connect_callback(callback).start().await.unwrap();
    come_and_go(&server, 2).await;
    eventually(server.callbacks_done()).await;
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

/// Failure 28: while a callback sleeps, clients come and go, and the server closes; each event is told afterwards.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn sleeping_callback_holds_up_neither_clients_nor_close() {
    let (callback, go, mut events) = held_back();
    let server = OneClientServer::builder().connect_callback(callback).start().await.unwrap();
    come_and_go(&server, 5).await;
    eventually(server.close()).await;
    assert!(server.is_closed() && events.try_recv().is_err());
    go.notify_one();
    eventually(server.callbacks_done()).await;
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    assert_alternating(&told, 5);
}

/// Failure 28: a callback may close the connection, the client's place, or the server that it is told of, also with a
/// handler at work, and each such close returns before its deadline.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn callback_may_close_what_it_is_told_of() {
    for what in ["connection", "client", "server"] {
        let server_slot = Arc::new(Mutex::new(None::<Arc<OneClientReadLoopServer<Scripted>>>));
        let (told, mut events) = mpsc::unbounded_channel();
        let callback = {
            let server_slot = Arc::clone(&server_slot);
            move |event: ConnectionEvent| {
                let server = server_slot.lock().unwrap().clone().unwrap();
                let told = told.clone();
                async move {
                    match what {
                        "connection" => event.connection().close().await,
                        "client" => server.close_client().await,
                        _ => server.close().await,
                    }
                    told.send(event).unwrap();
                }
            }
        };
        let builder = OneClientReadLoopServer::builder(Scripted::default()).close_timeout(2 * STUCK);
        let server = Arc::new(builder.connect_callback(callback).start().await.unwrap());
        *server_slot.lock().unwrap() = Some(Arc::clone(&server));
        for _ in 0..if what == "server" { 1 } else { 3 } {
            let _stream = dial(&*server).await;
            let (begun, ended) = (eventually(events.recv()).await.unwrap(), eventually(events.recv()).await.unwrap());
            assert!(begun.is_connected() && !ended.is_connected());
            assert_eq!(begun.connection(), ended.connection());
            assert!(!ended.connection().should_be_connected());
        }
        assert_eq!(server.is_closed(), what == "server");
        server_slot.lock().unwrap().take();
    }
}

/// Failure 28: a callback may drop the server that it is told of: the session ends, the port is free, and the end is
/// told.
#[test_log::test(tokio::test)]
async fn callback_may_drop_its_owner() {
    let server_slot = Arc::new(Mutex::new(None::<OneClientServer>));
    let (told, mut events) = mpsc::unbounded_channel();
    let callback = {
        let server_slot = Arc::clone(&server_slot);
        move |event: ConnectionEvent| {
            drop(server_slot.lock().unwrap().take());
            let _ = told.send(event);
            std::future::ready(())
        }
    };
    let server = OneClientServer::builder().connect_callback(callback).start().await.unwrap();
    let address = server.local_addrs()[0];
    *server_slot.lock().unwrap() = Some(server);
    let _stream = tokio::net::TcpStream::connect(address).await.unwrap();
    assert!(eventually(events.recv()).await.unwrap().is_connected());
    assert!(!eventually(events.recv()).await.unwrap().is_connected());
    // Dispatcher and callback are gone.
    assert!(eventually(events.recv()).await.is_none());
    assert!(is_free(address));
}

/// `callbacks_done` returns when all events so far have been told; at once from within a callback, and without one.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn callbacks_done_waits_for_events_so_far_but_not_for_itself() {
    let server_slot = Arc::new(Mutex::new(None::<Arc<OneClientServer>>));
    let done = Arc::new(AtomicUsize::new(0));
    let callback = {
        let (server_slot, done) = (Arc::clone(&server_slot), Arc::clone(&done));
        move |_| {
            let (server, done) = (server_slot.lock().unwrap().clone().unwrap(), Arc::clone(&done));
            async move {
                server.callbacks_done().await;
                sleep(Duration::from_millis(10)).await;
                done.fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    let server = Arc::new(OneClientServer::builder().connect_callback(callback).start().await.unwrap());
    *server_slot.lock().unwrap() = Some(Arc::clone(&server));
    eventually(server.callbacks_done()).await;
    come_and_go(&server, 3).await;
    eventually(server.callbacks_done()).await;
    assert_eq!(done.load(Ordering::SeqCst), 6);
    server_slot.lock().unwrap().take();

    let silent = OneClientServer::builder().start().await.unwrap();
    come_and_go(&silent, 1).await;
    eventually(silent.callbacks_done()).await;
}

/// When so many events wait for a slow callback that something must be wrong, the log says so; no event is lost.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn queue_of_events_warns_at_64_and_loses_none() {
    let (log, _listening) = LogCount::start();
    let (callback, go, mut events) = held_back();
    let server = OneClientServer::builder().connect_callback(callback).start().await.unwrap();
    // The first of 64 events is in the callback's hands, so 63 wait.
    come_and_go(&server, 32).await;
    assert!(log.of(Level::WARN, "64 connection events").is_empty());
    come_and_go(&server, 32).await;
    assert_eq!(log.of(Level::WARN, "64 connection events").len(), 1);
    go.notify_one();
    eventually(server.callbacks_done()).await;
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    assert_alternating(&told, 64);
}
