//! What passes, and how, where nothing is to go wrong.

use macro_rules_attribute::apply;
use tcpip_client::Abort;
use tcpip_testkit::faults::{self, Event, Fault};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{End, Place, Rig, Tcp, in_time, ms, nothing_comes, over_both, receive, rest, send};

/// Bytes pass in both directions, the end of the stream ends one direction alone, and when both have ended, both peers
/// have a clean end.
#[apply(over_both)]
async fn bytes_and_ends_pass<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    send(&mut client, b"status").await;
    assert_eq!(receive(&mut server, 6).await, b"status");
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut server).await, (Vec::new(), End::Clean));
    for reply in [&b"one"[..], b"two"] {
        send(&mut server, reply).await;
        assert_eq!(receive(&mut client, 3).await, reply);
    }
    drop(server);
    assert_eq!(rest(&mut client).await, (Vec::new(), End::Clean));
    rig.proxy.close().await;
    rig.dial().await.unwrap_err();
}

/// A reset is one on the other side, from whichever side it comes; also while nobody reads, and behind an end.
#[apply(over_both)]
async fn a_reset_passes_as_one<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    for is_stalled in [false, true] {
        for is_ended in [false, true] {
            let stalled = is_stalled.then(|| rig.proxy.add(faults::stall()));
            let (mut client, mut server) = rig.connect().await;
            if is_ended {
                client.shutdown().await.unwrap();
                if !is_stalled {
                    assert_eq!(rest(&mut server).await, (Vec::new(), End::Clean));
                }
            }
            client.transport().unwrap().abort(Abort::Now);
            if is_ended {
                // Reading has ended, and so a write finds it.
                in_time(async {
                    while server.write_all(b"x").await.is_ok() {
                        tokio::task::yield_now().await;
                    }
                })
                .await;
            } else {
                assert_eq!(rest(&mut server).await, (Vec::new(), End::Reset));
            }
            drop(stalled);
            let (mut client, server) = rig.connect().await;
            server.transport().unwrap().abort(Abort::Now);
            assert_eq!(rest(&mut client).await, (Vec::new(), End::Reset));
        }
    }
}

/// One direction that nobody reads does not hold up the other, and holds no more than its window.
#[apply(over_both)]
async fn a_blocked_direction_holds_up_no_other<P: Place>() {
    const MEBIBYTE: usize = 1024 * 1024;
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let block = vec![7; MEBIBYTE];
    let mut written = 0;
    // More than all windows and buffers take.
    while let Ok(count) = tokio::time::timeout(ms(50), client.write(&block)).await {
        written += count.unwrap();
        assert!(written < 64 * MEBIBYTE);
    }
    assert!(written >= MEBIBYTE, "{written}");
    if P::IS_EXACT {
        // The window of either stream, and that of the proxy.
        assert_eq!(written, MEBIBYTE + 2 * 64 * 1024);
    }
    send(&mut server, b"go on").await;
    assert_eq!(receive(&mut client, 5).await, b"go on");
    assert!(receive(&mut server, written).await.iter().all(|byte| *byte == 7));
    send(&mut client, b"end").await;
    assert_eq!(receive(&mut server, 3).await, b"end");
}

/// A smaller window holds the sender up sooner, also while the bytes are late.
#[apply(over_both)]
async fn a_window_can_be_set<P: Place>() {
    const WINDOW: usize = 1000;
    let mut rig = Rig::with::<P>(|builder| builder.window(WINDOW)).await;
    let (mut client, mut server) = rig.connect().await;
    let late = rig.proxy.add(faults::latency(ms(30)));
    let since = tokio::time::Instant::now();
    send(&mut client, vec![7; 3 * WINDOW]).await;
    assert_eq!(receive(&mut server, 3 * WINDOW).await, vec![7; 3 * WINDOW]);
    // Three windows, one behind the other.
    super::took::<P>(since, 90);
    drop(late);
}

