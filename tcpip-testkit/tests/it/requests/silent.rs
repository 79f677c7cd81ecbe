//! Replies that end with nothing but silence.

use std::time::Duration;

use tcpip_client::{
    Cause, OutOfStep, ReadError, RequestError, RequestOptions, Requester, Sent, Shape, bytes, line, literal, silence,
};
use tokio::time::{Instant, timeout};

use super::{SECOND, TICK, device, meet};
use crate::kinds::{Kind, Memory, MemoryTransports};

const QUIET: Duration = Duration::from_millis(20);

/// One that asks a device that answers with these pieces, so many milliseconds after each other.
async fn asking<K: Kind, const N: usize>(options: RequestOptions, pieces: [(u32, &'static [u8]); N]) -> Requester {
    let (requester, far) = meet::<K>(options).await;
    tokio::spawn(device(far, move |command| match command {
        "next?" => vec![(Duration::ZERO, b"next\r\n".to_vec())],
        _ => pieces.iter().map(|(pause, piece)| (*pause * TICK, piece.to_vec())).collect(),
    }));
    requester
}

/// Asks for a reply, and how long it takes in milliseconds. That of the next request is its own.
async fn asked<S: Shape, const N: usize>(
    options: &RequestOptions,
    shape: S,
    pieces: [(u32, &'static [u8]); N],
) -> (Result<S::Output, RequestError>, u128) {
    let requester = asking::<Memory, N>(options.clone(), pieces).await;
    let begin = Instant::now();
    let reply = requester.ask_for("?", shape).await;
    let passed = begin.elapsed().as_millis();
    if reply.is_ok() && options == &RequestOptions::new() {
        assert_eq!(requester.ask("next?").await.unwrap(), "next");
    }
    (reply, passed)
}

/// What comes within the silence belongs to the reply, however it is cut; what comes behind it is nobody's.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reply_ends_with_silence() {
    for cut in 0..=4 {
        for pause in [0, 1, 19] {
            let (front, back) = b"a\r\nb".split_at(cut);
            let (reply, passed) = asked(&RequestOptions::new(), silence(QUIET), [(5, front), (pause, back)]).await;
            assert_eq!(reply.unwrap(), b"a\r\nb", "cut at {cut}, pause {pause}");
            // A piece without bytes is none.
            let last = if cut == 4 { 5 } else { 5 + u128::from(pause) };
            assert!((last + 20..last + 23).contains(&passed), "cut at {cut}, pause {pause}: {passed} ms");
        }
    }
    let requester = asking::<MemoryTransports, 2>(RequestOptions::new(), [(5, b"ab"), (25, b"cd")]).await;
    assert_eq!(requester.ask_for("?", silence(QUIET)).await.unwrap(), b"ab");
    tokio::time::sleep(10 * TICK).await;
    let error = requester.ask("next?").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Unsolicited(stray) if stray == b"cd"), "{error:?}");
    assert_eq!(requester.ask("next?").await.unwrap(), "next");
}

/// The first byte has the deadline of every reply, and the whole has its own; the gap is the end, however long it is.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_other_deadlines_hold() {
    let options = RequestOptions::new();
    let (reply, passed) = asked(&options, silence(QUIET), []).await;
    assert!(matches!(reply.unwrap_err().cause(), Cause::NoReply { .. }) && passed / 10 == 200, "{passed}");
    let (reply, passed) = asked(&options, silence(3 * SECOND), [(0, b"a"), (2500, b"b")]).await;
    assert!(reply.unwrap() == b"ab" && passed / 10 == 550, "{passed}");
    let short = RequestOptions::new().whole_timeout(SECOND);
    let (reply, passed) = asked(&short, silence(QUIET), [(15, b"x"); 100]).await;
    let error = reply.unwrap_err();
    assert!(matches!(error.cause(), Cause::TooSlow { .. }) && passed / 10 == 101, "{error:?}: {passed}");
    let (reply, _) = asked(&short, silence(2 * SECOND), [(0, b"x")]).await;
    assert!(matches!(reply.unwrap_err().cause(), Cause::TooSlow { .. }));
}

/// A reply has its limit, as any other.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_silence_has_a_limit() {
    let (reply, _) = asked(&RequestOptions::new(), silence(QUIET), [(1, &[b'x'; 1000])]).await;
    assert_eq!(reply.unwrap().len(), 1000);
    let (reply, _) = asked(&RequestOptions::new(), silence(QUIET), [(1, &[b'x'; 600]), (1, &[b'y'; 401])]).await;
    let error = reply.unwrap_err();
    assert!(matches!(error.cause(), Cause::OutOfStep(_)) && error.sent() == Sent::Yes, "{error:?}");
}

