//! Frames that a codec finds: whole, wherever the stream is cut and the read dropped, beside text on the same
//! connection.

use std::{
    fmt::Debug,
    io,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tcpip_client::{BytesMut, Client, Connection, Decoder, DisconnectReason, ReadError};
use tcpip_server::{HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::{OneClientServerTestCase, eventually, memory_pair};
use tokio::{io::duplex, sync::Mutex, task::JoinError};
use tokio_util::codec::{LengthDelimitedCodec, LinesCodec, LinesCodecError};

use crate::{
    cut::cut,
    kinds::{Kind, Tcp},
    link::start,
    torture::{tortured, uncut},
};

/// STX, text, ETX, and the exclusive-or of all of these.
#[derive(Clone, Debug)]
struct StxEtx;

impl Decoder for StxEtx {
    type Item = String;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<String>> {
        if bytes.first().is_some_and(|&first| first != 2) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no STX"));
        }
        let Some(etx) = bytes.iter().position(|&byte| byte == 3).filter(|etx| bytes.len() > etx + 1) else {
            return Ok(None);
        };
        let frame = bytes.split_to(etx + 2);
        if frame.iter().fold(0, |sum, byte| sum ^ byte) != 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "wrong checksum"));
        }
        Ok(Some(String::from_utf8_lossy(&frame[1..etx]).into_owned()))
    }
}

/// A codec of which `decode` is all.
struct By<F>(F);

impl<T, F: FnMut(&mut BytesMut) -> io::Result<Option<T>>> Decoder for By<F> {
    type Item = T;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<T>> {
        (self.0)(bytes)
    }
}

/// Two ends, each with a session.
type Pair = (Connection, Connection);

/// Over TCP, and in memory.
async fn pairs(limit: usize) -> [Pair; 2] {
    fn open<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + 'static>(
        (near, far): (S, S),
        limit: usize,
    ) -> Pair {
        (start(near, |options| options.limit(limit)), start(far, |options| options))
    }
    [open(Tcp::streams().await, limit), open(duplex(64), limit)]
}

/// The library's error in a codec's.
fn read_error(error: &io::Error) -> &ReadError {
    error.get_ref().and_then(|error| error.downcast_ref()).unwrap_or_else(|| panic!("{error:?} is not the library's"))
}

/// Waits for the end of a session, and tells why it ended.
async fn reason_of(connection: &Connection) -> DisconnectReason {
    eventually(connection.wait_closed()).await;
    connection.reason().unwrap()
}

type Link<D> = (Connection, Mutex<D>);

/// Runs reads over TCP and in memory, whole and cut to pieces, and compares.
async fn torture<D: Decoder<Error: Debug>, T: Debug>(
    stream: &[u8],
    codec: impl Fn() -> D,
    read: impl AsyncFn(&Link<D>) -> Result<T, D::Error>,
) -> Vec<String> {
    let is_last = |result: &Result<T, D::Error>| format!("{result:?}").contains("NotConnected");
    let over_tcp = |stream| (start(stream, |options| options), Mutex::new(codec()));
    let in_memory = |stream| (start(stream, |options| options), Mutex::new(codec()));
    let expected = uncut(Tcp::streams().await, stream, over_tcp, &read, is_last).await;
    assert_eq!(tortured(Tcp::streams().await, stream, over_tcp, &read, is_last).await, expected);
    assert_eq!(uncut(duplex(8), stream, in_memory, &read, is_last).await, expected);
    assert_eq!(tortured(duplex(8), stream, in_memory, &read, is_last).await, expected);
    expected
}

