//! Replies that are late, and whose callers are gone.

use std::{pin::pin, time::Duration};

use macro_rules_attribute::apply;
use tcpip_client::{Cause, CommandOptions, Sent};
use tcpip_testkit::eventually;
use tokio::{
    task::JoinSet,
    time::{Instant, advance},
};

use super::wordy::{Far, Ids, InOrder, Numbered, commands, heard, is_out_of_step, meet};
use crate::{
    cut::cut,
    kinds::{Kind, Memory, Tcp},
    over_each_kind::over_each_kind,
};

const SECOND: Duration = Duration::from_secs(1);

/// Every option and default.
#[test]
fn options_have_their_defaults() {
    let defaults = CommandOptions::new()
        .turn_timeout(5 * SECOND)
        .reply_timeout(2 * SECOND)
        .end_timeout(30 * SECOND)
        .abandon(Duration::ZERO);
    assert_eq!(CommandOptions::default(), defaults);
    assert_eq!(defaults.abandon(SECOND), defaults.abandon(SECOND).abandon(SECOND));
}

type DeadlineCase = (&'static [(u64, &'static str)], u64, Result<(), Duration>);

/// Each deadline passes at its time: of the first word, and of the end, which a phase moves.
#[test_log::test(tokio::test(start_paused = true))]
async fn each_deadline_has_its_time() {
    // What the device says, at which second; when it is late, and behind what.
    let cases: [DeadlineCase; 8] = [
        (&[], 2, Ok(())),
        (&[(1, "ack")], 31, Err(30 * SECOND)),
        (&[(1, "ack 60000")], 61, Err(60 * SECOND)),
        (&[(1, "ack 5000")], 6, Err(5 * SECOND)),
        // Each phase begins it anew, but shortens nothing that was named.
        (&[(1, "ack"), (20, "ack")], 50, Err(30 * SECOND)),
        (&[(1, "ack 60000"), (2, "ack")], 61, Err(60 * SECOND)),
        (&[(1, "ack 60000"), (50, "ack")], 80, Err(30 * SECOND)),
        (&[(1, "ack 60000"), (2, "ack 1000")], 3, Err(SECOND)),
    ];
    for (says, late, cause) in cases {
        let (client, mut far) = meet::<Numbered, Memory>(commands()).await;
        let begin = Instant::now();
        let device = tokio::spawn(async move {
            for (at, line) in says {
                tokio::time::sleep_until(begin + Duration::from_secs(*at)).await;
                far.says(&format!("0 {line}")).await;
            }
            far
        });
        let error = client.handler().run("slew").await.unwrap_err();
        assert_eq!(begin.elapsed().as_secs(), late, "{says:?}");
        let is_right = match (error.cause(), cause) {
            (Cause::NoReply { after }, Ok(())) => *after == 2 * SECOND && error.sent() == Sent::Maybe,
            (Cause::TooSlow { after }, Err(named)) => *after == named && error.sent() == Sent::Yes,
            _ => false,
        };
        assert!(is_right && error.is_timeout(), "{says:?}: {error:?}");
        let mut far = device.await.unwrap();
        far.says("0 done").await;
        heard::<_, Memory>(&client, &mut far).await;
        assert_eq!((client.handler().late_replies(), client.handler().under_way()), (1, 0));
        assert!(client.is_connected(), "by id nobody is out of step");
    }
}

/// What has come is not late, whenever its caller looks.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_has_come_is_not_late() {
    let (client, mut far) = meet::<InOrder, Memory>(commands()).await;
    let slew = client.handler().submit("slew").await.unwrap();
    far.says("ack").await;
    far.says("done").await;
    heard::<_, Memory>(&client, &mut far).await;
    advance(100 * SECOND).await;
    assert_eq!(slew.await.unwrap(), "done");
}

