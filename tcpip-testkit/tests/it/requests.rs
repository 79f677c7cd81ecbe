//! Requests and replies: every reply is the one of its command, or there is none.

use std::{future::Future, time::Duration};

use macro_rules_attribute::apply;
use tcpip_client::{
    Backoff, Cause, Checksum, Client, CommandOptions, DEFAULT_HANDSHAKE_TIMEOUT, Damage, DisconnectReason, Framing,
    OutOfStep, RequestError, RequestOptions, Requester, Sent, Shape, Unsolicited, bytes, frame, json, line, lines,
    lines_before, lines_until, literal, of, scpi_block, silence, until,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, split},
    task::{JoinSet, yield_now},
    time::{Instant, sleep, timeout},
};

use crate::{
    cut::cut,
    kinds::{Kind, Memory, MemoryTransports},
    over_each_kind::over_each_kind,
    seeded::{Random, requests},
    soon::soon,
};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);

pub(crate) async fn meet<K: Kind>(options: RequestOptions) -> (Requester, K::Stream) {
    let (near, far) = K::streams().await;
    let client = Client::from_stream(near).limit(1000).connect().await.unwrap();
    (Requester::new(client, options), far)
}

/// A device that answers each line with what `answer` makes of it, in pieces with pauses between.
pub(crate) async fn device(
    stream: impl AsyncRead + AsyncWrite,
    mut answer: impl FnMut(&str) -> Vec<(Duration, Vec<u8>)>,
) {
    let (reader, mut writer) = split(stream);
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        for (pause, piece) in answer(&line) {
            if pause > Duration::ZERO {
                sleep(pause).await;
            }
            if writer.write_all(&piece).await.is_err() {
                return;
            }
        }
    }
}

pub(crate) fn at_once(reply: impl Into<Vec<u8>>) -> Vec<(Duration, Vec<u8>)> {
    vec![(Duration::ZERO, reply.into())]
}

/// Asks for a reply of that shape, cut at each byte, with another reply behind it.
async fn takes<K: Kind, S: Shape<Output: PartialEq + std::fmt::Debug>>(
    shape: impl Fn() -> S,
    reply: &'static [u8],
    expected: S::Output,
) {
    let (requester, far) = meet::<K>(RequestOptions::new()).await;
    let mut cut = 0;
    let device = device(far, move |command| {
        if command == "next?" {
            return at_once("next\r\n");
        }
        let (front, back) = reply.split_at(cut);
        cut += 1;
        vec![(Duration::ZERO, front.to_vec()), (TICK, back.to_vec())]
    });
    let asking = async {
        for cut in 0..=reply.len() {
            let taken = soon(requester.ask_for("?", shape())).await;
            assert_eq!(taken.unwrap(), expected, "cut at {cut}");
            assert_eq!(soon(requester.ask("next?")).await.unwrap(), "next", "behind one cut at {cut}");
        }
        requester.close().await;
    };
    tokio::join!(device, asking);
}

/// Each shape takes its reply, whatever pieces it comes in, and no more.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn each_shape_takes_its_reply<K: Kind>() {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    takes::<K, _>(line, b"1.25\r\n", "1.25".to_owned()).await;
    takes::<K, _>(|| lines(2), b"a\r\nb\r\n", texts(&["a", "b"])).await;
    takes::<K, _>(|| lines_until(|line| line == "end"), b"a\r\nend\r\n", texts(&["a", "end"])).await;
    takes::<K, _>(|| lines_before(b">>"), b"a\r\n>\r\n>>", texts(&["a", ">"])).await;
    takes::<K, _>(|| lines_before(b">"), b">", Vec::new()).await;
    takes::<K, _>(|| until(b"ab"), b"aaab", b"aaab".to_vec()).await;
    takes::<K, _>(|| literal(b"ok!"), b"ok!", ()).await;
    takes::<K, _>(|| bytes(3), b"\r\n\r", b"\r\n\r".to_vec()).await;
    takes::<K, _>(of::<[u8; 4]>, b"\x01\x02\x03\x04", [1, 2, 3, 4]).await;
    takes::<K, _>(json::<Vec<f64>>, b"[1, 2.5]\r\n", vec![1.0, 2.5]).await;
    takes::<K, _>(|| frame(Framing::scpi_blocks().codec()), b"#13abc", Ok::<_, Damage>("abc".into())).await;
    takes::<K, _>(scpi_block, b"#13abc\r\n", b"abc".to_vec()).await;
    takes::<K, _>(scpi_block, b"#0a#b\n", b"a#b".to_vec()).await;
    takes::<K, _>(|| silence(200 * TICK), b"a\r\n", b"a\r\n".to_vec()).await;
    takes::<K, _>(|| (lines(1), literal(b">")), b"a\r\n>", (texts(&["a"]), ())).await;
    takes::<K, _>(|| (line(), bytes(2), line()), b"a\r\nxyb\r\n", ("a".to_owned(), b"xy".to_vec(), "b".to_owned()))
        .await;
    takes::<K, _>(|| line().map(|text| text.len()), b"abc\r\n", 3).await;
    takes::<K, _>(|| line().try_map(|text| text.parse::<u8>()), b"7\r\n", 7).await;
    takes::<K, _>(|| line().map(|n| n.parse().unwrap_or(0)).and_then(bytes), b"2\r\nab", b"ab".to_vec()).await;
}

