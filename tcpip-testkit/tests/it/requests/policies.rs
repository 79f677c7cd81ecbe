//! What becomes of a session whose reply did not come in time, or whose caller is gone.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_client::{Cause, DisconnectReason, OutOfStep, RequestOptions, Sent, lines};
use tcpip_testkit::eventually;
use tokio::task::yield_now;

use super::{SECOND, TICK, at_once, device, meet};
use crate::{
    cut::cut,
    kinds::{Kind, Memory},
    over_each_kind::over_each_kind,
};

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
        assert_eq!(eventually(requester.ask("?")).await.unwrap(), "reply");
        assert!(cut(3, requester.ask("late")).await.is_none());
        assert!(!requester.connection().is_connected(), "without anything to wait for");
        assert_eq!(requester.connection().reason(), Some(DisconnectReason::OutOfStep));
        let error = eventually(requester.ask("?")).await.unwrap_err();
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
            assert_eq!(eventually(requester.ask_for(&question[..], lines(3))).await.unwrap(), [&question[..]; 3]);
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
                assert_eq!(eventually(channel.ask(step)).await.unwrap(), step);
                yield_now().await;
            }
            assert!(cut(3, channel.ask("three")).await.is_none_or(|reply| reply.is_ok()));
            assert_eq!(eventually(channel.exclusive().await.unwrap().ask("four")).await.unwrap(), "four");
            drop(channel);
        };
        let (other, ()) = tokio::join!(eventually(other), own);
        assert_eq!(other.unwrap(), "other");
        requester.close().await;
    };
    tokio::join!(device, asking);
    assert_eq!(commands, ["one", "two", "three", "four", "other"]);
}
