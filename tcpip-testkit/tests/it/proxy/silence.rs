//! Where nothing comes.

use macro_rules_attribute::apply;
use tcpip_client::Abort;
use tcpip_testkit::faults::{self, Fault};
use tokio::{io::AsyncWriteExt, net::TcpSocket, time::timeout};

use super::{End, Place, Rig, Tcp, ms, nothing_comes, over_both, receive, rest, send};
use crate::kinds::BUFFERED;

/// What is asked of the system for a buffer that hardly takes anything.
const SMALL: u32 = 4096;

/// How much a sender can write before it is held up.
async fn taken<P: Place>(rig: &mut Rig, fault: impl Fault) -> usize {
    let (mut client, mut server) = rig.connect().await;
    let guard = rig.proxy.to_server().add(fault);
    let block = vec![7; 64 * 1024];
    let mut written = 0;
    while written < 32 * 1024 * 1024
        && let Ok(count) = timeout(ms(30), client.write(&block)).await
    {
        written += count.unwrap();
    }
    drop(guard);
    // All of it comes then, and nothing is lost.
    assert_eq!(receive(&mut server, written).await, vec![7; written]);
    written
}

/// Nothing is read while a link is stalled: nothing passes, the sender is held up by its own window, the other
/// direction goes on, and all goes on when the fault is removed.
#[apply(over_both)]
async fn a_stall_reads_nothing_and_holds_nothing<P: Place>() {
    let mut rig = Rig::with::<P>(|builder| builder.buffers(SMALL)).await;
    let stalled = taken::<P>(&mut rig, faults::stall()).await;
    if P::IS_EXACT {
        assert_eq!(stalled, 64 * 1024);
    } else {
        // What the sender's own buffers take; the proxy's hardly take anything.
        assert!(stalled < 4 * 1024 * 1024, "{stalled}");
    }
    let (mut client, mut server) = rig.connect().await;
    let stalled = rig.proxy.to_client().add(faults::stall());
    send(&mut server, b"reply").await;
    send(&mut client, b"?").await;
    assert_eq!(receive(&mut server, 1).await, b"?");
    nothing_comes(&mut client, ms(20)).await;
    drop(stalled);
    assert_eq!(receive(&mut client, 5).await, b"reply");
}

/// A sender with a small buffer of its own is held up soon where the proxy has small ones too.
#[test_log::test(tokio::test)]
async fn small_buffers_hold_a_sender_up_soon() {
    let mut taken = Vec::new();
    for buffers in [Some(SMALL), None] {
        let rig = Rig::with::<Tcp>(|builder| match buffers {
            Some(bytes) => builder.buffers(bytes),
            None => builder,
        });
        let rig = rig.await;
        let _stalled = rig.proxy.to_server().add(faults::stall());
        let sender = TcpSocket::new_v4().unwrap();
        sender.set_send_buffer_size(SMALL).unwrap();
        let mut sender = sender.connect(rig.proxy.local_addr()).await.unwrap();
        let mut written = 0;
        while let Ok(count) = timeout(ms(30), sender.write(&[7; 1024])).await {
            written += count.unwrap();
        }
        taken.push(written);
    }
    assert!(taken[0] < BUFFERED && 2 * taken[0] < taken[1], "{taken:?}");
}

/// Half a reply, and then silence: the bytes are counted exactly, what was read with them waits.
#[apply(over_both)]
async fn a_stall_within_a_reply<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let stalled = rig.proxy.to_client().add(faults::stall().after(3));
    send(&mut server, b"reply").await;
    assert_eq!(receive(&mut client, 3).await, b"rep");
    nothing_comes(&mut client, ms(20)).await;
    drop(stalled);
    assert_eq!(receive(&mut client, 2).await, b"ly");
}

/// A black hole takes everything, and tells nobody anything.
#[apply(over_both)]
async fn a_black_hole_takes_everything<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    for is_reset in [false, true] {
        let (mut client, mut server) = rig.connect().await;
        let hole = rig.proxy.add(faults::black_hole());
        send(&mut client, vec![7; 3 * 1024 * 1024]).await;
        nothing_comes(&mut server, ms(10)).await;
        if is_reset {
            client.transport().unwrap().abort(Abort::Now);
        } else {
            client.shutdown().await.unwrap();
        }
        nothing_comes(&mut server, ms(20)).await;
        send(&mut server, b"lost").await;
        drop(hole);
        let (bytes, end) = rest(&mut server).await;
        assert_eq!((bytes, end), (Vec::new(), if is_reset { End::Reset } else { End::Clean }));
    }
}
