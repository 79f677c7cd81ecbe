//! Who listens in hears all that passes, in order, and disturbs nobody.

mod ends;
mod unread;

use std::{
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_core::endpoint::SessionOptions;
use tcpip_server::{ChunkTap, Connection, ConnectionOptions, Direction, FrameTap, ReadError};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::{JoinSet, yield_now},
    time::{Instant, advance},
};
use tokio_util::codec::LengthDelimitedCodec;

use crate::{
    cut::cut,
    kinds::{BUFFERED, Kind, Memory},
    link::{start, start_session, tight_link},
    over_each_kind::over_each_kind,
};

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Received,
    Sent,
    Unread,
}

impl From<Direction> for Heard {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Received => Self::Received,
            Direction::Sent => Self::Sent,
        }
    }
}

use Heard::{Received, Sent, Unread};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_mins(1);

#[derive(Default)]
struct Log(Mutex<Vec<(Heard, Instant, Vec<u8>)>>);

impl Log {
    fn note(&self, connection: &Connection, heard: Heard, at: Instant, bytes: &[u8]) {
        // No lock of the session is held.
        assert!(connection.stats().began <= at && at <= Instant::now());
        self.0.lock().unwrap().push((heard, at, bytes.to_vec()));
    }

    /// What has been heard since the last time.
    fn take(&self) -> Vec<(Heard, String)> {
        let all = mem::take(&mut *self.0.lock().unwrap());
        all.into_iter().map(|(heard, _, bytes)| (heard, bytes.escape_ascii().to_string())).collect()
    }

    /// All bytes that went one way so far.
    fn bytes(&self, wanted: Heard) -> Vec<u8> {
        let log = self.0.lock().unwrap();
        log.iter().filter(|(heard, ..)| *heard == wanted).flat_map(|(.., bytes)| bytes.clone()).collect()
    }
}

impl ChunkTap for Log {
    fn chunk(&self, connection: &Connection, direction: Direction, at: Instant, bytes: &[u8]) {
        self.note(connection, direction.into(), at, bytes);
    }
}

impl FrameTap for Log {
    fn frame(&self, connection: &Connection, direction: Direction, at: Instant, bytes: &[u8]) {
        self.note(connection, direction.into(), at, bytes);
    }

    fn unread(&self, connection: &Connection, at: Instant, bytes: &[u8]) {
        self.note(connection, Unread, at, bytes);
    }
}

/// A session, who listens in on its chunks and on its frames, and its peer.
async fn tapped<K: Kind>() -> (Connection, Arc<Log>, Arc<Log>, K::Stream) {
    let (near, far) = K::streams().await;
    let (chunks, frames) = (Arc::new(Log::default()), Arc::new(Log::default()));
    let connection = start(near, |options| options.tap_chunks(chunks.clone()).tap_frames(frames.clone()));
    (connection, chunks, frames, far)
}

/// Waits until so many bytes have arrived.
async fn arrived(connection: &Connection, count: usize) {
    eventually(|| connection.unread() >= count).await;
}

/// Chunks are the bytes of the wire, in the order of a conversation, whatever reads and writes there are.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn chunks_are_what_passes<K: Kind>() {
    let (connection, chunks, _, mut far) = tapped::<K>().await;
    far.write_all(b"ready\r\n>").await.unwrap();
    assert_eq!(eventually(connection.read_until(b">")).await.unwrap(), b"ready\r\n>");
    assert_eq!(chunks.take(), [(Received, r"ready\r\n>".to_owned())]);
    for (question, reply) in [("one?", "1"), ("two?", "2")] {
        connection.write_str(question).await.unwrap();
        let mut received = vec![0; question.len() + 2];
        eventually(far.read_exact(&mut received)).await.unwrap();
        far.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
        assert_eq!(eventually(connection.read_str()).await.unwrap(), reply);
        assert_eq!(chunks.take(), [(Sent, format!(r"{question}\r\n")), (Received, format!(r"{reply}\r\n"))]);
    }
    far.write_all(b"stray").await.unwrap();
    arrived(&connection, 5).await;
    assert_eq!(connection.discard_input().await.unwrap(), 5);
    assert_eq!(chunks.take(), [(Received, "stray".to_owned())]);
    let large = vec![b'x'; 1 << 20];
    let (written, received) = tokio::join!(connection.write(&large), async {
        let mut received = vec![0; large.len()];
        far.read_exact(&mut received).await.map(|_| received)
    });
    written.unwrap();
    assert_eq!(received.unwrap(), large);
    assert_eq!(chunks.bytes(Sent), large);
    chunks.take();
    let (read, written) = tokio::join!(connection.read_exact(large.len()), far.write_all(&large));
    written.unwrap();
    assert_eq!(read.unwrap(), large);
    assert_eq!(chunks.bytes(Received), large);
    connection.close().await;
}

