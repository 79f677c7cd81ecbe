//! A network in memory: who is there, who answers, and how long it takes.

use std::{
    future::poll_fn,
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tcpip_client::{Abort, Client, ConnectError, ListenOptions, Listener, Network, NetworkStream};
use tcpip_server::{OneClientServer, StartError};
use tcpip_testkit::{DEFAULT_MEMORY_WINDOW, FaultProxy, MemoryNetwork, Script, ScriptedPeer, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

const SECOND: Duration = Duration::from_secs(1);
const LATENCY: Duration = Duration::from_millis(20);
const PORT: u16 = 17310;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

async fn listen(network: &MemoryNetwork, host: &str) -> Box<dyn Listener> {
    let addresses = network.look_up(host, PORT).await.unwrap();
    network.listen(addresses[0], &ListenOptions::default()).unwrap()
}

async fn accept(listener: &mut Box<dyn Listener>) -> NetworkStream {
    eventually(poll_fn(|context| listener.poll_accept(context))).await.unwrap()
}

/// Both ends of a connection to `dome`.
async fn meet(network: &MemoryNetwork) -> (NetworkStream, NetworkStream) {
    let mut listener = listen(network, "dome").await;
    let near = eventually(network.connect("dome", PORT)).await.unwrap();
    (near, accept(&mut listener).await)
}

fn unread(stream: &NetworkStream) -> usize {
    stream.transport().unwrap().unread()
}

/// Names have addresses in the order in which they are spoken of, whatever their case; one that somebody has been given
/// is passed over. Callers have a port each, and call this machine from itself.
#[test_log::test(tokio::test(start_paused = true))]
async fn names_have_addresses_and_callers_ports() {
    let network = MemoryNetwork::new();
    network.host("mirror").set_addresses(["10.0.0.2".parse().unwrap()]);
    let expected = [("dome", "10.0.0.1"), ("lamp", "10.0.0.3"), ("Dome", "10.0.0.1"), ("localhost", "127.0.0.1")];
    for (name, expected) in expected {
        assert_eq!(network.host(name).addresses(), [expected.parse::<std::net::IpAddr>().unwrap()], "{name}");
    }
    let _everywhere = network.listen(address("0.0.0.0:17310"), &ListenOptions::default()).unwrap();
    for (host, from, called) in [
        ("dome", "10.1.0.1:49152", "10.0.0.1:17310"),
        ("DOME", "10.1.0.1:49153", "10.0.0.1:17310"),
        ("127.0.0.2", "127.0.0.1:49154", "127.0.0.2:17310"),
        ("0.0.0.0", "127.0.0.1:49155", "127.0.0.1:17310"),
    ] {
        let stream = network.connect(host, PORT).await.unwrap();
        assert_eq!((stream.local_addr(), stream.peer_addr()), (Some(address(from)), Some(address(called))));
    }
}

/// A port is that of one listener, also where that is all addresses; of a caller too, for as long as it has it.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_address_in_use_is_refused() {
    let network = MemoryNetwork::new();
    let listen = |text| network.listen(address(text), &ListenOptions::default());
    let is_in_use = |text| matches!(listen(text), Err(error) if error.kind() == ErrorKind::AddrInUse);
    let one = listen("10.0.0.1:17310").unwrap();
    assert!(is_in_use("10.0.0.1:17310") && is_in_use("0.0.0.0:17310"));
    let _others = [listen("10.0.0.2:17310").unwrap(), listen("[::]:17310").unwrap(), listen("10.0.0.1:17311").unwrap()];
    assert!(is_in_use("[fd00::7]:17310"));
    drop(one);
    let _free_again = listen("10.0.0.1:17310").unwrap();

    let from = Some(address("10.1.0.1:4711"));
    let caller = network.dial(address("10.0.0.1:17310"), from).await.unwrap();
    let again = network.dial(address("10.0.0.1:17310"), from).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AddrInUse);
    network.dial(address("10.0.0.2:17310"), from).await.unwrap();
    drop(caller);
    network.dial(address("10.0.0.1:17310"), from).await.unwrap();

    let mut options = ListenOptions::default();
    options.reuse_port = true;
    assert_eq!(network.listen(address("10.0.0.9:1"), &options).unwrap_err().kind(), ErrorKind::Unsupported);
}

