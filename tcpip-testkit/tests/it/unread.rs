//! Bytes that nobody has asked for are seen before a command goes out.

use std::{
    thread,
    time::{Duration, Instant},
};

use macro_rules_attribute::apply;
use tcpip_server::Connection;
use tcpip_testkit::eventually;
use tokio::io::AsyncWriteExt;

use crate::{cut::cut, kinds::Kind, link::start, over_each_kind::over_each_kind};

const LONG: Duration = Duration::from_secs(30);

/// Waits until so many bytes are unread, and keeps the runtime from learning anything meanwhile: the system may take
/// its time, but nobody else's help is needed.
fn wait_unread(connection: &Connection, count: usize) {
    let begin = Instant::now();
    while connection.unread() != count {
        assert!(begin.elapsed() < LONG, "{} unread, where {count} should be", connection.unread());
        thread::yield_now();
    }
}

/// A byte that has arrived is seen each time, also if the runtime has had no chance to hear of it; and a count takes
/// nothing.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn stray_bytes_are_seen_without_the_runtime<K: Kind>() {
    let (near, far) = K::streams().await;
    let (connection, far) = (start(near, |options| options), start(far, |options| options.nodelay(true)));
    assert_eq!(connection.unread(), 0);
    for round in 0..300 {
        far.write(b"stray").await.unwrap();
        wait_unread(&connection, 5);
        assert_eq!(connection.unread(), 5, "round {round}");
        assert_eq!(connection.discard_input().await.unwrap(), 5);
        assert_eq!(connection.unread(), 0, "round {round}");
        far.write_str("reply").await.unwrap();
        assert_eq!(connection.read_str().await.unwrap(), "reply");
    }
    tokio::join!(connection.close(), far.close());
    assert_eq!((connection.unread(), Connection::closed().unread()), (0, 0));
}

/// What a read has left in the buffer counts with what the system has, and so does the half of a message for which a
/// read waits.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn all_that_is_unread_counts<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let connection = start(near, |options| options);
    far.write_all(b"one\r\ntwo").await.unwrap();
    assert_eq!(connection.read_str().await.unwrap(), "one");
    far.write_all(b"+three").await.unwrap();
    wait_unread(&connection, 9);
    let mut waiting = std::pin::pin!(connection.read_str());
    assert!(cut(2, &mut waiting).await.is_none());
    assert_eq!(connection.unread(), 9);
    far.write_all(b"\r\n").await.unwrap();
    far.shutdown().await.unwrap();
    assert_eq!(eventually(waiting).await.unwrap(), "two+three");
    assert_eq!(connection.unread(), 0, "the end of the stream is no byte");
    assert_eq!(connection.read_to_end().await.unwrap(), b"");
    connection.close().await;
}
