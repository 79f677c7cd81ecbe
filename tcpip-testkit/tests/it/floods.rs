//! Reads for floods: lent to a closure, and as streams.

use std::{cell::Cell, io, panic::AssertUnwindSafe, time::Duration};

use macro_rules_attribute::apply;
use tcpip_client::{BytesMut, Client, Connection, Decoder, DisconnectReason, ReadError};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    task::yield_now,
    time::timeout,
};
use tokio_stream::{Stream, StreamExt};
use tokio_test::{assert_pending, assert_ready, task::spawn};
use tokio_util::codec::{LengthDelimitedCodec, LinesCodec};

use crate::{
    kinds::{Kind, Memory},
    over_each_kind::over_each_kind,
};

/// More than are read from the buffer without a unit of the task's budget.
const LINES: usize = 40_000;

async fn pair<K: Kind>() -> (Client, K::Stream) {
    let (near, far) = K::streams().await;
    (Client::from_stream(near).connect().await.unwrap(), far)
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    eventually(stream.next()).await
}

/// So many lines, cut into pieces as `cut` says.
async fn send_lines(mut peer: impl AsyncWrite + Unpin, count: usize, cut: usize) {
    let lines: Vec<u8> = (0..count).flat_map(|number| format!("line {number} \u{20ac}\r\n").into_bytes()).collect();
    for piece in lines.chunks(cut) {
        peer.write_all(piece).await.unwrap();
    }
}

/// Each message is lent once and in order, whatever pieces it came in.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_lent_message_is_the_next_one<K: Kind>() {
    for cut in [1, 7, 1000] {
        let (client, peer) = pair::<K>().await;
        let connection = client.connection();
        let reading = async {
            for number in 0..100 {
                let length = eventually(connection.read_str_with(|text| {
                    assert_eq!(text, format!("line {number} \u{20ac}"));
                    text.len()
                }));
                assert!(length.await.unwrap() > 0);
            }
        };
        tokio::join!(reading, send_lines(peer, 100, cut));
    }
}

/// All messages that are there are lent in one call, which waits for the first; an error comes behind those before it,
/// and those behind it are there for the next call.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn all_messages_that_are_there_are_lent<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let connection = client.connection();
    peer.write_all(b"one\r\ntwo\r\n\xff\r\nthree\r\nfo").await.unwrap();
    let mut texts = Vec::new();
    let error = eventually(connection.read_each_str(|text| texts.push(text.to_owned()))).await.unwrap_err();
    assert!(matches!(error, ReadError::Decode { .. }), "{error:?}");
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(eventually(connection.read_each_str(|text| texts.push(text.to_owned()))).await.unwrap(), 1);
    let waiting = connection.read_each_str(|text| texts.push(text.to_owned()));
    let (count, ()) = tokio::join!(eventually(waiting), async { peer.write_all(b"ur\r\n").await.unwrap() });
    assert_eq!((count.unwrap(), texts), (1, ["one", "two", "three", "four"].map(str::to_owned).to_vec()));
}

/// Bytes through a separator are lent with it; an empty separator is an error.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn bytes_are_lent_through_a_separator<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let connection = client.connection();
    peer.write_all(b"1;22;rest").await.unwrap();
    assert_eq!(eventually(connection.read_until_with(b";", <[u8]>::to_vec)).await.unwrap(), b"1;");
    assert_eq!(eventually(connection.read_until_with(b";", <[u8]>::len)).await.unwrap(), 3);
    assert!(matches!(connection.read_until_with(b"", <[u8]>::len).await, Err(ReadError::EmptySeparator)));
    assert_eq!(eventually(connection.read_exact(4)).await.unwrap(), b"rest");
}

/// A closure that panics leaves its message unread, and the connection usable, also from within the closure.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_closure_that_panics_leaves_its_message<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let connection = client.connection();
    peer.write_all(b"one\r\ntwo\r\n").await.unwrap();
    for _ in 0..2 {
        let reading = connection.clone();
        let panics = async move { reading.read_str_with(|text| panic!("{text}")).await };
        let outcome = tokio::spawn(AssertUnwindSafe(panics).0).await;
        assert!(outcome.unwrap_err().is_panic());
    }
    let is_connected =
        eventually(connection.read_str_with(|_| connection.is_connected() && connection.stats().reads < 3));
    assert!(is_connected.await.unwrap());
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "two");
    peer.write_all(b"three\r\nfour\r\nfive\r\n").await.unwrap();
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "three");
    for _ in 0..2 {
        let reading = connection.clone();
        let panics = async move { reading.read_each_str(|text| assert_ne!(text, "five")).await };
        assert!(tokio::spawn(panics).await.unwrap_err().is_panic());
    }
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "five", "those before it have been lent");
}