/// Frames are what reads have taken, each with all of its bytes, and messages as they were queued.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn frames_are_what_is_taken_and_queued<K: Kind>() {
    let (connection, _, frames, mut far) = tapped::<K>().await;
    far.write_all(b"one\r\ntwo\r\n[3]\r\n1234567>\0\0\0\x04abcd").await.unwrap();
    arrived(&connection, 31).await;
    assert_eq!(connection.read_str().await.unwrap(), "one");
    assert_eq!(connection.read_str_with(str::len).await.unwrap(), 3);
    assert_eq!(connection.read_json::<[u8; 1]>().await.unwrap(), [3]);
    assert_eq!(connection.read_exact(3).await.unwrap(), b"123");
    assert_eq!(connection.read_struct::<[u8; 2]>().await.unwrap(), *b"45");
    assert_eq!(connection.read_until(b">").await.unwrap(), b"67>");
    let expected = [r"one\r\n", r"two\r\n", r"[3]\r\n", "123", "45", "67>"].map(|frame| (Received, frame.to_owned()));
    assert_eq!(frames.take(), expected);
    assert_eq!(connection.read_frame(&mut LengthDelimitedCodec::new()).await.unwrap(), b"abcd"[..]);
    assert_eq!(frames.take(), [(Received, r"\x00\x00\x00\x04abcd".to_owned())]);
    connection.write_str("two").await.unwrap();
    connection.batch().write(b"a").write(b"b").send().await.unwrap();
    assert_eq!(frames.take(), [(Sent, r"two\r\n".to_owned()), (Sent, "ab".to_owned())]);
    // A message that does not convert is told all the same.
    far.write_all(b"\xff\r\n{\r\n").await.unwrap();
    assert!(matches!(eventually(connection.read_str()).await, Err(ReadError::Decode { .. })));
    assert!(matches!(eventually(connection.read_json::<u8>()).await, Err(ReadError::Json { .. })));
    assert_eq!(frames.take(), [(Received, r"\xff\r\n".to_owned()), (Received, r"{\r\n".to_owned())]);
    // A decoder that takes a frame piece by piece makes one of it.
    let mut codec = LengthDelimitedCodec::new();
    for piece in [&b"\0\0\0"[..], b"\x02", b"x"] {
        far.write_all(piece).await.unwrap();
        for _ in 0..10 {
            assert!(cut(2, connection.read_frame(&mut codec)).await.is_none());
        }
    }
    far.write_all(b"y").await.unwrap();
    assert_eq!(eventually(connection.read_frame(&mut codec)).await.unwrap(), b"xy"[..]);
    assert_eq!(frames.take(), [(Received, r"\x00\x00\x00\x02xy".to_owned())]);
    connection.close().await;
}

/// A heartbeat that a waiting read passes over is told as it comes, and not kept until the read has its message.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_a_read_passes_over_is_told_as_it_comes<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let frames = Arc::new(Log::default());
    let connection = start_session(
        near,
        SessionOptions {
            max_heartbeat_interval: Some(100 * LONG),
            connection: ConnectionOptions::new().tap_frames(frames.clone()).into(),
            ..SessionOptions::new("test")
        },
    );
    let heard = async {
        for _ in 0..3 {
            far.write_all(b"heartbeat\r\n").await.unwrap();
            let begin = std::time::Instant::now();
            let told = loop {
                match frames.take() {
                    told if told.is_empty() => assert!(begin.elapsed() < LONG, "nothing is told"),
                    told => break told,
                }
                yield_now().await;
            };
            assert_eq!(told, [(Received, r"heartbeat\r\n".to_owned())]);
        }
        far.write_all(b"reply\r\n").await.unwrap();
    };
    let (read, ()) = tokio::join!(connection.read_str(), heard);
    assert_eq!(read.unwrap(), "reply");
    assert_eq!(frames.take(), [(Received, r"reply\r\n".to_owned())]);
    connection.close().await;
}

