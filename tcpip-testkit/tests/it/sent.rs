//! A write that failed or was dropped says whether a byte of its message has left.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_client::{Client, NetworkStream};
use tcpip_server::{Connection, DisconnectReason, Encoding, Expected, Sending, Sent, WriteError};
use tcpip_testkit::{eventually, memory_streams};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf, duplex},
    task::yield_now,
    time::timeout,
};

use crate::{
    cut::cut,
    kinds::{BUFFERED, Kind},
    link::tight_link,
    over_each_kind::over_each_kind,
    telling_transport::Telling,
};

const DEADLINE: Duration = Duration::from_millis(200);

/// Of this the system takes some, and not all.
static STALLING: [u8; 2 * BUFFERED] = [b'x'; 2 * BUFFERED];

fn sending(connection: &Connection, message: &[u8]) -> Sending {
    connection.batch().write(message).send()
}

/// A message that the system has begun to take, one that is queued behind it, and one that waits for room, each polled
/// once; and one that was not polled.
async fn queued(connection: &Connection) -> [Sending; 4] {
    let mut all = [&STALLING[..], b"behind", &STALLING, b"unpolled"].map(|message| sending(connection, message));
    for sending in &mut all[..3] {
        assert!(cut(1, sending).await.is_none());
        yield_now().await;
    }
    all
}

fn sent(all: &[Sending; 4]) -> [Sent; 4] {
    all.each_ref().map(Sending::sent)
}

/// What the peer reads until the stream ends.
async fn read_all(mut peer: impl AsyncReadExt + Unpin) -> Vec<u8> {
    let mut received = Vec::new();
    eventually(peer.read_to_end(&mut received)).await.expect("in good order");
    received
}

/// While the peer stalls, only the message that the system has begun to take may have left; and so says the error of
/// each when the session ends for that.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn only_what_had_begun_may_have_left_at_the_end<K: Kind>() {
    let options =
        |limit| move |options: tcpip_server::ConnectionOptions| options.write_timeout(DEADLINE).write_limit(limit);
    let (connection, peer) = tight_link::<K>(options(STALLING.len() + 100)).await;
    let mut all = queued(&connection).await;
    let expected = [Sent::Maybe, Sent::No, Sent::No, Sent::No];
    assert_eq!(sent(&all), expected);
    for (sending, expected) in all.iter_mut().zip(expected) {
        let error = eventually(&mut *sending).await.unwrap_err();
        assert_eq!((error.sent(), sending.sent()), (expected, expected), "{error:?}");
        assert!(matches!(error, WriteError::Timeout { .. } | WriteError::NotConnected { .. }), "{error:?}");
    }
    assert_eq!(sent(&all), expected);
    drop(peer);
}

/// The same when this end aborts it: with another error.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn only_what_had_begun_may_have_left_at_an_abort<K: Kind>() {
    let (connection, peer) = tight_link::<K>(|options| options.write_limit(STALLING.len() + 100)).await;
    let all = queued(&connection).await;
    connection.abort();
    eventually(connection.wait_closed()).await;
    assert_eq!(sent(&all), [Sent::Maybe, Sent::No, Sent::No, Sent::No]);
    for (sending, expected) in all.into_iter().zip([Sent::Maybe, Sent::No, Sent::No]) {
        let error = eventually(sending).await.unwrap_err();
        let WriteError::Disconnected { reason: DisconnectReason::Aborted, sent } = error else { panic!("{error:?}") };
        assert_eq!(sent, expected);
    }
    drop(peer);
}

/// A message whose sending is given up by its deadline is asked afterwards: one that is queued goes out all the same,
/// and tells so; one that waits for room does not, nor does one that was never polled.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_sending_that_timed_out_still_tells<K: Kind>() {
    let (connection, mut peer) = tight_link::<K>(|options| options.write_limit(STALLING.len() + 100)).await;
    let [first, mut behind, room, unpolled] = queued(&connection).await;
    assert!(timeout(DEADLINE, &mut behind).await.is_err());
    assert_eq!([&behind, &room, &unpolled].map(Sending::sent), [Sent::No; 3]);
    drop((first, room, unpolled));
    let mut received = vec![0; STALLING.len() + b"behind".len()];
    eventually(peer.read_exact(&mut received)).await.unwrap();
    assert!(received.ends_with(b"xbehind"));
    // The peer may have it before the session's task has heard of it.
    eventually(|| behind.sent() != Sent::No).await;
    assert_eq!(behind.sent(), Sent::Maybe);
    eventually(&mut behind).await.unwrap();
    assert_eq!(behind.sent(), Sent::Maybe);
    let ((), rest) = tokio::join!(connection.close(), read_all(peer));
    assert_eq!(rest, b"", "what waited for room went out though it was dropped");
}

