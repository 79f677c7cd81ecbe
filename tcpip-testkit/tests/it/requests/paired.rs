//! Every reply is that of its command, whatever is late, swallowed or split.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_client::{OutOfStep, RequestOptions};
use tcpip_testkit::eventually;
use tokio::{task::JoinSet, time::timeout};

use super::{SECOND, TICK, at_once, device, meet};
use crate::{
    kinds::{Kind, Memory, MemoryTransports},
    over_each_kind::over_each_kind,
    seeded::{Random, requests},
};

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
                assert_eq!(eventually(requester.ask(&question[..])).await.unwrap(), question);
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    requester.close().await;
    device.await.unwrap();
}
