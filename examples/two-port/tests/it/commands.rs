//! Commands, and their replies in time, late and in any order. The clock is paused.

use std::time::Duration;

use tcpip_client::{Cause, RequestError, Sent};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use two_port::{Command, MARGIN, Reply, Word};
use two_port_mock::MockMirror;

use crate::setup::Setup;

fn is_refused(error: &RequestError, reason: &str) -> bool {
    let is_it = matches!(error.cause(), Cause::Refused { reason: said } if said.to_string() == reason);
    is_it && error.sent() == Sent::Yes
}

fn is_too_slow(error: &RequestError, behind: Duration) -> bool {
    matches!(error.cause(), Cause::TooSlow { after } if *after == behind)
}

/// Each end is that of its command, whichever comes first.
#[test_log::test(tokio::test(start_paused = true))]
async fn ends_out_of_order_find_their_commands() {
    let setup = Setup::in_memory(MockMirror::new()).await;
    let mut running = JoinSet::new();
    for actuator in 0_u8..5 {
        let (actuator, position) = (usize::from(actuator), 5.5 - f64::from(actuator));
        let pending = setup.mirror.commands.handler().submit(&Command::Move { actuator, position }).await.unwrap();
        running.spawn(async move { (pending.await.unwrap(), position) });
    }
    assert_eq!(setup.mirror.commands.handler().under_way(), 5);
    for number in (0..5).rev() {
        let (reply, position) = running.join_next().await.unwrap().unwrap();
        // The last command has the shortest way.
        assert_eq!((reply.id, reply.word), (number, Word::Success { position }));
    }
}

/// A command is acknowledged at once, with how long it will take, and succeeds in that time; meanwhile it moves.
#[test_log::test(tokio::test(start_paused = true))]
async fn it_is_acknowledged_and_succeeds() {
    let setup = Setup::in_memory(MockMirror::new().speed(2.0)).await;
    let began = Instant::now();
    let command = Command::Move { actuator: 3, position: -5.0 };
    let mut pending = setup.mirror.commands.handler().submit(&command).await.unwrap();
    pending.acknowledged().await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    let id = *pending.id();
    assert_eq!(pending.next_phase().await, Some(Reply { id, word: Word::Ack { seconds: Some(2.5) } }));
    let latest = &setup.mirror.telemetry.handler().latest;
    let moving = latest.wait_for(|telemetry| telemetry.positions[3] <= -2.0).await.unwrap();
    assert!(moving.positions[3] > -2.2 && moving.moving == [3], "{moving:?}");
    assert_eq!(pending.next_phase().await, None);
    assert_eq!(pending.await.unwrap(), Reply { id, word: Word::Success { position: -5.0 } });
    assert_eq!(began.elapsed(), Duration::from_millis(2500));
    assert_eq!(setup.mirror.run(&Command::Stop { actuator: 3 }).await.unwrap(), -5.0);
}

/// A command is acknowledged and fails, and its error says why: at once, or when it is stopped.
#[test_log::test(tokio::test(start_paused = true))]
async fn it_is_acknowledged_and_fails() {
    let setup = Setup::in_memory(MockMirror::new().speed(2.0)).await;
    let commands = setup.mirror.commands.handler();
    let mut beyond = commands.submit(&Command::Move { actuator: 0, position: 11.0 }).await.unwrap();
    beyond.acknowledged().await.unwrap();
    assert!(matches!(beyond.next_phase().await, Some(Reply { word: Word::Ack { seconds: None }, .. })));
    let error = beyond.await.unwrap_err();
    assert!(is_refused(&error, "11 is beyond its reach"), "{error:?}");

    let mut stopped = commands.submit(&Command::Move { actuator: 0, position: 10.0 }).await.unwrap();
    stopped.acknowledged().await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(setup.mirror.run(&Command::Stop { actuator: 0 }).await.unwrap(), 4.0);
    let error = stopped.await.unwrap_err();
    assert!(is_refused(&error, "it was stopped at 4"), "{error:?}");
    assert!(error.to_string().ends_with("the device says: it was stopped at 4"), "{error}");
    let error = setup.mirror.run(&Command::Stop { actuator: 8 }).await.unwrap_err();
    assert!(is_refused(&error, "there is no actuator 8"), "{error:?}");
}

/// The mirror says how long a move takes: it may take so long, however long that is, and a margin, and no longer.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_move_may_take_as_long_as_it_is_said_to() {
    let setup = Setup::in_memory(MockMirror::new().speed(0.1)).await;
    let (takes, began) = (Duration::from_secs(100), Instant::now());
    let forth = setup.mirror.run(&Command::Move { actuator: 0, position: 10.0 }).await.unwrap();
    assert_eq!((forth, began.elapsed()), (10.0, takes));

    setup.mock.hold();
    let began = Instant::now();
    let error = setup.mirror.run(&Command::Move { actuator: 0, position: 0.0 }).await.unwrap_err();
    assert!(is_too_slow(&error, takes + MARGIN), "{error:?}");
    assert_eq!(began.elapsed().as_secs(), (takes + MARGIN).as_secs());
    // Of this one nobody knows.
    let error = setup.mirror.run(&Command::Stop { actuator: 0 }).await.unwrap_err();
    assert!(is_too_slow(&error, Duration::from_secs(30)), "{error:?}");
}

/// An end that comes when its caller has been told that it is late is counted, and no other command's.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_late_end_is_never_paired() {
    let setup = Setup::in_memory(MockMirror::new()).await;
    let commands = setup.mirror.commands.handler();
    setup.mock.hold();
    let error = setup.mirror.run(&Command::Stop { actuator: 0 }).await.unwrap_err();
    assert!(is_too_slow(&error, Duration::from_secs(30)), "{error:?}");
    let mut abandoned = commands.submit(&Command::Stop { actuator: 1 }).await.unwrap();
    abandoned.acknowledged().await.unwrap();
    drop(abandoned);
    assert_eq!((commands.under_way(), commands.late_replies()), (0, 0));
    let mut next = commands.submit(&Command::Move { actuator: 2, position: 1.5 }).await.unwrap();
    next.acknowledged().await.unwrap();
    setup.mock.release();
    assert_eq!(next.await.unwrap().word, Word::Success { position: 1.5 });
    assert_eq!(commands.late_replies(), 2);
    assert!(setup.mirror.both.is_ready());
}
