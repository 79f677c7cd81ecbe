//! Sessions and their ends, at the proxy.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
};

use macro_rules_attribute::apply;
use tcpip_client::{Abort, Client, ListenOptions, Network};
use tcpip_server::OneClientServerBuilder;
use tcpip_testkit::{
    FaultProxy, MemoryNetwork, TestOneClientReadLoopServer,
    faults::{self, Direction, Event, Fault},
    proxy::{Passed, ProxyTap, What, Wire},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

use super::{End, LONG, Memory, Place, Rig, in_time, ms, over_both, receive, rest, send};

/// A client whose server is not there is reset.
#[apply(over_both)]
async fn a_client_without_a_server_is_reset<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    rig.connect().await;
    let Rig { proxy, network, device } = rig;
    drop(device);
    let mut client = network.dial(proxy.local_addr(), None).await.unwrap();
    assert_eq!(rest(&mut client).await, (Vec::new(), End::Reset));
}

/// The proxy tries for so long to connect to the server: five seconds unless it is told otherwise.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_client_whose_server_does_not_answer_is_reset_in_time() {
    let network = MemoryNetwork::new();
    let _unplugged = network.host("dome").black_hole();
    let builder = FaultProxy::to("dome", 17310).network(&network).host("proxy");
    for (builder, milliseconds) in [(builder.clone(), 5000), (builder.connect_timeout(ms(700)), 700)] {
        let proxy = builder.start().await.unwrap();
        let mut client = network.dial(proxy.local_addr(), None).await.unwrap();
        let since = Instant::now();
        assert_eq!(rest(&mut client).await, (Vec::new(), End::Reset));
        assert_eq!(since.elapsed(), ms(milliseconds));
    }
}

/// A client that resets its connection while the server is dialled is no session there. One that only ends its
/// direction is: it may wait for a reply.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_client_that_is_gone_needs_no_server() {
    let network = MemoryNetwork::new();
    let unplugged = network.host("dome").black_hole();
    let address = network.look_up("dome", 17310).await.unwrap()[0];
    let mut dome = network.listen(address, &ListenOptions::default()).unwrap();
    let proxy = FaultProxy::to("dome", 17310).network(&network).host("proxy").start().await.unwrap();
    let gone = network.dial(proxy.local_addr(), None).await.unwrap();
    let mut ended = network.dial(proxy.local_addr(), None).await.unwrap();
    send(&mut ended, b"and?").await;
    ended.shutdown().await.unwrap();
    // Under a paused clock: until nothing else is left to be done.
    sleep(ms(1)).await;
    gone.into_transport().unwrap().abort(Abort::Now);
    sleep(ms(1)).await;
    drop(unplugged);
    let mut accept = async || timeout(LONG, poll_fn(|context| dome.poll_accept(context))).await;
    let mut server = accept().await.unwrap().unwrap();
    assert_eq!(rest(&mut server).await, (b"and?".to_vec(), End::Clean));
    send(&mut server, b"this").await;
    assert_eq!(receive(&mut ended, 4).await, b"this");
    assert!(accept().await.is_err(), "nobody else comes");
}

/// A fault that keeps a reset to itself is told of it again whenever the other end sends something.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reset_that_is_not_passed_on_is_told_again() {
    let mut rig = Rig::new::<Memory>().await;
    let (mut client, server) = rig.connect().await;
    let told = Arc::new(Mutex::new(0));
    let count = Arc::clone(&told);
    let _fault = rig.proxy.to_client().add(faults::custom(move |event, _, out| match event {
        Event::Reset => *count.lock().unwrap() += 1,
        event => out.pass(event),
    }));
    server.into_transport().unwrap().abort(Abort::Now);
    for times in 1..4 {
        // Under a paused clock: until nothing else is left to be done.
        sleep(ms(1)).await;
        assert_eq!(*told.lock().unwrap(), times);
        send(&mut client, b"x").await;
    }
}

/// A proxy that is dropped, or closed, has left nothing: its sessions have ended, and its port is free.
#[apply(over_both)]
async fn a_proxy_that_is_gone_has_left_nothing<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let address = rig.proxy.local_addr();
    let Rig { proxy, network, device: _device } = rig;
    let fault = proxy.add(faults::stall());
    proxy.close().await;
    proxy.close().await;
    assert_eq!(rest(&mut client).await, (Vec::new(), End::Clean));
    assert_eq!(rest(&mut server).await, (Vec::new(), End::Clean));
    network.dial(address, None).await.unwrap_err();
    drop((proxy, fault));
    let again = P::builder(FaultProxy::to("device", 1), &network).port(address.port()).start().await.unwrap();
    assert_eq!(again.local_addr(), address);
    drop(again);
    network.dial(address, None).await.unwrap_err();
}

/// A fault is told of each direction of each session, and when that is over; numbers count from 1.
#[apply(over_both)]
async fn a_fault_is_told_of_each_session<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let _fault = rig.proxy.add(move |event: Event<'_>, at: faults::At, out: &mut faults::Out<'_>| {
        if let Event::Open | Event::Closed = event {
            sender.send(format!("{event:?} {} {:?}", at.session, at.direction)).unwrap();
        }
        out.pass(event);
    });
    for session in 1..=2 {
        drop(rig.connect().await);
        for what in ["Open", "Closed"] {
            for direction in ["ToServer", "ToClient"] {
                assert_eq!(in_time(told.recv()).await.unwrap(), format!("{what} {session} {direction}"));
            }
        }
    }
}

