//! Many writers, few readers: whole messages, in order, within the limits. Over TCP alone what is about the system: how
//! often it is called, and what it takes into buffers of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{collections::BTreeSet, pin::pin, time::Duration};

use macro_rules_attribute::apply;
use socket2::SockRef;
use tcpip_server::{Connection, DisconnectReason, ReadError, WriteError};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    task::{JoinSet, yield_now},
    time::{Instant, sleep, timeout},
};

use crate::{
    cut::cut,
    kinds::{BUFFERED, Kind, Tcp},
    link::{start, tight_link},
    over_each_kind::over_each_kind,
};

const WRITERS: usize = 64;
const MESSAGES: usize = 1000;

/// The write deadline where one is to pass, or not.
const DEADLINE: Duration = Duration::from_millis(300);

fn message(writer: usize, number: usize) -> String {
    format!("{writer} {number} {}", "x".repeat((writer * 31 + number * 7) % 97))
}

/// Writes all messages of one writer. Every fourth writer is impatient. The numbers of those that were written for
/// sure.
async fn run_writer(connection: Connection, writer: usize) -> BTreeSet<usize> {
    let mut written = BTreeSet::new();
    for number in 0..MESSAGES {
        let text = message(writer, number);
        let writing = connection.write_str(&text);
        let result = match (writer % 4, number % 3) {
            (0, 0) => cut(1 + number % 4, writing).await,
            (0, 1) => timeout(Duration::from_micros(200), writing).await.ok(),
            _ => Some(writing.await),
        };
        if let Some(result) = result {
            result.expect("the peer lives");
            written.insert(number);
        }
    }
    written
}

/// Reads everything, with a rest now and then so that the writers meet a full queue, and checks each message. The
/// numbers of the messages of each writer, in order.
async fn check_messages(mut stream: impl AsyncRead + Unpin) -> Vec<Vec<usize>> {
    let mut arrived = vec![Vec::new(); WRITERS];
    let mut buffer = Vec::new();
    for turn in 0.. {
        if stream.read_buf(&mut buffer).await.expect("an orderly end") == 0 {
            break;
        }
        if turn % 64 == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        let whole = buffer.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for line in buffer[..whole].split_inclusive(|byte| *byte == b'\n') {
            let text = str::from_utf8(line).expect("whole messages").strip_suffix("\r\n").expect("whole messages");
            let mut numbers = text.split(' ').map(str::parse);
            let (Some(Ok(writer)), Some(Ok(number))) = (numbers.next(), numbers.next()) else {
                panic!("torn: {text:?}")
            };
            assert_eq!(text, message(writer, number));
            arrived[writer].push(number);
        }
        buffer.drain(..whole);
    }
    assert!(buffer.is_empty(), "the last message is whole too");
    arrived
}

async fn writers_do_not_disturb_each_other<K: Kind>() {
    let (connection, peer) = tight_link::<K>(|options| options.write_limit(16 * 1024)).await;
    let checking = tokio::spawn(check_messages(peer));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let connection = connection.clone();
        writers.spawn(async move { (writer, run_writer(connection, writer).await) });
    }
    let written = eventually(writers.join_all()).await;
    connection.close().await;
    let arrived = checking.await.expect("whole messages");
    let mut cancelled = 0;
    for (writer, written) in written {
        assert!(arrived[writer].is_sorted_by(|earlier, later| earlier < later), "in order, and at most once");
        let arrived: BTreeSet<_> = arrived[writer].iter().copied().collect();
        assert!(arrived.is_superset(&written), "what was reported as written has arrived");
        cancelled += MESSAGES - written.len();
    }
    assert!(cancelled > MESSAGES, "only {cancelled} writes were cancelled");
}

/// 64 tasks write 1000 messages each, some of which are cancelled: the peer gets whole messages only, each writer's in
/// order and at most once, and all that were reported as written.
/// Failure 18.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn concurrent_writers_do_not_disturb_each_other<K: Kind>() {
    writers_do_not_disturb_each_other::<K>().await;
}

/// The same over several threads.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 4))]
async fn concurrent_writers_do_not_disturb_each_other_on_several_threads<K: Kind>() {
    writers_do_not_disturb_each_other::<K>().await;
}

