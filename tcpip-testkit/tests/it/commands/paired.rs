//! Replies that are late, swallowed, doubled, unasked or out of order, callers that go away at any time, and sessions
//! that end: every reply is the one of its command. Drawn from a seed, as many as `TCPIP_REQUESTS` says.

use std::{sync::Arc, time::Duration};

use tcpip_client::{Cause, Client, CommandOptions, Commands};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, split},
    sync::Mutex,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::wordy::{Ids, InOrder, Numbered, Wordy};
use crate::{
    kinds::{Kind, MemoryTransports},
    seeded::{Random, requests},
};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);

/// What the device does wrong.
#[derive(Clone, Copy, Debug)]
struct Faults {
    swallows: bool,
    /// Says what it has said again, and what nobody asked for.
    repeats: bool,
    /// Answers each command by itself.
    is_unordered: bool,
}

/// Answers each command, sooner or later.
async fn device<I: Ids>(stream: impl AsyncRead + AsyncWrite + Send + 'static, faults: Faults, seed: u32) {
    let mut random = Random(seed);
    let (reader, writer) = split(stream);
    let writer = Arc::new(Mutex::new(writer));
    let mut lines = BufReader::new(reader).lines();
    let mut answering = JoinSet::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let (id, command) = I::read(&line).expect("a command");
        let id = I::written(&id);
        let mut says = Vec::new();
        let pause = |random: &mut Random| match random.below(20) {
            0 => 30 * TICK,
            1..6 if faults.is_unordered => random.below(15) * TICK,
            1..3 => TICK,
            _ => Duration::ZERO,
        };
        if random.below(4) == 0 {
            says.push((Duration::ZERO, "event\r\n".to_owned()));
        }
        for _ in 0..random.below(6).saturating_sub(3) {
            says.push((pause(&mut random), format!("{id}ack {command}\r\n")));
        }
        let end = format!("{id}{} {command}\r\n", if random.below(8) == 0 { "failed" } else { "done" });
        if !(faults.swallows && random.below(20) == 0) {
            says.push((pause(&mut random), end.clone()));
        }
        if faults.repeats && random.below(8) == 0 {
            says.push((pause(&mut random), end));
        }
        if faults.repeats && random.below(8) == 0 {
            says.push((pause(&mut random), format!("{} done never asked\r\n", 1_000_000_000 + random.below(1000))));
        }
        let answer = answer(Arc::clone(&writer), says);
        if faults.is_unordered {
            answering.spawn(answer);
        } else {
            answer.await;
        }
    }
}

async fn answer(writer: Arc<Mutex<impl AsyncWrite + Unpin>>, says: Vec<(Duration, String)>) {
    for (pause, line) in says {
        if pause > Duration::ZERO {
            sleep(pause).await;
        }
        // The session may have ended.
        let _ = writer.lock().await.write_all(line.as_bytes()).await;
    }
}

/// Gives a command, and looks at all that comes back. Whether that was its end.
async fn ask<I: Ids>(commands: Commands<Wordy<I>>, command: String) -> bool {
    let Ok(mut pending) = commands.submit(&command).await else { return false };
    while let Some(phase) = pending.next_phase().await {
        assert!(phase.ends_with(&format!("ack {command}")), "{phase:?} to {command:?}");
    }
    match pending.await {
        Ok(end) => assert!(end.ends_with(&format!("done {command}")), "{end:?} to {command:?}"),
        Err(error) => match error.cause() {
            Cause::Refused { reason } => assert_eq!(reason.to_string(), command),
            _ => return false,
        },
    }
    true
}

async fn every_reply_is_that_of_its_command<I: Ids>(in_flight: usize, abandon: Duration, faults: Faults) {
    let requests = requests();
    let mut random = Random(12345);
    let (mut ended, mut sessions, mut number) = (0, 0, 0);
    let commands = Commands::new(Wordy::<I>::new()).in_flight(in_flight).with(|options: CommandOptions| {
        options.turn_timeout(10 * SECOND).reply_timeout(20 * TICK).end_timeout(20 * TICK).abandon(abandon)
    });
    while number < requests {
        sessions += 1;
        let (near, far) = MemoryTransports::streams().await;
        let device = tokio::spawn(device::<I>(far, faults, random.below(1000)));
        let client = Client::from_stream(near).connect_with(commands.clone()).await.unwrap();
        // Now and then a session ends for a reason of its own.
        let most = number + 50 + random.below(500);
        while number < requests.min(most) && client.is_connected() {
            let mut asking = JoinSet::new();
            for _ in 0..6 {
                number += 1;
                let asking_one = ask(commands.clone(), format!("question {number}"));
                let patience = if random.below(4) == 0 { random.below(30) * TICK } else { 100 * SECOND };
                asking.spawn(timeout(patience, asking_one));
            }
            while let Some(asked) = timeout(1000 * SECOND, asking.join_next()).await.expect("it never hangs") {
                ended += u32::from(asked.unwrap().unwrap_or(false));
            }
            if faults.is_unordered {
                assert_eq!(commands.under_way(), 0, "by id nothing is left behind");
            }
        }
        client.close().await;
        assert_eq!(commands.under_way(), 0, "a session leaves nothing behind");
        device.await.unwrap();
    }
    let late = commands.late_replies();
    println!("{in_flight}, {abandon:?}, {faults:?}: {ended} of {number} ended, {late} late, in {sessions} sessions");
    assert!(ended > number / 4 && late > 0, "{ended} of {number}");
    assert_eq!(commands.protocol().late.lock().unwrap().len() as u64, late);
}

#[test_log::test(tokio::test(start_paused = true))]
async fn by_id_no_reply_is_anothers() {
    let faults = Faults { swallows: true, repeats: true, is_unordered: true };
    every_reply_is_that_of_its_command::<Numbered>(4, Duration::ZERO, faults).await;
}

#[test_log::test(tokio::test(start_paused = true))]
async fn in_order_no_reply_is_anothers() {
    let faults = Faults { swallows: false, repeats: false, is_unordered: false };
    every_reply_is_that_of_its_command::<InOrder>(4, Duration::ZERO, faults).await;
}

#[test_log::test(tokio::test(start_paused = true))]
async fn in_order_no_abandoned_reply_is_anothers() {
    let faults = Faults { swallows: false, repeats: false, is_unordered: false };
    every_reply_is_that_of_its_command::<InOrder>(4, SECOND, faults).await;
}

#[test_log::test(tokio::test(start_paused = true))]
async fn one_at_a_time_no_reply_is_anothers() {
    for abandon in [Duration::ZERO, SECOND] {
        let faults = Faults { swallows: true, repeats: false, is_unordered: false };
        every_reply_is_that_of_its_command::<InOrder>(1, abandon, faults).await;
    }
}
