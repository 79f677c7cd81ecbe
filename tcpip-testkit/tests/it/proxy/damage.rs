//! What comes otherwise than it was sent.

use macro_rules_attribute::apply;
use tcpip_testkit::faults::{self, Fault};
use tokio::io::AsyncWriteExt;

use super::{End, Place, Rig, over_both, receive, rest, send};

const LINES: &str = "one\r\ntwo\r\nthree\r\n";

/// What comes of lines.
async fn comes_of<P: Place>(fault: impl Fault) -> String {
    String::from_utf8(bytes_of::<P>(fault, LINES.as_bytes()).await).unwrap()
}

async fn bytes_of<P: Place>(fault: impl Fault, sent: &[u8]) -> Vec<u8> {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let _damage = rig.proxy.to_client().add(fault);
    send(&mut server, sent).await;
    server.shutdown().await.unwrap();
    let (bytes, end) = rest(&mut client).await;
    assert_eq!(end, End::Clean);
    bytes
}

/// The n-th message is missing, twice there, or in the wrong order; without conditions all are.
#[apply(over_both)]
async fn messages_are_dropped_doubled_and_swapped<P: Place>() {
    let of = |fault| faults::messages(b"\r\n", fault);
    assert_eq!(comes_of::<P>(of(faults::custom(|event, _, out| out.pass(event)))).await, LINES);
    assert_eq!(
        comes_of::<P>(faults::messages(b"\r\n", faults::drop_bytes()).skip(1).times(1)).await,
        "one\r\nthree\r\n"
    );
    assert_eq!(
        comes_of::<P>(faults::messages(b"\r\n", faults::double()).skip(1).times(1)).await,
        "one\r\ntwo\r\ntwo\r\nthree\r\n"
    );
    assert_eq!(comes_of::<P>(faults::messages(b"\r\n", faults::swap()).times(1)).await, "two\r\none\r\nthree\r\n");
    assert_eq!(comes_of::<P>(faults::drop_bytes()).await, "");
}

/// The n-th frame is missing, twice there, or in the wrong order, where frames say how long they are.
#[apply(over_both)]
async fn frames_are_dropped_doubled_and_swapped<P: Place>() {
    const FRAMES: &[u8] = b"\x02\r\n\0\x01x";
    let length = |bytes: &[u8]| Some(1 + usize::from(bytes[0]));
    let second = faults::frames(length, faults::drop_bytes()).skip(1).times(1);
    assert_eq!(bytes_of::<P>(second, FRAMES).await, b"\x02\r\n\x01x");
    let first = faults::frames(length, faults::double()).times(1);
    assert_eq!(bytes_of::<P>(first, FRAMES).await, b"\x02\r\n\x02\r\n\0\x01x");
    let swapped = faults::frames(length, faults::swap()).skip(1);
    assert_eq!(bytes_of::<P>(swapped, FRAMES).await, b"\x02\r\n\x01x\0");
}

/// A frame whose length is said to be nothing ends the session, as each panic of a fault, and no other.
#[apply(over_both)]
async fn a_frame_of_no_length_ends_the_session<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let _framed = rig.proxy.to_client().add(faults::frames(|bytes| Some(usize::from(bytes[0])), faults::double()));
    let (mut client, mut server) = rig.connect().await;
    send(&mut server, b"\0").await;
    assert_eq!(rest(&mut client).await, (Vec::new(), End::Reset));
    let (mut client, mut server) = rig.connect().await;
    send(&mut server, b"\x01").await;
    assert_eq!(receive(&mut client, 2).await, b"\x01\x01");
}

/// A terminator is another one, half of it, twice there, or missing.
#[apply(over_both)]
async fn terminators_are_damaged<P: Place>() {
    for (terminator, expected) in [
        ("\r", "one\r\ntwo\rthree\r\n"),
        ("\n", "one\r\ntwo\nthree\r\n"),
        ("\r\n\r\n", "one\r\ntwo\r\n\r\nthree\r\n"),
        ("", "one\r\ntwothree\r\n"),
    ] {
        let bad = faults::messages(b"\r\n", faults::terminator(terminator)).skip(1).times(1);
        assert_eq!(comes_of::<P>(bad).await, expected);
    }
    assert_eq!(comes_of::<P>(faults::terminator("!")).await, "one\r\ntwo\r\nthree!");
}

/// So many bits are flipped in each message, wherever the seed says; what is replaced is the same everywhere.
#[apply(over_both)]
async fn bits_are_flipped<P: Place>() {
    let flipped = |sent: &[u8], came: &[u8]| -> u32 {
        assert_eq!(sent.len(), came.len());
        sent.iter().zip(came).map(|(sent, came)| (sent ^ came).count_ones()).sum()
    };
    let sent = [0; 100];
    for (count, expected) in [(0, 0), (1, 1), (7, 7), (10_000, 800)] {
        assert_eq!(flipped(&sent, &bytes_of::<P>(faults::flip_bits(count), &sent).await), expected);
    }
    let [first, again, other] = [
        bytes_of::<P>(faults::flip_bits(3).seed(1), &sent).await,
        bytes_of::<P>(faults::flip_bits(3).seed(1), &sent).await,
        bytes_of::<P>(faults::flip_bits(3).seed(2), &sent).await,
    ];
    assert!(first == again && first != other);
    let lines = b"0123456789\n".repeat(500);
    let noise = || faults::messages(b"\n", faults::flip_bits(1).probability(0.1, 7));
    let count = flipped(&lines, &bytes_of::<P>(noise(), &lines).await);
    assert!((30..70).contains(&count), "{count}");
    assert_eq!(flipped(&lines, &bytes_of::<P>(noise(), &lines).await), count);
    assert_eq!(comes_of::<P>(faults::replace("o", "00")).await, "00ne\r\ntw00\r\nthree\r\n");
}
