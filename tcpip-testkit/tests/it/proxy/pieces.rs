//! What comes in pieces, or several at once.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_client::NetworkStream;
use tcpip_testkit::faults::{self, Fault};
use tokio::{io::AsyncReadExt, time::Instant};

use super::{Place, Rig, in_time, ms, nothing_comes, over_both, receive, send, took};

/// What each read gives, up to so many bytes.
async fn reads(stream: &mut NetworkStream, count: usize) -> Vec<String> {
    let (mut reads, mut left) = (Vec::new(), count);
    while left > 0 {
        let mut buffer = [0; 64];
        let count = in_time(stream.read(&mut buffer)).await.unwrap();
        reads.push(String::from_utf8(buffer[..count].to_vec()).unwrap());
        left -= count;
    }
    reads
}

/// What comes of one chunk.
async fn comes_of<P: Place>(chunk: &str, fault: impl Fault) -> Vec<String> {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let _sliced = rig.proxy.to_client().add(fault);
    send(&mut server, chunk).await;
    reads(&mut client, chunk.len()).await
}

/// A chunk comes in pieces of a size, at every byte, at given offsets or anywhere; without a fault it comes whole.
#[apply(over_both)]
async fn chunks_come_in_pieces<P: Place>() {
    const CHUNK: &str = "0123456789";
    let whole = faults::custom(|event, _, out| out.pass(event));
    let random = comes_of::<P>(CHUNK, faults::random_slices(3)).await;
    let sizes = |pieces: &[String]| pieces.iter().map(String::len).collect::<Vec<_>>();
    let pieces = [
        comes_of::<P>(CHUNK, whole).await,
        comes_of::<P>(CHUNK, faults::slices(4)).await,
        comes_of::<P>(CHUNK, faults::slices(1)).await,
        comes_of::<P>(CHUNK, faults::slices_at([7, 3, 0, 10, 99])).await,
    ];
    assert!(pieces.iter().chain([&random]).all(|pieces| pieces.concat() == CHUNK));
    // Over sockets, the reader may be slower than the proxy.
    if P::IS_EXACT {
        assert_eq!(
            pieces.each_ref().map(|pieces| sizes(pieces)),
            [vec![10], vec![4, 4, 2], vec![1; 10], vec![3, 4, 3]]
        );
        assert_eq!(comes_of::<P>(CHUNK, faults::random_slices(3)).await, random);
        let others = comes_of::<P>(CHUNK, faults::random_slices(4)).await;
        assert!(random.len() > 1 && others.len() > 1 && random != others);
    }
}

/// Messages are cut from their own beginning on, and what is behind a fault has its pieces one by one.
#[apply(over_both)]
async fn messages_come_in_pieces<P: Place>() {
    const LINES: &str = "abcd\nef\n";
    let lines = comes_of::<P>(LINES, faults::messages(b"\n", faults::slices(3))).await;
    let bytes = comes_of::<P>(LINES, faults::slices(1).after(5)).await;
    assert_eq!((lines.concat(), bytes.concat()), (LINES.to_owned(), LINES.to_owned()));
    // Over sockets, the reader may be slower than the proxy.
    if P::IS_EXACT {
        assert_eq!(lines, ["abc", "d\n", "ef\n"]);
        assert_eq!(bytes, ["abcd\n", "e", "f", "\n"]);
    }
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let _pieces = rig.proxy.to_client().add(faults::messages(b"\n", faults::slices(3)));
    let _doubled = rig.proxy.to_client().add(faults::double().times(1));
    send(&mut server, LINES).await;
    assert_eq!(receive(&mut client, 11).await, b"abcabcd\nef\n");
}

/// There is time between pieces, also between those of two chunks.
#[apply(over_both)]
async fn pieces_keep_their_distance<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let sliced = rig.proxy.to_client().add(faults::slices(2).pause(ms(10)));
    let since = Instant::now();
    send(&mut server, b"abcd").await;
    let pieces = reads(&mut client, 4).await;
    took::<P>(since, 10);
    send(&mut server, b"ef").await;
    assert_eq!(receive(&mut client, 2).await, b"ef");
    took::<P>(since, 20);
    drop(sliced);
    send(&mut server, b"ghij").await;
    let whole = reads(&mut client, 4).await;
    assert_eq!((pieces.concat(), whole.concat()), ("abcd".to_owned(), "ghij".to_owned()));
    if P::IS_EXACT {
        assert_eq!((pieces.len(), whole.len()), (2, 1));
    }
}

/// A pause without an end holds what is behind the first piece until the fault is removed.
#[apply(over_both)]
async fn an_endless_pause_ends_with_the_fault<P: Place>() {
    for pause in [Duration::MAX, Duration::MAX / 2] {
        let mut rig = Rig::new::<P>().await;
        let (mut client, mut server) = rig.connect().await;
        let sliced = rig.proxy.to_client().add(faults::slices(2).pause(pause));
        send(&mut server, b"abcdef").await;
        assert_eq!(receive(&mut client, 2).await, b"ab");
        nothing_comes(&mut client, ms(5)).await;
        drop(sliced);
        assert_eq!(receive(&mut client, 4).await, b"cdef");
    }
}

/// Several messages come at once, when the last of them does; those that are left over when the fault is removed.
#[apply(over_both)]
async fn messages_come_together<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let together = rig.proxy.to_client().add(faults::messages(b"\n", faults::coalesce(3)));
    for line in ["a\n", "b\n"] {
        send(&mut server, line).await;
        super::nothing_comes(&mut client, ms(10)).await;
    }
    send(&mut server, "c\nd\n").await;
    assert_eq!(reads(&mut client, 6).await, ["a\nb\nc\n"]);
    super::nothing_comes(&mut client, ms(10)).await;
    drop(together);
    assert_eq!(receive(&mut client, 2).await, b"d\n");
}
