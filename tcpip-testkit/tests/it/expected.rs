//! What is expected in return for messages has their order, whichever tasks send them.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Wake, Waker},
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_server::{Connection, Expected, Sent};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, split},
    task::{JoinSet, yield_now},
    time::timeout,
};

use crate::{
    cut::cut,
    kinds::{BUFFERED, Kind},
    link::{start, tight_link},
    over_each_kind::over_each_kind,
};

const LONG: Duration = Duration::from_mins(2);
/// Of this the system takes some, and not all.
static STALLING: [u8; 2 * BUFFERED] = [b'x'; 2 * BUFFERED];

const TASKS: usize = 16;
const MESSAGES: usize = 1000;

/// Tasks send commands through a small queue and drop some of them after a few polls; the peer answers each by itself.
/// How many were not sent.
async fn paired<K: Kind>(polls: impl Fn(usize) -> Option<usize> + Clone + Send + 'static) -> usize {
    let (near, far) = K::streams().await;
    let connection = start(near, |options| options.write_limit(100));
    let echo = tokio::spawn(async move {
        let (mut reader, mut writer) = split(far);
        copy(&mut reader, &mut writer).await.expect("a live stream");
        writer.shutdown().await.expect("a live stream");
    });
    let expected = Expected::new();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (connection, expected, polls) = (connection.clone(), expected.clone(), polls.clone());
        tasks.spawn(async move {
            let mut not_sent = 0;
            for message in 0..MESSAGES {
                let command = format!("{task} {message}");
                let mut batch = connection.batch();
                let mut sending = batch.write_str(&command).unwrap().send_expecting(&expected, command.clone());
                match polls(message) {
                    None => sending.await.unwrap(),
                    Some(polls) => {
                        let result = cut(polls, &mut sending).await;
                        // Nothing of it leaves later if it was never polled, or waits for room.
                        not_sent += usize::from(result.is_none() && polls == 0);
                    }
                }
                if message % 16 == 0 {
                    yield_now().await;
                }
            }
            not_sent
        });
    }
    let reader = tokio::spawn({
        let (connection, expected) = (connection.clone(), expected.clone());
        async move {
            let mut count = 0;
            loop {
                match timeout(LONG, connection.read_str()).await.expect("a reply or the end") {
                    Ok(reply) if reply == "end" => break,
                    Ok(reply) => assert_eq!(expected.pop(), Some(reply), "reply {count}"),
                    Err(error) => panic!("{error}"),
                }
                count += 1;
            }
            count
        }
    });
    let not_sent: usize = timeout(LONG, tasks.join_all()).await.expect("an end").into_iter().sum();
    connection.write_str("end").await.unwrap();
    let replies: usize = timeout(LONG, reader).await.expect("an end").expect("no panic");
    assert_eq!(expected.pop(), None, "there is no reply to something that is expected");
    connection.close().await;
    echo.await.unwrap();
    assert!(replies + not_sent <= TASKS * MESSAGES);
    TASKS * MESSAGES - replies
}

/// The replies to commands of many tasks on several threads find the command to which they belong, each of them.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn replies_are_not_swapped<K: Kind>() {
    assert_eq!(paired::<K>(|_| None).await, 0);
}

/// The same when some are dropped: those that leave all the same keep their place, and the others give it back.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn dropped_commands_do_not_shift_the_replies<K: Kind>() {
    let not_sent = paired::<K>(|message| (message % 3).checked_sub(1)).await;
    assert!(not_sent >= TASKS * MESSAGES / 4, "{not_sent}");
}

/// What is expected for a message is there as soon as the message is on its way, and is dropped with one that does not
/// leave: that waits for room, or is refused.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_message_that_does_not_leave_takes_its_value_along<K: Kind>() {
    let (connection, mut peer) = tight_link::<K>(|options| options.write_limit(2 * BUFFERED + 10)).await;
    let expected = Expected::new();
    let send = |connection: &Connection, message: &[u8], value| {
        connection.batch().write(message).send_expecting(&expected, value)
    };
    let mut stalling = send(&connection, &STALLING, 1);
    let mut behind = send(&connection, b"behind", 2);
    let mut room = send(&connection, &STALLING, 3);
    assert_eq!(expected.pop(), None, "nothing is expected for what was not polled");
    for sending in [&mut stalling, &mut behind, &mut room] {
        assert!(cut(1, sending).await.is_none());
    }
    drop((room, behind));
    let mut last = send(&connection, b"last", 4);
    assert!(cut(1, &mut last).await.is_none());
    let values: Vec<_> = std::iter::from_fn(|| expected.pop()).collect();
    assert_eq!(values, [1, 2, 4]);
    let mut received = vec![0; 2 * BUFFERED + b"behindlast".len()];
    timeout(LONG, peer.read_exact(&mut received)).await.unwrap().unwrap();
    assert!(received.ends_with(b"xbehindlast"));
    last.await.unwrap();
    connection.abort();
    let error = send(&connection, b"more", 5).await.unwrap_err();
    assert_eq!((error.sent(), expected.pop()), (Sent::No, None));
}