/// What may come behind a frame is nothing, whenever it comes: no frame of its own, and no part of the next reply.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_trails_a_frame_is_nothing<K: Kind>() {
    for (framing, begin, end, trailing) in [
        (Framing::any_line_end(), "", "\r", "\n"),
        (Framing::json_values(), "[", "]", "\r\n \n"),
        (Framing::scpi_blocks(), "#11", "", "\r\n"),
    ] {
        for cut in 0..=trailing.len() {
            let (requester, far) = meet::<K>(RequestOptions::new().unsolicited(Unsolicited::Fail)).await;
            let (front, back) = trailing.split_at(cut);
            let device = device(far, move |command| {
                // What is left of the last one comes first.
                let reply = format!("{}{begin}{command}{end}{front}", if command == "1" { "" } else { back });
                at_once(reply)
            });
            let asking = async {
                let one =
                    |framing: &Framing| framing.clone().map(|content| String::from_utf8_lossy(&content).into_owned());
                let asked = |command: &str| if begin == "[" { format!("[{command}]") } else { command.to_owned() };
                for command in ["1", "2", "3"] {
                    let reply = soon(requester.ask_for(command, one(&framing))).await.unwrap();
                    assert_eq!(reply, asked(command), "{framing:?}, cut at {cut}");
                }
                requester.close().await;
            };
            tokio::join!(device, asking);
        }
    }
}

/// A frame that is damaged where its end is known costs itself; noise before it costs nothing; one without an end is
/// out of step, so that its rest is nobody's reply.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_damaged_frame_is_nobodys_reply<K: Kind>() {
    let framing = Framing::between(b"<", b">").checksum(Checksum::xor()).limit(8);
    let frame = |content: &str| framing.frame(content).unwrap();
    let (requester, far) = meet::<K>(RequestOptions::new()).await;
    let (good, mut bad) = (frame("good"), frame("bad"));
    bad[1] ^= 1;
    let device = device(far, move |command| match command {
        "noise" => at_once([b"xyz", &good[..]].concat()),
        "damage" => at_once(bad.clone()),
        "endless" => vec![(Duration::ZERO, b"<0123456789".to_vec()), (TICK, [b"01>", &good[..]].concat())],
        _ => at_once(good.clone()),
    });
    let asking = async {
        assert_eq!(soon(requester.ask_for("noise", framing.clone())).await.unwrap(), "good");
        let error = soon(requester.ask_for("damage", framing.clone())).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Value(_)) && error.sent() == Sent::Yes, "{error:?}");
        assert_eq!(soon(requester.ask_for("good", framing.clone())).await.unwrap(), "good");
        let error = soon(requester.ask_for("endless", framing.clone())).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::OutOfStep(_)), "{error:?}");
        assert!(!requester.connection().is_connected());
    };
    tokio::join!(device, asking);
}

/// A request that is secret has no word of what was said in its errors, whatever shape it asks for; what a conversion of
/// its own says, it says.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_secret_is_in_no_error<K: Kind>() {
    async fn failure<K: Kind, S: Shape<Output: std::fmt::Debug>>(
        options: RequestOptions,
        command: &str,
        reply: &'static [u8],
        shape: S,
    ) -> RequestError {
        let (requester, far) = meet::<K>(options).await;
        let device = device(far, move |_| at_once(reply));
        let secret = requester.with(RequestOptions::secret);
        let asking = async {
            let error = soon(secret.ask_for(command, shape)).await.unwrap_err();
            requester.close().await;
            error
        };
        tokio::join!(device, asking).1
    }
    let echoing = || RequestOptions::new().echo(b"\r");
    let framing = Framing::between(b"<", b">").checksum(Checksum::sum());
    let plain = RequestOptions::new;
    let errors = [
        failure::<K, _>(plain(), "fish", b"fish\xff\r\n", line()).await,
        failure::<K, _>(plain(), "fish", b"fish\r\n", json::<f64>()).await,
        failure::<K, _>(plain(), "fish", b"<fish>?", framing).await,
        failure::<K, _>(plain(), "fish", b"fish\r\n", literal(b"ok")).await,
        failure::<K, _>(echoing(), "fish", b"no fish", line()).await,
        failure::<K, _>(plain(), "fish\r\n", b"", line()).await,
    ];
    for error in errors {
        let sources = std::iter::successors(std::error::Error::source(&error), |error| error.source());
        let mut said: Vec<_> = sources.map(|error| format!("{error} {error:?}")).collect();
        said.push(format!("{error} {error:?}"));
        let said = said.concat();
        assert!(error.to_string().starts_with("\"…\": ") && error.received().is_empty(), "{error}");
        assert!(!said.contains("fish") && !said.contains("102, 105, 115"), "{said}");
    }
    let converted = line().try_map(|_| Err::<(), _>("no such user"));
    let error = failure::<K, _>(plain(), "fish", b"fish\r\n", converted).await;
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no such user");
}

