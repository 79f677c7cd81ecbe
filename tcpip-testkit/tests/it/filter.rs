//! A filter takes its protocol out of what arrives, answers it, and makes of messages what goes out.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_server::{
    ChunkTap, Connection, ConnectionOptions, Direction, DisconnectReason, Expected, Filter, FrameTap, OneClientServer,
    Telnet,
};
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::{JoinSet, yield_now},
    time::Instant,
};

use crate::{
    kinds::Kind,
    link::{start, tight_link},
    over_each_kind::over_each_kind,
};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_mins(1);

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;

/// What a device says that speaks telnet: it offers to echo and asks for a window size, within a message.
const SAID: &[u8] = b"re\xff\xfb\x01ady\xff\xff!\xff\xfd\x1f\r\nmore\r\n";
const MEANT: &[u8] = b"ready\xff!\r\n";
const REFUSED: &[u8] = b"\xff\xfe\x01\xff\xfc\x1f";

/// The protocol is not in what is read, wherever it is cut, and is answered; a message goes out escaped, and whole.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_filter_takes_its_protocol_out_and_answers_it<K: Kind>() {
    for cut in 0..=SAID.len() {
        let (near, mut far) = K::streams().await;
        let connection = start(near, |options| options.filter(Telnet::refuse));
        let speaking = async {
            far.write_all(&SAID[..cut]).await.unwrap();
            yield_now().await;
            far.write_all(&SAID[cut..]).await.unwrap();
        };
        let (read, ()) = eventually(async { tokio::join!(connection.read_until(b"\n"), speaking) }).await;
        assert_eq!(read.unwrap(), MEANT, "cut at {cut}");
        assert_eq!(eventually(connection.read_str()).await.unwrap(), "more");
        connection.write(b"a\xffb").await.unwrap();
        connection.write_ahead(b"\xff").await.unwrap();
        connection.batch().write(b"\xff").send().await.unwrap();
        connection.close().await;
        let mut received = Vec::new();
        eventually(far.read_to_end(&mut received)).await.unwrap();
        assert_eq!(received, [REFUSED, b"a\xff\xffb\xff\xff\xff\xff"].concat(), "cut at {cut}");
        assert_eq!(connection.stats().bytes_received, SAID.len() as u64);
    }
}

/// What a stray byte and what is discarded are to a filter is what they are without one.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_is_discarded_passes_the_filter<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let connection = start(near, |options| options.filter(Telnet::refuse));
    far.write_all(b"stray\xff\xfb").await.unwrap();
    eventually(async {
        while connection.discard_input().await.unwrap() == 0 {
            yield_now().await;
        }
    })
    .await;
    far.write_all(b"\x01reply\r\n").await.unwrap();
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "reply");
    let mut answer = [0; 3];
    eventually(far.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, [IAC, DONT, 1]);
    connection.close().await;
}

/// Answers go out whole among the messages of many tasks, each of them, in their order.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn answers_go_out_whole_and_in_order<K: Kind>() {
    const OPTIONS: usize = 2000;
    let (near, far) = K::streams().await;
    let connection = start(near, |options| options.filter(Telnet::refuse).write_limit(200));
    let (mut reader, mut writer) = tokio::io::split(far);
    let asking = tokio::spawn(async move {
        for option in (0..250).cycle().take(OPTIONS) {
            writer.write_all(&[IAC, DO, option]).await.unwrap();
            if option % 10 == 0 {
                yield_now().await;
            }
        }
        writer.write_all(b"done\r\n").await.unwrap();
        writer
    });
    let hearing = tokio::spawn(async move {
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        received
    });
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let connection = connection.clone();
        tasks.spawn(async move {
            for message in 0..200 {
                connection.write_str(&format!("{task} {message}")).await.unwrap();
            }
        });
    }
    assert_eq!(eventually(connection.read_str()).within(LONG).await.unwrap(), "done");
    eventually(tasks.join_all()).within(LONG).await;
    connection.close().await;
    let received = eventually(hearing).await.unwrap();
    drop(asking);
    let (mut rest, mut options, mut messages) = (&received[..], Vec::new(), 0);
    while let [first, behind @ ..] = rest {
        if *first == IAC {
            assert_eq!(behind[0], WONT);
            options.push(behind[1]);
            rest = &behind[2..];
        } else {
            let end = rest.iter().position(|byte| *byte == b'\n').expect("a whole message");
            assert!(rest[..end].is_ascii(), "an answer is within a message");
            messages += 1;
            rest = &rest[end + 1..];
        }
    }
    assert_eq!(messages, 8 * 200);
    assert!(options.into_iter().eq((0..250).cycle().take(OPTIONS)));
}

/// A peer that asks and asks, and reads no answer, ends the session, which holds no more than that.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_peer_that_reads_no_answers_ends_the_session<K: Kind>() {
    let (connection, mut far) = tight_link::<K>(|options| options.filter(Telnet::refuse)).await;
    let reader = connection.clone();
    let reading = tokio::spawn(async move { reader.read_str().await });
    let asking = async {
        let asked = [IAC, DO, 1].repeat(1000);
        // Far more than all buffers take.
        for _ in 0..20_000 {
            if !connection.is_connected() || eventually(far.write_all(&asked)).await.is_err() {
                break;
            }
            yield_now().await;
        }
    };
    eventually(asking).within(LONG).await;
    let reason = connection.reason().expect("an end");
    assert!(matches!(&reason, DisconnectReason::HandlerFailed { cause } if cause.contains("answers")), "{reason:?}");
    assert!(connection.stats().bytes_queued < 80_000);
    connection.abort();
    assert!(eventually(reading).await.unwrap().is_err());
}