/// While a message that was there is lent, another read waits for the buffer, and goes on with the next message when
/// the closure has returned; one that is dropped meanwhile is in nobody's way. So it is beside a decoder.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_read_waits_while_the_buffer_is_lent<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let connection = client.connection();
    peer.write_all(b"zero\r\none\r\ntwo\r\nthree\r\nfour\r\nfive\r\n").await.unwrap();
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "zero");
    assert_eq!(connection.stats().bytes_unread, 29, "all is in the buffer");
    let mut others = [(); 3].map(|()| spawn(client.read_str()));
    let lent = connection.read_str_with(|text| {
        for other in &mut others {
            assert_pending!(other.poll(), "the buffer is lent");
        }
        text.to_owned()
    });
    assert_eq!(eventually(lent).await.unwrap(), "one");
    let [mut second, dropped, mut third] = others;
    assert!(second.is_woken(), "the buffer is back");
    drop(dropped);
    assert_eq!(assert_ready!(second.poll()).unwrap(), "two");
    drop(second);
    assert!(third.is_woken(), "it is its turn");
    assert_eq!(assert_ready!(third.poll()).unwrap(), "three");
    drop(third);
    assert_eq!(eventually(connection.read_frame(&mut Asks(&connection))).await.unwrap(), "four");
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "five");
}

/// A decoder of lines, which finds the buffer lent when it asks for another read.
struct Asks<'a>(&'a Connection);

impl Decoder for Asks<'_> {
    type Item = String;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<String>> {
        assert_pending!(spawn(self.0.read_str()).poll(), "the buffer is lent");
        LinesCodec::new().decode(bytes).map_err(io::Error::other)
    }
}

/// A session that is closed while one of its messages is lent has nothing to read afterwards, and the closure's result
/// is the read's all the same.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_close_while_the_buffer_is_lent_drops_it<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let connection = client.connection();
    peer.write_all(b"one\r\ntwo\r\nthree\r\n").await.unwrap();
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "one");
    let lent = connection.read_str_with(|text| {
        assert_pending!(spawn(connection.close()).poll());
        text.to_owned()
    });
    assert_eq!(eventually(lent).await.unwrap(), "two");
    eventually(connection.close()).await;
    assert!(matches!(eventually(connection.read_str()).await, Err(ReadError::NotConnected { .. })));
    assert_eq!(connection.stats().bytes_unread, 0);
}

/// A stream gives every message in order; a bad one is an item; it ends where the peer has hung up.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_stream_gives_every_message_and_ends_with_the_peer<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let mut messages = client.connection().messages();
    let sending = async {
        peer.write_all(b"one\r\n\xff\r\n").await.unwrap();
        yield_now().await;
        peer.write_all(b"two\r\n").await.unwrap();
        drop(peer);
    };
    let reading = async {
        assert_eq!(next(&mut messages).await.unwrap().unwrap(), "one");
        assert!(matches!(next(&mut messages).await, Some(Err(ReadError::Decode { .. }))));
        assert_eq!(next(&mut messages).await.unwrap().unwrap(), "two");
        assert!(next(&mut messages).await.is_none());
        assert!(next(&mut messages).await.is_none(), "and stays at its end");
    };
    tokio::join!(sending, reading);
}

/// A stream that ends within a message says so, and then ends.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_stream_says_that_it_ends_within_a_message<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let mut messages = client.connection().messages();
    peer.write_all(b"hal").await.unwrap();
    drop(peer);
    let partial = next(&mut messages).await;
    assert!(
        matches!(partial, Some(Err(ReadError::Incomplete { ref partial, .. })) if partial == b"hal"),
        "{partial:?}"
    );
    assert!(next(&mut messages).await.is_none());
}

/// A stream that is dropped while it waits loses nothing and keeps nobody waiting; meanwhile it has the turn.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_dropped_stream_loses_nothing<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let connection = client.connection();
    let mut messages = connection.messages();
    assert!(timeout(Duration::from_millis(1), messages.next()).await.is_err());
    peer.write_all(b"one\r\ntwo\r\n").await.unwrap();
    let other = connection.read_str();
    tokio::pin!(other);
    assert!(timeout(Duration::from_millis(1), &mut other).await.is_err(), "it is not its turn");
    drop(messages);
    assert_eq!(eventually(other).await.unwrap(), "one");
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "two");
}