/// Also what comes with the deadline: who reads has a turn before the caller is told.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_comes_with_the_deadline_is_not_late() {
    let options = |options: CommandOptions| options.reply_timeout(2 * SECOND);
    let (client, mut far) = meet::<InOrder, Memory>(commands().with(options)).await;
    let slew = client.handler().submit("slew").await.unwrap();
    let deadline = Instant::now() + 2 * SECOND;
    let device = tokio::spawn(async move {
        tokio::time::sleep_until(deadline).await;
        far.says("done").await;
        far
    });
    assert_eq!(slew.await.unwrap(), "done");
    assert_eq!(Instant::now(), deadline);
    device.await.unwrap();
}

/// Also where the thread was busy meanwhile, and the reply has only arrived.
#[test_log::test(tokio::test)]
async fn what_has_arrived_is_not_late() {
    let options = |options: CommandOptions| options.reply_timeout(Duration::from_millis(20));
    let (client, mut far) = meet::<InOrder, Tcp>(commands().with(options)).await;
    let slew = client.handler().submit("slew").await.unwrap();
    far.hears().await;
    far.says("done").await;
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(eventually(slew).await.unwrap(), "done");
}

/// In order, the time of a reply begins with the end of the one before it: a slow one makes no other late.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reply_in_order_has_its_own_time() {
    let (client, mut far) = meet::<InOrder, Memory>(commands()).await;
    let mut asking = JoinSet::new();
    for number in 0..5 {
        let pending = client.handler().submit(&number.to_string()).await.unwrap();
        asking.spawn(async move { (pending.await, number) });
    }
    far.says("ack 10000").await;
    tokio::time::sleep(9 * SECOND).await;
    for number in 0..4 {
        far.says(&format!("done {number}")).await;
        let (reply, asked) = asking.join_next().await.unwrap().unwrap();
        assert_eq!((reply.unwrap(), asked), (format!("done {number}"), number));
        tokio::time::sleep(19 * SECOND / 10).await;
    }
    let begin = Instant::now();
    let (reply, _) = asking.join_next().await.unwrap().unwrap();
    assert!(matches!(reply.unwrap_err().cause(), Cause::NoReply { .. }));
    assert!(begin.elapsed() < SECOND / 5 && is_out_of_step(&client.connection()));
}

/// A caller who does not look after its command keeps nobody waiting for ever.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_forgotten_command_is_not_waited_for() {
    let (client, far) = meet::<InOrder, Memory>(commands()).await;
    let forgotten = client.handler().submit("forgotten").await.unwrap();
    let begin = Instant::now();
    let error = client.handler().run("next").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NoReply { .. }), "{error:?}");
    assert_eq!((begin.elapsed().as_secs(), is_out_of_step(&client.connection())), (4, true));
    drop((forgotten, far));
}

/// By id, a command whose caller is gone is forgotten at once, and its reply is late, in all phases.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dropped_command_by_id_is_forgotten<K: Kind>() {
    let (client, mut far) = meet::<Numbered, K>(commands().in_flight(1)).await;
    let commands = client.handler();
    drop(commands.submit("dropped").await.unwrap());
    assert_eq!(commands.under_way(), 0);
    let next = commands.submit("next").await.unwrap();
    for line in ["0 ack", "0 done", "1 done", "1 done again"] {
        far.says(line).await;
    }
    assert_eq!(eventually(next).await.unwrap(), "1 done");
    heard::<_, K>(&client, &mut far).await;
    assert_eq!(*commands.protocol().late.lock().unwrap(), ["0 ack", "0 done", "1 done again"]);
    assert_eq!(commands.late_replies(), 3);
    eventually(client.close()).await;
}

/// In order, the place of a command whose caller is gone takes its reply, in all phases; it is in flight until then.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dropped_command_in_order_keeps_its_place<K: Kind>() {
    let (client, mut far) = meet::<InOrder, K>(commands().in_flight(2)).await;
    let commands = client.handler();
    drop(commands.submit("dropped").await.unwrap());
    let next = commands.submit("next").await.unwrap();
    assert_eq!(commands.under_way(), 2);
    let mut third = pin!(commands.run("third"));
    assert!(cut(5, &mut third).await.is_none());
    for line in ["ack", "done dropped", "done next"] {
        far.says(line).await;
    }
    assert_eq!(eventually(next).await.unwrap(), "done next");
    assert!(cut(5, &mut third).await.is_none());
    far.says("done third").await;
    assert_eq!(eventually(third).await.unwrap(), "done third");
    assert_eq!(*commands.protocol().late.lock().unwrap(), ["ack", "done dropped"]);
    assert_eq!((commands.late_replies(), commands.under_way()), (2, 0));
    eventually(client.close()).await;
}

