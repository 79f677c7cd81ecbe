//! A client and a server in a network of a user's own.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tcpip_client::{Abort, Client, ConnectError, DisconnectReason, LookUpError, Network, ReadError};
use tcpip_server::{OneClientServer, StartError};
use tcpip_testkit::{MemoryNetwork, OneClientServerTestCase, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use crate::telling_network::TellingNetwork;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Look-up, listening and dialling are the network's, with what the builders say of them; both ends know the other's
/// address, no time passes, and a server that is closed has left its port.
#[test_log::test(tokio::test(start_paused = true))]
async fn client_and_server_meet_in_a_network_of_the_users() {
    let network = TellingNetwork::default();
    let since = Instant::now();
    for backlog in [3, 4] {
        let builder = OneClientServer::builder().network(&network).host("dome").port(17310).backlog(backlog);
        let server = builder.start().await.unwrap();
        assert_eq!((server.host(), server.local_addrs()), ("dome", &[address("10.0.0.1:17310")][..]));
        let from = address("10.0.0.7:4711");
        let client = Client::builder("dome", 17310).network(&network).local_addr(from).connect().await.unwrap();
        let session = server.wait_connected().await.unwrap();
        let link = client.connection();
        assert_eq!((link.local_addr(), link.peer_addr()), (Some(from), Some(address("10.0.0.1:17310"))));
        assert_eq!((session.local_addr(), session.peer_addr()), (link.peer_addr(), link.local_addr()));
        client.write_str("status").await.unwrap();
        assert_eq!(session.read_str().await.unwrap(), "status");
        server.close().await;
        assert!(matches!(client.read_str().await, Err(ReadError::EndOfStream { .. })));
        let asked = [
            "look up dome".to_owned(),
            format!("listen 10.0.0.1:17310, backlog {backlog}"),
            "look up dome".to_owned(),
            "dial 10.0.0.1:17310 from 10.0.0.7:4711".to_owned(),
        ];
        assert_eq!(network.asked(), asked);
    }
    assert_eq!(since.elapsed(), Duration::ZERO);
    let error = Client::builder("dome", 17310).network(&network).connect().await.unwrap_err();
    assert!(matches!(&error, ConnectError::Refused(failure) if failure.attempts.len() == 1), "{error:?}");
}

/// A client asks for each address as it does over sockets: the next at once when one refuses, and a quarter of a second
/// after one that does not answer.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_network_is_asked_for_each_address_until_one_answers() {
    let network = TellingNetwork::default();
    let addresses = [[10, 0, 0, 1], [10, 0, 0, 9], [10, 0, 0, 2]].map(IpAddr::from);
    network.inner.host("dome").set_addresses(addresses);
    network.inner.host("hole").set_addresses([addresses[1]]);
    let _unplugged = network.inner.host("hole").black_hole();
    let server = OneClientServer::builder().network(&network).host("10.0.0.2").port(17310).start().await.unwrap();
    assert_eq!(network.asked(), ["listen 10.0.0.2:17310, backlog 100"], "an address is not looked up");
    let since = Instant::now();
    let client = Client::builder("dome", 17310).network(&network).connect().await.unwrap();
    assert_eq!(client.connection().peer_addr(), Some(address("10.0.0.2:17310")));
    assert_eq!(since.elapsed(), Duration::from_millis(250));
    let asked = ["look up dome", "dial 10.0.0.1:17310", "dial 10.0.0.9:17310", "dial 10.0.0.2:17310"];
    assert_eq!(network.asked(), asked);
    let deadline = Duration::from_secs(3);
    let error = Client::builder("hole", 1).network(&network).connect_timeout(deadline).connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout { after, .. } if after == deadline));
    server.close().await;
}