/// Ports that are free again are handed out again, none of those that are in use.
#[test_log::test(tokio::test(start_paused = true))]
async fn ports_are_handed_out_again() {
    let network = MemoryNetwork::new();
    let mut listener = listen(&network, "dome").await;
    let kept = network.connect("dome", PORT).await.unwrap();
    drop(accept(&mut listener).await);
    let mut seen = std::collections::BTreeSet::from([kept.local_addr().unwrap()]);
    for count in 1..=u16::MAX - 49152 {
        let stream = network.connect("dome", PORT).await.unwrap();
        assert!(seen.insert(stream.local_addr().unwrap()), "time {count}");
        accept(&mut listener).await;
    }
    let next = network.connect("dome", PORT).await.unwrap();
    assert_eq!(next.local_addr(), Some(address("10.1.0.1:49153")));
}

/// A host that refuses, answers nobody or is unknown does so until each guard is dropped; who waits then is connected.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_outage_lasts_until_it_is_dropped() {
    let network = MemoryNetwork::new();
    let _server = OneClientServer::builder().network(&network).host("dome").port(PORT).start().await.unwrap();
    let dial = || Client::builder("dome", PORT).network(&network).connect();

    let refusing = [network.host("dome").refuse(), network.host("10.0.0.1").refuse()];
    for guard in refusing {
        let error = dial().await.unwrap_err();
        assert!(matches!(error, ConnectError::Refused(_)), "{error:?}");
        drop(guard);
    }
    dial().await.unwrap();

    let unknown = network.host("Dome").unknown();
    assert!(matches!(dial().await, Err(ConnectError::LookUp(_))));
    let start = OneClientServer::builder().network(&network).host("dome").start().await;
    assert!(matches!(start, Err(StartError::LookUp(_))));
    Client::builder("10.0.0.1", PORT).network(&network).connect().await.unwrap();
    let _never_looked_up = network.host("10.0.0.1").unknown();
    network.connect("10.0.0.1", PORT).await.unwrap();
    drop(unknown);
    dial().await.unwrap();

    let refusing = network.host("dome").refuse();
    let unplugged = network.host("dome").black_hole();
    assert!(matches!(dial().await, Err(ConnectError::Timeout { .. })), "nobody is there to refuse");
    let since = Instant::now();
    let waiting = async {
        sleep(SECOND).await;
        drop((refusing, unplugged));
    };
    let (client, ()) = tokio::join!(dial(), waiting);
    assert_eq!((client.unwrap().is_connected(), since.elapsed()), (true, SECOND));
}

/// Who is connected goes on while its host answers nobody any more.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_outage_is_one_of_connecting() {
    let network = MemoryNetwork::new();
    let (mut near, mut far) = meet(&network).await;
    let _outages = (network.host("dome").black_hole(), network.host("dome").refuse(), network.host("dome").unknown());
    near.write_all(b"untouched").await.unwrap();
    eventually(far.read_exact(&mut [0; 9])).await.unwrap();
}