/// A frame was there when its last byte came, not when it was read.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_frame_has_the_time_of_its_last_byte() {
    let (connection, _, frames, mut far) = tapped::<Memory>().await;
    let begin = Instant::now();
    for piece in ["on", "e\r\ntwo\r", "\n"] {
        far.write_all(piece.as_bytes()).await.unwrap();
        yield_now().await;
        advance(Duration::from_secs(1)).await;
    }
    connection.write_str("late").await.unwrap();
    assert_eq!(connection.read_str().await.unwrap(), "one");
    assert_eq!(connection.read_str().await.unwrap(), "two");
    let times: Vec<_> = frames.0.lock().unwrap().iter().map(|(_, at, _)| (*at - begin).as_secs()).collect();
    assert_eq!(times, [3, 1, 2]);
    connection.close().await;
}

/// Messages of many tasks are told in the order in which they go out; one that is given up while it waits for room is
/// not told.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn messages_are_told_in_the_order_of_the_wire<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let frames = Arc::new(Log::default());
    let connection = start(near, |options| options.tap_frames(frames.clone()).write_limit(100));
    let received = tokio::spawn(async move {
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        received
    });
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let connection = connection.clone();
        tasks.spawn(async move {
            for message in 0..200 {
                let text = format!("{task} {message}");
                let polls = if message % 2 == 0 { 2 } else { 1000 };
                drop(cut(polls, connection.write_str(&text)).await);
            }
        });
    }
    eventually(tasks.join_all()).within(LONG).await;
    connection.close().await;
    let received = eventually(received).await.unwrap();
    assert!(frames.bytes(Sent) == received, "told otherwise than sent");
}

/// A message that waits for room is told when it is queued, and not if it is given up before.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_message_that_waits_for_room_is_told_when_it_is_queued<K: Kind>() {
    let frames = Arc::new(Log::default());
    let (connection, mut far) = tight_link::<K>(|options| options.tap_frames(frames.clone()).write_limit(10)).await;
    let large = vec![b'x'; 2 * BUFFERED];
    let mut first = Box::pin(connection.write(&large));
    let mut given_up = Box::pin(connection.write(b"given up"));
    let mut waiting = Box::pin(connection.write(b"waiting"));
    assert!(cut(1, &mut first).await.is_none());
    assert!(cut(1, &mut given_up).await.is_none());
    assert!(cut(1, &mut waiting).await.is_none());
    drop(given_up);
    assert_eq!(frames.take().len(), 1);
    let mut received = vec![0; large.len() + 7];
    let (sent, read) = tokio::join!(waiting, far.read_exact(&mut received));
    sent.unwrap();
    read.unwrap();
    first.await.unwrap();
    assert_eq!(frames.take(), [(Sent, "waiting".to_owned())]);
    connection.close().await;
}

/// Panics, or ends the session, when it hears of something.
struct Odd(fn(&Connection));

impl ChunkTap for Odd {
    fn chunk(&self, connection: &Connection, _: Direction, _: Instant, _: &[u8]) {
        (self.0)(connection);
    }
}

impl FrameTap for Odd {
    fn frame(&self, connection: &Connection, _: Direction, _: Instant, _: &[u8]) {
        (self.0)(connection);
    }

    fn unread(&self, connection: &Connection, _: Instant, _: &[u8]) {
        (self.0)(connection);
    }
}

/// Who listens in may panic, and may use the connection, and nobody else suffers.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn who_listens_in_may_do_anything<K: Kind>() {
    for odd in [
        |_: &Connection| panic!("a panic of the test's"),
        |connection: &Connection| {
            connection.set_limit(connection.limit() + 1);
            assert!(connection.unread() < 1000 && !connection.has_hung_up());
        },
    ] {
        let (near, mut far) = K::streams().await;
        let tap = Arc::new(Odd(odd));
        let connection = start(near, |options| options.tap_chunks(tap.clone()).tap_frames(tap));
        for _ in 0..3 {
            connection.write_str("question").await.unwrap();
            let mut received = [0; 10];
            eventually(far.read_exact(&mut received)).await.unwrap();
            far.write_all(b"reply\r\n").await.unwrap();
            assert_eq!(eventually(connection.read_str()).await.unwrap(), "reply");
        }
        far.write_all(b"stray").await.unwrap();
        arrived(&connection, 5).await;
        eventually(connection.close()).await;
    }
    let (near, _far) = K::streams().await;
    let connection = start(near, |options| options.tap_frames(Arc::new(Odd(Connection::abort))));
    drop(eventually(connection.write_str("last")).await);
    eventually(connection.wait_closed()).await;
}