/// Everything up to the end of the stream.
async fn read_to_end(mut peer: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut received = Vec::new();
    eventually(peer.read_to_end(&mut received)).await.expect("an orderly end");
    received
}

async fn impatient_callers_queue_no_more_than_the_limit<K: Kind>(size: usize) {
    const LIMIT: usize = 64 * 1024;
    let (connection, peer) = tight_link::<K>(|options| options.write_limit(LIMIT)).await;
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let connection = connection.clone();
        callers.spawn(async move {
            let message = vec![b'x'; size];
            for call in 0..50 {
                if (caller + call) % 2 == 0 {
                    let _ = timeout(Duration::from_micros(100), connection.write(&message)).await;
                } else {
                    let _ = cut(1 + call % 3, connection.write(&message)).await;
                }
            }
        });
    }
    eventually(callers.join_all()).await;
    let ((), received) = tokio::join!(connection.close(), read_to_end(peer));
    assert_eq!(received.len() % size, 0, "whole messages");
    assert!(received.len() > LIMIT - size, "the queue was full, with {} bytes", received.len());
    assert!(received.len() <= LIMIT + BUFFERED, "{} bytes were queued", received.len());
}

/// However often callers give up and try again, a peer that does not read never makes them queue more than the limit.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_stalled_peer_and_impatient_callers_never_queue_more_than_the_limit<K: Kind>() {
    // Small messages, and ones of which one fits and not two.
    impatient_callers_queue_no_more_than_the_limit::<K>(1000).await;
    impatient_callers_queue_no_more_than_the_limit::<K>(60_000).await;
}

/// The same over several threads.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 4))]
async fn a_stalled_peer_and_impatient_callers_never_queue_more_than_the_limit_on_several_threads<K: Kind>() {
    // Small messages, and ones of which one fits and not two.
    impatient_callers_queue_no_more_than_the_limit::<K>(1000).await;
    impatient_callers_queue_no_more_than_the_limit::<K>(60_000).await;
}

/// What `stall` writes: more than the socket buffers take.
static STALLING: [u8; 3 * BUFFERED] = [b'-'; 3 * BUFFERED];

/// Fills the socket's buffers and begins to fill the queue: whatever is written next must wait.
async fn stall(connection: &Connection) {
    assert!(cut(2, connection.write(&STALLING)).await.is_none(), "the peer does not read");
}

/// A message larger than the limit is taken when the queue is empty; the next one waits until it is gone.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_message_larger_than_the_limit_is_taken_alone<K: Kind>() {
    let (connection, peer) = tight_link::<K>(|options| options.write_limit(1000)).await;
    stall(&connection).await;
    // The large one is in the queue, though its caller is gone; these are not.
    assert!(cut(3, connection.write(b"small")).await.is_none());
    assert!(cut(3, connection.write(&STALLING)).await.is_none());
    let reading = tokio::spawn(read_to_end(peer));
    eventually(connection.write(b"last")).await.unwrap();
    connection.close().await;
    assert!(reading.await.unwrap() == [&STALLING[..], b"last"].concat());
}

/// A writer that waits for room has queued nothing: dropped, it leaves no trace, and those behind it go on in order.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_writer_that_waits_for_room_and_is_dropped_has_queued_nothing<K: Kind>() {
    let (connection, peer) = tight_link::<K>(|options| options.write_limit(1000)).await;
    stall(&connection).await;
    let mut writers = Vec::new();
    for letter in b'a'..b'g' {
        let connection = connection.clone();
        writers.push(tokio::spawn(async move { connection.write(&[letter; 700]).await }));
        yield_now().await;
    }
    for writer in writers.iter().step_by(2) {
        writer.abort();
    }
    let reading = tokio::spawn(read_to_end(peer));
    for (number, writer) in writers.into_iter().enumerate() {
        let result = eventually(writer).await;
        assert!(if number % 2 == 0 { result.unwrap_err().is_cancelled() } else { result.unwrap().is_ok() });
    }
    connection.close().await;
    let expected = [&STALLING[..], &[b'b'; 700], &[b'd'; 700], &[b'f'; 700]].concat();
    assert!(reading.await.unwrap() == expected);
}

