//! Reading: every method, every error, and nothing lost.

use std::{io, time::Duration};

use macro_rules_attribute::apply;
use serde::Deserialize;
use tcpip_client::{Client, ClientOrServer, Connection, DisconnectReason, Encoding, ReadError, Terminator};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::{sleep, timeout},
};
use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes,
    little_endian::{F64, U16},
};

use crate::{
    kinds::{Kind, ended_by, meet, meet_told, pair, send_and_close},
    over_each_kind::over_each_kind,
    reads_well::assert_reads_well,
};

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Position {
    pub(crate) axis: U16,
    pub(crate) degrees: F64,
}

#[derive(TryFromBytes, KnownLayout, Immutable, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Door {
    pub(crate) is_open: bool,
}

#[derive(Deserialize, Debug, PartialEq)]
pub(crate) struct Status {
    pub(crate) az: f64,
    pub(crate) name: String,
}

/// Every read method takes what it names out of one stream, in alternation.
/// Parity: `readuntil`, `read_into`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn text_and_binary_alternate_on_one_stream<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let position = Position { axis: 7.into(), degrees: 1.5.into() };
    let sent = [
        &b"abcd"[..],
        b"line\n",
        b"ACE>",
        "é1\r\n".as_bytes(),
        b"two\r\n",
        b"{\"az\": 1.5, \"name\": \"dome\"}\r\n",
        position.as_bytes(),
        position.as_bytes(),
        b"the rest",
    ]
    .concat();
    send_and_close_after(&mut peer, &sent).await;
    assert_eq!(client.read(2).await.unwrap(), b"ab");
    assert_eq!(client.read_exact(2).await.unwrap(), b"cd");
    assert_eq!(client.read_line().await.unwrap(), b"line\n");
    assert_eq!(client.read_until(b">").await.unwrap(), b"ACE>");
    assert_eq!(client.read_str().await.unwrap(), "é1");
    let mut text = String::from("old");
    client.read_str_into(&mut text).await.unwrap();
    assert_eq!(text, "two");
    let status: Status = client.read_json().await.unwrap();
    assert_eq!(status, Status { az: 1.5, name: "dome".to_owned() });
    assert_eq!(client.read_struct::<Position>().await.unwrap(), position);
    let mut copy = Position { axis: 0.into(), degrees: 0.0.into() };
    client.read_into(&mut copy).await.unwrap();
    assert_eq!(copy, position);
    assert_eq!(client.read_to_end().await.unwrap(), b"the rest");
    assert!(matches!(client.read(1).await, Err(ReadError::NotConnected { .. })));
}

async fn send_and_close_after(peer: &mut (impl AsyncWrite + Unpin), data: &[u8]) {
    peer.write_all(data).await.unwrap();
    peer.shutdown().await.unwrap();
}

/// `read` waits for a byte, returns what there is, and never more than it was asked for.
/// Parity: `read`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn read_returns_at_least_one_and_at_most_so_many_bytes<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    assert_eq!(client.read(0).await.unwrap(), b"");
    let (read, ()) = tokio::join!(client.read(100), async { peer.write_all(b"abc").await.unwrap() });
    assert_eq!(read.unwrap(), b"abc");
    peer.write_all(b"defg").await.unwrap();
    assert_eq!(client.read_exact(0).await.unwrap(), b"");
    assert_eq!(client.read(1).await.unwrap(), b"d");
    assert_eq!(client.read(3).await.unwrap(), b"efg");
}

/// Fault 9 of the model, in both methods that do not fail at the end of the stream: the end is told once, ends the
/// session, and the loop with it.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_loop_on_read_or_read_line_ends_with_the_stream_and_ends_the_session<K: Kind>() {
    for by_line in [false, true] {
        let (client, peer, mut events) = meet_told::<K>(|client| client).await;
        send_and_close(peer, b"one\ntwo").await;
        let mut read = Vec::new();
        let end = loop {
            match if by_line { client.read_line().await } else { client.read(3).await } {
                Ok(bytes) => read.push(bytes),
                Err(error) => break error,
            }
        };
        assert!(matches!(end, ReadError::NotConnected { .. }));
        let expected: &[&[u8]] = if by_line { &[b"one\n", b"two"] } else { &[b"one", b"\ntw", b"o", b""] };
        assert_eq!(read, expected);
        assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
        eventually(client.wait_closed()).await;
    }
}

