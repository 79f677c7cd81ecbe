//! Futures that are neither polled nor dropped hold up only others of their kind, and liveness never.

use std::{future::poll_fn, mem::ManuallyDrop, pin::Pin, task::Poll, time::Duration};

use macro_rules_attribute::apply;
use tcpip_client::{DisconnectReason, HEARTBEAT};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::io::AsyncWriteExt;

use crate::{
    kinds::{Kind, meet, meet_told},
    over_each_kind::over_each_kind,
};

/// Polls a future once, and never again: it is not dropped either.
async fn forget<F: Future>(future: F) {
    let mut future = ManuallyDrop::new(Box::pin(future));
    poll_fn(|context| {
        let future: Pin<&mut F> = future.as_mut();
        assert!(future.poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// A write that is forgotten while the queue is full holds up nothing: it goes out in its turn, and so do those behind
/// it and the heartbeats. Failure 41.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_forgotten_write_holds_up_nothing<K: Kind>() {
    let (client, mut peer) =
        meet::<K>(|client| client.write_limit(1000).heartbeat_interval(Duration::from_millis(10))).await;
    let beat = format!("{HEARTBEAT}\r\n");
    peer.expect(beat.as_bytes()).await;
    let filling = vec![b'x'; K::TOO_MUCH];
    forget(client.write(&filling)).await;
    forget(client.write(&[b'y'; 900])).await;
    forget(client.write(&[b'z'; 900])).await;
    let later = client.connection();
    let writing = tokio::spawn(async move { later.write(b"last").await });
    let expected = format!("{}{}{}last", "x".repeat(K::TOO_MUCH), "y".repeat(900), "z".repeat(900));
    let mut received = String::from_utf8(peer.receive(expected.len()).await).unwrap();
    eventually(writing).await.unwrap().unwrap();
    // Heartbeats have gone out between the messages, and still do.
    while received.replace(&beat, "").len() < expected.len() {
        received += &String::from_utf8(peer.receive(1).await).unwrap();
    }
    assert!(received.replace(&beat, "") == expected);
    while !received.ends_with(&beat) {
        received += &String::from_utf8(peer.receive(1).await).unwrap();
    }
}

/// A write that is dropped while there is no room for it has queued nothing, and lets those behind it pass.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_write_dropped_before_its_turn_is_taken_back<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.write_limit(1000)).await;
    let filling = vec![b'x'; K::TOO_MUCH];
    forget(client.write(&filling)).await;
    forget(client.write(&[b'y'; 900])).await;
    {
        let never = [b'!'; 900];
        let mut dropped = Box::pin(client.write(&never));
        poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context).is_pending())).await;
    }
    forget(client.write(&[b'z'; 900])).await;
    let received = peer.receive(K::TOO_MUCH + 1800).await;
    assert!(received[K::TOO_MUCH..].iter().eq([b'y'; 900].iter().chain(&[b'z'; 900])));
}

/// A read that is forgotten with half a frame keeps no session alive from which nothing comes. Failure 41.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_forgotten_read_keeps_no_session_alive<K: Kind>() {
    const IDLE: Duration = Duration::from_millis(50);
    let (client, mut peer, mut events) = meet_told::<K>(|client| client.idle_timeout(IDLE)).await;
    peer.write_all(b"half").await.unwrap();
    forget(client.read_str()).await;
    peer.write_all(b" a frame").await.unwrap();
    assert_eq!(events.disconnected().await, DisconnectReason::Idle { after: IDLE });
}

/// A read that is forgotten keeps no other waiting behind the end of the session, also where data is left beneath.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_forgotten_read_keeps_no_other_behind_the_end<K: Kind>() {
    let (client, mut peer, mut events) = meet_told::<K>(|client| client.drain_timeout(Duration::ZERO)).await;
    forget(client.read_exact(1000)).await;
    peer.write_all(b"one\r\ntwo\r\n").await.unwrap();
    drop(peer);
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
    eventually(client.wait_closed()).await;
    assert_eq!(eventually(client.read_str()).await.unwrap(), "one");
    assert_eq!(eventually(client.read_str()).await.unwrap(), "two");
}
