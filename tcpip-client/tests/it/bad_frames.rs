//! Frames that are none: cut short, too long, or not what the read is for. Each is told once, and consumes itself.

use std::io;

use macro_rules_attribute::apply;
use tcpip_client::{Client, Encoding, ReadError};
use tcpip_testkit::eventually;
use tokio::io::AsyncWriteExt;

use crate::{
    kinds::{Kind, meet, pair, send_and_close},
    over_each_kind::over_each_kind,
    reads::{Door, Position, Status},
    reads_well::assert_reads_well,
};

/// A stream that ends within a frame: the error carries what came, and how much was asked for where that is known.
/// Parity: `readexactly`, `IncompleteReadError`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn an_incomplete_frame_carries_what_came_of_it<K: Kind>() {
    type Read =
        for<'a> fn(&'a Client) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, ReadError>> + Send + 'a>>;
    let reads: [(Read, Option<usize>); 7] = [
        (|client| Box::pin(client.read_exact(4)), Some(4)),
        (|client| Box::pin(async { client.read_struct::<Position>().await.map(|_| vec![]) }), Some(10)),
        (
            |client| {
                Box::pin(async {
                    let mut target = Position { axis: 3.into(), degrees: 3.0.into() };
                    let result = client.read_into(&mut target).await;
                    assert_eq!(target, Position { axis: 3.into(), degrees: 3.0.into() });
                    result.map(|()| vec![])
                })
            },
            Some(10),
        ),
        (|client| Box::pin(client.read_until(b">")), None),
        (|client| Box::pin(async { client.read_str().await.map(String::into_bytes) }), None),
        (
            |client| {
                Box::pin(async {
                    let mut target = "kept".to_owned();
                    let result = client.read_str_into(&mut target).await;
                    assert_eq!(target, "kept");
                    result.map(|()| vec![])
                })
            },
            None,
        ),
        (|client| Box::pin(async { client.read_json::<Status>().await.map(|_| vec![]) }), None),
    ];
    for (read, asked_for) in reads {
        for rest in ["", "abc"] {
            let (client, peer) = pair::<K>().await;
            send_and_close(peer, rest.as_bytes()).await;
            match eventually(read(&client)).await {
                Err(error @ ReadError::EndOfStream { .. }) => {
                    assert_eq!(rest, "", "between two frames");
                    assert_reads_well(&error);
                    assert!(error.to_string().ends_with(": the peer hung up before it sent anything"), "{error}");
                    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::UnexpectedEof);
                }
                Err(error @ ReadError::Incomplete { .. }) => {
                    assert_reads_well(&error);
                    let ReadError::Incomplete { partial, expected } = &error else { unreachable!() };
                    assert_eq!((&partial[..], *expected), (rest.as_bytes(), asked_for));
                    assert_eq!(error.to_string(), format!("the stream ended {} bytes into a frame", rest.len()));
                    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::UnexpectedEof);
                }
                other => panic!("{other:?}"),
            }
            assert!(matches!(read(&client).await, Err(ReadError::NotConnected { .. })), "told once");
        }
    }
}

