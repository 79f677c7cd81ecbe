//! Frames of devices over a connection: damage is an item, and the session lives.

use macro_rules_attribute::apply;
use tcpip_server::{Checksum, Damage, Encoder, Framing, LengthField, ReadError};
use tcpip_testkit::eventually;
use tokio::io::AsyncWriteExt;
use tokio_stream::StreamExt;
use tokio_util::codec::Framed;

use crate::{kinds::Kind, link::start, over_each_kind::over_each_kind};

fn bcc() -> Framing {
    Framing::between(b"\x02", b"\x03").checksum(Checksum::xor().behind_the_end())
}

/// Frames are read one by one and in a stream, wherever they are cut, with damage between them; text comes behind.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn damage_does_not_end_a_session<K: Kind>() {
    let said =
        [&bcc().frame("one").unwrap()[..], b"?\x02bad\x03\x00", &bcc().frame("two").unwrap(), b"text\r\n"].concat();
    for cut in 0..=said.len() {
        let (near, mut far) = K::streams().await;
        let connection = start(near, |options| options);
        let speaking = async {
            far.write_all(&said[..cut]).await.unwrap();
            tokio::task::yield_now().await;
            far.write_all(&said[cut..]).await.unwrap();
        };
        let reading = async {
            let mut codec = bcc().codec();
            let first = eventually(connection.read_frame(&mut codec)).await.unwrap();
            let mut frames = connection.frames(codec);
            let mut next = async || eventually(frames.next()).await.unwrap().unwrap();
            (first, next().await, next().await, next().await)
        };
        let ((first, noise, damaged, second), ()) = tokio::join!(reading, speaking);
        assert_eq!((first.unwrap(), second.unwrap()), ("one".into(), "two".into()), "cut at {cut}");
        assert_eq!(noise, Err(Damage::Noise("?".into())));
        assert!(matches!(damaged, Err(Damage::BadChecksum { .. })), "{damaged:?}");
        assert_eq!(eventually(connection.read_str()).await.unwrap(), "text");
        connection.close().await;
    }
}

/// A frame that the peer does not end is told before the end of the stream is.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_frame_without_an_end_is_told<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let connection = start(near, |options| options);
    far.write_all(b"\x00\x02ab\x00\x05cd").await.unwrap();
    drop(far);
    let mut codec = Framing::length_prefixed(LengthField::of_bytes(2)).codec();
    assert_eq!(eventually(connection.read_frame(&mut codec)).await.unwrap().unwrap(), "ab");
    assert_eq!(
        eventually(connection.read_frame(&mut codec)).await.unwrap(),
        Err(Damage::Unended(b"\x00\x05cd"[..].into()))
    );
    let end = eventually(connection.read_frame(&mut codec)).await.unwrap_err();
    let end = end.get_ref().and_then(|end| end.downcast_ref());
    assert!(matches!(end, Some(ReadError::EndOfStream { .. })), "{end:?}");
    connection.close().await;
}

/// The same codec serves tokio-util's `Framed`, in both directions.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn tokio_utils_framed_takes_a_framing<K: Kind>() {
    use futures_util::SinkExt;
    let (near, far) = K::streams().await;
    let (mut near, mut far) = (Framed::new(near, Framing::slip().codec()), Framed::new(far, Framing::slip().codec()));
    for content in [&b"a\xc0b"[..], b"\xdb", b"plain"] {
        near.send(content).await.unwrap();
        assert_eq!(eventually(far.next()).await.unwrap().unwrap().unwrap(), content);
    }
    let mut text = Framing::ended_by(b"\n").codec();
    text.encode("two\nlines", &mut tcpip_server::BytesMut::new()).unwrap_err();
}
