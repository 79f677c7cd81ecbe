//! Each shape takes its reply, and no more.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_client::{
    Cause, Checksum, Damage, DisconnectReason, Framing, OutOfStep, RequestError, RequestOptions, Requester, Sent,
    Shape, Unsolicited, bytes, frame, json, line, lines, lines_before, lines_until, literal, of, scpi_block, silence,
    until,
};

use super::{SECOND, TICK, at_once, device, meet};
use crate::{kinds::Kind, over_each_kind::over_each_kind};
use tcpip_testkit::eventually;

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
            let taken = eventually(requester.ask_for("?", shape())).await;
            assert_eq!(taken.unwrap(), expected, "cut at {cut}");
            assert_eq!(eventually(requester.ask("next?")).await.unwrap(), "next", "behind one cut at {cut}");
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
                    let reply = eventually(requester.ask_for(command, one(&framing))).await.unwrap();
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
        assert_eq!(eventually(requester.ask_for("noise", framing.clone())).await.unwrap(), "good");
        let error = eventually(requester.ask_for("damage", framing.clone())).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Value(_)) && error.sent() == Sent::Yes, "{error:?}");
        assert_eq!(eventually(requester.ask_for("good", framing.clone())).await.unwrap(), "good");
        let error = eventually(requester.ask_for("endless", framing.clone())).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::OutOfStep(_)), "{error:?}");
        assert!(!requester.connection().is_connected());
    };
    tokio::join!(device, asking);
}

/// A reply whose end is known costs itself alone, whatever it is; one whose end is not known ends the session.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_does_not_convert_costs_itself<K: Kind>() {
    let (requester, far) = meet::<K>(RequestOptions::new()).await;
    let device = device(far, |command| at_once([command.as_bytes(), b"\r\n"].concat()));
    let asking = async {
        let error = eventually(requester.ask_for("x", line().try_map(|reply| reply.parse::<u8>()))).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Value(_)) && error.sent() == Sent::Yes, "{error:?}");
        let error = eventually(requester.ask_for("{", json::<f64>())).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Value(_)), "{error:?}");
        assert_eq!(eventually(requester.ask("1")).await.unwrap(), "1");
        let error = eventually(requester.ask_for("no", literal(b"ok\r\n"))).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::OutOfStep(_)), "{error:?}");
        assert_eq!(error.to_string(), r#""no\r\n": "no\r\n" came instead of "ok\r\n""#);
        assert_eq!(requester.connection().reason(), Some(DisconnectReason::OutOfStep));
        let error = eventually(requester.ask("2")).await.unwrap_err();
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
        assert!(eventually(asked).await.unwrap_err().is_panic());
        assert_eq!(requester.connection().reason(), Some(DisconnectReason::OutOfStep));
    };
    tokio::join!(device, asking);
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