/// At the end of the stream `read_line` gives what there is, which may be nothing.
/// Parity: `readline`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn read_line_at_the_end_is_empty_once<K: Kind>() {
    let client = ended_by::<K>(async |peer| drop(peer)).await;
    assert_eq!(client.read_line().await.unwrap(), b"");
    assert!(matches!(client.read_line().await, Err(ReadError::NotConnected { .. })));
}

/// A terminator that arrives in pieces, cut anywhere, ends the same frames as an uncut one.
/// Failure 12.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_frame_cut_anywhere_is_the_same_frame<K: Kind>() {
    for terminator in [&b"\r\n"[..], b">", b"aab", b"--=--"] {
        let (client, mut peer) = meet::<K>(|client| client.terminator(Terminator::new(terminator).unwrap())).await;
        let frame = [b"one", terminator, b"-aa", terminator].concat();
        for cut in 1..frame.len() {
            peer.write_all(&frame[..cut]).await.unwrap();
            let reading = async { (client.read_str().await.unwrap(), client.read_str().await.unwrap()) };
            tokio::pin!(reading);
            // The reader has seen the first part, and waits or not, before the second is sent.
            assert!(futures_pending(&mut reading).await);
            peer.write_all(&frame[cut..]).await.unwrap();
            assert_eq!(eventually(reading).await, ("one".to_owned(), "-aa".to_owned()), "cut at {cut}");
        }
    }
}

/// Polls once, with what has arrived. Whether it waits for more.
pub(crate) async fn futures_pending(future: &mut (impl Future + Unpin)) -> bool {
    let once = std::future::poll_fn(|context| {
        std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending())
    });
    tokio::task::yield_now().await;
    once.await
}

/// A read that waits takes the limit of the moment.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_waiting_read_follows_a_changed_limit<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.limit(4)).await;
    let reading = client.read_str();
    tokio::pin!(reading);
    assert!(futures_pending(&mut reading).await);
    client.set_limit(100);
    peer.write_all(b"longer than four\r\n").await.unwrap();
    assert_eq!(eventually(reading).await.unwrap(), "longer than four");
}

/// A byte-order mark is no part of UTF-8 text to Python's codec, which keeps it as a character; NUL is one too.
/// Failure 17.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_byte_order_mark_and_nul_are_characters<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    peer.write_all("\u{feff}a\0b\r\n\r\n".as_bytes()).await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "\u{feff}a\0b");
    assert_eq!(client.read_str().await.unwrap(), "");
}

/// Latin-1 maps all 256 bytes one to one.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn latin_1_maps_every_byte<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.encoding(Encoding::Latin1).terminator(b"\0end")).await;
    let all: Vec<u8> = (0..=255).collect();
    peer.write_all(&[&all[..], b"\0end"].concat()).await.unwrap();
    let text = client.read_str().await.unwrap();
    assert_eq!(text.chars().map(u32::from).collect::<Vec<_>>(), (0..=255).collect::<Vec<_>>());
}

/// A separator without a byte is refused, with nothing read.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn an_empty_separator_is_refused<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    peer.write_all(b"abc>").await.unwrap();
    let error = client.read_until(b"").await.unwrap_err();
    assert!(matches!(error, ReadError::EmptySeparator));
    assert_reads_well(&error);
    assert_eq!(error.to_string(), "the separator is empty");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
    assert_eq!(client.read_until(b">").await.unwrap(), b"abc>");
}

/// A read that was dropped, whatever it was, has kept its bytes for the next one, which may be of another kind.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_cancelled_read_keeps_its_bytes<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    peer.write_all(b"abc").await.unwrap();
    assert!(futures_pending(&mut Box::pin(client.read_str())).await);
    assert!(timeout(Duration::from_millis(5), client.read_line()).await.is_err());
    assert!(timeout(Duration::from_millis(5), client.read_until(b">")).await.is_err());
    assert!(timeout(Duration::from_millis(5), client.read_exact(8)).await.is_err());
    assert!(timeout(Duration::from_millis(5), client.read_to_end()).await.is_err());
    assert!(timeout(Duration::from_millis(5), client.read_struct::<Position>()).await.is_err());
    peer.write_all(b"def\r\n>").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "abcdef");
    assert_eq!(client.read(100).await.unwrap(), b">");
    assert!(timeout(Duration::from_millis(5), client.read(1)).await.is_err());
    peer.write_all(b"late").await.unwrap();
    assert_eq!(client.read_exact(4).await.unwrap(), b"late");
}