/// Values, structures and a codec's frames come as streams, too.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn values_structures_and_frames_are_streams<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let connection = client.connection();
    peer.write_all(b"[1]\r\nnone\r\n[2]\r\nabcd\0\0\0\x02hi\0\0\0\x01!last\nline").await.unwrap();
    {
        let mut values = connection.json_messages::<[u8; 1]>();
        assert_eq!(next(&mut values).await.unwrap().unwrap(), [1]);
        assert!(matches!(next(&mut values).await, Some(Err(ReadError::Json { text, .. })) if text == "none"));
        assert_eq!(next(&mut values).await.unwrap().unwrap(), [2]);
    }
    {
        let mut structs = connection.structs::<[u8; 2]>();
        assert_eq!(next(&mut structs).await.unwrap().unwrap(), *b"ab");
        assert_eq!(next(&mut structs).await.unwrap().unwrap(), *b"cd");
    }
    {
        let mut frames = connection.frames(LengthDelimitedCodec::new());
        assert_eq!(next(&mut frames).await.unwrap().unwrap(), b"hi"[..]);
        assert_eq!(next(&mut frames).await.unwrap().unwrap(), b"!"[..]);
    }
    drop(peer);
    let mut lines = connection.frames(LinesCodec::new());
    assert_eq!(next(&mut lines).await.unwrap().unwrap(), "last");
    assert_eq!(next(&mut lines).await.unwrap().unwrap(), "line");
}

/// A read deadline holds for each item, and the stream goes on behind it.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_item_that_is_late_is_an_error_and_the_stream_goes_on() {
    let (near, mut far) = Memory::streams().await;
    let after = Duration::from_secs(10);
    let client = Client::from_stream(near).read_timeout(after).connect().await.unwrap();
    let mut messages = client.connection().messages();
    let error = messages.next().await.unwrap().unwrap_err();
    assert!(matches!(error, ReadError::Timeout { operation: "messages", after: ten } if ten == after), "{error:?}");
    far.write_all(b"late\r\n").await.unwrap();
    assert_eq!(messages.next().await.unwrap().unwrap(), "late");
}

/// While a stream waits for an item, the session is not idle before the item is late; then it is.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_session_is_not_idle_before_an_item_is_late() {
    let (near, _far) = Memory::streams().await;
    let (idle, late) = (Duration::from_secs(1), Duration::from_secs(10));
    let client = Client::from_stream(near).idle_timeout(idle).read_timeout(late).connect().await.unwrap();
    let mut messages = client.connection().messages();
    assert!(matches!(messages.next().await, Some(Err(ReadError::Timeout { .. }))));
    client.wait_disconnected().await;
    assert_eq!(client.connection().reason(), Some(DisconnectReason::Idle { after: idle }));
}

/// A flood that is read from the buffer lets others have their turn, by whatever read.
#[test_log::test(tokio::test)]
async fn a_flood_from_the_buffer_yields() {
    let mut text = String::new();
    yields("read_str_into", async |link| link.read_str_into(&mut text).await.unwrap()).await;
    yields("read_str_with", async |link| link.read_str_with(|_| ()).await.unwrap()).await;
    yields("read_line", async |link| drop(link.read_line().await.unwrap())).await;
    yields("read_until", async |link| drop(link.read_until(b"\n").await.unwrap())).await;
    yields("read_until_with", async |link| link.read_until_with(b"\n", |_| ()).await.unwrap()).await;
    yields("read_exact_with", async |link| link.read_exact_with(3, |_| ()).await.unwrap()).await;
    yields("read", async |link| drop(link.read(3).await.unwrap())).await;
}

/// Has `read` read all of a flood, a line at a time.
async fn yields(name: &str, mut read: impl AsyncFnMut(&Connection)) {
    let (near, mut far) = Memory::streams().await;
    let client = Client::from_stream(near).connect().await.unwrap();
    let connection = client.connection();
    eventually(far.write_all(&b"x\r\n".repeat(LINES))).await.unwrap();
    eventually(|| connection.stats().bytes_unread >= 3 * LINES).await;
    let others = Cell::new(0);
    let flood = async {
        for _ in 0..LINES {
            read(&connection).await;
        }
    };
    let turns = async {
        loop {
            others.set(others.get() + 1);
            yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = flood => {}
        () = turns => {}
    }
    assert!(others.get() > 2, "others had {} turns beside {name}", others.get());
}

/// What has been counted is what has gone over the stream.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_session_counts_what_goes_over_it<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let connection = client.connection();
    client.write_str("four").await.unwrap();
    client.write(b"x").await.unwrap();
    peer.write_all(b"one\r\ntwo\r\nth").await.unwrap();
    assert_eq!(eventually(client.read_str()).await.unwrap(), "one");
    assert_eq!(eventually(client.read_str()).await.unwrap(), "two");
    assert_eq!(eventually(client.read_exact(1)).await.unwrap(), b"t");
    let stats = connection.stats();
    assert_eq!((stats.bytes_sent, stats.messages_sent, stats.bytes_queued), (7, 2, 0));
    assert_eq!((stats.bytes_received, stats.reads, stats.bytes_unread), (12, 3, 1));
    assert!(stats.began <= tokio::time::Instant::now());
    assert_eq!(stats.bytes_given_up, 0);
}
