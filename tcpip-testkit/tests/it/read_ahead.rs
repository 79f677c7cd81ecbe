//! Reading ahead in sessions over streams: how far, what is seen meanwhile, and who is woken.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use tcpip_client::{Client, Connection, DisconnectReason, ReadError};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::yield_now,
    time::{Instant, sleep, timeout},
};

use crate::{
    cut::cut,
    kinds::{Kind, Tcp},
};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_mins(1);

/// How many bytes the streams of these tests take in each direction.
const CAPACITY: usize = 16;

/// How many bytes more the stream takes until it is full.
async fn fill(far: &mut DuplexStream) -> usize {
    let mut taken = 0;
    while let Ok(count) = timeout(Duration::from_millis(1), far.write(&[b'x'; 1000])).await {
        taken += count.unwrap();
    }
    taken
}

/// Bytes are read ahead of their readers up to the limit, further when room comes by a read or a higher limit, and as
/// far as a read needs that asks for more.
#[test_log::test(tokio::test(start_paused = true))]
async fn reading_ahead_is_bounded_by_the_limit_and_goes_on_when_there_is_room() {
    let (near, mut far) = duplex(CAPACITY);
    let client = Client::from_stream(near).limit(100).connect().await.unwrap();
    assert_eq!(fill(&mut far).await, 100 + CAPACITY);
    assert_eq!(client.read_exact(30).await.unwrap().len(), 30);
    assert_eq!(fill(&mut far).await, 30);
    client.set_limit(150);
    assert_eq!(fill(&mut far).await, 50);
    client.set_limit(10);
    assert_eq!(client.read_exact(140).await.unwrap().len(), 140);
    // 10 of the 150 are left, and the stream is full.
    assert_eq!(fill(&mut far).await, 0);

    let reading = client.read_exact(1000);
    let sending = async { far.write_all(&[b'x'; 1000 - CAPACITY - 10]).await.unwrap() };
    let (read, ()) = eventually(async { tokio::join!(reading, sending) }).await;
    assert_eq!(read.unwrap().len(), 1000);
    // A read that asked for more and was given up leaves only what the limit allows to be read ahead.
    assert!(timeout(Duration::from_millis(1), client.read_exact(1000)).await.is_err());
    assert_eq!(fill(&mut far).await, 10 + CAPACITY);
}

/// With a limit of nothing a byte is read ahead, lest the end never be seen, and reads find what they ask for.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_limit_of_nothing_leaves_everything_to_the_reads() {
    let (near, mut far) = duplex(CAPACITY);
    let client = Client::from_stream(near).limit(0).connect().await.unwrap();
    assert_eq!(fill(&mut far).await, CAPACITY + 1);
    assert_eq!(eventually(client.read(3)).await.unwrap(), b"x");
    assert_eq!(eventually(client.read_exact(5)).await.unwrap(), b"xxxxx");
    assert_eq!(fill(&mut far).await, 6);
    assert_eq!(eventually(client.read_exact(CAPACITY)).await.unwrap().len(), CAPACITY);
    assert_eq!(eventually(client.read(1)).await.unwrap().len(), 1);
    drop(far);
    eventually(client.wait_disconnected()).await;
}

/// A hang-up is seen before the limit without any reader, and behind it when a read has made room.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_hang_up_behind_the_limit_is_seen_once_it_is_read_up_to() {
    for (unread, reads) in [(99, 0), (100, 1), (115, 16)] {
        let (near, mut far) = duplex(CAPACITY);
        let client = Client::from_stream(near).limit(100).drain_timeout(LONG).connect().await.unwrap();
        far.write_all(&vec![b'x'; unread]).await.unwrap();
        drop(far);
        sleep(10 * LONG).await;
        assert_eq!(client.is_connected(), reads > 0, "with {unread} bytes unread");
        for _ in 0..reads {
            assert!(client.is_connected());
            client.read_exact(1).await.unwrap();
            yield_now().await;
        }
        if reads > 0 {
            let since = Instant::now();
            client.wait_disconnected().await;
            assert_eq!(since.elapsed(), LONG, "it drained from the last read");
        }
        assert_eq!(client.connection().reason(), Some(DisconnectReason::ClosedByPeer));
        assert_eq!(client.read_exact(unread - reads).await.unwrap().len(), 99);
        assert!(matches!(client.read_line().await, Ok(end) if end.is_empty()));
    }
}

/// A TCP stream is no other than one that was connected here: its hang-up is seen behind any number of unread bytes.
#[test_log::test(tokio::test)]
async fn a_tcp_stream_that_is_given_is_treated_as_one() {
    let (near, mut far) = Tcp::streams().await;
    let (local, peer) = (near.local_addr().unwrap(), near.peer_addr().unwrap());
    let drain = Duration::from_millis(20);
    let client = Client::from_stream(near).limit(10).drain_timeout(drain).connect().await.unwrap();
    assert_eq!((client.host(), client.port()), ("127.0.0.1", peer.port()));
    assert_eq!((client.connection().local_addr(), client.connection().peer_addr()), (Some(local), Some(peer)));
    far.write_all(&[b'x'; 1000]).await.unwrap();
    drop(far);
    eventually(client.wait_disconnected()).await;
    assert_eq!(client.read_exact(1000).await.unwrap().len(), 1000);
}