/// In order, a reply that does not come ends the session: at its deadline, whether its caller is there or gone, or so
/// much later as it may be abandoned; phases move that.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_late_reply_in_order_ends_the_session() {
    for is_dropped in [false, true] {
        for abandon in [0, 7] {
            for (says, late) in [("", 2), ("ack 20000", 20)] {
                let patience = |options: CommandOptions| options.abandon(abandon * SECOND);
                let (client, mut far) = meet::<InOrder, Memory>(commands().with(patience)).await;
                let mut slew = client.handler().submit("slew").await.unwrap();
                let begin = Instant::now();
                if !says.is_empty() {
                    far.says(says).await;
                    slew.acknowledged().await.unwrap();
                }
                if is_dropped {
                    drop(slew);
                } else {
                    assert!(slew.await.unwrap_err().is_timeout());
                    assert_eq!(begin.elapsed().as_secs(), late);
                }
                assert_eq!(client.is_connected(), is_dropped || abandon > 0);
                client.wait_disconnected().await;
                assert_eq!(begin.elapsed().as_secs(), late + u64::from(abandon), "{is_dropped} {abandon} {says}");
                assert!(is_out_of_step(&client.connection()));
            }
        }
    }
}

/// A late reply in order that comes while its place waits is dropped, and the next command has its own.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_late_reply_in_order_may_be_abandoned() {
    let patience = |options: CommandOptions| options.abandon(10 * SECOND);
    let (client, mut far) = meet::<InOrder, Memory>(commands().with(patience)).await;
    assert!(client.handler().run("late").await.unwrap_err().is_timeout());
    let next = client.handler().submit("next").await.unwrap();
    tokio::time::sleep(9 * SECOND).await;
    far.says("done late").await;
    tokio::time::sleep(SECOND).await;
    far.says("done next").await;
    assert_eq!(next.await.unwrap(), "done next");
    assert_eq!((client.handler().late_replies(), client.handler().under_way()), (1, 0));
    tokio::time::sleep(100 * SECOND).await;
    assert!(client.is_connected(), "nobody watches any more");
}

/// What nobody can tell: a command that the device swallows, with others in flight, has the reply of the next one. The
/// last one's does not come, and that ends the session.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_swallowed_command_in_order_shifts_those_behind() {
    let (client, mut far) = meet::<InOrder, Memory>(commands()).await;
    let swallowed = client.handler().submit("swallowed").await.unwrap();
    let next = client.handler().submit("next").await.unwrap();
    far.says("done next").await;
    assert_eq!(swallowed.await.unwrap(), "done next");
    assert!(next.await.unwrap_err().is_timeout());
    assert!(is_out_of_step(&client.connection()));
}

/// A command that is dropped at any point leaves whole or not at all, and shifts nobody.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_command_may_be_dropped_at_any_point<K: Kind>() {
    async fn dropped<I: Ids, K: Kind>() {
        let (client, far) = meet::<I, K>(commands().in_flight(4)).await;
        let mut far = Far { ..far };
        let device = tokio::spawn(async move {
            while let Ok(Some(line)) = far.lines.next_line().await {
                let (id, command) = I::read(&line).unwrap();
                far.says(&format!("{}ack", I::written(&id))).await;
                far.says(&format!("{}done {command}", I::written(&id))).await;
            }
        });
        for polls in 0..40 {
            let _ = cut(polls % 8, client.handler().run("dropped")).await;
            let question = format!("question {polls}");
            let reply = eventually(client.handler().run(&question)).await.unwrap();
            assert!(reply.ends_with(&format!("done {question}")), "{reply}");
        }
        eventually(client.close()).await;
        assert_eq!(client.handler().under_way(), 0);
        device.await.unwrap();
    }
    dropped::<Numbered, K>().await;
    dropped::<InOrder, K>().await;
}