/// The defaults are those that the docs tell.
#[test]
fn the_defaults_are_as_told() {
    let requests = RequestOptions::new()
        .ready_timeout(None)
        .turn_timeout(5 * SECOND)
        .reply_timeout(2 * SECOND)
        .gap_timeout(SECOND)
        .whole_timeout(30 * SECOND)
        .out_of_step(OutOfStep::Close)
        .unsolicited(Unsolicited::Fail)
        .most_failures(3)
        .retries(0);
    assert_eq!(RequestOptions::default(), requests);
    let commands = CommandOptions::new()
        .turn_timeout(5 * SECOND)
        .reply_timeout(2 * SECOND)
        .end_timeout(30 * SECOND)
        .abandon(Duration::ZERO);
    assert_eq!(CommandOptions::default(), commands);
    assert_eq!(Backoff::default(), Backoff::exponential(SECOND / 4, 30 * SECOND));
    assert_eq!(DEFAULT_HANDSHAKE_TIMEOUT, 10 * SECOND);
}

/// A future with any shape may be sent to another thread, also with a closure whose error is in a box.
#[test]
fn futures_with_shapes_may_be_sent() {
    async fn voltage(device: &Requester) -> Result<f64, RequestError> {
        type Boxed = Box<dyn std::error::Error + Send + Sync>;
        device.ask_for("VOLT?", line().try_map(|line| -> Result<f64, Boxed> { Ok(line.parse()?) })).await
    }
    fn is_send<T: Send>(_: &T) {}
    let asking = async |device: Requester| voltage(&device).await;
    let spawned = |device: Requester| tokio::spawn(async move { voltage(&device).await });
    is_send(&spawned);
    let _ = asking;
}

/// A reply whose end is known costs itself alone, whatever it is; one whose end is not known ends the session.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_does_not_convert_costs_itself<K: Kind>() {
    let (requester, far) = meet::<K>(RequestOptions::new()).await;
    let device = device(far, |command| at_once([command.as_bytes(), b"\r\n"].concat()));
    let asking = async {
        let error = soon(requester.ask_for("x", line().try_map(|reply| reply.parse::<u8>()))).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Value(_)) && error.sent() == Sent::Yes, "{error:?}");
        let error = soon(requester.ask_for("{", json::<f64>())).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Value(_)), "{error:?}");
        assert_eq!(soon(requester.ask("1")).await.unwrap(), "1");
        let error = soon(requester.ask_for("no", literal(b"ok\r\n"))).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::OutOfStep(_)), "{error:?}");
        assert_eq!(error.to_string(), r#""no\r\n": "no\r\n" came instead of "ok\r\n""#);
        assert_eq!(requester.connection().reason(), Some(DisconnectReason::OutOfStep));
        let error = soon(requester.ask("2")).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::NotConnected { .. }) && error.sent() == Sent::No, "{error:?}");
    };
    tokio::join!(device, asking);
}

/// A shape whose code panics leaves nobody to take the rest: the session ends under every policy.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_shape_that_panics_ends_the_session<K: Kind>() {
    let abandon = OutOfStep::Abandon { at_most: 20 * SECOND };
    let (requester, far) = meet::<K>(RequestOptions::new().out_of_step(abandon)).await;
    let device = device(far, |_| at_once("1\r\n2\r\n"));
    let asking = async {
        let asking = requester.clone();
        let shape = (line().map(|line| assert_eq!(line, "2")), line());
        let asked = tokio::spawn(async move { asking.ask_for("?", shape).await });
        assert!(soon(asked).await.unwrap_err().is_panic());
        assert_eq!(requester.connection().reason(), Some(DisconnectReason::OutOfStep));
    };
    tokio::join!(device, asking);
}

