//! Each wait has its deadline.

use std::time::Duration;

use tcpip_client::{
    Backoff, Cause, Client, CommandOptions, DEFAULT_HANDSHAKE_TIMEOUT, DisconnectReason, OutOfStep, RequestError,
    RequestOptions, Requester, Sent, Unsolicited,
};
use tokio::{
    task::yield_now,
    time::{Instant, sleep, timeout},
};

use super::{SECOND, device, meet};
use crate::kinds::{Kind, Memory};

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