/// Failures 12 and 20: nothing is lost or repeated by a `read_frame` that is dropped, wherever that is and wherever the
/// stream is cut, as long as the codec is the same: behind a length of which the codec keeps a part in itself.
#[test_log::test(tokio::test)]
async fn cancelled_read_frame_keeps_its_bytes_behind_a_length() {
    let stream = b"\0\0\0\x03one\0\0\0\0\0\0\0\x05three\0\0\0\x09unfin";
    let read = async |link: &Link<LengthDelimitedCodec>| link.0.read_frame(&mut *link.1.lock().await).await;
    let results = torture(stream, LengthDelimitedCodec::new, read).await;
    assert_eq!(results[..3], [r#"Ok(b"one")"#, r#"Ok(b"")"#, r#"Ok(b"three")"#]);
    assert!(results[3].contains("bytes remaining on stream") && results.len() == 5, "{results:?}");
}

/// The same with lines, whose codec remembers how far it has searched, and makes a line of the rest at the end.
#[test_log::test(tokio::test)]
async fn cancelled_read_frame_keeps_its_bytes_of_lines() {
    let stream = b"one\r\n\nthree\nrest";
    let read = async |link: &Link<LinesCodec>| link.0.read_frame(&mut *link.1.lock().await).await;
    let results = torture(stream, LinesCodec::new, read).await;
    assert_eq!(results[..4], [r#"Ok("one")"#, r#"Ok("")"#, r#"Ok("three")"#, r#"Ok("rest")"#]);
    assert!(results[4].contains("EndOfStream") && results.len() == 6, "{results:?}");
}

/// The same with a home-made codec, the last frame with a wrong checksum.
#[test_log::test(tokio::test)]
async fn cancelled_read_frame_keeps_its_bytes_between_stx_and_etx() {
    let stream = b"\x0217.5\x03\x1c\x02\x03\x01\x02bad\x03\x00\x0217.5\x03\x1c";
    let read = async |link: &Link<StxEtx>| link.0.read_frame(&mut *link.1.lock().await).await;
    let results = torture(stream, || StxEtx, read).await;
    assert_eq!(results[..2], [r#"Ok("17.5")"#, r#"Ok("")"#]);
    assert!(results[2].contains("wrong checksum"), "{results:?}");
}

/// Frames, text, lines and bytes share the one buffer, wherever each read is dropped.
#[test_log::test(tokio::test)]
async fn frames_and_text_alternate() {
    let stream = b"one\r\n\0\0\0\x04\r\n\r\ntwo\r\n\0\0\0\x01xline\nabthree\r\n\0\0\0\0";
    let turn = AtomicUsize::new(0);
    let codec = || {
        turn.store(0, Ordering::Relaxed);
        LengthDelimitedCodec::new()
    };
    let read = async |(link, codec): &Link<LengthDelimitedCodec>| {
        let read = match turn.load(Ordering::Relaxed) {
            0 | 2 | 6 => format!("{:?}", link.read_str().await?),
            4 => format!("{:?}", link.read_line().await?),
            5 => format!("{:?}", link.read_exact(2).await?),
            _ => format!("{:?}", link.read_frame(&mut *codec.lock().await).await?),
        };
        turn.fetch_add(1, Ordering::Relaxed);
        Ok::<_, io::Error>(read)
    };
    let results = torture(stream, codec, read).await;
    let expected = [r#""one""#, r#"b"\r\n\r\n""#, r#""two""#, r#"b"x""#, "[108, 105, 110, 101, 10]", "[97, 98]"];
    let expected: Vec<_> = expected.iter().map(|read| format!("Ok({read:?})")).collect();
    assert_eq!(results[..6], expected);
    assert_eq!(results[6..8], [r#"Ok("\"three\"")"#, r#"Ok("b\"\"")"#]);
}

/// What a dropped `read_str` has searched already is searched again once a codec has taken bytes before it.
#[test_log::test(tokio::test)]
async fn a_frame_taken_from_before_a_searched_place_moves_it() {
    for (near, far) in pairs(1000).await {
        far.write(b"\x02\r\r\r\r\x03\x01on").await.unwrap();
        assert!(cut(4, near.read_str()).await.is_none());
        assert_eq!(near.read_frame(&mut StxEtx).await.unwrap(), "\r\r\r\r");
        far.write(b"e\r\n").await.unwrap();
        assert_eq!(eventually(near.read_str()).await.unwrap(), "one");
    }
}

/// A codec's error is the caller's, and ends the session: nobody else gets what is behind the bad frame.
#[test_log::test(tokio::test)]
async fn a_bad_frame_ends_the_session() {
    for (near, far) in pairs(1000).await {
        // In memory most of it is still queued when the bad frame comes.
        let before = vec![b'w'; 100_000];
        let _ = cut(1, near.write(&before)).await;
        // More than one read takes in: what stays beneath must not turn the end of the stream into a reset.
        far.write(&[b"\x02bad\x03\x00", &b"behind\r\n".repeat(100)[..]].concat()).await.unwrap();
        let error = eventually(near.read_frame(&mut StxEtx)).await.unwrap_err();
        assert_eq!(error.to_string(), "wrong checksum");
        assert!(!near.is_connected() && near.should_be_connected());
        assert_eq!(reason_of(&near).await, DisconnectReason::BadFrame);
        let error = near.read_str().await.unwrap_err();
        assert!(matches!(error, ReadError::Disconnected { reason: DisconnectReason::BadFrame }), "{error:?}");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidData);
        assert!(matches!(near.read_str().await, Err(ReadError::NotConnected { .. })));
        // What was written before goes out, then the end.
        assert!(eventually(far.read_to_end()).await.unwrap() == before);
        assert_eq!(reason_of(&far).await, DisconnectReason::ClosedByPeer);
    }
}

/// A reader that waits behind a bad frame is told why it gets nothing.
#[test_log::test(tokio::test)]
async fn a_bad_frame_is_told_to_the_reader_behind_it() {
    for (near, far) in pairs(1000).await {
        let codec = &mut StxEtx;
        let (bad, behind, ()) = eventually(async {
            let sending = async { far.write(b"bad\r\n").await.unwrap() };
            tokio::join!(biased; near.read_frame(codec), near.read_str(), sending)
        })
        .await;
        assert_eq!(bad.unwrap_err().to_string(), "no STX");
        let behind = behind.unwrap_err();
        assert!(matches!(behind, ReadError::Disconnected { reason: DisconnectReason::BadFrame }), "{behind:?}");
    }
}

const LIMIT: usize = 10;
const TOO_LONG: DisconnectReason = DisconnectReason::FrameTooLong { limit: LIMIT };

/// Failure 15: bytes without an end of a frame are taken up to the limit, then the session ends; a frame of just that
/// length is read, and so are many frames that arrive at once.
#[test_log::test(tokio::test)]
async fn the_limit_bounds_what_waits_for_a_frame() {
    for (near, far) in pairs(LIMIT).await {
        let frame = b"\x0271717.5\x03\x2d";
        assert_eq!(frame.len(), LIMIT);
        far.write(&frame.repeat(5)).await.unwrap();
        for _ in 0..5 {
            assert_eq!(eventually(near.read_frame(&mut StxEtx)).await.unwrap(), "71717.5");
        }
        let flood = tokio::spawn(async move { while far.write(&[2; 1000]).await.is_ok() {} });
        let error = eventually(near.read_frame(&mut StxEtx)).await.unwrap_err();
        assert!(matches!(read_error(&error), ReadError::Disconnected { reason: TOO_LONG }), "{error:?}");
        assert!(read_error(&error).ends_session());
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(reason_of(&near).await, TOO_LONG);
        eventually(flood).await.unwrap();
    }
}

/// The limit counts a frame, in whatever pieces it comes and whatever of it the codec keeps in itself meanwhile.
#[test_log::test(tokio::test)]
async fn a_frame_is_too_long_however_it_comes() {
    for (length, is_too_long) in [(96, false), (97, true), (203, true)] {
        let frame = [&[0, 0, 0, length][..], &vec![7; length.into()]].concat();
        for cuts in [vec![], vec![4], vec![50], vec![3, 100 - 1], (1..frame.len()).collect()] {
            for (near, far) in pairs(100).await {
                let mut codec = LengthDelimitedCodec::new();
                let reading = async { near.read_frame(&mut codec).await };
                let sending = async {
                    let mut from = 0;
                    for to in cuts.iter().copied().chain([frame.len()]).filter(|to| *to <= frame.len()) {
                        // An error ends the session, and so perhaps the sending.
                        let _ = far.write(&frame[from..to]).await;
                        tokio::task::yield_now().await;
                        from = to;
                    }
                };
                let (read, ()) = eventually(async { tokio::join!(reading, sending) }).await;
                match read {
                    Ok(read) => assert!(!is_too_long && read.len() == usize::from(length), "{length} {cuts:?}"),
                    Err(error) => {
                        assert!(is_too_long, "{length} {cuts:?} {error:?}");
                        let reason = DisconnectReason::FrameTooLong { limit: 100 };
                        assert_eq!(reason_of(&near).await, reason);
                    }
                }
            }
        }
    }
}

/// A limit of nothing makes an error of nothing no more than for other reads.
#[test_log::test(tokio::test)]
async fn no_limit_makes_an_error_of_nothing() {
    for (near, far) in pairs(0).await {
        assert!(cut(4, near.read_frame(&mut StxEtx)).await.is_none());
        far.close().await;
        let error = eventually(near.read_frame(&mut StxEtx)).await.unwrap_err();
        assert!(matches!(read_error(&error), ReadError::EndOfStream { .. }), "{error:?}");
    }
}

/// A codec may take bytes without making a frame of them, garbage before a frame for example. They count as its bytes.
#[test_log::test(tokio::test)]
async fn a_codec_may_skip_bytes() {
    for (near, far) in pairs(5001).await {
        let mut codec = By(|bytes: &mut BytesMut| {
            let garbage = bytes.iter().take_while(|&&byte| byte == b'.').count();
            let _ = bytes.split_to(garbage);
            Ok((!bytes.is_empty()).then(|| bytes.split_to(1)[0]))
        });
        let sent = tokio::spawn(async move {
            far.write(&[b'.'; 5000]).await.unwrap();
            far.write(b"x\r\n").await.unwrap();
            far
        });
        assert_eq!(eventually(near.read_frame(&mut codec)).await.unwrap(), b'x');
        assert_eq!(eventually(near.read_str()).await.unwrap(), "");
        sent.await.unwrap();
    }
}

/// A codec that finds frames without taking bytes is asked once for each read, and harms nobody else.
#[test_log::test(tokio::test)]
async fn a_codec_that_takes_nothing_is_asked_once() {
    for (near, far) in pairs(100).await {
        far.write(b"one\r\n").await.unwrap();
        let calls = AtomicUsize::new(0);
        let mut codec = By(|_: &mut BytesMut| Ok(Some(calls.fetch_add(1, Ordering::Relaxed))));
        for call in 0..3 {
            assert_eq!(near.read_frame(&mut codec).await.unwrap(), call);
        }
        assert_eq!(eventually(near.read_str()).await.unwrap(), "one");
        assert_eq!(calls.load(Ordering::Relaxed), 3);
    }
}

/// A panic of the codec is the caller's; the session ends, and everything else about it still works.
#[test_log::test(tokio::test)]
async fn a_codec_that_panics_ends_the_session() {
    for (near, far) in pairs(100).await {
        far.write(b"one\r\ntwo\r\n").await.unwrap();
        assert!(cut(4, near.read_until(b"no such end")).await.is_none());
        let reader = near.clone();
        let reading = tokio::spawn(async move {
            let mut codec = By(|bytes: &mut BytesMut| -> io::Result<Option<()>> {
                let _ = bytes.split_to(bytes.len() - 1);
                panic!("a fault of the codec")
            });
            let _ = reader.read_frame(&mut codec).await;
        });
        assert!(eventually(reading).await.is_err_and(|error: JoinError| error.is_panic()));
        assert_eq!(reason_of(&near).await, DisconnectReason::BadFrame);
        assert!(matches!(near.read_str().await, Err(ReadError::Disconnected { .. })));
        eventually(near.close()).await;
        assert_eq!(eventually(far.read_to_end()).await.unwrap(), b"");
    }
}

/// The read deadline holds for frames too; what comes late is there for the next read.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_frame_that_is_late_is_not_lost() {
    let after = Duration::from_secs(10);
    let (near, far) = memory_pair(|end| end.read_timeout(after)).await.unwrap();
    let mut codec = LengthDelimitedCodec::new();
    far.write(b"\0\0\0\x03on").await.unwrap();
    let error = near.read_frame(&mut codec).await.unwrap_err();
    let ReadError::Timeout { operation, after: named } = read_error(&error) else { panic!("{error:?}") };
    assert_eq!((*operation, *named, error.kind()), ("read_frame", after, io::ErrorKind::TimedOut));
    assert!(near.is_connected());
    far.write(b"etwo\r\n").await.unwrap();
    assert_eq!(near.read_frame(&mut codec).await.unwrap(), b"one"[..]);
    assert_eq!(near.read_str().await.unwrap(), "two");
}

/// What is left at the end of the stream is the codec's: an error, or a last frame and then the end, which is an
/// `EndOfStream` that the codec's own error converts from. The end of the session is the peer's doing.
#[test_log::test(tokio::test)]
async fn the_end_of_the_stream_is_the_codecs_to_judge() {
    for (near, far) in pairs(100).await {
        far.write(b"rest").await.unwrap();
        far.close().await;
        let mut codec = LinesCodec::new();
        assert_eq!(eventually(near.read_frame(&mut codec)).await.unwrap(), "rest");
        let error = eventually(near.read_frame(&mut codec)).await.unwrap_err();
        let LinesCodecError::Io(error) = error else { panic!("{error:?}") };
        assert!(matches!(read_error(&error), ReadError::EndOfStream { received: 4, .. }), "{error:?}");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(reason_of(&near).await, DisconnectReason::ClosedByPeer);
        assert!(matches!(near.read(1).await, Err(ReadError::NotConnected { .. })));
    }
    for (near, far) in pairs(100).await {
        far.write(b"\x02rest").await.unwrap();
        far.close().await;
        let error = eventually(near.read_frame(&mut StxEtx)).await.unwrap_err();
        assert_eq!(error.to_string(), "bytes remaining on stream");
        assert_eq!(reason_of(&near).await, DisconnectReason::ClosedByPeer);
        assert!(matches!(near.read(1).await, Err(ReadError::NotConnected { .. })));
    }
}

/// Without a session it is an error at once, and the codec is not asked.
#[test_log::test(tokio::test)]
async fn without_a_session_the_codec_is_not_asked() {
    let mut codec = By(|_: &mut BytesMut| -> io::Result<Option<()>> { panic!("asked") });
    let error = Client::closed().read_frame(&mut codec).await.unwrap_err();
    assert!(matches!(read_error(&error), ReadError::NotConnected { .. }));
    assert_eq!(error.kind(), io::ErrorKind::NotConnected);
}

/// Reads frames with a codec that is the client's for as long as it is connected.
#[derive(Default)]
struct Camera(Mutex<LengthDelimitedCodec>);

impl ReadAndDispatch for Camera {
    async fn on_connect(&self, _connection: &Connection) -> HandlerResult {
        *self.0.lock().await = LengthDelimitedCodec::builder().max_frame_length(100).new_codec();
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let frame = connection.read_frame(&mut *self.0.lock().await).await?;
        connection.write_str(&format!("got {}", frame.len())).await?;
        Ok(())
    }
}

/// A handler reads frames, through any kind of link; a bad one ends that client's session and not the next one's.
#[test_log::test(tokio::test)]
async fn a_server_serves_on_after_a_bad_frame() {
    let case = OneClientServerTestCase::new();
    let builder = OneClientReadLoopServer::builder(Camera::default()).connect_callback(case.connect_callback());
    let server = case.create_server(builder).await.unwrap();
    for _ in 0..2 {
        let client = case.create_client(&server, |client| client).await.unwrap();
        case.assert_next_connected(true).await;
        let session = server.connection();
        client.write(b"\0\0\0\x03one\0\0\0\0").await.unwrap();
        assert_eq!(client.read_str().await.unwrap(), "got 3");
        assert_eq!(client.read_str().await.unwrap(), "got 0");
        client.write(b"\xff\0\0\0").await.unwrap();
        assert!(eventually(client.read_str()).await.is_err());
        case.assert_next_connected(false).await;
        assert_eq!(session.reason(), Some(DisconnectReason::BadFrame));
    }
}
