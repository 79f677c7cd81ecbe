//! Writing: every method, every error, whole messages in order, and nothing that the caller did not mean.

use std::{collections::HashMap, future::poll_fn, io, task::Poll, time::Duration};

use macro_rules_attribute::apply;
use serde::Serialize;
use tcpip_client::{Client, Encoding, Terminator, WriteError};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use zerocopy::{
    Immutable, IntoBytes,
    little_endian::{F64, U32},
};

use crate::{
    kinds::{Kind, meet, pair},
    over_each_kind::over_each_kind,
    reads_well::assert_reads_well,
};

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Header {
    id: U32,
}

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Body {
    position: F64,
}

#[derive(Serialize)]
struct Status<'a> {
    az: f64,
    name: &'a str,
}

/// Every write method sends what it names, in the order of the calls.
/// Parity: `write`, `writelines`, `write_str`, `write_json`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn every_write_sends_its_bytes<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let (header, body) = (Header { id: 7.into() }, Body { position: 1.5.into() });
    client.write(b"raw\r\n\0").await.unwrap();
    client.write_lines(&["one", "", "two\n"]).await.unwrap();
    client.write_str("é").await.unwrap();
    client.write_str("").await.unwrap();
    client.write_json(&Status { az: 1.5, name: "dome" }).await.unwrap();
    client.write_from(&header).await.unwrap();
    client.write_from((&header, &body)).await.unwrap();
    client.write_from((&header, &body, &[1u8, 2][..])).await.unwrap();
    client.write_from(&[1u8, 2]).await.unwrap();
    let mut batch = client.batch();
    batch.write_str("OPEN").unwrap().write(b">").write_from((&header, &body)).write_json(&1).unwrap();
    batch.send().await.unwrap();
    // What is empty sends nothing.
    client.write(b"").await.unwrap();
    client.write_lines(&[] as &[&[u8]]).await.unwrap();
    client.write_from(&[0u8; 0]).await.unwrap();
    client.batch().send().await.unwrap();
    eventually(client.close()).await;
    let id = header.as_bytes();
    let both = [id, body.as_bytes()].concat();
    let expected = [
        b"raw\r\n\0onetwo\n\xc3\xa9\r\n\r\n{\"az\": 1.5, \"name\": \"dome\"}\r\n",
        id,
        &both,
        &both,
        &[1, 2],
        &[1, 2],
        b"OPEN\r\n>",
        &both,
        b"1\r\n",
    ]
    .concat();
    peer.expect(expected).await;
    peer.expect_end().await;
}

/// Several structures of different types are one unit, which no other message can cut.
/// Parity: `write_from`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn structs_of_one_call_go_out_back_to_back<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let writers: Vec<_> = (0u8..4)
        .map(|id| {
            let connection = client.connection();
            tokio::spawn(async move {
                for _ in 0..100 {
                    let parts = [[id; 2]; 8];
                    let [p1, p2, p3, p4, p5, p6, p7, p8] = &parts;
                    connection.write_from((p1, p2, p3, p4, p5, p6, p7, p8)).await.unwrap();
                }
            })
        })
        .collect();
    let received = peer.receive(4 * 100 * 16).await;
    assert!(received.chunks(16).all(|unit| unit.iter().all(|byte| *byte == unit[0])));
    for writer in writers {
        eventually(writer).await.unwrap();
    }
}