/// A message that goes ahead of others and fails says whether it had begun, as they do.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_message_that_went_ahead_tells_too<K: Kind>() {
    let (connection, peer) = tight_link::<K>(|options| options.write_timeout(DEADLINE)).await;
    let mut stalling = sending(&connection, &STALLING);
    assert!(cut(1, &mut stalling).await.is_none());
    yield_now().await;
    assert_eq!(connection.write_ahead(b"!").await.unwrap_err().sent(), Sent::No);
    assert_eq!(stalling.await.unwrap_err().sent(), Sent::Maybe);
    drop(peer);
    let (connection, peer) = tight_link::<K>(|options| options.write_timeout(DEADLINE)).await;
    let (ahead, behind) = tokio::join!(connection.write_ahead(&STALLING), connection.write(b"behind"));
    assert_eq!(ahead.unwrap_err().sent(), Sent::Maybe);
    assert_eq!(behind.unwrap_err().sent(), Sent::No);
    drop(peer);
}

/// What is refused has not left: a message that cannot be encoded, and one without a way out.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn what_is_refused_has_not_left<K: Kind>() {
    let (connection, peer) = tight_link::<K>(|options| options.encoding(Encoding::Ascii)).await;
    let mut none = sending(&connection, b"");
    (&mut none).await.unwrap();
    assert_eq!(none.sent(), Sent::No);
    let mut refused = vec![
        connection.write_str("ä").await.unwrap_err(),
        connection.write_str("a\r\nb").await.unwrap_err(),
        connection.write_json(&std::collections::HashMap::from([([1], 1)])).await.unwrap_err(),
    ];
    connection.shutdown_write().await.unwrap();
    refused.push(connection.write(b"more").await.unwrap_err());
    connection.close().await;
    refused.push(connection.write(b"more").await.unwrap_err());
    for error in &refused {
        assert_eq!(error.sent(), Sent::No, "{error:?}");
    }
    let [
        WriteError::Encode { .. },
        WriteError::ContainsTerminator { .. },
        WriteError::Json(_),
        WriteError::WriteHalfEnded,
        WriteError::NotConnected { .. },
    ] = &refused[..]
    else {
        panic!("{refused:?}")
    };
    assert_eq!(read_all(peer).await, b"");
}

/// Takes what it is offered, and then panics.
struct TakesAndPanics(DuplexStream);

impl AsyncRead for TakesAndPanics {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, target)
    }
}

impl AsyncWrite for TakesAndPanics {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.0).poll_write(context, bytes));
        panic!("it has taken {taken:?}, and tells nobody");
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a stream or a transport may have taken before it panicked counts as sent: what is expected for it stays.
#[test_log::test(tokio::test)]
async fn a_panic_may_have_taken_the_message() {
    let (near, mut peer) = duplex(100);
    let (transport, _far) = memory_streams(100);
    let panics = |method| assert_ne!(method, "try_write_vectored", "it may have taken some");
    for stream in [NetworkStream::new(TakesAndPanics(near)), NetworkStream::over(Telling::new(transport, panics))] {
        let client = Client::from_stream(stream).connect().await.unwrap();
        let expected = Expected::new();
        let mut sending = client.batch().write(b"status").send_expecting(&expected, "the reply");
        let error = eventually(&mut sending).await.unwrap_err();
        assert_eq!((error.sent(), sending.sent()), (Sent::Maybe, Sent::Maybe), "{error}");
        drop(sending);
        assert_eq!(expected.pop(), Some("the reply"));
    }
    let mut received = [0; 6];
    eventually(peer.read_exact(&mut received)).await.unwrap();
    assert_eq!(&received, b"status", "it did leave");
}