/// Each deadline passes at its time, and says how far the request went.
#[test_log::test(tokio::test(start_paused = true))]
async fn each_deadline_has_its_time() {
    let options = RequestOptions::new()
        .turn_timeout(5 * SECOND)
        .reply_timeout(2 * SECOND)
        .gap_timeout(SECOND)
        .whole_timeout(10 * SECOND);
    for (command, after, sent) in [
        ("silent", 2.0, Sent::Maybe),
        ("early", 1.0, Sent::Yes),
        ("half", 2.5, Sent::Yes),
        ("dripping", 10.5, Sent::Yes),
    ] {
        let (requester, far) = meet::<Memory>(options.clone()).await;
        let device = device(far, |command| match command {
            "early" => vec![(Duration::ZERO, b"ea".to_vec()), (1000 * SECOND, b"rly\r\n".to_vec())],
            "half" => vec![(3 * SECOND / 2, b"ha".to_vec()), (1000 * SECOND, b"lf\r\n".to_vec())],
            "dripping" => vec![(SECOND / 2, b"x".to_vec()); 1000],
            _ => Vec::new(),
        });
        tokio::spawn(device);
        let begin = Instant::now();
        let error = requester.ask(command).await.unwrap_err();
        let passed = begin.elapsed().as_secs_f64();
        assert!((after..after + 0.1).contains(&passed), "{command}: {passed} s");
        let is_right = match error.cause() {
            Cause::NoReply { after } => command == "silent" && *after == 2 * SECOND,
            Cause::Stalled { after } => ["early", "half"].contains(&command) && *after == SECOND,
            Cause::TooSlow { after } => command == "dripping" && *after == 10 * SECOND,
            _ => false,
        };
        assert!(is_right && error.is_timeout() && error.sent() == sent, "{error:?}");
        assert_eq!(requester.connection().reason(), Some(DisconnectReason::OutOfStep));
        let error = requester.ask("next").await.unwrap_err();
        let is_told = matches!(error.cause(), Cause::NotConnected { reason: Some(DisconnectReason::OutOfStep), .. });
        assert!(is_told && error.sent() == Sent::No, "{error:?}");
    }
}

/// A session is not idle while a reply is within its deadlines, be it behind an echo, between two bytes, or abandoned.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reply_that_takes_its_time_is_not_idle() {
    let (near, far) = Memory::streams().await;
    let client = Client::from_stream(near).idle_timeout(SECOND).connect().await.unwrap();
    let options = RequestOptions::new().echo(b"\r").reply_timeout(3 * SECOND).gap_timeout(5 * SECOND);
    let requester = Requester::new(client, options.out_of_step(OutOfStep::Abandon { at_most: 200 * SECOND }));
    tokio::spawn(device(far, |command| {
        let echo = (5 * SECOND / 2, format!("{command}\r").into_bytes());
        let gap = if command == "dropped" { 100 * SECOND } else { 4 * SECOND };
        vec![echo, (5 * SECOND / 2, b"ha".to_vec()), (gap, b"lf\r\n".to_vec())]
    }));
    assert_eq!(requester.ask("?").await.unwrap(), "half");
    timeout(SECOND, requester.ask("dropped")).await.unwrap_err();
    // Nobody but the session's own task waits for the rest, longer than the deadlines of the caller.
    sleep(104 * SECOND).await;
    assert_eq!(requester.ask("!").await.unwrap(), "half");
}

/// Where several deadlines pass at one moment, it is told which one is left: half a reply is more than none.
#[test_log::test(tokio::test(start_paused = true))]
async fn half_a_reply_is_not_told_as_none() {
    let options = RequestOptions::new().reply_timeout(SECOND).gap_timeout(SECOND).whole_timeout(SECOND);
    let (requester, far) = meet::<Memory>(options).await;
    tokio::spawn(device(far, |_| vec![(Duration::ZERO, b"ha".to_vec()), (1000 * SECOND, b"lf\r\n".to_vec())]));
    let error = requester.ask("half").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::TooSlow { .. }) && error.sent() == Sent::Yes, "{error:?}");
}

/// What comes unasked is no command's, and its error names none.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_error_of_what_comes_unasked_names_no_command() {
    let (requester, _far) = meet::<Memory>(RequestOptions::new()).await;
    assert_eq!(requester.receive(line()).await.unwrap_err().to_string(), "no reply came for 2s");
}

