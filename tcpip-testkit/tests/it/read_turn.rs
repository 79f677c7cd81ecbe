//! The turn to read may be kept for several reads, and handed to a task.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_server::{BytesMut, Connection, Decoder, DisconnectReason, ReadError, ReadTurn};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    task::{JoinSet, yield_now},
};
use tokio_util::codec::BytesCodec;

use crate::{
    cut::cut,
    kinds::Kind,
    link::{start, start_session},
    over_each_kind::over_each_kind,
};

const DEADLINE: Duration = Duration::from_millis(50);

async fn link<K: Kind>() -> (Connection, K::Stream) {
    let (near, far) = K::streams().await;
    (start(near, |options| options), far)
}

/// Frames of a length and so many bytes that are equal to it, in pieces of all sizes.
async fn send_frames(mut far: impl AsyncWrite + Unpin, count: usize) {
    let frames: Vec<u8> = (0..100).cycle().take(count).flat_map(|size| vec![size; usize::from(size) + 1]).collect();
    let mut rest = &frames[..];
    for size in (1..40).cycle() {
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        far.write_all(piece).await.expect("a live stream");
        rest = behind;
        if rest.is_empty() {
            break;
        }
        yield_now().await;
    }
    far.shutdown().await.expect("a live stream");
}

/// A header and its body are read by one task though many read, and though some of the reads are dropped.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn no_read_comes_between<K: Kind>() {
    const FRAMES: usize = 2000;
    let (connection, far) = link::<K>().await;
    let mut readers = JoinSet::new();
    for reader in 0..5 {
        let connection = connection.clone();
        readers.spawn(async move {
            let mut count = 0;
            while let Ok(mut turn) = connection.read_turn().await {
                let size = loop {
                    match cut(reader, turn.read_struct::<u8>()).await {
                        None if reader > 0 => {}
                        None => break turn.read_struct().await,
                        Some(size) => break size,
                    }
                };
                let Ok(size) = size else { break };
                let body = loop {
                    match cut(reader + 1, turn.read_exact(size.into())).await {
                        None => {}
                        Some(body) => break body.unwrap(),
                    }
                };
                assert!(body.iter().all(|byte| *byte == size), "{size}: {body:?}");
                count += 1;
                drop(turn);
                yield_now().await;
            }
            count
        });
    }
    eventually(send_frames(far, FRAMES)).await;
    let counts = eventually(readers.join_all()).await;
    assert_eq!(counts.iter().sum::<usize>(), FRAMES, "{counts:?}");
    connection.close().await;
}

/// Each read there is, in one turn, gives what the connection's gives.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_turn_has_every_read<K: Kind>() {
    let (connection, mut far) = link::<K>().await;
    let mut turn = connection.read_turn().await.unwrap();
    assert_eq!(turn.connection(), &connection);
    far.write_all(b"1234567\n89>\none\r\ntwo\r\nthree\r\nfour\r\nfive\r\n[6]\r\n!").await.unwrap();
    assert_eq!(turn.read(1).await.unwrap(), b"1");
    assert_eq!(turn.read_exact(2).await.unwrap(), b"23");
    assert_eq!(turn.read_exact_with(1, |bytes| bytes[0]).await.unwrap(), b'4');
    assert_eq!(turn.read_struct::<[u8; 1]>().await.unwrap(), *b"5");
    let mut six = [0];
    turn.read_into(&mut six).await.unwrap();
    assert_eq!(six, *b"6");
    assert_eq!(turn.read_line().await.unwrap(), b"7\n");
    assert_eq!(turn.read_until(b"9").await.unwrap(), b"89");
    assert_eq!(turn.read_until_with(b"\n", <[u8]>::len).await.unwrap(), 2);
    assert_eq!(turn.read_str().await.unwrap(), "one");
    let mut text = String::new();
    turn.read_str_into(&mut text).await.unwrap();
    assert_eq!(text, "two");
    assert_eq!(turn.read_str_with(str::len).await.unwrap(), 5);
    let mut texts = Vec::new();
    while texts.len() < 3 {
        turn.read_each_str(|text| texts.push(text.to_owned())).await.unwrap();
    }
    assert_eq!(texts, ["four", "five", "[6]"]);
    assert_eq!(turn.read_frame(&mut BytesCodec::new()).await.unwrap(), b"!"[..]);
    far.write_all(b"[7]\r\n").await.unwrap();
    assert_eq!(turn.read_json::<[u8; 1]>().await.unwrap(), [7]);
    far.write_all(b"stray").await.unwrap();
    assert_eq!(turn.read(1).await.unwrap(), b"s");
    assert_eq!(turn.discard_input().await.unwrap(), 4);
    assert!(matches!(turn.read_until(b"").await, Err(ReadError::EmptySeparator)));
    assert!(matches!(turn.read_until_with(b"", |_| ()).await, Err(ReadError::EmptySeparator)));
    far.write_all(b"rest").await.unwrap();
    far.shutdown().await.unwrap();
    assert_eq!(turn.read_to_end().await.unwrap(), b"rest");
    assert!(matches!(turn.read_str().await, Err(ReadError::NotConnected { .. })));
    assert!(matches!(turn.discard_input().await, Err(ReadError::NotConnected { .. })));
    assert!(matches!(connection.read_turn().await, Err(ReadError::NotConnected { .. })));
}

