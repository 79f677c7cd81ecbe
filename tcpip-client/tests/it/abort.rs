//! `abort`: a reset, at once, from anywhere.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_client::{DisconnectReason, ReadError, WriteError};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::io::AsyncWriteExt;

use crate::{
    kinds::{Kind, Tcp, meet, meet_told, pair},
    over_each_kind::over_each_kind,
};

/// An abort ends the session for its own reason, drops what has arrived, and the peer sees that the stream is not
/// whole.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn an_abort_resets_and_is_told<K: Kind>() {
    let (client, mut peer, mut events) = meet_told::<K>(|client| client.close_timeout(Duration::from_mins(10))).await;
    peer.write_all(b"unread\r\n").await.unwrap();
    let link = client.connection();
    let writing = tokio::spawn(async move { link.write(&vec![0; K::TOO_MUCH]).await });
    K::arrival(&mut peer).await;
    client.abort();
    client.abort();
    assert!(!client.is_connected() && !client.should_be_connected());
    assert!(matches!(
        eventually(writing).await.unwrap(),
        Err(WriteError::Disconnected { reason: DisconnectReason::Aborted, .. })
    ));
    assert!(matches!(client.read_str().await, Err(ReadError::NotConnected { .. } | ReadError::Disconnected { .. })));
    assert_eq!(events.disconnected().await, DisconnectReason::Aborted);
    eventually(client.wait_closed()).await;
    assert!(client.connection().given_up() > 0, "what was queued is given up");
    K::assert_aborted(peer).await;
}

/// The reset is there when `abort` returns, without the session's task, and needs no runtime.
#[cfg(target_os = "linux")]
#[test]
fn an_abort_needs_no_runtime() {
    use std::io::Read;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (client, peer) = runtime.block_on(pair::<Tcp>());
    let mut peer = peer.into_std().unwrap();
    peer.set_nonblocking(false).unwrap();
    // Its one thread does nothing meanwhile.
    client.abort();
    assert_eq!(peer.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    drop(runtime);
}

/// What an abort gives up is what the peer's system has not acknowledged, and nothing where it has all.
#[test_log::test(tokio::test)]
async fn an_abort_gives_up_what_has_not_arrived() {
    let (client, mut peer) = pair::<Tcp>().await;
    client.write_str("status").await.unwrap();
    peer.expect(b"status\r\n").await;
    client.abort();
    eventually(client.wait_closed()).await;
    assert_eq!(client.connection().given_up(), 0);
}

/// An abort cuts a close short that waits for a stalled peer.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn an_abort_cuts_a_close_short<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.close_timeout(Duration::from_mins(10))).await;
    let link = client.connection();
    let writing = tokio::spawn(async move { link.write(&vec![0; K::TOO_MUCH]).await });
    K::arrival(&mut peer).await;
    let closing = async {
        client.close().await;
        assert!(client.is_closed());
    };
    eventually(async { tokio::join!(biased_second(closing, || client.abort())) }).await;
    eventually(writing).await.unwrap().unwrap_err();
    assert_eq!(client.connection().reason(), Some(DisconnectReason::Closed), "who came first");
    K::assert_aborted(peer).await;
}

/// Polls `first` once, calls `then`, and waits for `first`.
async fn biased_second(first: impl Future<Output = ()>, then: impl FnOnce()) {
    let mut first = Box::pin(first);
    let is_pending =
        std::future::poll_fn(|context| std::task::Poll::Ready(first.as_mut().poll(context).is_pending())).await;
    assert!(is_pending);
    then();
    first.await;
}
