//! What is late, slow, or comes by itself.

use macro_rules_attribute::apply;
use tcpip_testkit::{
    DEFAULT_MEMORY_WINDOW,
    faults::{self, Bandwidth, Direction, Event, Fault},
};
use tokio::{io::AsyncWriteExt, time::Instant};

use super::{End, Memory, Place, Rig, ms, nothing_comes, over_both, receive, rest, send, took};

/// Each chunk is late, the end too, those under way at the same time; the other direction is not.
#[apply(over_both)]
async fn latency_makes_late<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let _late = rig.proxy.to_client().add(faults::latency(ms(30)));
    let since = Instant::now();
    send(&mut client, b"?").await;
    receive(&mut server, 1).await;
    took::<P>(since, 0);
    for byte in [b"1", b"2", b"3"] {
        send(&mut server, byte).await;
    }
    assert_eq!(receive(&mut client, 3).await, b"123");
    took::<P>(since, 30);
    let since = Instant::now();
    server.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, (Vec::new(), End::Clean));
    took::<P>(since, 30);
}

/// Latencies add up; one that is removed lets what it delays go on to the next, in order.
#[apply(over_both)]
async fn latencies_add_up_until_they_are_removed<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let long = rig.proxy.to_client().add(faults::latency(ms(10_000)));
    let _short = rig.proxy.to_client().add(faults::latency(ms(20)));
    send(&mut server, b"one").await;
    nothing_comes(&mut client, ms(50)).await;
    let since = Instant::now();
    drop(long);
    send(&mut server, b"two").await;
    assert_eq!(receive(&mut client, 6).await, b"onetwo");
    took::<P>(since, 20);
}

/// Jitter is drawn anew for each chunk, and none overtakes another.
#[apply(over_both)]
async fn jitter_is_drawn_for_each_chunk<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let _late = rig.proxy.to_client().add(faults::latency(ms(5)).jitter(ms(10), 7));
    let mut delays = Vec::new();
    for index in 0..8_u8 {
        let since = Instant::now();
        send(&mut server, [index]).await;
        assert_eq!(receive(&mut client, 1).await, [index]);
        took_at_least(since, 5);
        delays.push(since.elapsed().as_millis());
    }
    if P::IS_EXACT {
        assert!(delays.iter().all(|delay| (5..=16).contains(delay)), "{delays:?}");
        delays.sort_unstable();
        delays.dedup();
        assert!(delays.len() > 3, "{delays:?}");
    }
}

#[track_caller]
fn took_at_least(since: Instant, milliseconds: u64) {
    assert!(since.elapsed() >= ms(milliseconds));
}

/// A byte comes when the link has carried it, the last one after as long as all take.
#[apply(over_both)]
async fn bandwidth_makes_slow<P: Place>() {
    let lines: [(Bandwidth, usize, u64); 4] = [
        (faults::bandwidth(1000), 30, 30),
        (faults::bandwidth(10_000_000), 500_000, 50),
        (faults::baud(10_000), 30, 30),
        ("9600 7E2".parse().unwrap(), 24, 28), // 27.5 ms, and the runtime's clock has milliseconds
    ];
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    for (line, count, milliseconds) in lines {
        let slow = rig.proxy.to_server().add(line);
        let since = Instant::now();
        let bytes = vec![b'x'; count];
        let sending = send(&mut client, &bytes);
        let receiving = async {
            assert_eq!(receive(&mut server, count / 2).await, bytes[..count / 2]);
            took_at_least(since, milliseconds / 2 - 1);
            assert_eq!(receive(&mut server, count - count / 2).await, bytes[count / 2..]);
            if P::IS_EXACT {
                took::<P>(since, milliseconds);
            } else {
                took_at_least(since, milliseconds - 1);
            }
        };
        tokio::join!(biased; sending, receiving);
        drop(slow);
    }
}

/// A lost packet comes 200 ms later, one that is lost again 600 ms later, and what is behind it with it; with the seed
/// the same again.
#[apply(over_both)]
async fn loss_is_a_retransmission<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    if !P::IS_EXACT {
        // One loss is enough of waiting.
        let _lossy = rig.proxy.to_client().add(faults::loss(1.0, 1).burst(0.0).times(1));
        let since = Instant::now();
        send(&mut server, b"a").await;
        assert_eq!(receive(&mut client, 1).await, b"a");
        return took::<P>(since, 200);
    }
    let mut delays = async |burst: f64| {
        let _lossy = rig.proxy.to_client().add(faults::loss(0.3, 7).burst(burst));
        let mut delays = Vec::new();
        for _ in 0..200 {
            let since = Instant::now();
            send(&mut server, b"x").await;
            receive(&mut client, 1).await;
            delays.push(since.elapsed().as_millis());
        }
        delays
    };
    let independent = delays(0.3).await;
    let count = |delays: &[u128], delay| delays.iter().filter(|one| **one == delay).count();
    assert!(independent.iter().all(|delay| [0, 200, 600, 1400, 3000, 6200].contains(delay)), "{independent:?}");
    assert!((120..160).contains(&count(&independent, 0)), "{independent:?}");
    assert!((25..60).contains(&count(&independent, 200)), "{independent:?}");
    assert!(count(&independent, 600) > 3, "{independent:?}");
    assert_eq!(delays(0.3).await, independent);
    let never_twice = delays(0.0).await;
    assert!(never_twice.iter().all(|delay| [0, 200].contains(delay)), "{never_twice:?}");
    assert!(never_twice.windows(2).all(|two| two != [200, 200]) || count(&never_twice, 200) > 30);
}

