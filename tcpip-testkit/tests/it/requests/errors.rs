//! What an error says.

use std::future::Future;

use macro_rules_attribute::apply;
use tcpip_client::{
    Cause, Checksum, Framing, OutOfStep, ReadError, RequestError, RequestOptions, Requester, Shape, json, line, lines,
    literal,
};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{io::AsyncWriteExt, time::sleep};

use super::{SECOND, TICK, at_once, device, meet};
use crate::{
    kinds::{Kind, Memory},
    over_each_kind::over_each_kind,
};

/// A request that is secret has no word of what was said in its errors, whatever shape it asks for; what a conversion
/// of its own says, it says.
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
            let error = eventually(secret.ask_for(command, shape)).await.unwrap_err();
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

/// Of a secret reply that is cut off, its length is told, and nothing else.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_secret_is_not_told_where_it_is_cut_off() {
    let (requester, mut far) = meet::<Memory>(RequestOptions::new()).await;
    let secret = requester.with(RequestOptions::secret);
    let asking = tokio::spawn(async move { secret.ask("PASSWORD").await.unwrap_err() });
    far.expect("PASSWORD\r\n").await;
    far.write_all(b"fis").await.unwrap();
    drop(far);
    let error = asking.await.unwrap();
    let Cause::Read(ReadError::Incomplete { partial, .. }) = error.cause() else { panic!("{error:?}") };
    assert_eq!(partial, b"***");
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

/// The futures may be sent to other threads, and errors become those of `std::io`.
#[expect(dead_code, reason = "it compiles")]
fn it_fits_everywhere(requester: &Requester, error: RequestError) -> std::io::Error {
    fn is_send<F: Future + Send>(_: F) {}
    is_send(requester.ask("?"));
    is_send(requester.ask_for(b"?", (lines(2), literal(b">"))));
    is_send(requester.exclusive());
    error.into()
}