/// A fault that passes on all changes nothing, and one that is removed at any time loses nothing, in either direction.
#[apply(over_both)]
async fn faults_come_and_go_and_nothing_is_lost<P: Place>() {
    const COUNT: usize = 200;
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let mut guards = Vec::new();
    let (mut sent, mut received) = (Vec::new(), Vec::new());
    for index in 0..COUNT {
        let line = format!("{index}\n");
        sent.extend_from_slice(line.as_bytes());
        send(&mut server, line).await;
        match index % 7 {
            0 => guards.push(rig.proxy.to_client().add(faults::latency(ms(1)))),
            1 => guards.push(rig.proxy.add(faults::slices(2))),
            2 => guards.push(rig.proxy.add(faults::custom(|event: Event<'_>, _, out| out.pass(event)))),
            3 => guards.push(rig.proxy.add(faults::messages(b"\n", faults::coalesce(3)))),
            4 => guards.push(rig.proxy.add(faults::stall())),
            _ => drop(guards.remove(index % guards.len())),
        }
        let mut buffer = [0; 64];
        if let Ok(count) = tokio::time::timeout(ms(1), client.read(&mut buffer)).await {
            received.extend_from_slice(&buffer[..count.unwrap()]);
        }
        // As few as there can be.
        guards.truncate(3);
    }
    drop(guards);
    server.shutdown().await.unwrap();
    received.extend(rest(&mut client).await.0);
    assert_eq!(received, sent);
}

/// Without a fault nothing is late.
#[apply(over_both)]
async fn nothing_is_late_without_a_fault<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let since = tokio::time::Instant::now();
    let (mut client, mut server) = rig.connect().await;
    for _ in 0..20 {
        send(&mut client, b"?").await;
        assert_eq!(receive(&mut server, 1).await, b"?");
        send(&mut server, b"!").await;
        assert_eq!(receive(&mut client, 1).await, b"!");
    }
    super::took::<P>(since, 0);
    nothing_comes(&mut client, ms(5)).await;
}

/// What is installed is at work for all that is sent behind that, and what is removed is not, whichever thread the
/// session is on.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn what_is_installed_is_at_work_at_once() {
    let mut rig = Rig::new::<Tcp>().await;
    let (mut client, mut server) = rig.connect().await;
    for _ in 0..200 {
        let installed = rig.proxy.to_server().add(faults::replace("a", "b"));
        send(&mut client, b"a").await;
        assert_eq!(receive(&mut server, 1).await, b"b");
        drop(installed);
        send(&mut client, b"a").await;
        assert_eq!(receive(&mut server, 1).await, b"a");
    }
}

/// Of the next test: how many there are, and what passes each.
const SESSIONS: usize = 8;
const BYTES: usize = 100_000;

/// Many sessions on several threads, whose faults come and go, have each their own bytes, all of them, in order.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn many_sessions_pass_on_several_threads() {
    let mut rig = Rig::new::<Tcp>().await;
    let mut tasks = tokio::task::JoinSet::new();
    for session in 0..SESSIONS {
        let (mut client, mut server) = rig.connect().await;
        let bytes: Vec<_> = (0..BYTES).map(|index| u8::try_from(index * (session + 1) % 251).unwrap()).collect();
        let expected = bytes.clone();
        tasks.spawn(async move {
            for chunk in bytes.chunks(997) {
                send(&mut server, chunk).await;
            }
            server.shutdown().await.unwrap();
            // Until the other end has all.
            assert_eq!(rest(&mut server).await, (Vec::new(), End::Clean));
        });
        tasks.spawn(async move {
            assert_eq!(rest(&mut client).await, (expected, End::Clean));
            client.shutdown().await.unwrap();
        });
    }
    let mut index = 0_u64;
    while !tasks.is_empty() {
        index += 1;
        let _guards = (
            rig.proxy.to_client().add(faults::random_slices(index).of_sessions(0.5, index)),
            rig.proxy.to_client().add(faults::stall().of_sessions(0.3, index)),
            rig.proxy.to_client().add(faults::latency(ms(1)).probability(0.1, index)),
        );
        let ended = tokio::time::timeout(ms(2), tasks.join_next()).await;
        if let Ok(Some(ended)) = ended {
            ended.unwrap();
        }
    }
}
