//! What a test hears from a bare stream, and how a failure reads.

use std::{io::ErrorKind, panic::Location, time::Duration};

use tcpip_client::{Abort, NetworkStream};
use tcpip_testkit::{DEFAULT_EVENTUALLY_TIMEOUT, ExpectExt, memory_streams};
use tokio::{
    io::{AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    task::{LocalSet, spawn_local},
    time::{Instant, sleep},
};

/// What the test panicked with.
async fn panics(test: impl Future<Output = ()> + 'static) -> String {
    let panic = LocalSet::new().run_until(async { spawn_local(test).await }).await.expect_err("a panic").into_panic();
    *panic.downcast::<String>().unwrap()
}

/// What the test panicked with, and after which time, where these bytes have come and then nothing, or the end.
async fn panics_on(bytes: &[u8], stays: bool, test: impl AsyncFnOnce(DuplexStream) + 'static) -> (String, Duration) {
    let (near, far) = sent(bytes).await;
    let _far = stays.then_some(far);
    let since = Instant::now();
    (panics(async move { test(near).await }).await, since.elapsed())
}

async fn sent(bytes: &[u8]) -> (DuplexStream, DuplexStream) {
    let (near, mut far) = duplex(64 * 1024);
    far.write_all(bytes).await.unwrap();
    (near, far)
}

/// What is expected is taken, however it is cut, and nothing behind it.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_is_expected_is_taken_and_nothing_behind_it() {
    let (mut near, mut far) = duplex(64);
    let sending = tokio::spawn(async move {
        for byte in b"one\r\ntwo\r\nlast words" {
            sleep(Duration::from_secs(1)).await;
            far.write_all(&[*byte]).await.unwrap();
        }
    });
    near.expect("one\r\n").await;
    near.expect("").await;
    assert_eq!(near.receive(5).await, b"two\r\n");
    assert_eq!(near.receive(0).await, b"");
    assert_eq!(near.rest().await.unwrap(), b"last words");
    near.expect_end().await;
    sending.await.unwrap();

    let (mut near, mut far) = duplex(1 << 20);
    let many = vec![7; 100_000];
    far.write_all(&many).await.unwrap();
    far.write_all(b"more").await.unwrap();
    near.expect(&many).await;
    near.expect("more").await;
}

/// A message is sent, and its reply read.
#[test_log::test(tokio::test)]
async fn a_question_has_its_reply() {
    let (mut near, mut far) = duplex(64);
    let echo = tokio::spawn(async move { far.receive(3).await.eq(b"ask").then_some(far) });
    let asking = tokio::spawn(async move {
        near.ask("ask", "").await;
        near
    });
    let mut far = echo.await.unwrap().expect("the message");
    far.write_all(b"re").await.unwrap();
    let mut near = asking.await.unwrap();
    near.ask("", b"re").await;
    drop(far);
    let place = here(1);
    let text = panics(async move { near.ask("again\n", "").await }).await;
    assert!(text.starts_with(&format!("\"again\" LF cannot be sent at {place}:")), "{text}");
    assert!(text.ends_with(": broken pipe"), "{text}");

    let (mut near, _far) = sent(b"no").await;
    let place = here(1);
    let text = panics(async move { near.ask("again\n", "yes").await }).await;
    assert!(text.starts_with(&format!("expected at {place}:")), "{text}");
}

/// What differs fails at its first byte, with what came up to there, in the notation of scripts.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_differs_fails_at_once() {
    let (mut near, _far) = sent(b"OK\r\nERROR").await;
    let place = here(1);
    let text = panics(async move { near.expect("OK\r\nREADY\r\n").await }).await;
    assert!(text.starts_with(&format!("expected at {place}:")), "{text}");
    assert!(text.ends_with(": \"OK\" CR LF \"READY\" CR LF\ncame: \"OK\" CR LF \"ERROR\""), "{text}");

    let since = Instant::now();
    let (mut near, _far) = sent(b"x").await;
    let text = panics(async move { near.expect_end().await }).await;
    assert!(text.ends_with(": the end of the stream\ncame: \"x\""), "{text}");
    let (mut near, _far) = sent(b"x").await;
    let text = panics(async move { near.expect_reset().await }).await;
    assert!(text.ends_with(": a reset\ncame: \"x\""), "{text}");
    assert_eq!(since.elapsed(), Duration::ZERO);
}