/// How many system calls that write this thread has made.
#[cfg(target_os = "linux")]
fn write_calls() -> u64 {
    let io = std::fs::read_to_string("/proc/thread-self/io").expect("linux");
    let count = io.lines().find_map(|line| line.strip_prefix("syscw: ")).expect("documented in proc(5)");
    count.parse().expect("a number")
}

/// How many messages wait for another.
const WAITING: usize = 200;

/// Messages that were queued while another was being sent go out together, not one by one.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test)]
async fn messages_that_wait_go_out_together() {
    let (connection, mut peer) = tight_link::<Tcp>(|options| options).await;
    stall(&connection).await;
    let mut writers = JoinSet::new();
    for _ in 0..WAITING {
        let connection = connection.clone();
        writers.spawn(async move { connection.write(b"together").await });
    }
    yield_now().await;
    let mut stalling = STALLING;
    eventually(peer.read_exact(&mut stalling[BUFFERED..])).await.unwrap();
    let before = write_calls();
    let mut received = vec![0; BUFFERED + WAITING * b"together".len()];
    eventually(peer.read_exact(&mut received)).await.unwrap();
    let calls = write_calls() - before;
    assert!(received.ends_with(&b"together".repeat(WAITING)));
    assert!(writers.join_all().await.into_iter().all(|result| result.is_ok()));
    assert!(calls < 30, "{calls} calls for {WAITING} messages behind {BUFFERED} bytes");
    connection.close().await;
}

/// As many bytes are read slowly: more than the buffers free before the system reports room.
const SLOWLY: usize = 5 << 19;

/// A peer that reads slowly but steadily does not trip the write deadline, though the whole takes far longer, and
/// though the socket has buffers of the usual size, of which the system reports room only when much of it is free.
#[test_log::test(tokio::test)]
async fn a_slow_but_steady_peer_does_not_trip_the_write_deadline() {
    // Long for a machine that has other things to do, and short for so many bytes.
    let deadline = Duration::from_millis(600);
    let (near, mut peer) = Tcp::streams().await;
    let connection = start(near, |options| options.write_timeout(deadline));
    let message = vec![b'x'; 7 << 20];
    let start = Instant::now();
    let reading = async {
        let mut scratch = vec![0; 128 * 1024];
        let mut left = message.len();
        while left > 0 {
            let count = left.min(scratch.len());
            peer.read_exact(&mut scratch[..count]).await?;
            left -= count;
            if left > message.len() - SLOWLY {
                sleep(Duration::from_millis(100)).await;
            }
        }
        Ok::<_, std::io::Error>(())
    };
    let (written, read) = tokio::join!(connection.write(&message), reading);
    written.unwrap();
    read.unwrap();
    assert!(start.elapsed() > 2 * deadline);
    assert!(connection.is_connected());
    connection.close().await;
}

/// A peer that is frozen trips the deadline: the writers that wait learn of the time-out, the session ends with it.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_frozen_peer_trips_the_write_deadline<K: Kind>() {
    let (connection, peer) = tight_link::<K>(|options| options.write_timeout(DEADLINE).write_limit(1000)).await;
    let start = Instant::now();
    let waiting_to_be_sent = connection.write(&STALLING);
    let waiting_for_room = connection.write_str("behind");
    let waiting_for_its_turn = connection.write_from(&7u8);
    let waiting = async { tokio::join!(waiting_to_be_sent, waiting_for_room, waiting_for_its_turn) };
    let (sending, room, turn) = eventually(waiting).await;
    for (result, name) in [(sending, "write"), (room, "write_str"), (turn, "write_from")] {
        match result.unwrap_err() {
            WriteError::Timeout { operation, after, .. } => assert_eq!((operation, after), (name, DEADLINE)),
            error => panic!("{error:?}"),
        }
    }
    assert!(start.elapsed() >= DEADLINE);
    assert_eq!(connection.reason(), Some(DisconnectReason::WriteTimeout { after: DEADLINE }));
    assert!(connection.should_be_connected() && !connection.is_connected());
    assert!(matches!(connection.write(b"more").await, Err(WriteError::NotConnected { .. })));
    eventually(connection.wait_closed()).await;
    drop(peer);
}