/// What is expected may be looked at, and taken out from anywhere; a message that does not leave takes its own along.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_is_expected_may_be_looked_for<K: Kind>() {
    let (connection, _peer) = tight_link::<K>(|options| options.write_limit(2 * BUFFERED + 10)).await;
    let expected = Expected::new();
    let mut stalling = connection.batch().write(&STALLING).send_expecting(&expected, (1, "first"));
    let mut behind = connection.batch().write(b"behind").send_expecting(&expected, (2, "second"));
    let mut room = connection.batch().write(&STALLING).send_expecting(&expected, (2, "third"));
    for sending in [&mut stalling, &mut behind, &mut room] {
        assert!(cut(1, sending).await.is_none());
    }
    let mut seen = Vec::new();
    let found = expected.find_map(|(number, text)| {
        seen.push(*text);
        (*number == 2).then_some(text.len())
    });
    assert_eq!((found, seen), (Some(6), vec!["first", "second"]));
    assert_eq!(expected.find_map(|(number, _)| (*number == 3).then_some(())), None);
    assert_eq!(expected.take_first(|(number, _)| *number == 3), None);
    assert_eq!(expected.take_first(|(number, _)| *number == 2), Some((2, "second")));
    drop(room);
    assert_eq!((expected.pop(), expected.pop()), (Some((1, "first")), None));
    connection.abort();
}

/// What is expected for a message that waits when the session ends is dropped with it, and stays for one that had
/// begun.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_message_that_the_session_does_not_begin_gives_its_place_back<K: Kind>() {
    let (connection, peer) = tight_link::<K>(|options| options).await;
    let expected = Expected::new();
    let mut begun = connection.batch().write(&STALLING).send_expecting(&expected, "begun");
    let mut behind = connection.batch().write(b"behind").send_expecting(&expected, "behind");
    for sending in [&mut begun, &mut behind] {
        assert!(cut(1, sending).await.is_none());
        yield_now().await;
    }
    connection.abort();
    let (begun, behind) = timeout(LONG, async { tokio::join!(begun, behind) }).await.expect("an end");
    assert_eq!((begun.unwrap_err().sent(), behind.unwrap_err().sent()), (Sent::Maybe, Sent::No));
    assert_eq!((expected.pop(), expected.pop()), (Some("begun"), None));
    drop(peer);
}

/// Notes what is expected next when it is woken.
struct Notes(Expected<&'static str>, Mutex<Vec<Option<&'static str>>>);

impl Wake for Notes {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0.pop());
    }
}

/// A message that waits for room and is dropped takes its value along in the same step: whoever learns of the one finds
/// the other done.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dropped_message_and_its_value_go_in_one_step<K: Kind>() {
    let (connection, _far) = tight_link::<K>(|options| options.write_limit(100)).await;
    let expected = Expected::new();
    let mut first = connection.batch().write(&STALLING).send_expecting(&expected, "first");
    assert!(cut(1, &mut first).await.is_none());
    let notes = Arc::new(Notes(expected.clone(), Mutex::default()));
    let waker = Waker::from(Arc::clone(&notes));
    let mut dropped = connection.batch().write(b"dropped").send_expecting(&expected, "dropped");
    assert!(Pin::new(&mut dropped).poll(&mut Context::from_waker(&waker)).is_pending());
    let mut kept = connection.batch().write(b"kept").send_expecting(&expected, "kept");
    assert!(cut(1, &mut kept).await.is_none());
    assert_eq!(expected.pop(), Some("first"));
    drop(dropped);
    assert_eq!(*notes.1.lock().unwrap(), [Some("kept")]);
    connection.abort();
}
