//! How a link comes back, and when it gives up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tcpip_client::{Backoff, Cause, Client, ConnectError, LinkError, LinkState, Sent, Shape, line};
use tcpip_server::OneClientReadLoopServer;
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::{io::AsyncReadExt, time::Instant};
use tracing::Level;

use super::{Echo, SECOND, TICK, backoff, by_hand, failure, greeted, link, next, serve};
use crate::{logged::Logged, seeded::requests, telling_network::TellingNetwork};

/// It is a valid handle while the device is down: requests fail at once, and nothing is sent; it comes back by itself
/// when the device does, and says at each moment what it is at.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_link_comes_back_by_itself() {
    let network = MemoryNetwork::new();
    let link = link(&network).start();
    let error = link.ask("early").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NotConnected { .. }) && error.sent() == Sent::No, "{error:?}");
    let mut states = link.states();
    let mut due = Instant::now();
    for expected in 1..6 {
        // A watch has the last state alone: that it connects again takes no time here.
        let (attempt, pause, error) = loop {
            match next(&mut states).await {
                LinkState::Backoff { attempt, pause, error } => break (attempt, pause, error),
                LinkState::Connecting { .. } => {}
                state => panic!("{state:?}"),
            }
        };
        assert!(Instant::now() >= due && Instant::now() < due + 10 * TICK);
        due = Instant::now() + pause;
        assert_eq!(attempt, expected);
        let is_refused = matches!(&error, LinkError::Connect(error) if matches!(**error, ConnectError::Refused { .. }));
        assert!(is_refused, "{error:?}");
        let shortest = SECOND * 2_u32.pow(u32::try_from(expected).unwrap() - 1).min(8);
        assert!((shortest..=2 * shortest).contains(&pause), "{pause:?} for the {expected}th time");
    }
    let server = serve(&network).await;
    link.ready().await.unwrap();
    assert!(link.is_ready());
    assert_eq!(link.ask("one").await.unwrap(), "one");
    let mut states = link.states();
    states.borrow_and_update();
    link.ask("hang up").await.unwrap_err();
    assert!(!link.is_ready(), "the session has ended");
    let state = next(&mut states).await;
    let LinkState::Backoff { attempt, error, .. } = state else { panic!("{state:?}") };
    assert!(matches!(&error, LinkError::Lost { .. }) && attempt == 0, "a reply has come: {attempt}, {error:?}");
    link.ready().await.unwrap();
    assert_eq!(link.ask("two").await.unwrap(), "two");
    link.close().await;
    assert!(matches!(*link.states().borrow(), LinkState::Closed));
    link.ready().await.unwrap_err();
    server.close().await;
}

/// A name that stops resolving is an attempt that failed, each time; when it resolves again, the link is back.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_name_may_stop_resolving() {
    let network = MemoryNetwork::new();
    let server = serve(&network).await;
    let link = link(&network).connect().await.unwrap();
    let unknown = network.host("device").unknown();
    link.ask("hang up").await.unwrap_err();
    for expected in 1..4 {
        let (_, error) = backoff(&link, expected).await;
        let is_unknown = matches!(&error, LinkError::Connect(error) if matches!(**error, ConnectError::LookUp { .. }))
            || expected == 1 && matches!(&error, LinkError::Lost { .. });
        assert!(is_unknown, "{expected}: {error:?}");
    }
    drop(unknown);
    link.ready().await.unwrap();
    assert_eq!(link.ask("?").await.unwrap(), "?");
    link.close().await;
    server.close().await;
}

/// A device that is killed and started again on its port, again and again: each time the link is there again.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_device_that_is_restarted_is_found_again() {
    let first = OneClientReadLoopServer::builder(Echo).start().await.unwrap();
    let port = first.port();
    let link = Client::builder("127.0.0.1", port).link().backoff(Backoff::exponential(TICK, 10 * TICK));
    let link = greeted(link).connect().await.unwrap();
    // Five, and a hundred where a hundred thousand requests are asked for.
    let rounds = (requests() / 1000).max(5);
    let mut server = Some(first);
    for round in 0..rounds {
        eventually(link.ready()).await.unwrap();
        let question = format!("round {round}");
        assert_eq!(eventually(link.ask(&question[..])).await.unwrap(), question);
        let old = server.take().unwrap();
        old.close().await;
        let _ = eventually(link.ask("nobody")).await.unwrap_err();
        server = Some(OneClientReadLoopServer::builder(Echo).port(port).start().await.unwrap());
    }
    eventually(link.ready()).await.unwrap();
    eventually(link.close()).await;
}