/// An error shows what went out and what came back, however much of that the shape had taken already.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_error_shows_what_came_back() {
    let shown = async |options: RequestOptions, pieces: &[&[u8]], shape: bool| {
        let (requester, far) = meet::<Memory>(options).await;
        let mut pieces = pieces.iter().map(|piece| (TICK, piece.to_vec())).collect::<Vec<_>>();
        pieces.push((1000 * SECOND, Vec::new()));
        let device = tokio::spawn(device(far, move |_| pieces.clone()));
        let error = if shape {
            requester.ask_for("MEAS?", (lines(2), literal(b">")).map(drop)).await.unwrap_err()
        } else {
            requester.ask_for("MEAS?", line().try_map(|reply| reply.parse::<u8>()).map(drop)).await.unwrap_err()
        };
        device.abort();
        let text = error.to_string();
        let text = text.strip_prefix(r#""MEAS?\r\n": "#).unwrap().to_owned();
        (text, error.received().to_vec())
    };
    let plain = RequestOptions::new();
    let echoing = plain.clone().echo(b"\r");
    let many = [b"x".as_slice(); 100].concat();
    for (options, pieces, shape, text, received) in [
        (&plain, vec![], true, "no reply came for 2s".to_owned(), &b""[..]),
        (&plain, vec![&b"1.2"[..]], true, r#"the reply stopped for 1s, behind "1.2""#.to_owned(), b"1.2"),
        (
            &plain,
            vec![b"1\r\n", b"2\r\n"],
            true,
            r#"the reply stopped for 1s, behind "1\r\n2\r\n""#.into(),
            b"1\r\n2\r\n",
        ),
        (
            &plain,
            vec![b"1\r\n", b"2\r\n!"],
            true,
            r#""!" came instead of ">", in "1\r\n2\r\n!""#.into(),
            b"1\r\n2\r\n!",
        ),
        (&plain, vec![b"2x\r\n"], false, r#"the reply does not convert, in "2x\r\n""#.into(), b"2x\r\n"),
        (&plain, vec![&many], true, format!(r#"the reply stopped for 1s, behind "{}…""#, "x".repeat(60)), &many[..60]),
        (
            &plain,
            vec![&many[..30]; 2],
            true,
            format!(r#"the reply stopped for 1s, behind "{}""#, "x".repeat(60)),
            &many[..60],
        ),
        (&echoing, vec![b"ME"], true, r#"no reply came for 2s, behind "ME""#.into(), b"ME"),
        (&echoing, vec![b"ME", b"AS?\r"], true, r#"no reply came for 2s, behind "MEAS?\r""#.into(), b"MEAS?\r"),
        (&echoing, vec![b"MEAS?\r", b"1"], true, r#"the reply stopped for 1s, behind "1""#.into(), b"1"),
        (&echoing, vec![b"ME", b"AS?\r1", b"2"], true, r#"the reply stopped for 1s, behind "12""#.into(), b"12"),
        (&echoing, vec![b"MO"], true, r#""MO" came where "MEAS?\r" is echoed"#.into(), b"MO"),
    ] {
        assert_eq!(shown(options.clone(), &pieces, shape).await, (text, received.to_vec()));
    }
    let (requester, far) =
        meet::<Memory>(RequestOptions::new().out_of_step(OutOfStep::Abandon { at_most: SECOND })).await;
    tokio::spawn(device(far, |_| at_once("ha")));
    let error = requester.ask("x".repeat(1000)).await.unwrap_err();
    assert_eq!(error.to_string(), format!(r#""{}…": the reply stopped for 1s, behind "ha""#, "x".repeat(60)));
    let (requester, far) = meet::<Memory>(RequestOptions::new()).await;
    tokio::spawn(device(far, |_| at_once("ha")));
    let asking = async { requester.ask("?").await.unwrap_err() };
    let (error, ()) = tokio::join!(asking, async {
        sleep(TICK).await;
        requester.connection().abort();
    });
    assert_eq!(error.to_string(), r#""?\r\n": the session has ended, behind "ha""#);
    let error = requester.ask("?").await.unwrap_err();
    assert_eq!((error.received(), error.to_string().contains("behind")), (&b""[..], false));
}

/// Behind an echo the deadline of the first byte begins anew.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_echo_has_a_deadline_of_its_own() {
    for (pause, is_late) in [(3 * SECOND / 2, false), (5 * SECOND / 2, true)] {
        let options = RequestOptions::new().echo(b"\r").reply_timeout(2 * SECOND).gap_timeout(100 * SECOND);
        let (requester, far) = meet::<Memory>(options).await;
        tokio::spawn(device(far, move |_| vec![(3 * SECOND / 2, b"?\r".to_vec()), (pause, b"1\r\n".to_vec())]));
        let reply = requester.ask("?").await;
        let is_no_reply = |error: &RequestError| matches!(error.cause(), Cause::NoReply { .. });
        assert_eq!(reply.as_ref().is_err_and(is_no_reply), is_late, "{reply:?}");
        assert_eq!(reply.is_ok(), !is_late);
    }
}

/// Who waits too long for the turn has sent nothing, and the session lives.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_busy_device_is_not_dead() {
    let options = RequestOptions::new().turn_timeout(SECOND).reply_timeout(10 * SECOND);
    let (requester, far) = meet::<Memory>(options).await;
    tokio::spawn(device(far, |command| vec![(3 * SECOND, format!("{command}\r\n").into_bytes())]));
    let (first, second) = tokio::join!(requester.ask("first"), async {
        yield_now().await;
        requester.ask("second").await
    });
    let error = second.unwrap_err();
    assert!(matches!(error.cause(), Cause::Busy { after: SECOND }) && error.sent() == Sent::No, "{error:?}");
    assert_eq!(first.unwrap(), "first");
    assert_eq!(requester.ask("third").await.unwrap(), "third");
    let longer = requester.with(|options| options.turn_timeout(100 * SECOND));
    let (_, second) = tokio::join!(requester.ask("fourth"), longer.ask("fifth"));
    assert_eq!(second.unwrap(), "fifth");
}

/// What arrives before a command goes out is never its reply.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_nobody_asked_for_is_found<K: Kind>() {
    for policy in [Unsolicited::Fail, Unsolicited::Log] {
        let (requester, far) = meet::<K>(RequestOptions::new().unsolicited(policy)).await;
        let (reader, mut writer) = split(far);
        writer.write_all(b"stray\r\n").await.unwrap();
        soon(async {
            while requester.connection().unread() < 7 {
                yield_now().await;
            }
        })
        .await;
        let answering = async {
            let mut lines = BufReader::new(reader).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                writer.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
            }
        };
        let asking = async {
            if policy == Unsolicited::Fail {
                let error = soon(requester.ask("first")).await.unwrap_err();
                assert!(matches!(error.cause(), Cause::Unsolicited(stray) if stray == b"stray\r\n"), "{error:?}");
                assert_eq!(error.sent(), Sent::No);
            }
            assert_eq!(soon(requester.ask("second")).await.unwrap(), "second");
            requester.close().await;
        };
        tokio::join!(answering, asking);
    }
}

/// An echo is taken off, cut anywhere; another one ends the session. A command without a reply has an echo, too.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn an_echo_is_no_reply<K: Kind>() {
    const WHOLE: &[u8] = b"ask\r1.5\r\n";
    for cut in 0..=WHOLE.len() {
        let (requester, far) = meet::<K>(RequestOptions::new().echo(b"\r")).await;
        let device = device(far, |command| match command {
            "ask" => vec![(Duration::ZERO, WHOLE[..cut].to_vec()), (TICK, WHOLE[cut..].to_vec())],
            "tell" => at_once("tell\r"),
            _ => at_once("other\r1\r\n"),
        });
        let asking = async {
            soon(requester.tell("tell")).await.unwrap();
            assert_eq!(soon(requester.ask("ask")).await.unwrap(), "1.5", "cut at {cut}");
            let error = soon(requester.ask("another")).await.unwrap_err();
            assert!(matches!(error.cause(), Cause::OutOfStep(_)), "{error:?}");
            soon(requester.connection().wait_closed()).await;
        };
        tokio::join!(device, asking);
    }
}

/// A request that is dropped before its turn sends nothing; one that is dropped later is one whose reply is late: by
/// default the session ends, at once.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dropped_request_is_late<K: Kind>() {
    let (requester, far) = meet::<K>(RequestOptions::new()).await;
    let turn = requester.exclusive().await.unwrap();
    assert!(cut(3, requester.ask("never")).await.is_none());
    drop(turn);
    let device = device(far, |command| {
        assert_ne!(command, "never");
        if command == "late" { Vec::new() } else { at_once("reply\r\n") }
    });
    let asking = async {
        assert_eq!(soon(requester.ask("?")).await.unwrap(), "reply");
        assert!(cut(3, requester.ask("late")).await.is_none());
        assert!(!requester.connection().is_connected(), "without anything to wait for");
        assert_eq!(requester.connection().reason(), Some(DisconnectReason::OutOfStep));
        let error = soon(requester.ask("?")).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::NotConnected { .. }) && error.sent() == Sent::No, "{error:?}");
    };
    tokio::join!(device, asking);
}

/// A reply whose caller is gone, however much of it has come, is taken by a task of the session, and the next request
/// has its own; if it does not come, the session ends.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn an_abandoned_reply_is_taken_and_dropped<K: Kind>() {
    let options =
        RequestOptions::new().out_of_step(OutOfStep::Abandon { at_most: 20 * SECOND }).most_failures(u32::MAX);
    let (requester, far) = meet::<K>(options).await;
    let device = device(far, |command| {
        let reply = format!("{command}\r\n").repeat(3);
        reply.bytes().map(|byte| (Duration::ZERO, vec![byte])).collect()
    });
    let asking = async {
        for polls in 1..40 {
            let _ = cut(polls, requester.ask_for(format!("dropped {polls}"), lines(3))).await;
            let question = format!("question {polls}");
            assert_eq!(soon(requester.ask_for(&question[..], lines(3))).await.unwrap(), [&question[..]; 3]);
        }
        requester.close().await;
    };
    tokio::join!(device, asking);
}

/// What never comes ends the session when the policy has waited for long enough; drained, the next request goes on
/// behind a silence.
#[test_log::test(tokio::test(start_paused = true))]
async fn policies_wait_at_most_so_long() {
    let at_most = 3 * SECOND;
    for (policy, ends) in [
        (OutOfStep::Abandon { at_most }, true),
        (OutOfStep::Drain { quiet: SECOND, at_most }, false),
        (OutOfStep::Drain { quiet: 4 * SECOND, at_most }, true),
    ] {
        let options = RequestOptions::new().reply_timeout(SECOND).out_of_step(policy).turn_timeout(10 * SECOND);
        let (requester, far) = meet::<Memory>(options).await;
        tokio::spawn(device(far, |command| match command {
            "half" => vec![(Duration::ZERO, b"ha".to_vec()), (2 * SECOND, Vec::new())],
            _ => at_once(format!("{command}\r\n")),
        }));
        let error = requester.ask("half").await.unwrap_err();
        assert!(error.is_timeout() && error.sent() == Sent::Yes, "{error:?}");
        let next = requester.ask("next").await;
        assert_eq!(next.is_err(), ends, "{policy:?}: {next:?}");
        assert_eq!(requester.connection().reason(), ends.then_some(DisconnectReason::OutOfStep), "{policy:?}");
    }
}

/// A reply whose caller is gone is not taken for what comes unasked, either.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dropped_reply_was_not_unasked_for<K: Kind>() {
    let (requester, mut far) = meet::<K>(RequestOptions::new()).await;
    assert!(cut(5, requester.ask("?")).await.is_none());
    far.write_all(b"reply\r\n").await.unwrap();
    let error = soon(requester.receive(line())).await.unwrap_err();
    let is_told =
        |cause: &Cause| matches!(cause, Cause::NotConnected { reason: Some(DisconnectReason::OutOfStep), .. });
    assert!(is_told(error.cause()), "{error:?}");
}

/// The turn is waited for as long as the options of the request say, whatever the deadline of a read is.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_turn_has_a_deadline_of_its_own() {
    let (near, far) = Memory::streams().await;
    let client = Client::from_stream(near).read_timeout(SECOND).connect().await.unwrap();
    let options = RequestOptions::new().turn_timeout(100 * SECOND).reply_timeout(20 * SECOND);
    let requester = Requester::new(client, options);
    tokio::spawn(device(far, |command| vec![(10 * SECOND, format!("{command}\r\n").into_bytes())]));
    let (first, second) = tokio::join!(requester.ask("first"), requester.ask("second"));
    assert_eq!((first.unwrap().as_str(), second.unwrap().as_str()), ("first", "second"));
}

/// So many requests in a row without a reply end the session, whatever the policy is.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_device_that_never_answers_is_given_up() {
    let drain = OutOfStep::Drain { quiet: TICK, at_most: SECOND };
    let (requester, far) = meet::<Memory>(RequestOptions::new().out_of_step(drain)).await;
    tokio::spawn(device(far, |command| if command == "ok" { at_once("ok\r\n") } else { Vec::new() }));
    for is_answered in [false, false, true, false, false] {
        assert_eq!(requester.ask(if is_answered { "ok" } else { "?" }).await.is_ok(), is_answered);
        assert!(requester.connection().is_connected());
    }
    // What has no reply does not say that the device is there.
    requester.tell("tell").await.unwrap();
    requester.ask("?").await.unwrap_err();
    assert_eq!(requester.connection().reason(), Some(DisconnectReason::OutOfStep));
}

/// Between the requests of an exclusive turn no other comes, also where one of them is abandoned.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn an_exclusive_turn_is_kept<K: Kind>() {
    let abandon = OutOfStep::Abandon { at_most: 20 * SECOND };
    let (requester, far) = meet::<K>(RequestOptions::new().out_of_step(abandon)).await;
    let mut commands = Vec::new();
    let device = async {
        device(far, |command| {
            commands.push(command.to_owned());
            at_once(format!("{command}\r\n"))
        })
        .await;
    };
    let asking = async {
        let channel = requester.exclusive().await.unwrap();
        let other = requester.ask("other");
        let own = async {
            for step in ["one", "two"] {
                assert_eq!(soon(channel.ask(step)).await.unwrap(), step);
                yield_now().await;
            }
            assert!(cut(3, channel.ask("three")).await.is_none_or(|reply| reply.is_ok()));
            assert_eq!(soon(channel.exclusive().await.unwrap().ask("four")).await.unwrap(), "four");
            drop(channel);
        };
        let (other, ()) = tokio::join!(soon(other), own);
        assert_eq!(other.unwrap(), "other");
        requester.close().await;
    };
    tokio::join!(device, asking);
    assert_eq!(commands, ["one", "two", "three", "four", "other"]);
}