/// Fault 12 of the model: a frame that is too long is told once, whether its end has come or not, and the next read
/// begins behind it.
/// Parity: `LimitOverrunError`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn an_over_long_frame_is_reported_once_and_its_tail_is_never_a_frame<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.limit(10)).await;
    // With its end; without; with its terminator cut.
    for parts in [&[&b"0123456789\r\n"[..]][..], &[b"01234567890123456789", b"tail\r\n"], &[b"0123456789\r", b"\n"]] {
        for part in parts {
            peer.write_all(part).await.unwrap();
            if *part == parts[0] {
                match eventually(client.read_str()).await {
                    Err(error @ ReadError::FrameTooLong { limit: 10 }) => {
                        assert_reads_well(&error);
                        assert_eq!(error.to_string(), "the frame is longer than 10 bytes");
                        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidData);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        peer.write_all(b"12345678\r\n").await.unwrap();
        assert_eq!(eventually(client.read_str()).await.unwrap(), "12345678", "as long as the limit allows");
    }
    assert!(client.is_connected());
}

/// `limit` bounds each of the reads that search, and `read_to_end`; it does not bound what was asked for by length.
/// Parity: `limit`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_limit_bounds_searching_reads_and_read_to_end_alone<K: Kind>() {
    let (client, mut peer) = meet::<K>(|client| client.limit(1000)).await;
    assert_eq!(client.limit(), 1000);
    peer.write_all(b"0123456789").await.unwrap();
    client.set_limit(4);
    assert_eq!(client.read_exact(10).await.unwrap(), b"0123456789");
    peer.write_all(b"0123\n0123>0123\r\n{   }\r\n").await.unwrap();
    assert!(matches!(client.read_line().await, Err(ReadError::FrameTooLong { limit: 4 })));
    assert!(matches!(client.read_until(b">").await, Err(ReadError::FrameTooLong { limit: 4 })));
    assert!(matches!(client.read_str_into(&mut String::new()).await, Err(ReadError::FrameTooLong { limit: 4 })));
    assert!(matches!(client.read_json::<Status>().await, Err(ReadError::FrameTooLong { limit: 4 })));
    peer.write_all(b"012\n").await.unwrap();
    assert_eq!(client.read_line().await.unwrap(), b"012\n");
    send_and_close(peer, b"01234").await;
    assert!(matches!(client.read_to_end().await, Err(ReadError::FrameTooLong { limit: 4 })));
    assert_eq!(client.read_to_end().await.unwrap(), b"");
    assert!(matches!(client.read_to_end().await, Err(ReadError::NotConnected { .. })));
}

/// What is not text in the connection's encoding is an error with the bytes and the place; it takes exactly that frame.
/// Failure 17.
/// Parity: `read_str`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_frame_that_does_not_decode_consumes_exactly_itself<K: Kind>() {
    let invalid: [(Encoding, &[u8], usize); 6] = [
        (Encoding::Utf8, b"\xff", 0),
        (Encoding::Utf8, b"lone surrogate \xed\xa0\x80", 15),
        (Encoding::Utf8, b"cut \xc3", 4),
        (Encoding::Utf8, b"overlong \xc0\x80", 9),
        (Encoding::Utf8Sig, b"\xef\xbb\xbfmarked \xff", 10),
        (Encoding::Ascii, "é".as_bytes(), 0),
    ];
    for (encoding, bytes, at) in invalid {
        let (client, mut peer) = meet::<K>(|client| client.encoding(encoding)).await;
        peer.write_all(&[bytes, b"\r\n", bytes, b"\r\n", bytes, b"\r\nnext\r\n"].concat()).await.unwrap();
        let mut kept = "kept".to_owned();
        let errors = [
            client.read_str().await.unwrap_err(),
            client.read_str_into(&mut kept).await.unwrap_err(),
            client.read_json::<Status>().await.unwrap_err(),
        ];
        assert_eq!(kept, "kept");
        for error in errors {
            assert_reads_well(&error);
            match &error {
                ReadError::Decode { encoding: named, bytes: carried, position } => {
                    assert_eq!((*named, &carried[..], *position), (encoding, bytes, at));
                    let told = format!("the frame is not {encoding} text at byte {at}: ");
                    assert!(error.to_string().starts_with(&told));
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidData);
        }
        assert_eq!(client.read_str().await.unwrap(), "next");
    }
}

/// JSON that is none, or not of the type, is an error with the text; it takes exactly that frame.
/// Parity: `read_json`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn json_that_does_not_fit_carries_the_text_and_consumes_its_frame<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let long = format!("\"{}\"", "x".repeat(100_000));
    for text in ["", "{", "{\"az\": 1.5}", "[1, 2", "{\"az\": \"one\", \"name\": \"dome\"}", &long, &"[".repeat(50_000)]
    {
        peer.write_all(format!("{text}\r\n{{\"az\": 2, \"name\": \"\"}}\r\n").as_bytes()).await.unwrap();
        match client.read_json::<Status>().await {
            Err(error @ ReadError::Json { .. }) => {
                assert_reads_well(&error);
                assert!(std::error::Error::source(&error).is_some());
                assert!(error.to_string().starts_with("the text is not the JSON expected: "));
                let ReadError::Json { text: carried, .. } = &error else { unreachable!() };
                assert_eq!(carried, text, "the data has all of it, the message its beginning");
                assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidData);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(client.read_json::<Status>().await.unwrap(), Status { az: 2.0, name: String::new() });
    }
}

/// A `bool` refuses a 2: the error carries the bytes, which are taken out.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn bytes_that_are_no_value_of_the_struct_are_refused_and_consumed<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    peer.write_all(&[2, 2, 1, 0]).await.unwrap();
    let mut door = Door { is_open: true };
    for error in [client.read_struct::<Door>().await.unwrap_err(), client.read_into(&mut door).await.unwrap_err()] {
        assert_reads_well(&error);
        assert!(matches!(&error, ReadError::InvalidStruct { type_name, bytes }
            if type_name.ends_with("Door") && bytes == &[2]));
        assert!(error.to_string().ends_with("Door: \"\\x02\""), "{error}");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidData);
    }
    assert_eq!(door, Door { is_open: true });
    assert_eq!(client.read_struct::<Door>().await.unwrap(), Door { is_open: true });
    client.read_into(&mut door).await.unwrap();
    assert_eq!(door, Door { is_open: false });
}
