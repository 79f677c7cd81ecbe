//! The way of a message has the right shape: how many system calls it takes.

use std::{thread::sleep, time::Duration};

use crate::{
    child::{assert_succeeded, command},
    scenarios::{CONNECTS, EACH, MESSAGES, own_writes},
    skipped,
    strace::{Call, assert_none_but, trace, trace_while},
};

fn count(calls: &[Call], kind: impl Fn(&Call) -> bool) -> usize {
    calls.iter().filter(|call| kind(call)).count()
}

/// A request and its reply are one system call to send and one to receive each, and nothing else but waiting.
#[test]
fn a_message_is_one_send_and_one_receive() {
    let Some(calls) = trace("a_message_is_one_send_and_one_receive", "requests_and_replies") else { return };
    assert_eq!(count(&calls, Call::is_send), 2 * MESSAGES);
    assert_eq!(count(&calls, Call::is_receive), 2 * MESSAGES);
    assert_none_but(&calls, |call| call.is_wait() || call.is_send() || call.is_receive() && call.result > 0);
}

/// Messages that nobody reads take one system call each.
#[test]
fn a_message_is_one_send() {
    let Some(calls) = trace("a_message_is_one_send", "writes") else { return };
    assert_eq!(count(&calls, Call::is_send), MESSAGES);
    assert_none_but(&calls, |call| call.is_wait() || call.is_send());
}

/// The same as the process itself is told by the system, for machines without strace.
#[test]
fn a_message_is_one_send_by_the_own_count() {
    if own_writes().is_none() {
        return skipped("a_message_is_one_send_by_the_own_count", "/proc/self/io does not tell");
    }
    assert_succeeded(&command(&[], "writes").output().unwrap());
}

/// A message of several structures, lines or texts takes one system call.
#[test]
fn a_composed_message_is_one_send() {
    let Some(calls) = trace("a_composed_message_is_one_send", "composed_messages") else { return };
    assert_eq!(count(&calls, Call::is_send), 4);
    assert_none_but(&calls, |call| call.is_wait() || call.is_send());
}

/// Messages that arrive in one segment are not received one by one.
#[test]
fn a_segment_of_many_messages_takes_few_receives() {
    let Some(calls) = trace("a_segment_of_many_messages_takes_few_receives", "one_segment") else { return };
    // 1700 bytes: the buffer's first 512, then the rest.
    assert_eq!(count(&calls, Call::is_receive), 2);
    assert_eq!(count(&calls, |call| call.is_receive() && call.result <= 0), 0);
}

/// Messages that wait while another is being sent go out together.
#[test]
fn messages_that_wait_are_sent_together() {
    let Some(calls) = trace("messages_that_wait_are_sent_together", "backlog") else { return };
    assert!(count(&calls, Call::is_send) > 1, "the large message did not wait");
    let alone = i64::try_from(EACH).unwrap();
    assert_eq!(count(&calls, |call| call.is_send() && call.result == alone), 0);
}

/// A client asks for its own address once and for its peer's never, sets what it promises, and ends the stream once;
/// and its close waits without a timer, which would wake the thread up, for a peer that ends the stream too.
#[test]
fn a_connect_and_close_asks_no_more_than_it_needs() {
    let Some(calls) = trace("a_connect_and_close_asks_no_more_than_it_needs", "connects") else { return };
    let count = |name: &str| count(&calls, |call| call.name == name);
    assert_eq!(count("connect"), CONNECTS);
    assert_eq!((count("getsockname"), count("getpeername")), (CONNECTS, 0));
    // Four for the keep-alive, one for the delay of small messages.
    assert_eq!(count("setsockopt"), 5 * CONNECTS);
    assert_eq!(count("shutdown"), CONNECTS);
    // Before the end and behind it, and once at the other end, which may have to wait for it.
    assert!(count("recvfrom") <= 4 * CONNECTS, "{} receives", count("recvfrom"));
    // One for the deadline of connecting.
    assert!(count("write") <= CONNECTS, "the thread was woken up {} times", count("write"));
}

/// Idle sessions make no system call: all that is seen is the thread that begins to wait.
#[test]
fn an_idle_session_makes_no_system_call() {
    let meanwhile = || sleep(Duration::from_millis(500));
    let test = "an_idle_session_makes_no_system_call";
    let Some(calls) = trace_while(test, "idle_on_one_thread", meanwhile) else { return };
    assert_none_but(&calls, Call::is_wait);
    assert!(count(&calls, Call::is_wait) <= 3, "{calls:#?}");
    // The count would see sessions that poll.
    let Some(calls) = trace_while(test, "polling_on_one_thread", meanwhile) else { return };
    assert!(count(&calls, Call::is_wait) > 10, "{calls:#?}");
}