/// Fault 13 of the model, failures 13 and 14: a text that holds its own terminator, or would complete one early, is
/// refused, and nothing of it is sent.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn one_text_never_becomes_two_messages<K: Kind>() {
    let refused: [(&[u8], &str, usize); 6] = [
        (b"\r\n", "MOVE 1\r\nESTOP_DISABLE", 6),
        (b"\r\n", "MOVE 1\r\n", 6),
        (b"aa", "xa", 1),
        (b"aa", "a", 0),
        (b"--=--", "x--=", 1),
        ("é".as_bytes(), "caf\u{e9}", 3),
    ];
    for (terminator, text, at) in refused {
        let (client, mut peer) = meet::<K>(|client| client.terminator(Terminator::new(terminator).unwrap())).await;
        let mut batch = client.batch();
        assert!(matches!(batch.write_str(text), Err(WriteError::ContainsTerminator { .. })));
        batch.send().await.unwrap();
        let error = client.write_str(text).await.unwrap_err();
        assert_reads_well(&error);
        assert!(
            matches!(&error, WriteError::ContainsTerminator { terminator: named, position }
            if named == terminator && *position == at),
            "{error:?}"
        );
        assert_eq!(
            error.to_string(),
            format!("the text contains its own terminator \"{}\" at byte {at}", terminator.escape_ascii())
        );
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
        assert!(client.is_connected());
        client.write(text.as_bytes()).await.expect("`write` sends what it is given");
        eventually(client.close()).await;
        peer.expect(text.as_bytes()).await;
        peer.expect_end().await;
    }
    let (client, mut peer) = meet::<K>(|client| client.terminator(b',')).await;
    assert!(matches!(client.write_json(&[1, 2]).await, Err(WriteError::ContainsTerminator { position: 2, .. })));
    eventually(client.close()).await;
    peer.expect_end().await;
}

/// A text that only resembles its terminator is sent.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_text_that_does_not_end_early_is_sent<K: Kind>() {
    for (terminator, text) in [("\r\n", "a\rb\nc\n"), ("\r\n", "a\r"), ("aab", "aa"), ("--=--", "--")] {
        let (client, mut peer) = meet::<K>(|client| client.terminator(Terminator::new(terminator).unwrap())).await;
        let whole = format!("{text}{terminator}");
        let seen = whole.find(terminator).unwrap();
        let result = client.write_str(text).await;
        assert_eq!(result.is_ok(), seen == text.len(), "{text:?} {terminator:?}");
        eventually(client.close()).await;
        peer.expect(if result.is_ok() { whole.as_bytes() } else { b"" }).await;
        peer.expect_end().await;
    }
}

/// A character that the encoding lacks is refused, and nothing of the text is sent. As JSON it passes through, escaped.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_character_that_the_encoding_lacks_is_refused<K: Kind>() {
    for (encoding, text, lacks, at) in [(Encoding::Ascii, "aé€", 'é', 1), (Encoding::Latin1, "aé€", '€', 3)] {
        let (client, mut peer) = meet::<K>(|client| client.encoding(encoding)).await;
        let mut batch = client.batch();
        assert!(batch.write_str(text).is_err() && batch.write_json(text).is_ok());
        batch.send().await.unwrap();
        let error = client.write_str(text).await.unwrap_err();
        assert_reads_well(&error);
        assert!(matches!(error, WriteError::Encode { encoding: named, character, position }
            if named == encoding && character == lacks && position == at));
        assert_eq!(error.to_string(), format!("{lacks:?} at byte {at} does not exist in {encoding}"));
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
        assert!(client.is_connected());
        client.set_encoding(Encoding::Utf8).unwrap();
        client.write_str(text).await.unwrap();
        eventually(client.close()).await;
        let expected = format!("\"a\\u00e9\\u20ac\"\r\n{text}\r\n");
        peer.expect(expected.as_bytes()).await;
        peer.expect_end().await;
    }
}

/// A value without a JSON form is refused, with the cause as the source, and nothing is sent.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_value_without_json_form_is_refused<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let value = HashMap::from([(vec![1], 2)]);
    let error = client.write_json(&value).await.unwrap_err();
    assert_reads_well(&error);
    assert!(matches!(error, WriteError::Json(_)) && std::error::Error::source(&error).is_some());
    assert_eq!(error.to_string(), "the value cannot be written as JSON");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
    assert!(matches!(client.batch().write_json(&value), Err(WriteError::Json(_))));
    eventually(client.close()).await;
    peer.expect_end().await;
}

/// Terminator and encoding hold from the next message on.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_changed_format_holds_from_the_next_message<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.terminator(b"!").encoding(Encoding::Latin1)).await;
    client.write_str("é").await.unwrap();
    client.set_terminator(b"?").unwrap();
    client.set_encoding(Encoding::Utf8).unwrap();
    client.write_str("é!").await.unwrap();
    client.write_str("x").await.unwrap();
    eventually(client.close()).await;
    peer.expect(b"\xe9!\xc3\xa9!?x?").await;
    peer.expect_end().await;
}