/// A write that has the turn, but that nobody polls any more, does not keep the others from learning of the end.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_write_that_nobody_polls_does_not_outlast_the_session<K: Kind>() {
    let (connection, peer) = tight_link::<K>(|options| options.write_timeout(DEADLINE).write_limit(1000)).await;
    stall(&connection).await;
    let mut unpolled = pin!(connection.write(b"waits for room"));
    assert!(cut(1, &mut unpolled).await.is_none());
    let error = eventually(connection.write(b"waits for its turn")).await.unwrap_err();
    assert!(matches!(error, WriteError::Timeout { operation: "write", after: DEADLINE, .. }), "{error:?}");
    assert!(matches!(unpolled.await, Err(WriteError::Timeout { .. })));
    drop(peer);
}

/// A read that has the turn, but that nobody polls any more, does not keep the others from learning of a close.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_read_that_nobody_polls_does_not_outlast_the_session<K: Kind>() {
    let (connection, peer) = tight_link::<K>(|options| options).await;
    let mut unpolled = pin!(connection.read_str());
    assert!(cut(1, &mut unpolled).await.is_none());
    let mut behind = pin!(connection.read_line());
    assert!(cut(1, &mut behind).await.is_none());
    connection.close().await;
    let error = eventually(behind).await.unwrap_err();
    assert!(matches!(error, ReadError::Disconnected { reason: DisconnectReason::Closed }), "{error:?}");
    let error = unpolled.await.unwrap_err();
    assert!(matches!(error, ReadError::Disconnected { reason: DisconnectReason::Closed }), "{error:?}");
    drop(peer);
}

/// An idle session, however long, does not use up the deadline of the next write: also a frozen peer has all of it.
#[test_log::test(tokio::test)]
async fn the_write_deadline_does_not_count_idle_time() {
    let (near, _frozen) = Tcp::tight_streams().await;
    // Nothing more goes into the system, not even what it takes without saying that it would.
    near.set_nodelay(true).unwrap();
    while SockRef::from(&near).send(&[0; 1024]).is_ok() {}
    let connection = start(near, |options| options.write_timeout(DEADLINE));
    sleep(2 * DEADLINE).await;
    let since = Instant::now();
    assert!(matches!(connection.write(&STALLING).await, Err(WriteError::Timeout { .. })));
    assert!(since.elapsed() >= DEADLINE, "given up after {:?}", since.elapsed());
}

async fn each_frame_goes_to_exactly_one_reader<K: Kind>() {
    const READERS: usize = 8;
    const FRAMES: usize = 4000;
    let (near, mut far) = K::tight_streams().await;
    let connection = start(near, |options| options);
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let connection = connection.clone();
        readers.spawn(async move {
            let mut frames = Vec::new();
            loop {
                let reading = connection.read_str();
                let result =
                    if reader % 2 == 0 { cut(1 + frames.len() % 3, reading).await } else { Some(reading.await) };
                match result {
                    None => yield_now().await,
                    Some(Ok(frame)) => frames.push(frame.parse::<usize>().expect("a whole frame")),
                    Some(Err(_)) => return frames,
                }
            }
        });
    }
    for first in (0..FRAMES).step_by(10) {
        let frames: String = (first..first + 10).map(|number| number.to_string() + "\r\n").collect();
        far.write_all(frames.as_bytes()).await.expect("they read");
        yield_now().await;
    }
    drop(far);
    let read = eventually(readers.join_all()).await;
    assert!(read.iter().all(|frames| frames.is_sorted()), "each reader's in order");
    let mut all = read.concat();
    all.sort_unstable();
    assert!(all.iter().copied().eq(0..FRAMES), "{} frames, each once", all.len());
    connection.close().await;
}

/// Of several readers, some of which give up now and then, exactly one gets each frame, and all learn of the end.
/// Fault 19, failure 19.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn concurrent_readers_share_the_frames<K: Kind>() {
    each_frame_goes_to_exactly_one_reader::<K>().await;
}

/// The same over several threads.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 4))]
async fn concurrent_readers_share_the_frames_on_several_threads<K: Kind>() {
    each_frame_goes_to_exactly_one_reader::<K>().await;
}
