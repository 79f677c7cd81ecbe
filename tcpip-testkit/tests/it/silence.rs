//! The read of what comes until nothing comes.

use std::{io::Write, thread, time::Duration};

use macro_rules_attribute::apply;
use tcpip_server::ReadError;
use tcpip_testkit::eventually;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

use crate::{
    cut::cut,
    kinds::{Kind, Memory},
    link::start,
    over_each_kind::over_each_kind,
};

const QUIET: Duration = Duration::from_millis(50);
const NEARLY: Duration = Duration::from_millis(48);

/// All that comes together is one result; what comes behind a silence is the next, and what is left at the end another.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_silence_ends_what_is_read<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let connection = start(near, |options| options);
    far.write_all(b"one").await.unwrap();
    assert_eq!(eventually(connection.read_until_silence(QUIET)).await.unwrap(), b"one");
    far.write_all(b"two").await.unwrap();
    let mut turn = connection.read_turn().await.unwrap();
    assert_eq!(eventually(turn.read_until_silence(QUIET)).await.unwrap(), b"two");
    assert_eq!(connection.stats().reads, 2, "looks are no reads");
    drop(turn);
    far.write_all(b"three").await.unwrap();
    drop(far);
    assert_eq!(eventually(connection.read_until_silence(Duration::from_hours(1))).await.unwrap(), b"three");
    let end = eventually(connection.read_until_silence(QUIET)).await.unwrap_err();
    assert!(matches!(end, ReadError::EndOfStream { .. }), "{end:?}");
    connection.close().await;
}

/// A pause that is shorter than the silence ends nothing, however many there are; the first byte may take its time.
#[test_log::test(tokio::test(start_paused = true))]
async fn short_pauses_end_nothing() {
    let (near, mut far) = Memory::streams().await;
    let connection = start(near, |options| options);
    let begin = Instant::now();
    let speaking = async {
        sleep(10 * QUIET).await;
        for _ in 0..10 {
            far.write_all(b"x").await.unwrap();
            sleep(NEARLY).await;
        }
        sleep(QUIET).await;
        far.write_all(b"y").await.unwrap();
    };
    let (read, ()) = tokio::join!(connection.read_until_silence(QUIET), speaking);
    assert_eq!(read.unwrap(), b"xxxxxxxxxx");
    assert_eq!(connection.read_until_silence(QUIET).await.unwrap(), b"y");
    assert!(begin.elapsed() >= 20 * QUIET);
    connection.close().await;
}

/// Wherever it is dropped, nothing is lost.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dropped_read_keeps_its_bytes<K: Kind>() {
    for polls in 0..12 {
        let (near, mut far) = K::streams().await;
        let connection = start(near, |options| options);
        far.write_all(b"reply").await.unwrap();
        let read = match cut(polls, connection.read_until_silence(QUIET)).await {
            Some(read) => read.unwrap(),
            None => eventually(connection.read_until_silence(QUIET)).await.unwrap(),
        };
        assert_eq!(read, b"reply", "dropped after {polls} polls");
        connection.close().await;
    }
}

/// More than the limit is an error, and the bytes are gone.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_limit_holds_without_a_silence<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let connection = start(near, |options| options.limit(10));
    far.write_all(b"more than ten").await.unwrap();
    let error = eventually(connection.read_until_silence(QUIET)).await.unwrap_err();
    assert!(matches!(error, ReadError::FrameTooLong { limit: 10 }), "{error:?}");
    connection.close().await;
}

/// A runtime that is late does not take for a silence what has come meanwhile.
#[test_log::test(tokio::test)]
async fn a_late_runtime_is_no_silence() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _): (TcpStream, _) = listener.accept().await.unwrap();
    let connection = start(stream, |options| options);
    peer.write_all(b"one").unwrap();
    let mut reading = tokio_test::task::spawn(connection.read_until_silence(QUIET));
    while connection.stats().bytes_received == 0 {
        tokio_test::assert_pending!(reading.poll());
        tokio::task::yield_now().await;
    }
    tokio_test::assert_pending!(reading.poll());
    // The runtime's one thread.
    thread::sleep(2 * QUIET);
    peer.write_all(b"two").unwrap();
    while connection.unread() < 6 {
        thread::yield_now();
    }
    assert_eq!(eventually(reading).await.unwrap(), b"onetwo");
    connection.close().await;
}