/// Every write fails at once without a session, empty ones too.
/// Parity: `ConnectionError`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn every_write_without_a_session_is_not_connected<K: Kind>() {
    let (closed, _peer) = pair::<K>().await;
    eventually(closed.close()).await;
    for client in [Client::closed(), closed] {
        let mut batch = client.batch();
        batch.write(b"x");
        let errors = [
            client.write(b"x").await.unwrap_err(),
            client.write(b"").await.unwrap_err(),
            client.write_lines(&["x"]).await.unwrap_err(),
            client.write_str("x").await.unwrap_err(),
            client.write_json(&1).await.unwrap_err(),
            client.write_from(&[1u8]).await.unwrap_err(),
            batch.send().await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, WriteError::NotConnected { .. }), "{error:?}");
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

/// Failure 20: a write that is dropped after it was queued goes out whole and in order; no other call is needed.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_cancelled_write_is_never_torn<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.write_limit(K::TOO_MUCH * 2)).await;
    let first = vec![b'1'; K::TOO_MUCH];
    assert!(polled_once(client.write(&first)).await.is_none(), "the peer does not read");
    assert!(polled_once(client.write_str("second")).await.is_none());
    assert!(polled_once(client.write(b"third")).await.is_none());
    assert!(peer.receive(K::TOO_MUCH).await.iter().all(|byte| *byte == b'1'));
    peer.expect(b"second\r\nthird").await;
    client.write(b"fourth").await.unwrap();
    peer.expect(b"fourth").await;
}

async fn polled_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A write that waits for room has queued nothing: dropped, it never happened. A larger message than the limit is
/// queued when the queue is empty.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_write_that_waits_for_room_has_queued_nothing<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.write_limit(100)).await;
    let first = vec![b'1'; K::TOO_MUCH];
    assert!(polled_once(client.write(&first)).await.is_none());
    for _ in 0..100 {
        assert!(polled_once(client.write(b"never")).await.is_none());
    }
    assert_eq!(peer.receive(K::TOO_MUCH).await.len(), K::TOO_MUCH);
    eventually(client.write(b"there is room again")).await.unwrap();
    eventually(client.close()).await;
    peer.expect(b"there is room again").await;
    peer.expect_end().await;
}

/// Writers wait their turn for room, and each message goes out once, when the peer reads again.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn writers_that_wait_for_room_go_on_in_turn<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.write_limit(10)).await;
    let first = vec![b'-'; K::TOO_MUCH];
    assert!(polled_once(client.write(&first)).await.is_none());
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let connection = client.connection();
            tokio::spawn(async move { connection.write(format!("{number:04}").as_bytes()).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(peer.receive(K::TOO_MUCH).await.len(), K::TOO_MUCH);
    for writer in writers {
        eventually(writer).await.unwrap().unwrap();
    }
    peer.expect(b"00000001000200030004000500060007").await;
}

/// Failure 18, in small: messages of many writers, some of them cancelled, arrive whole and in each writer's order.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn concurrent_messages_arrive_whole_and_in_order<K: Kind>() {
    const WRITERS: usize = 64;
    const MESSAGES: usize = 50;
    let (client, peer) = meet::<K>(|client| client.write_limit(2000)).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let connection = client.connection();
            tokio::spawn(async move {
                for number in 0..MESSAGES {
                    let text = format!("{writer} {number} {}", "x".repeat(number * 7 % 300));
                    if (writer + number) % 5 == 0 {
                        let _ = polled_once(connection.write_str(&text)).await;
                    } else {
                        connection.write_str(&text).await.unwrap();
                    }
                }
            })
        })
        .collect();
    let reading = tokio::spawn(read_slowly(peer));
    for writer in writers {
        eventually(writer).await.unwrap();
    }
    eventually(client.close()).await;
    let received = eventually(reading).await.unwrap();
    let mut next = vec![0; WRITERS];
    let mut count = 0;
    for line in received.strip_suffix("\r\n").unwrap().split("\r\n") {
        let mut parts = line.split(' ');
        let writer: usize = parts.next().unwrap().parse().unwrap();
        let number: usize = parts.next().unwrap().parse().unwrap();
        assert_eq!(parts.next().unwrap(), "x".repeat(number * 7 % 300));
        assert!(number >= next[writer] && parts.next().is_none());
        for skipped in next[writer]..number {
            assert_eq!((writer + skipped) % 5, 0, "only cancelled messages may be missing");
        }
        next[writer] = number + 1;
        count += 1;
    }
    assert!(count >= WRITERS * MESSAGES * 4 / 5);
}

