//! Idle sessions cause no wake-ups.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    child::Watched,
    skipped,
    switches::{TO_SLEEP, count},
};

/// How long the idle process is watched.
const WINDOW: Duration = Duration::from_millis(500);

/// How long a process may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(5);

/// The system's count of a thread that had to let another one run.
const INTERRUPTED: &str = "nonvoluntary_ctxt_switches:";

/// How often the threads of a process have gone to sleep or been interrupted so far, which is how often they woke up.
fn switches(process: u32) -> u64 {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task")).unwrap() {
        let status = thread.unwrap().path().join("status");
        sum += [TO_SLEEP, INTERRUPTED].iter().filter_map(|kind| count(&status, kind)).sum::<u64>();
    }
    sum
}

/// How often a process woke up within [`WINDOW`], once it had come to rest if it does. `None` if the system counts
/// nothing.
fn wake_ups(scenario: &str, patience: Duration) -> Option<u64> {
    let watched = Watched::start(&[], scenario);
    let deadline = Instant::now() + patience;
    let mut before = switches(watched.id());
    loop {
        sleep(WINDOW / 10);
        let now = switches(watched.id());
        if now == before || Instant::now() > deadline {
            break;
        }
        before = now;
    }
    sleep(WINDOW);
    let count = switches(watched.id()) - before;
    watched.finish();
    (before > 0).then_some(count)
}

fn assert_sleeps(test: &str, scenario: &str) {
    match wake_ups(scenario, PATIENCE) {
        Some(count) => assert_eq!(count, 0, "idle sessions woke their process up {count} times in {WINDOW:?}"),
        None => skipped(test, "this system counts no context switches"),
    }
}

/// Idle sessions, plain and with a read loop, at both ends, let their process sleep.
#[test]
fn idle_sessions_cause_no_wake_ups_on_one_thread() {
    assert_sleeps("idle_sessions_cause_no_wake_ups_on_one_thread", "idle_on_one_thread");
}

/// The same on a runtime of several threads.
#[test]
fn idle_sessions_cause_no_wake_ups_on_several_threads() {
    assert_sleeps("idle_sessions_cause_no_wake_ups_on_several_threads", "idle_on_several_threads");
}

/// Sessions that poll for a hang-up are seen by the same count.
#[test]
fn polling_is_counted() {
    match wake_ups("polling_on_one_thread", Duration::ZERO) {
        Some(count) => assert!(count > 0),
        None => skipped("polling_is_counted", "this system counts no context switches"),
    }
}
