//! Who listens in hears how a session begins and ends, in order with what passes.

use std::{
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use macro_rules_attribute::apply;
use socket2::SockRef;
use tcpip_server::{ChunkEnd, ChunkTap, Connection, ConnectionOptions, Direction, DisconnectReason, HalfClose};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use crate::{
    kinds::{Kind, Tcp},
    link::start,
    over_each_kind::over_each_kind,
};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Began,
    Chunk(Direction, String),
    Ended(Direction, ChunkEnd),
}

use ChunkEnd::{Close, Fin, Reset};
use Direction::{Received, Sent};
use Heard::{Began, Chunk, Ended};

#[derive(Default)]
struct Log(Mutex<Vec<Heard>>);

impl Log {
    fn note(&self, heard: Heard) {
        self.0.lock().unwrap().push(heard);
    }

    fn take(&self) -> Vec<Heard> {
        mem::take(&mut self.0.lock().unwrap())
    }
}

impl ChunkTap for Log {
    fn chunk(&self, _: &Connection, direction: Direction, _: Instant, bytes: &[u8]) {
        self.note(Chunk(direction, String::from_utf8(bytes.to_vec()).unwrap()));
    }

    fn began(&self, connection: &Connection) {
        assert!(connection.is_connected());
        self.note(Began);
    }

    fn ended(&self, connection: &Connection, direction: Direction, at: Instant, end: ChunkEnd) {
        // No lock of the session is held.
        assert!(connection.stats().began <= at && at <= Instant::now());
        self.note(Ended(direction, end));
    }
}

async fn tapped<K: Kind>(
    options: impl FnOnce(ConnectionOptions) -> ConnectionOptions,
) -> (Connection, Arc<Log>, K::Stream) {
    let (near, far) = K::streams().await;
    let log = Arc::new(Log::default());
    (start(near, |there| options(there.tap_chunks(log.clone()))), log, far)
}

fn chunk(direction: Direction, text: &str) -> Heard {
    Chunk(direction, text.to_owned())
}

/// A peer that hangs up is heard at once, also if nobody reads, and then this end closes.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_hang_up_is_told<K: Kind>() {
    let (connection, log, far) = tapped::<K>(|options| options).await;
    assert_eq!(log.take(), [Began]);
    drop(far);
    eventually(connection.wait_closed()).await;
    assert_eq!(log.take(), [Ended(Received, Fin), Ended(Sent, Close)]);
}

/// The end of the stream is told behind what came before it, however early it was seen.
#[test_log::test(tokio::test)]
async fn nothing_is_told_behind_the_end() {
    let (connection, log, mut far) = tapped::<Tcp>(|options| options).await;
    far.write_all(b"last\r\n").await.unwrap();
    drop(far);
    eventually(connection.wait_hung_up()).await;
    assert_eq!(log.take(), [Began]);
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "last");
    assert!(eventually(connection.read_str()).await.is_err());
    eventually(connection.wait_closed()).await;
    assert_eq!(log.take(), [chunk(Received, "last\r\n"), Ended(Received, Fin), Ended(Sent, Close)]);
}

/// This end's half, what the peer says to that, its end, and the close.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn both_halves_are_told<K: Kind>() {
    let (connection, log, mut far) = tapped::<K>(|options| options.half_close(HalfClose::Allowed)).await;
    connection.write_str("sum").await.unwrap();
    connection.shutdown_write().await.unwrap();
    let mut question = Vec::new();
    eventually(far.read_to_end(&mut question)).await.unwrap();
    far.write_all(b"42\r\n").await.unwrap();
    drop(far);
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "42");
    assert!(eventually(connection.read_str()).await.is_err());
    eventually(connection.wait_closed()).await;
    assert_eq!(
        log.take(),
        [
            Began,
            chunk(Sent, "sum\r\n"),
            Ended(Sent, Fin),
            chunk(Received, "42\r\n"),
            Ended(Received, Fin),
            Ended(Sent, Close)
        ]
    );
}

/// A close comes behind what is sent, and what the peer does then is not told.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_close_is_told<K: Kind>() {
    let (connection, log, mut far) = tapped::<K>(|options| options).await;
    connection.write_str("bye").await.unwrap();
    connection.close().await;
    let mut received = Vec::new();
    eventually(far.read_to_end(&mut received)).await.unwrap();
    assert_eq!(log.take(), [Began, chunk(Sent, "bye\r\n"), Ended(Sent, Close)]);
}

#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn an_abort_is_told<K: Kind>() {
    let (connection, log, _far) = tapped::<K>(|options| options).await;
    connection.abort();
    eventually(connection.wait_closed()).await;
    assert_eq!(log.take(), [Began, Ended(Sent, Reset)]);
}

/// The peer's reset is one, also behind data that was there, and this end sends nothing then.
#[test_log::test(tokio::test)]
async fn a_reset_is_told() {
    for reads in [false, true] {
        let (connection, log, mut far) = tapped::<Tcp>(|options| options.drain_timeout(Duration::ZERO)).await;
        far.write_all(b"half").await.unwrap();
        if reads {
            eventually(connection.read_exact(4)).await.unwrap();
        }
        SockRef::from(&far).set_linger(Some(Duration::ZERO)).unwrap();
        drop(far);
        eventually(connection.wait_closed()).await;
        assert_eq!(connection.reason(), Some(DisconnectReason::Reset));
        if reads {
            assert_eq!(log.take(), [Began, chunk(Received, "half"), Ended(Received, Reset)]);
        } else {
            assert_eq!(log.take(), [Began], "unread data is not told");
            let _ = eventually(connection.read_exact(5)).await;
            assert_eq!(log.take().last(), Some(&Ended(Received, Reset)));
        }
    }
}

/// However chunks and a half-close interleave with what this end reads, an end is told once, and nothing behind it.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn an_end_is_the_end<K: Kind>() {
    for round in 0..20 {
        let (connection, log, mut far) = tapped::<K>(|options| options).await;
        let writing = tokio::spawn(async move {
            for _ in 0..round % 5 {
                far.write_all(b"line\r\n").await.unwrap();
            }
            far
        });
        let far = writing.await.unwrap();
        drop(far);
        while eventually(connection.read_str()).await.is_ok() {}
        eventually(connection.wait_closed()).await;
        let heard = log.take();
        let end = heard.iter().position(|heard| *heard == Ended(Received, Fin)).expect("it has ended");
        assert!(heard[end + 1..].iter().all(|heard| *heard == Ended(Sent, Close)), "{heard:?}");
        let received: usize =
            heard[..end].iter().map(|h| if let Chunk(Received, text) = h { text.len() } else { 0 }).sum();
        assert_eq!(received, round % 5 * 6);
    }
}