/// Of those who wait to be accepted no more than the backlog are connected; a listener that is dropped resets them, and
/// who was not connected yet is refused.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_listener_that_is_dropped_resets_its_backlog() {
    let network = MemoryNetwork::new();
    let mut options = ListenOptions::default();
    options.backlog = 2;
    let mut listener = network.listen(address("10.0.0.1:17310"), &options).unwrap();
    let connect = || network.connect("10.0.0.1", PORT);
    let (first, mut second) = (connect().await.unwrap(), connect().await.unwrap());
    assert!(timeout(SECOND, connect()).await.is_err(), "there is room for two");
    let (third, accepted) = tokio::join!(connect(), accept(&mut listener));
    let mut third = third.unwrap();
    assert_eq!(accepted.peer_addr(), first.local_addr());
    let (error, ()) = tokio::join!(connect(), async {
        sleep(SECOND).await;
        drop(listener);
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    for waiting in [&mut second, &mut third] {
        assert_eq!(eventually(waiting.read(&mut [0])).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    assert!(!first.transport().unwrap().has_hung_up(), "it was accepted");
}

/// All that goes over a link is under way for its latency: connecting there and back, bytes, the end of a half, a reset
/// and the word that there is room again.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_is_under_way_takes_its_latency() {
    let network = MemoryNetwork::new();
    network.link("dome").latency(LATENCY).window(10);
    let begin = Instant::now();
    let (mut near, mut far) = meet(&network).await;
    assert_eq!(begin.elapsed(), 2 * LATENCY);
    let error = network.connect("dome", 1).await.unwrap_err();
    assert_eq!((error.kind(), begin.elapsed()), (ErrorKind::ConnectionRefused, 4 * LATENCY));

    let begin = Instant::now();
    near.write_all(b"0123456789").await.unwrap();
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!((near.transport().unwrap().unacknowledged(), unread(&far)), (Some(10), 0));
    let mut received = [0; 10];
    eventually(far.read_exact(&mut received)).await.unwrap();
    assert_eq!((&received, begin.elapsed()), (b"0123456789", LATENCY));
    assert_eq!(near.transport().unwrap().unacknowledged(), Some(0));
    eventually(near.write_all(b"x")).await.unwrap();
    assert_eq!(begin.elapsed(), 2 * LATENCY, "there is room again");

    let begin = Instant::now();
    near.shutdown().await.unwrap();
    assert_eq!(near.transport().unwrap().unacknowledged(), Some(2));
    eventually(far.transport().unwrap().hung_up()).await;
    assert_eq!((begin.elapsed(), unread(&far)), (LATENCY, 1));
    far.write_all(b"last").await.unwrap();
    far.transport().unwrap().abort(Abort::Now);
    let mut received = Vec::new();
    let error = near.read_to_end(&mut received).await.unwrap_err();
    assert_eq!((error.kind(), received.as_slice()), (ErrorKind::ConnectionReset, &b"last"[..]));
    assert_eq!(begin.elapsed(), 2 * LATENCY);
}

/// Who is no longer there when something arrives answers with a reset, which is under way as well.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reset_from_one_who_is_gone_comes_back_later() {
    let network = MemoryNetwork::new();
    network.link("dome").latency(LATENCY);
    let (mut near, far) = meet(&network).await;
    let begin = Instant::now();
    drop(far);
    near.write_all(b"too late").await.unwrap();
    eventually(near.transport().unwrap().hung_up()).await;
    assert_eq!(begin.elapsed(), LATENCY);
    eventually(near.transport().unwrap().failed()).await;
    assert_eq!(begin.elapsed(), 2 * LATENCY);
    assert_eq!(near.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// A window that is full holds the writer up, at the other end nothing; it is that of the link when one connects, not
/// of those who are connected.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_window_holds_the_writer_up() {
    let network = MemoryNetwork::new();
    let (mut before, _far) = meet(&network).await;
    network.link("dome").window(10);
    let (mut near, mut far) = meet(&network).await;
    assert_eq!(near.write(&[7; 100]).await.unwrap(), 10);
    assert!(timeout(SECOND, near.write(b"x")).await.is_err());
    far.write_all(&[7; 10]).await.unwrap();
    assert_eq!(far.read(&mut [0; 4]).await.unwrap(), 4);
    assert_eq!(eventually(near.write(&[7; 100])).await.unwrap(), 4);
    assert_eq!(before.write(&vec![7; 2 * DEFAULT_MEMORY_WINDOW]).await.unwrap(), DEFAULT_MEMORY_WINDOW);
}

/// To end a half of a connection that is broken is no error, nor to read or write nothing: over sockets it is none.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_is_broken_can_be_shut_down() {
    let network = MemoryNetwork::new();
    let (mut near, mut far) = meet(&network).await;
    near.write_all(b"unread").await.unwrap();
    assert_eq!(eventually(far.read(&mut [])).await.unwrap(), 0);
    drop(far);
    eventually(near.transport().unwrap().failed()).await;
    assert_eq!(near.write(&[]).await.unwrap(), 0);
    near.shutdown().await.unwrap();
    assert_eq!(near.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    near.shutdown().await.unwrap();
}

/// Bare streams, scripted clients and proxies find the address that answers, as clients do.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_address_that_does_not_answer_is_not_waited_for() {
    let network = MemoryNetwork::new();
    network.host("dome").set_addresses([[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from));
    let _unplugged = network.host("10.0.0.1").black_hole();
    let mut listener = network.listen(address("10.0.0.2:17310"), &ListenOptions::default()).unwrap();
    let proxy = FaultProxy::to("dome", PORT).network(&network).host("proxy").start().await.unwrap();
    let since = Instant::now();
    let _bare = network.connect("dome", PORT).await.unwrap();
    assert_eq!(since.elapsed(), Duration::from_millis(250));
    let script = Script::parse("> fin\n").unwrap();
    let scripted = ScriptedPeer::client(script).network(&network).connect("dome", PORT).await.unwrap();
    assert_eq!(since.elapsed(), Duration::from_millis(500));
    scripted.finish().await.unwrap();
    let _proxied = network.dial(proxy.local_addr(), None).await.unwrap();
    for _ in 0..3 {
        accept(&mut listener).await;
    }
    assert_eq!(since.elapsed(), Duration::from_millis(750));
}
