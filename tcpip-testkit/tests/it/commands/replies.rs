//! Replies find their commands: by ids or in order, in phases, with events between.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_client::{Cause, CommandOptions, Commands, Pending, Sent};
use tcpip_testkit::eventually;
use tokio::{task::JoinSet, time::Instant};

use super::wordy::{Ids, InOrder, Numbered, OfFour, Wordy, commands, heard, meet};
use crate::{
    cut::cut,
    kinds::{Kind, Memory},
    over_each_kind::over_each_kind,
};

const SECOND: Duration = Duration::from_secs(1);

/// Replies find their commands, in whatever order they come, with events between.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn replies_by_id_may_come_in_any_order<K: Kind>() {
    let (client, mut far) = meet::<Numbered, K>(commands()).await;
    let commands = client.handler();
    // At once: it need not wait for the handler to have begun.
    let (one, two) = (commands.submit("one").await.unwrap(), commands.submit("two").await.unwrap());
    assert_eq!((*one.id(), *two.id(), commands.under_way()), (0, 1, 2));
    assert_eq!((far.hears().await, far.hears().await), ("0 one".to_owned(), "1 two".to_owned()));
    far.says("1 done second").await;
    far.says("it moves").await;
    far.says("0 done first").await;
    assert_eq!(eventually(one).await.unwrap(), "0 done first");
    assert_eq!(eventually(two).await.unwrap(), "1 done second");
    assert_eq!(*commands.protocol().events.lock().unwrap(), ["it moves"]);
    assert_eq!((commands.under_way(), commands.late_replies()), (0, 0));
    eventually(client.close()).await;
}

/// A reply has phases: the first word, each in order, and the end, which is good or bad.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_reply_has_phases<K: Kind>() {
    let (client, mut far) = meet::<Numbered, K>(commands()).await;
    for end in ["done there", "failed too windy"] {
        let mut slew = client.handler().submit("slew").await.unwrap();
        let id = *slew.id();
        assert!(cut(3, slew.acknowledged()).await.is_none() && cut(3, slew.next_phase()).await.is_none());
        far.says(&format!("{id} ack 1000")).await;
        eventually(slew.acknowledged()).await.unwrap();
        eventually(slew.acknowledged()).await.unwrap();
        far.says(&format!("{id} ack")).await;
        assert_eq!(eventually(slew.next_phase()).await, Some(format!("{id} ack 1000")));
        assert_eq!(eventually(slew.next_phase()).await, Some(format!("{id} ack")));
        far.says(&format!("{id} {end}")).await;
        assert_eq!(eventually(slew.next_phase()).await, None);
        let is_good = end.starts_with("done");
        eventually(slew.acknowledged()).await.unwrap();
        match eventually(slew).await {
            Ok(frame) => assert_eq!((frame, is_good), (format!("{id} {end}"), true)),
            Err(error) => {
                assert!(
                    matches!(error.cause(), Cause::Refused { reason } if reason.to_string() == "too windy"),
                    "{error:?}"
                );
                assert_eq!((error.sent(), error.is_timeout(), is_good), (Sent::Yes, false, false));
                assert_eq!(error.to_string(), format!("\"{id} slew\\r\\n\": the device says: too windy"));
            }
        }
    }
    // What is refused at once is not acknowledged, and both say so.
    let mut slew = client.handler().submit("slew").await.unwrap();
    far.says("2 failed").await;
    assert!(matches!(eventually(slew.acknowledged()).await.unwrap_err().cause(), Cause::Refused { .. }));
    assert!(matches!(eventually(slew).await.unwrap_err().cause(), Cause::Refused { .. }));
    // Of the phases that nobody takes, the last are kept.
    let mut slew = client.handler().submit("slew").await.unwrap();
    for number in 0..70 {
        far.says(&format!("3 ack {}", 100_000 + number)).await;
    }
    far.says("3 done").await;
    heard::<_, K>(&client, &mut far).await;
    for number in 6..70 {
        assert_eq!(eventually(slew.next_phase()).await, Some(format!("3 ack {}", 100_000 + number)));
    }
    assert_eq!((eventually(slew.next_phase()).await, eventually(slew).await.unwrap().as_str()), (None, "3 done"));
    eventually(client.close()).await;
}

