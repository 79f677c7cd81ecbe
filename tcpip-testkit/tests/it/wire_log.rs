//! The wire log keeps the last frames, shows them, and logs those of a session that ends in trouble.

use std::sync::{Arc, Mutex};

use macro_rules_attribute::apply;
use tcpip_server::{Connection, Direction, DisconnectReason, FrameTap, WireFrame, WireLog};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};
use tracing::Level;

use crate::{
    kinds::{Kind, Memory},
    link::start,
    logged::Logged,
    over_each_kind::over_each_kind,
};

/// Asks, and is answered.
async fn ask(connection: &Connection, far: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), question: &str) {
    connection.write_str(question).await.unwrap();
    let mut received = vec![0; question.len() + 2];
    eventually(far.read_exact(&mut received)).await.unwrap();
    far.write_all(b"reply\r\n").await.unwrap();
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "reply");
}

/// Waits until so many bytes have arrived.
async fn arrived(connection: &Connection, count: usize) {
    eventually(|| connection.unread() >= count).await;
}

/// The last frames are kept, in both directions and in their order, with their times; text is shown as text, and other
/// bytes in hexadecimal.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_last_frames_are_kept<K: Kind>() {
    let log = WireLog::ring(3);
    let (near, mut far) = K::streams().await;
    let connection = start(near, |options| options.wire_log(&log));
    ask(&connection, &mut far, "first").await;
    ask(&connection, &mut far, "second é").await;
    connection.write(b"\x02\xff").await.unwrap();
    let session = connection.number();
    let sent = |bytes: &[u8]| (Direction::Sent, bytes.to_vec());
    let frames: Vec<_> = log.frames().into_iter().map(|frame| (frame.direction, frame.bytes)).collect();
    let reply = (Direction::Received, b"reply\r\n".to_vec());
    assert_eq!(frames, [sent("second é\r\n".as_bytes()), reply, sent(b"\x02\xff")]);
    assert!(log.frames().is_sorted_by_key(|WireFrame { at, .. }| *at));
    let (shown, name) = (log.to_string(), format!(" s test {session} "));
    let shown: Vec<_> = shown.lines().map(|line| line.split_once(&name).unwrap().1).collect();
    assert_eq!(shown, [r#"-> "second é\r\n""#, r#"<- "reply\r\n""#, "-> 02 ff"]);
    connection.close().await;
}

/// A frame is shortened, a character that is cut included, and says how long it was; what is secret is never kept.
#[test_log::test(tokio::test)]
async fn frames_are_shortened_and_redacted() {
    let password = |_, bytes: &[u8]| bytes.starts_with(b"PASS").then(|| b"PASS ***".to_vec());
    let log = WireLog::ring(10).shortened_to(9).redacted(password);
    let (near, _far) = Memory::streams().await;
    let connection = start(near, |options| options.wire_log(&log));
    connection.write_str("PASS secret").await.unwrap();
    connection.write_str("12345678é0").await.unwrap();
    let shown = log.to_string();
    assert!(shown.contains(r#"-> "PASS ***""#) && !shown.contains("secret"), "{shown}");
    assert!(shown.contains(r#"-> "12345678"… 13 bytes"#), "{shown}");
    connection.close().await;
}

/// A session that ends in trouble logs its last frames, with what arrived and nobody took; one that is closed does not.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn trouble_is_logged_with_the_last_frames<K: Kind>() {
    let (logged, _guard) = Logged::up_to(Level::INFO);
    for in_trouble in [true, false] {
        let log = WireLog::ring(10);
        let (near, mut far) = K::streams().await;
        let connection = start(near, |options| options.wire_log(&log));
        ask(&connection, &mut far, "question").await;
        far.write_all(b"late").await.unwrap();
        arrived(&connection, 4).await;
        if in_trouble {
            far.write_all(b"\r\n").await.unwrap();
            let mut broken = tokio_util::codec::LengthDelimitedCodec::new();
            eventually(connection.read_frame(&mut broken)).await.unwrap_err();
        }
        connection.close().await;
        eventually(connection.wait_closed()).await;
        let text = logged.text();
        let session = connection.number();
        let is_told =
            text.contains("the last frames:") && text.contains(&format!(r#" s test {session} -> "question\r\n""#));
        assert_eq!(is_told && text.contains(&format!(" s test {session} <- ")), in_trouble, "{text}");
        let frames = log.frames();
        let last = frames.last().unwrap();
        assert_eq!((last.is_unread, &last.bytes[..4]), (true, &b"late"[..]));
        logged.clear();
    }
}

/// Without a log, each frame is shown at the level `trace`, and not above.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn frames_are_traced<K: Kind>() {
    for (level, is_shown) in [(Level::TRACE, true), (Level::DEBUG, false)] {
        let (logged, _guard) = Logged::up_to(level);
        let (near, mut far) = K::streams().await;
        let connection = start(near, |options| options);
        ask(&connection, &mut far, "question").await;
        connection.close().await;
        let text = logged.text();
        assert_eq!(text.contains(r#"-> "question\r\n""#) && text.contains(r#"<- "reply\r\n""#), is_shown, "{text}");
        assert_eq!(text.contains("tcpip::wire"), is_shown, "{text}");
    }
}

/// Notes what is told, and why the session has ended.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl FrameTap for Told {
    fn frame(&self, _: &Connection, _: Direction, _: Instant, _: &[u8]) {
        self.0.lock().unwrap().push("frame".to_owned());
    }

    fn unread(&self, _: &Connection, _: Instant, _: &[u8]) {
        self.0.lock().unwrap().push("unread".to_owned());
    }

    fn ended(&self, connection: &Connection, reason: &DisconnectReason) {
        assert_eq!(connection.reason().as_ref(), Some(reason));
        self.0.lock().unwrap().push(reason.to_string());
    }
}

/// Beside a log another tap hears the same, and of the end once, behind all else.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_end_is_told_once_and_last<K: Kind>() {
    for reads_the_rest in [false, true] {
        let (told, log) = (Arc::new(Told::default()), WireLog::ring(10));
        let (near, mut far) = K::streams().await;
        let connection = start(near, |options| options.tap_frames(told.clone()).wire_log(&log));
        ask(&connection, &mut far, "question").await;
        far.write_all(b"rest").await.unwrap();
        arrived(&connection, 4).await;
        drop(far);
        let reason = if reads_the_rest {
            assert_eq!(eventually(connection.read_exact(4)).await.unwrap(), b"rest");
            eventually(connection.read_str()).await.unwrap_err();
            DisconnectReason::ClosedByPeer
        } else {
            connection.close().await;
            connection.reason().unwrap()
        };
        eventually(connection.wait_closed()).await;
        let last = if reads_the_rest { "frame" } else { "unread" };
        assert_eq!(*told.0.lock().unwrap(), ["frame", "frame", last, &reason.to_string()]);
        assert_eq!(log.frames().len(), 3);
    }
}