/// A reply that is swallowed, late or split, callers that go away at any time, requests that are repeated, and sessions
/// that end: every reply is that of its command. Fault 21. A device with an echo also says some of its replies twice,
/// at any time.
async fn every_reply_is_that_of_its_command(policy: OutOfStep, has_echo: bool) {
    let requests = requests();
    let mut random = Random(12345);
    let (mut answered, mut sessions) = (0, 0);
    let mut number = 0;
    while number < requests {
        sessions += 1;
        let options = RequestOptions::new()
            .reply_timeout(20 * TICK)
            .gap_timeout(20 * TICK)
            .turn_timeout(10 * SECOND)
            .out_of_step(policy)
            .most_failures(50);
        let options = if has_echo { options.echo(b"\r") } else { options };
        let (requester, far) = meet::<MemoryTransports>(options).await;
        let mut misbehaves = Random(random.below(1000));
        let device = tokio::spawn(device(far, move |command| {
            let mut reply = format!("reply to {command}\r\n").into_bytes();
            let again = reply.clone();
            if has_echo {
                reply.splice(..0, format!("{command}\r").into_bytes());
            }
            let (front, back) = reply.split_at(reply.len() / 2);
            match misbehaves.below(20) {
                10 if has_echo => vec![(Duration::ZERO, [reply, again].concat())],
                11..14 if has_echo => vec![(Duration::ZERO, reply), (misbehaves.below(3) * TICK, again)],
                0 => Vec::new(),
                1 => vec![(30 * TICK, reply)],
                2 => vec![(Duration::ZERO, front.to_vec()), (30 * TICK, back.to_vec())],
                3..=8 => vec![(TICK, front.to_vec()), (TICK, back.to_vec())],
                _ => at_once(reply),
            }
        }));
        while number < requests && requester.connection().is_connected() {
            let mut asking = JoinSet::new();
            for _ in 0..4 {
                number += 1;
                let question = format!("question {number}");
                let patience = if random.below(4) == 0 { random.below(30) * TICK } else { 100 * SECOND };
                let requester = requester.with(|options| {
                    let options = options.retries(random.below(3));
                    if random.below(2) == 0 { options.idempotent() } else { options }
                });
                asking.spawn(async move {
                    let reply = timeout(patience, requester.ask(&question[..])).await;
                    (question, reply)
                });
            }
            while let Some(asked) = timeout(1000 * SECOND, asking.join_next()).await.expect("it never hangs") {
                if let (question, Ok(Ok(reply))) = asked.unwrap() {
                    assert_eq!(reply, format!("reply to {question}"), "under {policy:?}");
                    answered += 1;
                }
            }
        }
        requester.close().await;
        device.await.unwrap();
    }
    println!("{policy:?}, echo {has_echo}: {answered} of {number} answered, in {sessions} sessions");
    assert!(answered > number / 4, "{answered} of {number}");
}