/// In order, the reply is the oldest command's, with all its phases.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn replies_in_order_have_phases<K: Kind>() {
    let (client, mut far) = meet::<InOrder, K>(commands()).await;
    let commands = client.handler();
    let (mut one, two) = (commands.submit("one").await.unwrap(), commands.submit("two").await.unwrap());
    for line in ["ack", "it moves", "ack 2000", "failed one", "done two", "done three"] {
        far.says(line).await;
    }
    eventually(one.acknowledged()).await.unwrap();
    assert_eq!(eventually(one.next_phase()).await.as_deref(), Some("ack"));
    assert_eq!(eventually(one.next_phase()).await.as_deref(), Some("ack 2000"));
    assert!(
        matches!(eventually(one).await.unwrap_err().cause(), Cause::Refused { reason } if reason.to_string() == "one")
    );
    assert_eq!(eventually(two).await.unwrap(), "done two");
    heard::<_, K>(&client, &mut far).await;
    assert_eq!((commands.late_replies(), commands.under_way()), (1, 0));
    assert_eq!(*commands.protocol().late.lock().unwrap(), ["done three"]);
    eventually(client.close()).await;
}

/// No more are in flight than may be; who waits for too long for a turn has sent nothing, and who goes away meanwhile
/// neither.
#[test_log::test(tokio::test(start_paused = true))]
async fn so_many_are_in_flight() {
    let (client, mut far) = meet::<Numbered, Memory>(commands().in_flight(2)).await;
    let commands = client.handler();
    let in_time = |after| move |options: CommandOptions| options.turn_timeout(after);
    let (one, two) = (commands.submit("one").await.unwrap(), commands.submit("two").await.unwrap());
    let begin = Instant::now();
    let error = commands.with(in_time(SECOND)).run("three").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Busy { after: SECOND }) && error.is_timeout(), "{error:?}");
    assert_eq!((error.sent(), begin.elapsed().as_secs()), (Sent::No, 1));
    assert_eq!(error.to_string(), "\"2 three\\r\\n\": there was no turn for 1s");
    assert!(cut(5, commands.run("four")).await.is_none());
    let mut five = pin!(commands.run("five"));
    assert!(cut(5, &mut five).await.is_none());
    far.says("0 done").await;
    one.await.unwrap();
    assert!(cut(5, &mut five).await.is_none());
    for expected in ["0 one", "1 two", "2 five"] {
        assert_eq!(far.hears().await, expected);
    }
    far.says("2 done five").await;
    assert_eq!((five.await.unwrap().as_str(), commands.under_way()), ("2 done five", 1));
    drop(two);
    assert_eq!(commands.under_way(), 0);
}

/// Ids that wrap: one in flight is not given again, and where all are, a command waits for its turn, however many might
/// be in flight.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_id_in_flight_is_skipped() {
    let (client, mut far) = meet::<OfFour, Memory>(commands().in_flight(usize::MAX)).await;
    let commands = client.handler();
    let kept = commands.submit("kept").await.unwrap();
    for round in 0..6 {
        let next = commands.submit("next").await.unwrap();
        assert_eq!(*next.id(), [1, 2, 3][round % 3]);
        far.says(&format!("{} done", next.id())).await;
        next.await.unwrap();
    }
    let mut all = vec![kept];
    for _ in 0..3 {
        all.push(commands.submit("another").await.unwrap());
    }
    let error = commands.run("fifth").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Busy { .. }), "{error:?}");
    let mut fifth = pin!(commands.run("fifth"));
    let mut sixth = pin!(commands.run("sixth"));
    assert!(cut(5, &mut fifth).await.is_none() && cut(5, &mut sixth).await.is_none());
    all.drain(1..3);
    let (fifth, sixth) = tokio::join!(cut(5, &mut fifth), cut(5, &mut sixth));
    assert!(fifth.is_none() && sixth.is_none());
    assert_eq!(commands.under_way(), 4);
}

