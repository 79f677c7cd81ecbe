//! Writes that are dropped after each poll, to a peer that stalls and resumes.

use std::pin::pin;

use macro_rules_attribute::apply;
use tcpip_server::{Connection, WriteError};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    sync::Mutex,
    task::yield_now,
};
use zerocopy::little_endian::U32;

use crate::{cut::cut, kinds::Kind, link::start, over_each_kind::over_each_kind};

const CALLS: usize = 240;
const WRITE_LIMIT: usize = 16 * 1024;

/// What a torture came to.
struct Outcome {
    /// All that the peer has received.
    received: Vec<u8>,
    /// The calls that have returned.
    returned: Vec<usize>,
    /// How many calls were dropped.
    dropped: usize,
}

/// Makes `CALLS` calls of `write`, two at a time, and drops each after 0, 1, 2, … polls; every
/// eighth pair goes on to its end.
/// The peer reads nothing for a while, then a little, then a lot. `close` ends the stream.
async fn tortured<K: Kind, L, E: std::fmt::Debug>(
    link: impl Fn(K::Stream) -> L,
    write: impl AsyncFn(&L, usize) -> Result<(), E>,
    close: impl AsyncFn(L),
) -> Outcome {
    let (near, mut far) = K::tight_streams().await;
    let link = link(near);
    let (mut received, mut returned, mut dropped) = (Vec::new(), Vec::new(), 0);
    for first in (0..CALLS).step_by(2) {
        let polls = (first / 2 % 5, first / 10 % 5);
        let results = if first % 16 == 14 {
            let both = async { tokio::join!(write(&link, first), write(&link, first + 1)) };
            let (first, second) = while_reading(&mut far, &mut received, both).await;
            (Some(first), Some(second))
        } else {
            tokio::join!(cut(polls.0, write(&link, first)), cut(polls.1, write(&link, first + 1)))
        };
        for (call, result) in [(first, results.0), (first + 1, results.1)] {
            match result {
                Some(result) => {
                    result.expect("the peer lives");
                    returned.push(call);
                }
                None => dropped += 1,
            }
        }
        // Nothing, one byte, a little, or all that there is, by turns.
        let (reads, most) = [(1, 0), (1, 1), (3, 1500), (30, 64 * 1024)][first / 8 % 4];
        let mut scratch = vec![0; most];
        for _ in 0..reads {
            yield_now().await;
            if let Some(count) = cut(1, far.read(&mut scratch)).await {
                received.extend_from_slice(&scratch[..count.expect("a live stream")]);
            }
        }
    }
    tokio::join!(close(link), async { far.read_to_end(&mut received).await.expect("an orderly end") });
    Outcome { received, returned, dropped }
}

/// The result of `future`, while the peer reads.
async fn while_reading<F: Future>(far: &mut (impl AsyncRead + Unpin), received: &mut Vec<u8>, future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        tokio::select! {
            biased;
            output = &mut future => return output,
            count = far.read_buf(received) => assert!(count.expect("a live stream") > 0, "the stream has ended"),
        }
    }
}

/// Whether the peer got whole messages, in order, each at most once, and every one whose call returned.
fn check(outcome: &Outcome, message: impl Fn(usize) -> Vec<u8>) -> Result<(), String> {
    let (mut rest, mut arrived) = (&outcome.received[..], Vec::new());
    for call in 0..CALLS {
        if let Some(after) = rest.strip_prefix(&message(call)[..]) {
            rest = after;
            arrived.push(call);
        }
    }
    if !rest.is_empty() {
        let last = arrived.last();
        return Err(format!(
            "after message {last:?} comes {:?}",
            rest[..rest.len().min(40)].escape_ascii().to_string()
        ));
    }
    match outcome.returned.iter().find(|call| !arrived.contains(call)) {
        Some(call) => Err(format!("message {call} was reported as written, and is lost")),
        None => Ok(()),
    }
}

/// The text of a message: no other begins like it.
fn text(call: usize) -> String {
    format!("{call:04}{}", "x".repeat([6, 300, 5000, 30_000][call % 4]))
}

async fn torture<K: Kind>(
    write: impl AsyncFn(&Connection, usize) -> Result<(), WriteError>,
    message: impl Fn(usize) -> Vec<u8>,
) {
    let link = |stream| start(stream, |options| options.write_limit(WRITE_LIMIT));
    let outcome = tortured::<K, _, _>(link, write, async |link| link.close().await).await;
    let (dropped, returned) = (outcome.dropped, outcome.returned.len());
    assert!(dropped > CALLS / 4 && returned > CALLS / 16, "{dropped} dropped and {returned} returned is too little");
    check(&outcome, message).expect("whole messages, in order, at most once");
}

/// A `write` that is dropped goes out whole, in order, at most once, or not at all.
/// Failure 20.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_write_is_never_torn<K: Kind>() {
    torture::<K>(async |link, call| link.write(text(call).as_bytes()).await, |call| text(call).into()).await;
}

/// The same over several threads.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn cancelled_write_is_never_torn_on_several_threads<K: Kind>() {
    torture::<K>(async |link, call| link.write(text(call).as_bytes()).await, |call| text(call).into()).await;
}

/// A `write_lines` that is dropped goes out whole, in order, at most once, or not at all.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_write_lines_is_never_torn<K: Kind>() {
    let write = async |link: &Connection, call| link.write_lines(&[&text(call), "second", "third\n"]).await;
    torture::<K>(write, |call| (text(call) + "secondthird\n").into()).await;
}

/// A `write_str` that is dropped goes out whole, in order, at most once, or not at all.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_write_str_is_never_torn<K: Kind>() {
    torture::<K>(async |link, call| link.write_str(&text(call)).await, |call| (text(call) + "\r\n").into()).await;
}

/// A `write_json` that is dropped goes out whole, in order, at most once, or not at all.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_write_json_is_never_torn<K: Kind>() {
    let write = async |link: &Connection, call| link.write_json(&text(call)).await;
    torture::<K>(write, |call| format!("\"{}\"\r\n", text(call)).into()).await;
}

/// A `write_from` of several structures that is dropped goes out whole, in order, at most once, or not at all.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_write_from_is_never_torn<K: Kind>() {
    let number = |call| U32::new(u32::try_from(call).expect("few calls"));
    let write = async |link: &Connection, call| link.write_from((&number(call), text(call).as_bytes(), &7u8)).await;
    torture::<K>(write, |call| [&number(call).to_bytes(), text(call).as_bytes(), &[7]].concat()).await;
}

/// A batch whose `send` is dropped goes out whole, in order, at most once, or not at all.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_batch_is_never_torn<K: Kind>() {
    let write = async |link: &Connection, call| {
        let mut batch = link.batch();
        batch.write_str(&text(call))?.write_json(&call)?.write_from(&[1u8, 2]).write(b">");
        batch.send().await
    };
    torture::<K>(write, |call| {
        [text(call).as_bytes(), b"\r\n", call.to_string().as_bytes(), b"\r\n\x01\x02>"].concat()
    })
    .await;
}

/// The harness is able to fail: it sees that tokio's own `write_all` tears its data when it is dropped.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_harness_catches_the_tearing_of_tokios_write_all<K: Kind>() {
    let write = async |stream: &Mutex<K::Stream>, call| stream.lock().await.write_all(text(call).as_bytes()).await;
    let outcome = tortured::<K, _, _>(Mutex::new, write, async |stream| drop(stream)).await;
    check(&outcome, |call| text(call).into()).expect_err("torn messages");
}