/// A fault that panics resets its session, and no other.
#[apply(over_both)]
async fn a_fault_that_panics_resets_its_session<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let (mut other, mut other_server) = rig.connect().await;
    let _fault = rig.proxy.to_server().add(faults::custom(|event, _, out| {
        assert_ne!(event, Event::Chunk(b"panic"), "a panic of the test's");
        out.pass(event);
    }));
    send(&mut client, b"panic").await;
    assert_eq!(rest(&mut server).await, (Vec::new(), End::Reset));
    assert_eq!(rest(&mut client).await, (Vec::new(), End::Reset));
    send(&mut other, b"fine").await;
    assert_eq!(receive(&mut other_server, 4).await, b"fine");
}

/// Keeps what passes, as text.
#[derive(Default)]
struct Keep(Mutex<Vec<String>>);

impl ProxyTap for Keep {
    fn passed(&self, passed: &Passed<'_>) {
        let wire = if passed.wire == Wire::Client { "client" } else { "server" };
        let arrow = if passed.direction == Direction::ToServer { ">" } else { "<" };
        let what = match passed.what {
            What::Bytes(bytes) => bytes.escape_ascii().to_string(),
            what => format!("{what:?}"),
        };
        self.0.lock().unwrap().push(format!("{wire} {arrow} {what}"));
    }
}

/// Who listens in hears what passes both wires, on either side of the faults.
#[apply(over_both)]
async fn who_listens_in_hears_both_sides_of_the_faults<P: Place>() {
    let keep = Arc::new(Keep::default());
    let mut rig = Rig::with::<P>(|builder| builder.tap(keep.clone())).await;
    let (mut client, mut server) = rig.connect().await;
    let _fault = rig.proxy.to_server().add(faults::replace("?", "!"));
    send(&mut client, b"what?").await;
    assert_eq!(receive(&mut server, 5).await, b"what!");
    send(&mut server, b"ok").await;
    assert_eq!(receive(&mut client, 2).await, b"ok");
    server.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, (Vec::new(), End::Clean));
    rig.proxy.reset_now();
    assert_eq!(rest(&mut server).await, (Vec::new(), End::Reset));
    let expected = [
        "client > Open",
        "server > Open",
        "client > what?",
        "server > what!",
        "server < ok",
        "client < ok",
        "server < End",
        "client < End",
        "client < Reset",
        "server > Reset",
    ];
    assert_eq!(*keep.0.lock().unwrap(), expected);
}

/// Unchanged clients and servers meet a proxy in a network that is entered, under its own name.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_proxy_is_in_the_network_that_is_entered() {
    let network = MemoryNetwork::new();
    let _entered = network.enter();
    let builder = TestOneClientReadLoopServer::builder().options(|server| server.host("dome").port(17310));
    let server = builder.start().await.unwrap();
    let proxy = FaultProxy::to("dome", 17310).host("proxy").port(17310).start().await.unwrap();
    let late = proxy.to_server().add(faults::latency(ms(1500)));
    let client = Client::builder("proxy", 17310).connect().await.unwrap();
    let since = Instant::now();
    client.write_str("status").await.unwrap();
    assert_eq!(server.get_next_data().await.unwrap(), "status");
    assert_eq!(since.elapsed(), ms(1500));
    drop(late);
    let unplugged = proxy.refuse();
    Client::builder("proxy", 17310).connect().await.unwrap_err();
    drop(unplugged);
    let local = FaultProxy::to("dome", 17310).start().await.unwrap();
    assert_eq!(local.host(), "127.0.0.1");
    Client::builder("localhost", local.port()).connect().await.unwrap();
}

/// Two runs with one seed give the same bytes at the same times.
#[test]
fn two_runs_with_one_seed_are_the_same() {
    let run = |seed: u64| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut rig = Rig::new::<Memory>().await;
            let (mut client, mut server) = rig.connect().await;
            let _late = rig.proxy.add(faults::latency(ms(3)).jitter(ms(20), seed));
            let _cut = rig.proxy.add(faults::random_slices(seed));
            let _noise = rig.proxy.to_client().add(faults::flip_bits(1).seed(seed).probability(0.2, seed));
            let _lossy = rig.proxy.add(faults::loss(0.1, seed).burst(0.4));
            let since = Instant::now();
            let (mut reads, mut buffer) = (Vec::new(), [0; 64]);
            for index in 0..50_u8 {
                send(&mut client, [index; 10]).await;
                let request = receive(&mut server, 10).await;
                send(&mut server, request).await;
                let count = in_time(client.read(&mut buffer)).await.unwrap();
                reads.push((since.elapsed(), buffer[..count].to_vec()));
            }
            reads
        })
    };
    let first = run(7);
    for _ in 0..4 {
        assert_eq!(run(7), first);
    }
    assert_ne!(run(8), first);
}

/// The library's own client and server work through it, as with each other.
#[test_log::test(tokio::test)]
async fn client_and_server_do_not_notice_the_proxy() {
    let server =
        TestOneClientReadLoopServer::builder().options(OneClientServerBuilder::all_interfaces).start().await.unwrap();
    let proxy = FaultProxy::to(server.host(), server.port()).start().await.unwrap();
    let client = Client::builder(proxy.host(), proxy.port()).connect().await.unwrap();
    client.write_str("one").await.unwrap();
    assert_eq!(server.get_next_data().await.unwrap(), "one");
    server.write_str("two").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "two");
    client.close().await;
    server.wait_disconnected().await;
}