/// What does not come fails after a minute, and with what came before that.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_does_not_come_fails() {
    let whats = [
        panics_on(b"O", true, async |mut near| near.expect("OK\r").await).await,
        panics_on(b"O", true, async |mut near| drop(near.receive(2).await)).await,
        panics_on(b"O", true, async |mut near| drop(near.rest().await)).await,
        panics_on(b"", true, async |mut near| near.expect_end().await).await,
        panics_on(b"", true, async |mut near| near.expect_reset().await).await,
    ];
    let expected = [
        ("\"OK\" CR", "\"O\""),
        ("2 bytes", "\"O\""),
        ("the end of the stream", "\"O\""),
        ("the end of the stream", "nothing"),
        ("a reset", "nothing"),
    ];
    for ((text, after), (what, came)) in whats.into_iter().zip(expected) {
        assert_eq!(after, DEFAULT_EVENTUALLY_TIMEOUT);
        assert!(text.ends_with(&format!(": {what}\ncame: {came}; then nothing for 60s")), "{text}");
    }
}

/// What ends before what is expected fails at once.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_ends_before_it_fails_at_once() {
    let whats = [
        panics_on(b"O", false, async |mut near| near.expect("OK\r").await).await,
        panics_on(b"O", false, async |mut near| drop(near.receive(2).await)).await,
        panics_on(b"", false, async |mut near| near.expect_reset().await).await,
    ];
    let expected = [("\"OK\" CR", "\"O\""), ("2 bytes", "\"O\""), ("a reset", "nothing")];
    for ((text, after), (what, came)) in whats.into_iter().zip(expected) {
        assert_eq!(after, Duration::ZERO);
        assert!(text.ends_with(&format!(": {what}\ncame: {came}; then the stream ended")), "{text}");
    }
}

/// A stream over a socket and one in memory, whose peer has sent half of something, and then reset or ended it.
async fn ended(is_reset: bool) -> [NetworkStream; 2] {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialled = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let accepted = NetworkStream::new(listener.accept().await.unwrap().0);
    let (near, far) = memory_streams(64);
    let mut streams = [NetworkStream::new(dialled), near];
    for (stream, mut peer) in streams.iter_mut().zip([accepted, far]) {
        peer.write_all(b"half").await.unwrap();
        stream.expect("half").await;
        if is_reset {
            peer.transport().unwrap().abort(Abort::Now);
        }
    }
    streams
}

/// A reset is told from an end in good order, over sockets and in memory.
#[test_log::test(tokio::test)]
async fn a_reset_is_told_from_an_end() {
    for mut stream in ended(true).await {
        stream.expect_reset().await;
    }
    for mut stream in ended(true).await {
        assert_eq!(stream.rest().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    for mut stream in ended(true).await {
        let text = panics(async move { stream.expect_end().await }).await;
        assert!(text.contains("the end of the stream\ncame: nothing; then "), "{text}");
    }
    for mut stream in ended(false).await {
        stream.expect_end().await;
        assert_eq!(stream.rest().await.unwrap(), b"");
    }
    for mut stream in ended(false).await {
        let text = panics(async move { stream.expect_reset().await }).await;
        assert!(text.ends_with("a reset\ncame: nothing; then the stream ended"), "{text}");
    }
}

/// Of long ones, the end is shown.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_long_text_is_cut() {
    let (text, _) = panics_on(&[b'a'; 10_000], true, async |mut near| {
        near.expect([&[b'a'; 5000][..], b"b", &[b'a'; 9000]].concat()).await;
    })
    .await;
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].ends_with(&format!(
        ": \"{}b{}\"  # behind 4488 bytes, and 8937 bytes more",
        "a".repeat(512),
        "a".repeat(63)
    )));
    assert_eq!(lines[1], format!("came: \"{}\"  # behind 4488 bytes, and 4936 bytes more", "a".repeat(576)));
}

#[track_caller]
fn here(lines: u32) -> String {
    let place = Location::caller();
    format!("{}:{}", place.file(), place.line() + lines)
}
