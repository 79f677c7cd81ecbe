//! What a read makes of a stream, in one piece and in as many pieces as there are bytes, dropped at each.

use std::fmt::Debug;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::cut::cut;

const MOST_POLLS: usize = 4;

/// What `read` makes of `stream` when nothing cuts it short, up to the result that `is_last`.
pub(crate) async fn uncut<S: AsyncWrite + Unpin, L, T: Debug, E: Debug>(
    (near, mut far): (S, S),
    stream: &[u8],
    link: impl Fn(S) -> L,
    read: impl AsyncFn(&L) -> Result<T, E>,
    is_last: impl Fn(&Result<T, E>) -> bool,
) -> Vec<String> {
    let link = link(near);
    far.write_all(stream).await.expect("the peer listens");
    drop(far);
    let mut results = Vec::new();
    loop {
        let result = read(&link).await;
        results.push(format!("{result:?}"));
        if is_last(&result) {
            return results;
        }
    }
}

/// The same, but the bytes come one at a time, and at each boundary reads are dropped after 0, 1, 2, … polls.
pub(crate) async fn tortured<S: AsyncWrite + Unpin, L, T: Debug, E: Debug>(
    (near, far): (S, S),
    stream: &[u8],
    link: impl Fn(S) -> L,
    read: impl AsyncFn(&L) -> Result<T, E>,
    is_last: impl Fn(&Result<T, E>) -> bool,
) -> Vec<String> {
    let (link, mut far) = (link(near), Some(far));
    let mut results = Vec::new();
    for boundary in 0..=stream.len() {
        match &mut far {
            Some(peer) if boundary > 0 => peer.write_all(&stream[boundary - 1..boundary]).await.expect("it listens"),
            _ => {}
        }
        if boundary == stream.len() {
            far = None;
        }
        for polls in 0..=MOST_POLLS {
            while let Some(result) = cut(polls, read(&link)).await {
                results.push(format!("{result:?}"));
                if is_last(&result) {
                    return results;
                }
            }
        }
    }
    loop {
        let result = read(&link).await;
        results.push(format!("{result:?}"));
        if is_last(&result) {
            return results;
        }
    }
}