/// A read of a turn that is dropped loses nothing, and keeps the turn: what comes is not another's.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dropped_read_keeps_the_turn<K: Kind>() {
    let (connection, mut far) = link::<K>().await;
    let mut turn = connection.read_turn().await.unwrap();
    let other = tokio::spawn({
        let connection = connection.clone();
        async move { connection.read_str().await }
    });
    for (polls, piece) in ["fi", "r", "st\r", "\nsecond\r\n"].into_iter().enumerate() {
        assert!(cut(polls, turn.read_str()).await.is_none());
        far.write_all(piece.as_bytes()).await.unwrap();
        yield_now().await;
    }
    assert_eq!(eventually(turn.read_str()).await.unwrap(), "first");
    yield_now().await;
    assert!(!other.is_finished());
    drop(turn);
    assert_eq!(eventually(other).await.unwrap().unwrap(), "second");
    connection.close().await;
}

/// Who waits for a turn and is dropped leaves its place to the next; the turn goes on when it is dropped.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn turns_go_on_in_order<K: Kind>() {
    let (connection, mut far) = link::<K>().await;
    let turn = connection.read_turn().await.unwrap();
    assert!(cut(3, connection.read_turn()).await.is_none());
    let (one, two) = (connection.clone(), connection.clone());
    let first = tokio::spawn(async move { one.read_turn().await?.read_str().await });
    yield_now().await;
    let second = tokio::spawn(async move { two.read_str().await });
    yield_now().await;
    far.write_all(b"first\r\nsecond\r\n").await.unwrap();
    drop(turn);
    assert_eq!(eventually(first).await.unwrap().unwrap(), "first");
    assert_eq!(eventually(second).await.unwrap().unwrap(), "second");
    connection.close().await;
}

/// A `read_timeout` holds for the turn, and for each read in it; neither loses anything.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn deadlines_hold_for_turns<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let connection = start(near, |options| options.read_timeout(DEADLINE));
    let mut turn = connection.read_turn().await.unwrap();
    let error = eventually(connection.read_turn()).await.unwrap_err();
    assert!(matches!(error, ReadError::Timeout { operation: "read_turn", after: DEADLINE }), "{error:?}");
    far.write_all(b"so").await.unwrap();
    let error = eventually(turn.read_str()).await.unwrap_err();
    assert!(matches!(error, ReadError::Timeout { operation: "read_str", after: DEADLINE }), "{error:?}");
    far.write_all(b"on\r\n").await.unwrap();
    assert_eq!(eventually(turn.read_str()).await.unwrap(), "soon");
    drop(turn);
    drop(eventually(connection.read_turn()).await.unwrap());
    connection.close().await;
}

