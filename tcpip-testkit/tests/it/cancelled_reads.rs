//! Reads that are dropped after each poll, at every byte boundary, and called again.

use std::fmt::Debug;

use macro_rules_attribute::apply;
use tcpip_server::{Connection, ReadError};
use tokio::{io::AsyncReadExt, sync::Mutex};
use zerocopy::{Immutable, IntoBytes, KnownLayout, TryFromBytes, little_endian::U32};

use crate::{
    kinds::Kind,
    link::start,
    over_each_kind::over_each_kind,
    torture::{tortured, uncut},
};

const LIMIT: usize = 12;

#[derive(TryFromBytes, IntoBytes, KnownLayout, Immutable, Debug, PartialEq, Clone, Copy, Default)]
#[repr(C)]
struct Status {
    number: U32,
    moving: bool,
}

/// Runs both ways and compares.
async fn torture<K: Kind, T: Debug>(
    stream: &[u8],
    read: impl AsyncFn(&Connection) -> Result<T, ReadError>,
) -> Vec<String> {
    let link = |stream| start(stream, |options| options.limit(LIMIT));
    let is_last = |result: &Result<T, ReadError>| matches!(result, Err(ReadError::NotConnected { .. }));
    let expected = uncut(K::streams().await, stream, link, &read, is_last).await;
    assert_eq!(tortured(K::streams().await, stream, link, &read, is_last).await, expected);
    expected
}

/// Text, with empty, undecodable, over-long and unfinished messages in it.
/// Failure 20.
const TEXT: &[u8] = b"one\r\n\r\nt\rwo\r\n\xff\xfe\r\nan over-long message\r\nthree\r\nunfini";

/// Nothing is lost or repeated by a `read_str` that is dropped, wherever that is.
/// Failure 20.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_read_str_keeps_its_bytes<K: Kind>() {
    let results = torture::<K, _>(TEXT, async |link| link.read_str().await).await;
    assert_eq!(results.len(), 8, "{results:?}");
    assert!(results[..3] == [r#"Ok("one")"#, r#"Ok("")"#, r#"Ok("t\rwo")"#], "{results:?}");
}

/// The same over several threads.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn cancelled_read_str_keeps_its_bytes_on_several_threads<K: Kind>() {
    torture::<K, _>(TEXT, async |link| link.read_str().await).await;
}

/// Nothing is lost or repeated by a `read_str_into` that is dropped, and the target keeps its text until the end.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_read_str_into_keeps_its_bytes_and_its_target<K: Kind>() {
    torture::<K, _>(TEXT, async |link| {
        let mut target = Target { text: "before".to_owned(), told: false };
        let result = link.read_str_into(&mut target.text).await;
        target.told = result.is_ok();
        result.map(|()| target.text.clone())
    })
    .await;
}

/// Checks, also when it is dropped with its future, that the text has changed only if the caller was told so.
struct Target {
    text: String,
    told: bool,
}

impl Drop for Target {
    fn drop(&mut self) {
        assert_eq!(self.told, self.text != "before");
    }
}

/// Nothing is lost or repeated by a `read_until` that is dropped, also with a separator that overlaps itself.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_read_until_keeps_its_bytes<K: Kind>() {
    torture::<K, _>(TEXT, async |link| link.read_until(b"\r\n").await).await;
    let results = torture::<K, _>(b"xaaaaba,aabaaabaaxaabaa", async |link| link.read_until(b"aabaa").await).await;
    assert_eq!(results.len(), 4, "{results:?}");
}

/// Nothing is lost or repeated by a `read_line` that is dropped.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_read_line_keeps_its_bytes<K: Kind>() {
    torture::<K, _>(TEXT, async |link| link.read_line().await).await;
}

/// Nothing is lost or repeated by a `read_json` that is dropped.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_read_json_keeps_its_bytes<K: Kind>() {
    let stream = b"[1, 2]\r\n[3\r\n\"x\"\r\n[]\r\n[4]";
    let results = torture::<K, _>(stream, async |link| link.read_json::<Vec<u32>>().await).await;
    assert_eq!(results.len(), 6, "{results:?}");
}

/// Nothing is lost or repeated by a `read_exact` that is dropped, whatever the count.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_read_exact_keeps_its_bytes<K: Kind>() {
    for count in [1, 5, LIMIT + 8] {
        torture::<K, _>(TEXT, async |link| link.read_exact(count).await).await;
    }
}