#[test_log::test(tokio::test(start_paused = true))]
async fn a_close_never_pairs_wrongly() {
    every_reply_is_that_of_its_command(OutOfStep::Close, false).await;
    every_reply_is_that_of_its_command(OutOfStep::Close, true).await;
}

#[test_log::test(tokio::test(start_paused = true))]
async fn an_abandoned_reply_is_never_anothers() {
    every_reply_is_that_of_its_command(OutOfStep::Abandon { at_most: SECOND }, false).await;
    every_reply_is_that_of_its_command(OutOfStep::Abandon { at_most: SECOND }, true).await;
}

#[test_log::test(tokio::test(start_paused = true))]
async fn a_drained_reply_is_not_anothers_within_the_silence() {
    every_reply_is_that_of_its_command(OutOfStep::Drain { quiet: 50 * TICK, at_most: SECOND }, false).await;
    every_reply_is_that_of_its_command(OutOfStep::Drain { quiet: 50 * TICK, at_most: SECOND }, true).await;
}

/// A reply that is later than the silence is taken for the next one's: what `Drain` bets on.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_drained_reply_behind_the_silence_is_anothers() {
    let drain = OutOfStep::Drain { quiet: 10 * TICK, at_most: SECOND };
    let (requester, far) = meet::<Memory>(RequestOptions::new().reply_timeout(SECOND).out_of_step(drain)).await;
    tokio::spawn(device(far, |command| match command {
        "late" => vec![(SECOND + 20 * TICK, b"late\r\n".to_vec())],
        _ => vec![(SECOND / 2, format!("{command}\r\n").into_bytes())],
    }));
    requester.ask("late").await.unwrap_err();
    assert_eq!(requester.ask("next").await.unwrap(), "late");
}

/// Eight tasks on four threads share one device: each has its own replies.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 4))]
async fn many_tasks_share_a_device<K: Kind>() {
    let (requester, far) = meet::<K>(RequestOptions::new()).await;
    let device = tokio::spawn(device(far, |command| at_once(format!("{command}\r\n"))));
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let requester = requester.clone();
        tasks.spawn(async move {
            for number in 0..requests() / 8 {
                let question = format!("task {task}, question {number}");
                assert_eq!(soon(requester.ask(&question[..])).await.unwrap(), question);
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    requester.close().await;
    device.await.unwrap();
}

/// The futures may be sent to other threads, and errors become those of `std::io`.
#[expect(dead_code, reason = "it compiles")]
fn it_fits_everywhere(requester: &Requester, error: RequestError) -> std::io::Error {
    fn is_send<F: Future + Send>(_: F) {}
    is_send(requester.ask("?"));
    is_send(requester.ask_for(b"?", (lines(2), literal(b">"))));
    is_send(requester.exclusive());
    error.into()
}