async fn read_slowly(mut peer: impl AsyncRead + Unpin) -> String {
    let mut received = Vec::new();
    let mut buffer = [0; 777];
    loop {
        match peer.read(&mut buffer).await.unwrap() {
            0 => return String::from_utf8(received).unwrap(),
            count => received.extend_from_slice(&buffer[..count]),
        }
        tokio::task::yield_now().await;
    }
}

/// One task writes while another reads, on one connection, without a lock.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn reading_and_writing_go_on_at_once<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let reader = client.connection();
    let reading = tokio::spawn(async move { reader.read_str().await });
    client.write_str("ping").await.unwrap();
    K::arrival(&mut peer).await;
    peer.expect(b"ping\r\n").await;
    tokio::io::AsyncWriteExt::write_all(&mut peer, b"pong\r\n").await.unwrap();
    assert_eq!(eventually(reading).await.unwrap().unwrap(), "pong");
}

/// A write that times out is named as the caller wrote it, through the trait as well.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_timeout_names_the_method<K: Kind>() {
    let (client, _peer) = meet::<K>(|client| client.write_timeout(Duration::from_millis(20))).await;
    let error = eventually(client.write_json(&"x".repeat(K::TOO_MUCH))).await.unwrap_err();
    assert_eq!(error.to_string(), "write_json made no progress for 20ms");
}

/// Failure 16: a character whose bytes in the encoding look like the terminator would cut the message in two, and is
/// refused; one whose bytes do not is sent.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_character_that_looks_like_the_terminator_is_refused<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.terminator(b"\n")).await;
    for (encoding, text) in
        [(Encoding::Utf16Le, "\u{010a}"), (Encoding::Utf16Be, "\u{0a00}"), (Encoding::Utf32Le, "a\u{010a}")]
    {
        client.set_encoding(encoding).unwrap();
        let refused = client.write_str(text).await;
        assert!(matches!(refused, Err(WriteError::ContainsTerminator { .. })), "{refused:?}");
    }
    client.set_encoding(Encoding::Utf16Le).unwrap();
    client.write_str("\u{0141}").await.unwrap();
    peer.expect(b"\x41\x01\n").await;
}

/// Each encoding carries a text there and back over a connection, whichever it was before.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn each_encoding_carries_text<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let wide = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"];
    for label in ["utf-8", "utf-8-sig", "latin-1", "cp1252"].into_iter().chain(wide) {
        client.set_encoding(label.parse().unwrap()).unwrap();
        client.write_str("déjà vu").await.unwrap();
        let length = label.parse::<Encoding>().unwrap().encode("déjà vu").unwrap().len() + 2;
        let sent = peer.receive(length).await;
        peer.write_all(&sent).await.unwrap();
        assert_eq!(client.read_str().await.unwrap(), "déjà vu", "{label}");
    }
}

/// Messages that are sent may have a terminator of their own, which alone they must not contain; those that are read
/// keep theirs.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn sent_messages_may_end_otherwise<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.terminator(b"\r\n").write_terminator(b"\r")).await;
    client.write_str("READ?\n").await.unwrap();
    client.write_json(&1.5).await.unwrap();
    let mut batch = client.batch();
    batch.write_str("SET 1").unwrap();
    assert!(batch.write_str("SET 1\rSET 2").is_err());
    batch.send().await.unwrap();
    let error = client.write_str("SET 1\rSET 2").await.unwrap_err();
    assert!(matches!(error, WriteError::ContainsTerminator { terminator, position: 5 } if terminator == b"\r"));
    peer.expect(b"READ?\n\r1.5\rSET 1\r").await;
    peer.write_all(b"one\rtwo\r\n").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "one\rtwo");
}