/// Nothing is lost or repeated by a `read` that is dropped, and what it returns is never empty before the end.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_read_keeps_its_bytes<K: Kind>() {
    torture::<K, _>(TEXT, async |link| link.read(1).await).await;

    let link = |stream| start(stream, |options| options);
    let received = std::sync::Mutex::new(Vec::new());
    let read = async |link: &Connection| {
        let bytes = link.read(7).await?;
        received.lock().expect("no panic").extend_from_slice(&bytes);
        Ok(bytes.len())
    };
    let results = tortured(K::streams().await, TEXT, link, read, |result: &Result<usize, ReadError>| {
        matches!(result, Ok(0) | Err(_))
    })
    .await;
    assert_eq!(results.last().expect("a result"), "Ok(0)");
    assert_eq!(*received.lock().expect("no panic"), TEXT);
}

/// Nothing is lost or repeated by a `read_to_end` that is dropped, within the limit and beyond it.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_read_to_end_keeps_its_bytes<K: Kind>() {
    torture::<K, _>(&TEXT[..LIMIT], async |link| link.read_to_end().await).await;
    let results = torture::<K, _>(TEXT, async |link| link.read_to_end().await).await;
    assert!(results[0].contains("FrameTooLong"), "{results:?}");
}

/// Structures, the second with an impossible `bool`, the last unfinished.
const STRUCTS: &[u8] = &[1, 0, 0, 0, 1, 2, 0, 0, 0, 2, 3, 0, 0, 0, 0, 4, 0, 0];

/// Nothing is lost or repeated by a `read_struct` that is dropped.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_read_struct_keeps_its_bytes<K: Kind>() {
    let results = torture::<K, _>(STRUCTS, async |link| link.read_struct::<Status>().await).await;
    assert_eq!(results.len(), 5, "{results:?}");
}

/// Nothing is lost or repeated by a `read_into` that is dropped.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_read_into_keeps_its_bytes<K: Kind>() {
    torture::<K, _>(STRUCTS, async |link| {
        let mut target = Status::default();
        link.read_into(&mut target).await.map(|()| target)
    })
    .await;
}

/// Different reads by turns, each dropped at every place, share the one buffer without loss.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn cancelled_reads_of_different_kinds_share_the_buffer<K: Kind>() {
    let stream = b"one\r\n\x02\0\0\0\x01line\n[7]\r\nend>one\r\n\x02\0\0\0\x01line\n[7]\r\nend>";
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let link = |stream| {
        turn.store(0, std::sync::atomic::Ordering::Relaxed);
        start(stream, |options| options)
    };
    let read = async |link: &Connection| {
        let result = match turn.load(std::sync::atomic::Ordering::Relaxed) % 5 {
            0 => link.read_str().await.map(|text| format!("{text:?}")),
            1 => link.read_struct::<Status>().await.map(|status| format!("{status:?}")),
            2 => link.read_line().await.map(|line| format!("{line:?}")),
            3 => link.read_json::<[u8; 1]>().await.map(|value| format!("{value:?}")),
            _ => link.read_until(b">").await.map(|frame| format!("{frame:?}")),
        };
        turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        result
    };
    let is_last = |result: &Result<String, ReadError>| matches!(result, Err(ReadError::NotConnected { .. }));
    let expected = uncut(K::streams().await, stream, link, read, is_last).await;
    assert_eq!(expected.len(), 12, "{expected:?}");
    assert_eq!(tortured(K::streams().await, stream, link, read, is_last).await, expected);
}

/// The harness is able to fail: it sees that tokio's own `read_exact` loses bytes when it is dropped.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_harness_catches_the_loss_of_tokios_read_exact<K: Kind>() {
    let read = async |stream: &Mutex<K::Stream>| {
        let mut bytes = [0; 5];
        stream.lock().await.read_exact(&mut bytes).await.map(|_| bytes)
    };
    let expected = uncut(K::streams().await, TEXT, Mutex::new, read, Result::is_err).await;
    let found = tortured(K::streams().await, TEXT, Mutex::new, read, Result::is_err).await;
    assert!(found.len() < expected.len(), "{found:?}");
}
