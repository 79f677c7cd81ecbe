//! Bytes that nobody asked for, and echoes.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_client::{Cause, DisconnectReason, RequestOptions, Sent, Unsolicited, line};
use tcpip_testkit::eventually;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, split};

use super::{TICK, at_once, device, meet};
use crate::{cut::cut, kinds::Kind, over_each_kind::over_each_kind};

/// What arrives before a command goes out is never its reply.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_nobody_asked_for_is_found<K: Kind>() {
    for policy in [Unsolicited::Fail, Unsolicited::Log] {
        let (requester, far) = meet::<K>(RequestOptions::new().unsolicited(policy)).await;
        let (reader, mut writer) = split(far);
        writer.write_all(b"stray\r\n").await.unwrap();
        eventually(|| requester.connection().unread() >= 7).await;
        let answering = async {
            let mut lines = BufReader::new(reader).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                writer.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
            }
        };
        let asking = async {
            if policy == Unsolicited::Fail {
                let error = eventually(requester.ask("first")).await.unwrap_err();
                assert!(matches!(error.cause(), Cause::Unsolicited(stray) if stray == b"stray\r\n"), "{error:?}");
                assert_eq!(error.sent(), Sent::No);
            }
            assert_eq!(eventually(requester.ask("second")).await.unwrap(), "second");
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
            eventually(requester.tell("tell")).await.unwrap();
            assert_eq!(eventually(requester.ask("ask")).await.unwrap(), "1.5", "cut at {cut}");
            let error = eventually(requester.ask("another")).await.unwrap_err();
            assert!(matches!(error.cause(), Cause::OutOfStep(_)), "{error:?}");
            eventually(requester.connection().wait_closed()).await;
        };
        tokio::join!(device, asking);
    }
}

/// A reply whose caller is gone is not taken for what comes unasked, either.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dropped_reply_was_not_unasked_for<K: Kind>() {
    let (requester, mut far) = meet::<K>(RequestOptions::new()).await;
    assert!(cut(5, requester.ask("?")).await.is_none());
    far.write_all(b"reply\r\n").await.unwrap();
    let error = eventually(requester.receive(line())).await.unwrap_err();
    let is_told =
        |cause: &Cause| matches!(cause, Cause::NotConnected { reason: Some(DisconnectReason::OutOfStep), .. });
    assert!(is_told(error.cause()), "{error:?}");
}