/// The end of the stream alone is late.
#[apply(over_both)]
async fn a_slow_close_is_late<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let _slow = rig.proxy.to_client().add(faults::slow_close(ms(30)));
    let since = Instant::now();
    send(&mut server, b"bye").await;
    server.shutdown().await.unwrap();
    assert_eq!(receive(&mut client, 3).await, b"bye");
    if P::IS_EXACT {
        took::<P>(since, 0);
    }
    assert_eq!(rest(&mut client).await, (Vec::new(), End::Clean));
    took::<P>(since, 30);
}

/// What nobody has asked for comes every so often, beside what somebody has.
#[apply(over_both)]
async fn the_unsolicited_comes_every_so_often<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let since = Instant::now();
    let telemetry = rig.proxy.to_client().add(faults::unsolicited(ms(10), b"T\n"));
    for count in 1..=3 {
        assert_eq!(receive(&mut client, 2).await, b"T\n");
        took::<P>(since, 10 * count);
    }
    drop(telemetry);
    send(&mut server, b"only this").await;
    server.shutdown().await.unwrap();
    let (rest, _) = rest(&mut client).await;
    assert!(rest.ends_with(b"only this"), "{}", rest.escape_ascii());
    if P::IS_EXACT {
        assert_eq!(rest.len(), 9);
    }
}

/// What nobody has asked for is left out while nobody reads, and the window is full: it does not pile up.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_unsolicited_does_not_pile_up() {
    let message = [b'T'; 1024];
    let mut rig = Rig::with::<Memory>(|builder| builder.window(100)).await;
    let (mut client, server) = rig.connect().await;
    let telemetry = rig.proxy.to_client().add(faults::unsolicited(ms(1), message));
    tokio::time::sleep(ms(1000)).await;
    drop((telemetry, server));
    // What the client's end takes, and one that the proxy holds.
    assert_eq!(rest(&mut client).await.0.len(), DEFAULT_MEMORY_WINDOW + message.len());
}

/// An end comes after its time whether or not something passes, and one of an idle link only once nothing does.
#[apply(over_both)]
async fn a_timer_is_not_restarted_by_traffic_unless_it_is_meant_to_be<P: Place>() {
    async fn while_talking<P: Place>(fault: impl Fault, end: End, talking: u32, at: u64) {
        let mut rig = Rig::new::<P>().await;
        let (mut client, mut server) = rig.connect().await;
        let since = Instant::now();
        let _fault = rig.proxy.add(fault);
        for _ in 0..talking {
            send(&mut client, b"?").await;
            receive(&mut server, 1).await;
            tokio::time::sleep(ms(10)).await;
        }
        assert_eq!(rest(&mut client).await.1, end);
        took::<P>(since, at);
        assert_eq!(rest(&mut server).await.1, end);
    }
    while_talking::<P>(faults::reset_after(ms(40)), End::Reset, 0, 40).await;
    while_talking::<P>(faults::reset_when_idle(ms(40)), End::Reset, 0, 40).await;
    while_talking::<P>(faults::fin_after(ms(40)), End::Clean, 0, 40).await;
    while_talking::<P>(faults::fin_when_idle(ms(40)), End::Clean, 0, 40).await;
    if P::IS_EXACT {
        while_talking::<P>(faults::reset_after(ms(40)), End::Reset, 3, 40).await;
        while_talking::<P>(faults::reset_when_idle(ms(40)), End::Reset, 3, 60).await;
        while_talking::<P>(faults::fin_after(ms(40)), End::Clean, 3, 40).await;
        while_talking::<P>(faults::fin_when_idle(ms(40)), End::Clean, 3, 60).await;
    }
}

/// A closure is told of directions and of the time, and sends when it wants.
#[apply(over_both)]
async fn a_closure_is_a_fault<P: Place>() {
    // Long enough for what is done meanwhile on a machine that is busy.
    let reset_after = if P::IS_EXACT { 30 } else { 500 };
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let since = Instant::now();
    let _mine = rig.proxy.add(faults::custom(move |event, at, out| match event {
        Event::Open if at.direction == Direction::ToClient => out.wake_after(ms(reset_after)),
        Event::Timer => out.reset(),
        Event::Chunk(bytes) if at.position == 0 => out.send_after(ms(10), bytes),
        event => out.pass(event),
    }));
    send(&mut client, b"a").await;
    assert_eq!(receive(&mut server, 1).await, b"a");
    took::<P>(since, 10);
    send(&mut client, b"b").await;
    assert_eq!(receive(&mut server, 1).await, b"b");
    took::<P>(since, 10);
    assert_eq!(rest(&mut server).await, (Vec::new(), End::Reset));
    took::<P>(since, reset_after);
}