/// A turn that is kept keeps nobody waiting once the session has ended.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_kept_turn_does_not_outlast_the_session<K: Kind>() {
    let (connection, _far) = link::<K>().await;
    let mut turn = connection.read_turn().await.unwrap();
    let waiting = tokio::spawn({
        let connection = connection.clone();
        async move { connection.read_turn().await?.read_str().await }
    });
    yield_now().await;
    eventually(connection.close()).await;
    let closed = |error: &ReadError| {
        matches!(error, ReadError::Disconnected { reason: DisconnectReason::Closed } | ReadError::NotConnected { .. })
    };
    assert!(closed(&eventually(waiting).await.unwrap().unwrap_err()));
    assert!(closed(&eventually(turn.read_str()).await.unwrap_err()));
}

/// A handler that has given up one read of its turn is at work, and not waiting for the end: it answers a peer that has
/// hung up.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_handler_that_keeps_its_turn_is_at_work<K: Kind>() {
    use tcpip_core::endpoint::SessionOptions;

    let (near, mut far) = K::streams().await;
    let connection = start_session(near, SessionOptions { has_handler: true, ..SessionOptions::new("test") });
    let mut turn = connection.read_turn().await.unwrap();
    assert!(cut(2, turn.read_str()).await.is_none());
    far.shutdown().await.unwrap();
    assert!(eventually(connection.wait_hung_up()).await);
    connection.write_str("bye").await.unwrap();
    let mut received = [0; 5];
    eventually(far.read_exact(&mut received)).await.unwrap();
    assert_eq!(&received, b"bye\r\n");
    drop(turn);
    connection.close().await;
}

/// Three lines, and how far they have come.
#[derive(Default)]
struct ThreeLines {
    lines: Vec<String>,
}

impl Decoder for ThreeLines {
    type Item = Vec<String>;
    type Error = std::io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Vec<String>>, std::io::Error> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.lines.push(String::from_utf8_lossy(&bytes.split_to(end + 1)[..end]).into_owned());
            if self.lines.len() == 3 {
                return Ok(Some(std::mem::take(&mut self.lines)));
            }
        }
        Ok(None)
    }
}

/// A reply that is under way, whoever takes it.
struct Reply(Option<(ReadTurn, ThreeLines)>);

impl Reply {
    async fn take(&mut self) -> Result<Vec<String>, std::io::Error> {
        let (turn, lines) = self.0.as_mut().expect("it is not taken yet");
        let reply = turn.read_frame(lines).await;
        self.0 = None;
        reply
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some((mut turn, mut lines)) = self.0.take() {
            let connection = turn.connection().clone();
            connection.spawn(async move { drop(turn.read_frame(&mut lines).await) });
        }
    }
}

async fn ask(connection: &Connection, question: &str) -> Result<Vec<String>, std::io::Error> {
    let turn = connection.read_turn().await?;
    let mut reply = Reply(Some((turn, ThreeLines::default())));
    connection.write_str(question).await?;
    reply.take().await
}

/// Answers each question with three lines that repeat it, a byte at a time.
async fn answer(mut far: impl AsyncRead + AsyncWrite + Unpin) {
    let mut question = Vec::new();
    while let Ok(byte) = far.read_u8().await {
        question.push(byte);
        if question.ends_with(b"\r\n") {
            let lines = question.repeat(3).into_iter().filter(|byte| *byte != b'\r');
            for byte in lines.collect::<Vec<_>>() {
                far.write_u8(byte).await.expect("a live stream");
                yield_now().await;
            }
            question.clear();
        }
    }
}

/// A reply whose caller is dropped, however much of it has come, is taken by a task of the session that gets the turn
/// and what has been taken: the next caller gets its own.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_half_taken_reply_is_handed_on<K: Kind>() {
    let (connection, far) = link::<K>().await;
    let answering = tokio::spawn(answer(far));
    for polls in 1..60 {
        let dropped = cut(polls, ask(&connection, &format!("dropped {polls}"))).await;
        let question = format!("question {polls}");
        assert_eq!(eventually(ask(&connection, &question)).await.unwrap(), [&question[..]; 3], "{dropped:?}");
    }
    connection.close().await;
    eventually(answering).await.unwrap();
}
