//! What no read took is told as unread, and as nothing else.

use std::{sync::Arc, time::Duration};

use macro_rules_attribute::apply;
use tcpip_server::{ChunkTap, Connection, Direction, DisconnectReason};
use tcpip_testkit::eventually;
use tokio::{io::AsyncWriteExt, time::Instant};
use tokio_util::codec::LengthDelimitedCodec;

use super::{
    Heard::{Received, Unread},
    LONG, Log, arrived, tapped,
};
use crate::{
    cut::cut,
    kinds::{Kind, Tcp},
    link::start,
    over_each_kind::over_each_kind,
};

/// What nobody has taken is told when it is discarded, and when the session ends: also what the system has.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_nobody_took_is_told<K: Kind>() {
    let (connection, chunks, frames, mut far) = tapped::<K>().await;
    far.write_all(b"one\r\nstray").await.unwrap();
    arrived(&connection, 10).await;
    assert_eq!(connection.read_str().await.unwrap(), "one");
    far.write_all(b"more").await.unwrap();
    arrived(&connection, 9).await;
    assert_eq!(connection.discard_input().await.unwrap(), 9);
    let told = frames.take();
    assert_eq!(told[0], (Received, r"one\r\n".to_owned()));
    assert!(told[1..].iter().all(|(heard, _)| *heard == Unread));
    assert_eq!(told[1..].iter().map(|(_, bytes)| &bytes[..]).collect::<String>(), "straymore");
    far.write_all(b"two\r\nhalf").await.unwrap();
    arrived(&connection, 9).await;
    assert_eq!(connection.read_str().await.unwrap(), "two");
    far.write_all(b" of it").await.unwrap();
    arrived(&connection, 10).await;
    frames.take();
    eventually(connection.close()).await;
    let told = frames.take();
    assert!(told.iter().all(|(heard, _)| *heard == Unread), "{told:?}");
    assert_eq!(told.iter().map(|(_, bytes)| &bytes[..]).collect::<String>(), "half of it");
    assert_eq!(chunks.bytes(Received), b"one\r\nstraymoretwo\r\nhalf of it");
}

/// Reads until the first half of a frame has come.
async fn begins_to_read(connection: &Connection) {
    eventually(async {
        while connection.stats().bytes_received < 4 {
            assert!(cut(2, connection.read_str()).await.is_none());
        }
    })
    .await;
}

/// Closes the session as the rest of a frame comes, and waits until that has dropped what there was.
struct Closing(Arc<Log>);

impl ChunkTap for Closing {
    fn chunk(&self, connection: &Connection, _: Direction, _: Instant, bytes: &[u8]) {
        if bytes == b"rest\r\n" {
            connection.start_close(DisconnectReason::Closed);
            let begin = std::time::Instant::now();
            while self.0.bytes(Unread).is_empty() {
                assert!(begin.elapsed() < LONG, "nothing is told");
                std::thread::yield_now();
            }
        }
    }
}

/// What a close drops while a read receives is no frame: no read has taken it.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn what_a_close_drops_meanwhile_is_told_as_unread() {
    let (near, mut far) = Tcp::streams().await;
    let frames = Arc::new(Log::default());
    let closing = Arc::new(Closing(frames.clone()));
    let connection = start(near, |options| options.tap_chunks(closing).tap_frames(frames.clone()));
    far.write_all(b"half").await.unwrap();
    begins_to_read(&connection).await;
    far.write_all(b"rest\r\n").await.unwrap();
    assert!(eventually(connection.read_str()).await.is_err());
    eventually(connection.wait_closed()).await;
    assert_eq!(frames.take(), [(Unread, "half".to_owned())]);
}

/// What a codec leaves that gives up is no frame: no read takes it.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_a_codec_leaves_is_told_as_unread<K: Kind>() {
    let (connection, _, frames, mut far) = tapped::<K>().await;
    far.write_all(b"\xff\xff\xff\xffrest").await.unwrap();
    arrived(&connection, 8).await;
    assert!(eventually(connection.read_frame(&mut LengthDelimitedCodec::new())).await.is_err());
    assert!(eventually(connection.read_str()).await.is_err());
    eventually(connection.wait_closed()).await;
    assert_eq!(frames.take(), [(Unread, r"\xff\xff\xff\xffrest".to_owned())]);
}

/// Once it has been told that what is left of a session is unread, nothing of that is told as a frame.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_was_told_as_unread_is_not_told_again<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let frames = Arc::new(Log::default());
    let connection = start(near, |options| options.tap_frames(frames.clone()).drain_timeout(Duration::ZERO));
    far.write_all(b"half").await.unwrap();
    begins_to_read(&connection).await;
    far.write_all(b" and half\r\n").await.unwrap();
    drop(far);
    eventually(connection.wait_closed()).await;
    frames.take();
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "half and half");
    assert_eq!(frames.take(), []);
}