/// A name that the network does not know is an error of its own kind at both ends.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_name_that_the_network_does_not_know_is_told() {
    let network = MemoryNetwork::new();
    network.host("empty").set_addresses([]);
    let _unknown = network.host("dome").unknown();
    let is_named = |error: &LookUpError| match error {
        LookUpError::Resolve { host, source } => host == "dome" && source.kind() == ErrorKind::NotFound,
        LookUpError::NoAddress { host } => host == "empty",
        _ => false,
    };
    for host in ["dome", "empty"] {
        let error = Client::builder(host, 1).network(&network).connect().await.unwrap_err();
        assert!(matches!(&error, ConnectError::LookUp(error) if is_named(error)), "{error:?}");
        let error = OneClientServer::builder().network(&network).host(host).start().await.unwrap_err();
        assert!(matches!(&error, StartError::LookUp(error) if is_named(error)), "{error:?}");
    }
}

/// A server has one port on all addresses of its name and none if one is in use.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_server_listens_on_all_addresses_of_the_network_or_on_none() {
    let network = MemoryNetwork::new();
    network.host("dome").set_addresses([[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from));
    let start = |port| OneClientServer::builder().network(&network).host("dome").port(port).start();
    let server = start(0).await.unwrap();
    let port = server.port();
    assert_eq!(server.local_addrs(), [SocketAddr::from(([10, 0, 0, 1], port)), ([10, 0, 0, 2], port).into()]);
    let error = start(port).await.unwrap_err();
    assert!(matches!(&error, StartError::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse), "{error:?}");
    server.close().await;
    let server = start(port).await.unwrap();
    server.close().await;
}

/// Admission is that of sockets: a surplus client is told why, one that hangs up behind unread data has left, and who
/// redials at once is admitted.
#[test_log::test(tokio::test(start_paused = true))]
async fn admission_in_a_network_is_that_of_sockets() {
    let network = MemoryNetwork::new();
    let builder = OneClientServer::builder().network(&network).host("dome").port(17310).rejection_message("busy");
    let server = builder.start().await.unwrap();
    let dial = || async { Client::builder("dome", 17310).network(&network).connect().await.unwrap() };
    let mut first = dial().await;
    for _ in 0..100 {
        let session = server.wait_connected().await.unwrap();
        let surplus = dial().await;
        assert_eq!(eventually(surplus.read_str()).await.unwrap(), "busy");
        first.write_str("unread").await.unwrap();
        first.close().await;
        first = dial().await;
        eventually(session.wait_disconnected()).await;
        assert_eq!(session.reason(), Some(DisconnectReason::Replaced));
    }
    server.close().await;
}

/// A surplus client finds the end of the stream in order, though it has sent something; one that has reset its stream
/// before it could be admitted is told of to nobody.
#[test_log::test(tokio::test(start_paused = true))]
async fn refused_and_gone_clients_in_a_network_are_those_of_sockets() {
    let network = MemoryNetwork::new();
    let case = OneClientServerTestCase::new();
    let builder = OneClientServer::builder().network(&network).host("dome").port(17310);
    let server = builder.connect_callback(case.connect_callback()).start().await.unwrap();
    let dial = || network.dial(address("10.0.0.1:17310"), None);
    let first = dial().await.unwrap();
    case.assert_next_connected(true).await;
    let mut surplus = dial().await.unwrap();
    surplus.write_all(b"status\r\n").await.unwrap();
    assert_eq!(eventually(surplus.read(&mut [0])).await.unwrap(), 0);
    drop(first);
    case.assert_next_connected(false).await;
    dial().await.unwrap().transport().unwrap().abort(Abort::Now);
    let second = dial().await.unwrap();
    let event = case.next_event().await.unwrap();
    assert!(event.is_connected());
    assert_eq!(event.connection().peer_addr(), second.local_addr());
    server.close().await;
}

/// The fixture waits until its client is admitted, whose address it knows.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_fixture_works_in_a_network() {
    let network = MemoryNetwork::new();
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder().network(&network)).await.unwrap();
    let client = case.create_client(&server, |client| client.network(&network)).await.unwrap();
    assert_eq!(server.connection().peer_addr(), client.connection().local_addr());
    assert!(client.connection().local_addr().is_some());
    server.close().await;
}
