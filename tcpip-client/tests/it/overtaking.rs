//! Discarding what has come, and writing ahead of what is queued.

use std::{future::poll_fn, pin::Pin, task::Poll};

use macro_rules_attribute::apply;
use tcpip_client::{ReadError, WriteError};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::io::AsyncWriteExt;

use crate::{
    kinds::{Kind, meet, pair},
    over_each_kind::over_each_kind,
};

/// What has come, in the buffer and beneath, is dropped and counted; what comes later is not.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn discarded_input_is_counted_and_gone<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let link = client.connection();
    assert_eq!(eventually(link.discard_input()).await.unwrap(), 0);
    peer.write_all(b"first\r\nstale\r\nhalf").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "first");
    // The rest came in the same piece. More comes behind it.
    peer.write_all(&vec![b'y'; 20_000]).await.unwrap();
    let mut discarded = 0;
    while discarded < 20_011 {
        discarded += eventually(link.discard_input()).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(discarded, 20_011);
    peer.write_all(b"fresh\r\n").await.unwrap();
    assert_eq!(eventually(client.read_str()).await.unwrap(), "fresh");
}

/// Behind the end there is nothing to discard: first nothing, then the end is told as ever, then it is an error.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn discarding_tells_no_end<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.drain_timeout(std::time::Duration::from_mins(1))).await;
    let link = client.connection();
    peer.write_all(b"stale\r\n").await.unwrap();
    drop(peer);
    assert!(eventually(link.wait_hung_up()).await);
    assert_eq!(eventually(link.discard_input()).await.unwrap(), 7);
    assert_eq!(eventually(link.discard_input()).await.unwrap(), 0);
    assert!(matches!(eventually(client.read_str()).await, Err(ReadError::EndOfStream { .. })));
    assert!(matches!(link.discard_input().await, Err(ReadError::NotConnected { .. })));
}

type Write<'a> = Pin<Box<dyn Future<Output = Result<(), WriteError>> + Send + 'a>>;

/// A `read_timeout` bounds the wait for the turn.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn discarding_waits_for_its_turn_within_the_read_timeout<K: Kind>() {
    let after = std::time::Duration::from_millis(50);
    let (client, mut peer) = meet::<K>(|client| client.read_timeout(after)).await;
    let link = client.connection();
    peer.write_all(b"half").await.unwrap();
    let mut reading = std::mem::ManuallyDrop::new(Box::pin(client.read_str()));
    assert!(poll_fn(|context| Poll::Ready(reading.as_mut().poll(context).is_pending())).await);
    let discarded = eventually(link.discard_input()).await;
    assert!(matches!(discarded, Err(ReadError::Timeout { operation: "discard_input", .. })), "{discarded:?}");
}

/// What is written ahead goes before what is queued, in its own order, and never into a message that has begun.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_is_written_ahead_overtakes_the_queue<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.write_limit(4 * K::TOO_MUCH)).await;
    let link = client.connection();
    let begun = vec![b'a'; K::TOO_MUCH];
    let queued = vec![b'b'; 1000];
    let mut writes: [Write<'_>; 5] = [
        Box::pin(client.write(&begun)),
        Box::pin(client.write(&queued)),
        Box::pin(link.write_ahead(b"!")),
        Box::pin(client.write(b"c")),
        Box::pin(link.write_ahead(b"~")),
    ];
    // Each is queued before the peer reads anything, and the others when the first has begun.
    for write in &mut writes {
        let is_pending = poll_fn(|context| Poll::Ready(write.as_mut().poll(context).is_pending())).await;
        assert!(is_pending);
        K::arrival(&mut peer).await;
    }
    let writes = async {
        for write in writes {
            write.await.unwrap();
        }
    };
    let received = async {
        let received = peer.receive(K::TOO_MUCH + 1003).await;
        assert!(received[..K::TOO_MUCH].iter().all(|&byte| byte == b'a'), "the first is not torn");
        let rest = &received[K::TOO_MUCH..];
        assert_eq!(&rest[..2], b"!~");
        assert!(rest[2..1002].iter().all(|&byte| byte == b'b'));
        assert_eq!(rest[1002], b'c');
    };
    eventually(async { tokio::join!(writes, received) }).await;
    eventually(client.close()).await;
    peer.expect_end().await;
}

/// With nothing queued it is a write as any other; without a session an error.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn writing_ahead_of_nothing_is_a_write<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let link = client.connection();
    eventually(link.write_ahead(b"!")).await.unwrap();
    peer.expect(b"!").await;
    eventually(client.close()).await;
    assert!(matches!(link.write_ahead(b"!").await, Err(WriteError::NotConnected { .. })));
}