/// Uses all that has a lock when it is woken, as an executor does that polls at once.
struct Meddler {
    commands: Commands<Wordy<InOrder>>,
    pending: Mutex<Vec<Pending<Wordy<InOrder>>>>,
    woken: AtomicU32,
}

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::Relaxed);
        let mut context = Context::from_waker(Waker::noop());
        println!("{:?} {}", self.commands, self.commands.connection().is_connected());
        let _ = pin!(self.commands.submit("more")).as_mut().poll(&mut context);
        self.pending.lock().unwrap().retain_mut(|pending| pin!(pending).poll(&mut context).is_pending());
    }
}

/// Nobody is woken under a lock.
#[test_log::test(tokio::test(start_paused = true))]
async fn nobody_is_woken_under_a_lock() {
    for says in [&["ack", "done", "ack", "failed"][..], &["ack 1000"], &[]] {
        let (client, mut far) = meet::<InOrder, Memory>(commands().in_flight(2)).await;
        let commands = Commands::clone(client.handler());
        let pending = vec![commands.submit("one").await.unwrap(), commands.submit("two").await.unwrap()];
        let meddler = Arc::new(Meddler { commands, pending: Mutex::new(pending), woken: AtomicU32::new(0) });
        let waker = Waker::from(Arc::clone(&meddler));
        let mut context = Context::from_waker(&waker);
        for pending in &mut *meddler.pending.lock().unwrap() {
            assert!(pin!(pending).poll(&mut context).is_pending());
        }
        let mut three = Box::pin(client.handler().run("three"));
        assert!(three.as_mut().poll(&mut context).is_pending());
        for line in says {
            far.says(line).await;
        }
        heard::<_, Memory>(&client, &mut far).await;
        eventually(client.close()).await;
        assert!(meddler.woken.load(Ordering::Relaxed) > 0);
    }
}

/// Eight tasks on four threads share one device: each has its own replies.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 4))]
async fn many_tasks_share_a_device<K: Kind>() {
    async fn shared<I: Ids, K: Kind>() {
        let (client, mut far) = meet::<I, K>(commands()).await;
        let device = tokio::spawn(async move {
            while let Ok(Some(line)) = far.lines.next_line().await {
                let (id, command) = I::read(&line).unwrap();
                far.says(&format!("{}done {command}", I::written(&id))).await;
            }
        });
        let mut tasks = JoinSet::new();
        for task in 0..8 {
            let commands = Commands::clone(client.handler());
            tasks.spawn(async move {
                for number in 0..250 {
                    let question = format!("task {task}, question {number}");
                    let reply = eventually(commands.run(&question)).await.unwrap();
                    assert!(reply.ends_with(&format!("done {question}")), "{reply}");
                    if number % 10 == task {
                        drop(commands.submit("dropped").await.unwrap());
                    }
                }
            });
        }
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
        eventually(client.close()).await;
        device.await.unwrap();
    }
    shared::<Numbered, K>().await;
    shared::<InOrder, K>().await;
}

/// The futures may be sent to other threads.
#[expect(dead_code, reason = "it compiles")]
fn it_fits_everywhere(commands: &Commands<Wordy<Numbered>>, mut pending: Pending<Wordy<InOrder>>) {
    fn is_send<F: Future + Send>(_: F) {}
    is_send(commands.run("?"));
    is_send(commands.submit("?"));
    is_send(pending.acknowledged());
    is_send(pending.next_phase());
    let _: Poll<_> = std::pin::Pin::new(&mut pending).poll(&mut Context::from_waker(Waker::noop()));
    is_send(pending);
}