/// It may be a part of a reply, and be converted; behind another part it may be empty; what follows it begins behind
/// the silence, with a deadline from there.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_silence_may_be_a_part() {
    let options = RequestOptions::new();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes);
    let (reply, _) = asked(&options, silence(QUIET).try_map(text), [(1, b"abc")]).await;
    assert_eq!(reply.unwrap(), "abc");
    let (reply, _) = asked(&options, silence(QUIET).try_map(text).map(|text| text.len()), [(1, b"\xff")]).await;
    assert!(matches!(reply.unwrap_err().cause(), Cause::Value(_)));
    for back in [&b"x\r\ny"[..], b""] {
        let (reply, _) = asked(&options, (line(), silence(QUIET)), [(1, b"he"), (1, b"ad\r\n"), (15, back)]).await;
        assert_eq!(reply.unwrap(), ("head".to_owned(), back.to_vec()));
    }
    let (reply, passed) = asked(&options, (line(), bytes(1), silence(QUIET)), [(1, b"head\r\nx")]).await;
    assert_eq!((reply.unwrap(), passed), (("head".to_owned(), b"x".to_vec(), Vec::new()), 21));
    let head = || line().map(|head| head.len()).and_then(|_| silence(QUIET).map(|bytes| bytes.len()));
    let (reply, _) = asked(&options, head(), [(1, b"head\r\nabc")]).await;
    assert_eq!(reply.unwrap(), 3);

    let parts = || (silence(1500 * TICK), line());
    let (reply, passed) = asked(&options, parts(), [(1, b"a\r\n"), (1900, b"b\r\n")]).await;
    assert!(reply.unwrap() == (b"a\r\n".to_vec(), "b".to_owned()) && passed / 10 == 190, "{passed}");
    let (reply, passed) = asked(&options, parts(), [(1, b"a\r\n")]).await;
    assert!(matches!(reply.unwrap_err().cause(), Cause::Stalled { .. }) && passed / 10 == 250, "{passed}");
    let behind = silence(QUIET).and_then(|front| bytes(front.len()));
    let (reply, _) = asked(&options, behind, [(1, b"ab"), (30, b"cd")]).await;
    assert_eq!(reply.unwrap(), b"cd");
    let (reply, _) = asked(&options, (silence(QUIET), literal(b"ok"), silence(QUIET)), [(1, b"1"), (30, b"ok2")]).await;
    assert_eq!(reply.unwrap(), (b"1".to_vec(), (), b"2".to_vec()));
    let failing = silence(QUIET).try_map(text);
    let (reply, _) = asked(&options, (failing, line()), [(1, b"\xff")]).await;
    assert!(matches!(reply.unwrap_err().cause(), Cause::OutOfStep(_)), "a part that is not the last");

    let echoing = options.clone().echo(b"\r");
    let (reply, passed) = asked(&echoing, silence(QUIET), [(1, b"?"), (50, b"\r"), (50, b"a"), (15, b"b")]).await;
    assert!(reply.unwrap() == b"ab" && passed / 10 == 13, "{passed}");
}

/// At the end of the stream the rest is the reply; nothing is none.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_end_of_the_stream_is_silence() {
    for (sent, is_whole) in [(&b"rest"[..], true), (b"", false)] {
        let (requester, mut far) = meet::<Memory>(RequestOptions::new()).await;
        let device = async {
            let mut command = [0; 3];
            tokio::io::AsyncReadExt::read_exact(&mut far, &mut command).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut far, sent).await.unwrap();
            drop(far);
        };
        let begin = Instant::now();
        let (reply, ()) = tokio::join!(requester.ask_for("?", silence(SECOND)), device);
        assert!(begin.elapsed() < SECOND, "it waits no longer");
        match reply {
            Ok(reply) => assert!(is_whole && reply == sent),
            Err(error) => {
                let is_end = matches!(error.cause(), Cause::Read(ReadError::EndOfStream { .. }));
                assert!(!is_whole && is_end, "{error:?}");
            }
        }
    }
}

/// A silence whose caller is gone is waited for by a task of the session, from where it was; by default the session
/// ends.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_abandoned_silence_goes_on() {
    let pieces = [(5, &b"ab"[..]), (15, b"cd"), (15, b"ef")];
    for patience in [1, 7, 22, 37, 54] {
        let abandon = RequestOptions::new().out_of_step(OutOfStep::Abandon { at_most: SECOND });
        let requester = asking::<Memory, 3>(abandon, pieces).await;
        let begin = Instant::now();
        timeout(patience * TICK, requester.ask_for("?", silence(QUIET))).await.unwrap_err();
        assert_eq!(requester.ask("next?").await.unwrap(), "next");
        assert!((55..58).contains(&begin.elapsed().as_millis()), "{patience} ms: {:?}", begin.elapsed());
    }
    let requester = asking::<Memory, 3>(RequestOptions::new(), pieces).await;
    timeout(7 * TICK, requester.ask_for("?", silence(QUIET))).await.unwrap_err();
    assert!(!requester.connection().is_connected());
    let abandon = RequestOptions::new().out_of_step(OutOfStep::Abandon { at_most: SECOND });
    let requester = asking::<Memory, 100>(abandon, [(15, b"x"); 100]).await;
    timeout(7 * TICK, requester.ask_for("?", silence(QUIET))).await.unwrap_err();
    requester.ask("next?").await.unwrap_err();
    assert!(!requester.connection().is_connected(), "it is not waited for any longer");
}