/// Panics at a certain byte.
struct Panics;

impl Filter for Panics {
    fn received(&self, chunk: &[u8], input: &mut Vec<u8>, _answer: &mut Vec<u8>) {
        assert!(!chunk.contains(&b'!'), "a panic of the test's");
        input.extend_from_slice(chunk);
    }
}

/// A filter that panics ends the session, and nobody waits for it.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_panic_of_a_filter_ends_the_session<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let connection = start(near, |options| options.filter(|| Panics));
    connection.write(b"!").await.unwrap();
    far.write_all(b"fine\r\n").await.unwrap();
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "fine");
    far.write_all(b"!\r\n").await.unwrap();
    assert!(eventually(connection.read_str()).await.is_err());
    eventually(connection.wait_closed()).await;
    let reason = connection.reason();
    let Some(DisconnectReason::HandlerFailed { cause }) = &reason else { panic!("{reason:?}") };
    assert!(cause.contains("a panic of the test's"), "{cause}");
}

/// Each session has a filter of its own: half a command of one is none of the next.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn each_session_has_its_own_filter<K: Kind>() {
    let options = ConnectionOptions::new().filter(Telnet::refuse);
    for _ in 0..2 {
        let (near, mut far) = K::streams().await;
        let connection = start(near, |_| options.clone());
        far.write_all(b"\x01\r\n\xff\xfb").await.unwrap();
        assert_eq!(eventually(connection.read_str()).await.unwrap(), "\x01");
        connection.close().await;
    }
}

/// The bytes that were heard on the wire, and in frames.
#[derive(Default)]
struct Heard([Mutex<Vec<u8>>; 4]);

impl ChunkTap for Heard {
    fn chunk(&self, _: &Connection, direction: Direction, _: Instant, bytes: &[u8]) {
        self.0[usize::from(direction == Direction::Sent)].lock().unwrap().extend(bytes);
    }
}

impl FrameTap for Heard {
    fn frame(&self, _: &Connection, direction: Direction, _: Instant, bytes: &[u8]) {
        self.0[2 + usize::from(direction == Direction::Sent)].lock().unwrap().extend(bytes);
    }

    fn unread(&self, _: &Connection, _: Instant, bytes: &[u8]) {
        panic!("all was taken, but {bytes:?}");
    }
}

/// Chunks are heard as they are on the wire, and received frames as they are read.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn taps_hear_both_sides_of_a_filter<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let heard = Arc::new(Heard::default());
    let connection =
        start(near, |options| options.filter(Telnet::refuse).tap_chunks(heard.clone()).tap_frames(heard.clone()));
    far.write_all(SAID).await.unwrap();
    assert_eq!(eventually(connection.read_until(b"\n")).await.unwrap(), MEANT);
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "more");
    connection.write(b"a\xffb").await.unwrap();
    connection.close().await;
    let heard = heard.0.each_ref().map(|bytes| bytes.lock().unwrap().clone());
    let sent = [REFUSED, b"a\xff\xffb"].concat();
    assert_eq!(heard, [SAID.to_vec(), sent.clone(), [MEANT, b"more\r\n"].concat(), sent]);
}

/// Puts its length before each message.
struct Length;

impl Filter for Length {
    fn received(&self, chunk: &[u8], input: &mut Vec<u8>, _: &mut Vec<u8>) {
        input.extend(chunk);
    }

    fn sent(&self, message: &[u8], output: &mut Vec<u8>) {
        output.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        output.extend(message);
    }
}

/// Of an empty message, and of an empty batch, nothing is sent, whatever a filter would make of it.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn nothing_is_sent_of_an_empty_message<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let connection = start(near, |options| options.filter(|| Length));
    connection.write(b"").await.unwrap();
    let expected = Expected::new();
    connection.batch().send_expecting(&expected, ()).await.unwrap();
    assert_eq!(expected.pop(), None);
    connection.write(b"a").await.unwrap();
    connection.close().await;
    let mut received = Vec::new();
    eventually(far.read_to_end(&mut received)).await.unwrap();
    assert_eq!(received, b"\0\0\0\x01a");
}

/// Takes nothing out, and panics when it is dropped.
struct PanicsAtDrop;

impl Filter for PanicsAtDrop {
    fn received(&self, chunk: &[u8], input: &mut Vec<u8>, _: &mut Vec<u8>) {
        input.extend(chunk);
    }
}

impl Drop for PanicsAtDrop {
    fn drop(&mut self) {
        panic!("a panic of the test's");
    }
}

/// A filter that cannot be made costs its client the session, and the server serves the next, as behind a filter that
/// panics when it is dropped.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_filter_that_cannot_be_made_harms_nobody_else() {
    let network = MemoryNetwork::new();
    let made = AtomicUsize::new(0);
    let filter = move || {
        assert_ne!(made.fetch_add(1, Ordering::Relaxed), 0, "a panic of the test's");
        PanicsAtDrop
    };
    let server = OneClientServer::builder().network(&network).port(1).filter(filter).start().await.unwrap();
    let mut peer = network.connect(server.host(), 1).await.unwrap();
    assert_eq!(eventually(peer.read(&mut [0])).await.unwrap(), 0);
    for _ in 0..3 {
        let mut peer = network.connect(server.host(), 1).await.unwrap();
        let session = eventually(server.wait_connected()).await.unwrap();
        session.write_str("served").await.unwrap();
        eventually(peer.read_exact(&mut [0; 8])).await.unwrap();
        drop((session, peer));
        eventually(server.close_client()).await;
    }
    server.close().await;
}