/// So many attempts in a row are the last; `connect` fails with the first.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_budget_is_spent() {
    let network = TellingNetwork::default();
    let given_up = link(&network).backoff(Backoff::exponential(TICK, SECOND).at_most(3)).start();
    let error = given_up.ready().await.unwrap_err();
    assert!(matches!(&error, LinkError::Connect(_)));
    assert_eq!(network.asked().iter().filter(|asked| asked.starts_with("look up")).count(), 3);
    let error = link(&network).connect().await.unwrap_err();
    assert!(matches!(&error, LinkError::Connect(_)), "{error:?}");
    let server = serve(&network).await;
    let link = link(&network).backoff(Backoff::exponential(TICK, SECOND).at_most(3)).connect().await.unwrap();
    assert_eq!(link.ask("?").await.unwrap(), "?");
    network.asked();
    server.close().await;
    link.ready().await.unwrap_err();
    let attempts = network.asked().iter().filter(|asked| asked.starts_with("look up")).count();
    assert_eq!(attempts, 3, "the session that was lost is no attempt that failed");
}

/// What says which errors are for good may panic: it has not said so, and the link goes on.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_panic_of_what_is_final_is_not_final() {
    let network = MemoryNetwork::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let link = link(&network)
        .final_when(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            panic!("as a closure may")
        })
        .start();
    let mut states = link.states();
    for _ in 0..2 {
        failure(&mut states).await;
    }
    let server = serve(&network).await;
    link.ready().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(link.ask("?").await.unwrap(), "?");
    link.ask("hang up").await.unwrap_err();
    link.ready().await.unwrap();
    assert_eq!(link.ask("?").await.unwrap(), "?");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    link.close().await;
    server.close().await;
}

/// No pause is none, and each session that does not last counts, however short the pauses are.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_link_rests_between_attempts() {
    let network = MemoryNetwork::new();
    let begin = Instant::now();
    let backoff = Backoff::exponential(Duration::ZERO, Duration::ZERO).at_most(5);
    link(&network).backoff(backoff).start().ready().await.unwrap_err();
    assert!(begin.elapsed() >= 4 * TICK, "{:?}", begin.elapsed());
}

/// A device that accepts and hangs up is tried at the pace of the backoff, and said to turn this client away.
#[test_log::test(tokio::test)]
async fn who_is_turned_away_does_not_storm() {
    let (listener, link) = by_hand().await;
    let link = link.backoff(Backoff::exponential(20 * TICK, 20 * TICK));
    for link in [link.clone(), greeted(link)] {
        let link = link.start();
        let mut states = link.states();
        let begin = Instant::now();
        for _ in 0..10 {
            drop(eventually(listener.accept()).await.unwrap());
            let error = failure(&mut states).await;
            assert!(matches!(&error, LinkError::TurnedAway { .. }), "{error:?}");
        }
        assert!(begin.elapsed() >= 9 * 20 * TICK, "{:?}", begin.elapsed());
        eventually(link.close()).await;
    }
}

/// A device that takes a command, and hangs up without a word, has said nothing of use: it does not begin the pauses
/// anew.
#[test_log::test(tokio::test)]
async fn what_is_told_proves_nothing() {
    let (listener, link) = by_hand().await;
    let link = link.backoff(Backoff::exponential(TICK, 100 * SECOND)).start();
    for expected in 1..4 {
        let (mut device, _) = eventually(listener.accept()).await.unwrap();
        eventually(link.ready()).await.unwrap();
        eventually(link.tell("?")).await.unwrap();
        eventually(device.read_exact(&mut [0; 3])).await.unwrap();
        drop(device);
        backoff(&link, expected).await;
    }
    eventually(link.close()).await;
}

/// Nor does a reply that is none: each loss is another failed attempt.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_does_not_convert_proves_nothing() {
    let network = MemoryNetwork::new();
    let server = serve(&network).await;
    let link = link(&network).backoff(Backoff::exponential(TICK, 100 * SECOND)).start();
    for expected in 1..4 {
        link.ready().await.unwrap();
        let number = link.ask_for("no number", line().try_map(|reply| reply.parse::<f64>())).await;
        assert!(matches!(number.unwrap_err().cause(), Cause::Value(_)));
        server.close_client().await;
        backoff(&link, expected).await;
    }
    link.close().await;
}

/// An attempt that fails, of a link that goes on, is in the log. Of one that gives up, who waits for it has the error.
#[tokio::test(start_paused = true)]
async fn the_log_says_what_is_tried_again() {
    let network = MemoryNetwork::new();
    let (log, _logging) = Logged::up_to(Level::INFO);
    link(&network).connect().await.unwrap_err();
    assert_eq!(log.text(), "");
    let started = link(&network).start();
    failure(&mut started.states()).await;
    let warning = "device:5025: cannot connect to device:5025: 10.0.0.1:5025 refused the connection: tried again in";
    assert!(log.text().contains(warning), "{}", log.text());
    started.close().await;

    let server = serve(&network).await;
    let link = link(&network).connect().await.unwrap();
    server.close().await;
    failure(&mut link.states()).await;
    assert!(log.text().contains("device:5025: lost: closed by the peer: tried again in"), "{}", log.text());
    link.close().await;
}