/// Fault 19 of the model: readers at the same time are no error; each frame goes to exactly one of them.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn concurrent_readers_share_the_frames_between_them<K: Kind>() {
    const FRAMES: usize = 400;
    let (client, mut peer) = pair::<K>().await;
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let connection = client.connection();
            tokio::spawn(async move {
                let mut got: Vec<usize> = Vec::new();
                while let Ok(text) = connection.read_str().await {
                    got.push(text.parse().unwrap());
                }
                got
            })
        })
        .collect();
    for number in 0..FRAMES {
        peer.write_all(format!("{number}\r\n").as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
    }
    drop(peer);
    let mut all = Vec::new();
    for reader in readers {
        let got = eventually(reader).await.unwrap();
        assert!(got.is_sorted(), "each reader's frames come in order");
        all.extend(got);
    }
    all.sort_unstable();
    assert_eq!(all, (0..FRAMES).collect::<Vec<_>>());
}

/// Terminator and encoding may change at any time; the next message follows them. A failed change changes nothing.
/// Parity: `encoding`, `terminator`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn terminator_and_encoding_may_change_between_messages<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    peer.write_all(b"one\r\ntwo\nthree\xe9;").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "one");
    client.set_terminator(b"\n").unwrap();
    assert_eq!(client.terminator(), b"\n");
    assert_eq!(client.read_str().await.unwrap(), "two");
    client.set_terminator(b";").unwrap();
    client.set_encoding("latin-1".parse().unwrap()).unwrap();
    assert_eq!(client.encoding(), Encoding::Latin1);
    assert_eq!(client.read_str().await.unwrap(), "threeé");
}

/// Every read fails at once without a session: one that never was, and one that is closed here.
/// Parity: `ConnectionError`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn every_read_without_a_session_is_not_connected<K: Kind>() {
    let (closed, mut peer) = pair::<K>().await;
    peer.write_all(b"unread\r\n").await.unwrap();
    eventually(closed.close()).await;
    for client in [Client::closed(), closed] {
        let errors = [
            client.read(1).await.unwrap_err(),
            client.read(0).await.unwrap_err(),
            client.read_to_end().await.unwrap_err(),
            client.read_exact(1).await.unwrap_err(),
            client.read_line().await.unwrap_err(),
            client.read_until(b">").await.unwrap_err(),
            client.read_str().await.unwrap_err(),
            client.read_str_into(&mut String::new()).await.unwrap_err(),
            client.read_json::<Status>().await.unwrap_err(),
            client.read_struct::<Position>().await.unwrap_err(),
            client.read_into(&mut Door { is_open: false }).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, ReadError::NotConnected { .. }), "{error:?}");
            assert_reads_well(&error);
            let text = error.to_string();
            let connection = client.connection();
            match connection.name() {
                "" => assert_eq!(text, "not connected"),
                name => assert_eq!(text, format!("{name} is not connected any more: closed at this end")),
            }
            assert_eq!(io::Error::from(error).kind(), io::ErrorKind::NotConnected);
        }
    }
}

/// A read that waits when this end closes is told so.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_waiting_read_is_told_of_a_close_at_this_end<K: Kind>() {
    let (client, _peer) = pair::<K>().await;
    let (read, ()) = eventually(async { tokio::join!(client.read_str(), client.close()) }).await;
    let error = read.unwrap_err();
    assert!(matches!(error, ReadError::Disconnected { reason: DisconnectReason::Closed }));
    assert_reads_well(&error);
    assert_eq!(error.to_string(), "disconnected: closed at this end");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::NotConnected);
}

/// The same methods on a `Connection`, which generic code takes in place of a client, also through pointers.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn generic_code_takes_a_client_a_connection_or_a_pointer_to_one<K: Kind>() {
    async fn next(link: impl ClientOrServer) -> String {
        link.read_str().await.unwrap()
    }
    let (client, mut peer) = pair::<K>().await;
    peer.write_all(b"1\r\n2\r\n3\r\n4\r\n").await.unwrap();
    assert_eq!(next(&client).await, "1");
    assert_eq!(next(client.connection()).await, "2");
    assert_eq!(next(Box::new(client.connection())).await, "3");
    assert_eq!(next(std::sync::Arc::new(client)).await, "4");
    assert!(Connection::closed().read_str().await.is_err());
}

/// A peer that sends byte after byte keeps a read waiting, which takes no time from others and loses none of them.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_byte_at_a_time_is_a_frame_in_the_end<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let (text, ()) = tokio::join!(client.read_str(), async {
        for byte in b"slowly\r\n" {
            peer.write_all(&[*byte]).await.unwrap();
            sleep(Duration::from_millis(2)).await;
        }
    });
    assert_eq!(text.unwrap(), "slowly");
}