/// Counts how often it is woken.
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A reader is woken by what arrives, and by nothing else that the session does.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_waiting_read_is_woken_by_arrivals_alone() {
    let (near, mut far) = duplex(CAPACITY);
    let client = Client::from_stream(near).connect().await.unwrap();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);
    let mut reading = Box::pin(client.read_exact(4));
    assert!(reading.as_mut().poll(&mut context).is_pending());
    for _ in 0..100 {
        client.write(b"to the peer").await.unwrap();
        far.read_exact(&mut [0; 11]).await.unwrap();
    }
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    for (arrivals, bytes) in [(1, "ab"), (2, "cd")] {
        far.write_all(bytes.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(1)).await;
        assert_eq!(count.0.load(Ordering::Relaxed), arrivals);
        assert_eq!(reading.as_mut().poll(&mut context).is_ready(), arrivals == 2);
    }
    drop(reading);
    let mut reading = Box::pin(client.read_str());
    assert!(reading.as_mut().poll(&mut context).is_pending());
    drop(far);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(count.0.load(Ordering::Relaxed), 3, "the end is an arrival");
}

/// The same with a peer that is gone: whoever notices first, the reading ahead or the writing.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_peer_that_is_gone_leaves_what_it_sent() {
    for _ in 0..100 {
        let (near, mut far) = duplex(CAPACITY);
        let client = Client::from_stream(near).connect().await.unwrap();
        far.write_all(b"one\r\ntwo\r\n").await.unwrap();
        drop(far);
        let _ = eventually(client.write_str("status")).await;
        assert_eq!(client.read_str().await.unwrap(), "one");
        assert_eq!(client.read_str().await.unwrap(), "two");
        match client.read_str().await {
            Err(ReadError::EndOfStream { .. } | ReadError::Disconnected { reason: DisconnectReason::Reset }) => {}
            other => panic!("{other:?}"),
        }
        assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. })));
    }
}

/// Numbers that look random and follow from the seed (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}

const MESSAGES: usize = 10_000;

fn message(number: usize, random: &mut Random) -> String {
    format!("{number} {}", "x".repeat(random.below(40)))
}

async fn send_all(connection: Connection, seed: u64) {
    let mut random = Random(seed);
    for number in 0..MESSAGES {
        connection.write_str(&message(number, &mut random)).await.unwrap();
        if random.below(16) == 0 {
            yield_now().await;
        }
    }
}

async fn receive_all(connection: Connection, seed: u64) {
    let (mut random, mut whim) = (Random(seed), Random(!seed));
    for number in 0..MESSAGES {
        let text = loop {
            match whim.below(256) {
                // Meanwhile the session reads ahead as far as it may.
                0 => sleep(Duration::from_millis(1)).await,
                1..64 => {
                    if let Some(read) = cut(1 + whim.below(3), connection.read_str()).await {
                        break read.unwrap();
                    }
                }
                _ => break connection.read_str().await.unwrap(),
            }
        };
        assert_eq!(text, message(number, &mut random));
        random.below(16);
    }
}

/// One way, where nothing else wakes a session, then both ways.
async fn talk(capacity: usize, limit: usize) {
    let (near, far) = duplex(capacity);
    let near = Client::from_stream(near).limit(limit).write_limit(300).connect().await.unwrap();
    let far = Client::from_stream(far).limit(limit).connect().await.unwrap();
    let one_way = |from: &Client, to: &Client, seed| {
        let (sending, receiving) = (send_all(from.connection(), seed), receive_all(to.connection(), seed));
        let (sending, receiving) = (tokio::spawn(sending), tokio::spawn(receiving));
        async { tokio::try_join!(sending, receiving) }
    };
    eventually(one_way(&near, &far, 1)).await.unwrap();
    eventually(async { tokio::try_join!(one_way(&near, &far, 2), one_way(&far, &near, 3)) }).await.unwrap();
}

/// Of many messages both ways, of random lengths and with reads that are given up, none is lost and none is waited for
/// in vain: the streams are narrow, and a frame just fits the limit. With a wake-up that went missing all
/// would wait, and the clock jump.
#[test_log::test(tokio::test(start_paused = true))]
async fn no_wake_up_is_lost() {
    talk(CAPACITY, 64).await;
}

/// The same over several threads.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 4))]
async fn no_wake_up_is_lost_on_several_threads() {
    talk(100, 64).await;
}

/// A stream that gives and takes one byte a poll carries whole messages.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_byte_a_poll_is_a_message_in_the_end() {
    let (near, far) = duplex(1);
    let near = Client::from_stream(near).connect().await.unwrap();
    let far = Client::from_stream(far).connect().await.unwrap();
    let text = "x".repeat(5000);
    for _ in 0..3 {
        let (written, read) = eventually(async { tokio::join!(near.write_str(&text), far.read_str()) }).await;
        written.unwrap();
        assert_eq!(read.unwrap(), text);
        let (written, read) = eventually(async { tokio::join!(far.write_str(&text), near.read_str()) }).await;
        written.unwrap();
        assert_eq!(read.unwrap(), text);
    }
    eventually(near.close()).await;
    assert_eq!(eventually(far.read_line()).await.unwrap(), b"");
}
