//! Connecting: what it can come to, and what a failure leaves behind, which is nothing.

use std::{
    error::Error as _,
    future::poll_fn,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    task::Poll,
    time::{Duration, Instant},
};

use tcpip_client::{
    Client, ConnectError, DisconnectReason, Error, Family, LOCALHOST_IPV4, LOCALHOST_IPV6, LookUpError, OptionError,
};
use tcpip_testkit::eventually;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    runtime::Builder,
};

use crate::{events::Events, reads_well::assert_reads_well};

/// A port that refuses for as long as the second value lives: bound, and not listening.
fn refusing(ip: IpAddr) -> (u16, socket2::Socket) {
    let address = SocketAddr::new(ip, 0);
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
    socket.bind(&address.into()).unwrap();
    (socket.local_addr().unwrap().as_socket().unwrap().port(), socket)
}

/// Failure 21: nobody listens. The error names the address and has the system's as its source.
#[test_log::test(tokio::test)]
async fn a_closed_port_refuses() {
    let (port, _socket) = refusing(Ipv4Addr::LOCALHOST.into());
    let error = eventually(Client::builder(LOCALHOST_IPV4, port).connect()).await.unwrap_err();
    assert_reads_well(&error);
    let ConnectError::Refused(failure) = &error else { panic!("{error:?}") };
    assert_eq!((failure.host.as_str(), failure.port, failure.attempts.len()), (LOCALHOST_IPV4, port, 1));
    assert_eq!(failure.attempts[0].address, (Ipv4Addr::LOCALHOST, port).into());
    assert_eq!(error.to_string(), format!("127.0.0.1:{port} refused the connection"));
    assert!(error.source().is_some());
    let umbrella = Error::from(error);
    assert_eq!(umbrella.to_string(), format!("127.0.0.1:{port} refused the connection"));
    assert_eq!(io::Error::from(umbrella).kind(), io::ErrorKind::ConnectionRefused);
}

/// Fault 20 of the model: a connect that fails is an error of `connect()`; no event is told, and the callbacks are
/// let go of.
/// Parity: `start_task`.
#[test_log::test(tokio::test)]
async fn a_failed_connect_leaves_nothing_behind() {
    let (port, _socket) = refusing(Ipv4Addr::LOCALHOST.into());
    let (callback, mut events) = Events::new();
    assert!(eventually(callback(Client::builder(LOCALHOST_IPV4, port)).connect()).await.is_err());
    assert!(events.next().await.is_none());
}

/// Fault 7: a connect that is dropped leaves nothing behind: the peer sees no connection that lives, and no event is
/// told.
#[test_log::test(tokio::test)]
async fn a_dropped_connect_leaves_nothing_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (callback, mut events) = Events::new();
    {
        let mut connecting = Box::pin(callback(Client::builder(LOCALHOST_IPV4, port)).connect());
        let pending = poll_fn(|context| Poll::Ready(connecting.as_mut().poll(context).is_pending())).await;
        assert!(pending, "the system has been asked to connect");
    }
    let (mut peer, _) = eventually(listener.accept()).await.unwrap();
    let end = eventually(peer.read(&mut [0])).await;
    assert!(matches!(end, Ok(0)) || end.is_err(), "{end:?}");
    assert!(events.next().await.is_none());
}

/// Faults 15 and 20, failure 21: a peer that does not answer is given up after the deadline, which the error names.
#[test_log::test(tokio::test)]
async fn the_connect_deadline_ends_a_connect_to_a_black_hole() {
    const AFTER: Duration = Duration::from_millis(50);
    let (address, _kept) = black_hole(([127, 0, 0, 1], 0).into());
    let (callback, mut events) = Events::new();
    let builder = callback(Client::builder(LOCALHOST_IPV4, address.port())).connect_timeout(AFTER);
    let error = eventually(builder.connect()).await.unwrap_err();
    assert_reads_well(&error);
    assert!(matches!(&error, ConnectError::Timeout { after: AFTER, attempts, .. } if attempts.len() == 1), "{error:?}");
    assert_eq!(error.to_string(), format!("connecting to {address} timed out after 50ms"));
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::TimedOut);
    assert!(events.next().await.is_none());
}

/// Failure 21: the deadline is one for all addresses of the host together.
#[test_log::test(tokio::test)]
async fn the_connect_deadline_covers_all_addresses() {
    const AFTER: Duration = Duration::from_millis(400);
    // A refusal takes no time, a black hole all of it, however many follow.
    let (address, _kept) = black_hole(([127, 0, 0, 1], 0).into());
    let since = Instant::now();
    let error = Client::builder("localhost", address.port()).connect_timeout(AFTER).connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error:?}");
    assert!(since.elapsed() >= AFTER && since.elapsed() < Duration::from_secs(5));
}

/// A look-up is no blocking call of the runtime: it is made also where all the threads for these are busy.
#[test]
fn a_name_is_looked_up_without_the_runtimes_blocking_threads() {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || wait.recv().unwrap_err());
    let error = runtime.block_on(eventually(Client::builder("no such host", 1).connect())).unwrap_err();
    assert!(matches!(error, ConnectError::LookUp(LookUpError::Resolve { .. })), "{error:?}");
    drop(go);
}

/// What connecting can come to is told with the host, the port and each address. Parity: `start_task`.
#[test_log::test(tokio::test)]
async fn the_error_names_host_port_and_address() {
    let (port, _socket) = refusing(Ipv4Addr::LOCALHOST.into());
    let error = eventually(Client::builder("localhost", port).connect()).await.unwrap_err();
    let text = error.to_string();
    assert_reads_well(&error);
    assert!(matches!(error, ConnectError::Refused(_)), "{error:?}");
    assert!(text.starts_with(&format!("cannot connect to localhost:{port}: ")), "{text}");
    assert!(text.contains(&format!("127.0.0.1:{port} refused the connection")), "{text}");
}

/// Failure 21: a name that nobody knows. The error shows it, and has the resolver's as its source.
#[test_log::test(tokio::test)]
async fn an_unknown_host_cannot_be_looked_up() {
    for host in ["no such host", "", "256.0.0.1.invalid"] {
        let error = eventually(Client::builder(host, 1).connect()).await.unwrap_err();
        assert_reads_well(&error);
        assert!(
            matches!(&error, ConnectError::LookUp(LookUpError::Resolve { host: named, .. }) if named == host),
            "{error:?}"
        );
        assert_eq!(error.to_string(), format!("cannot look up {host:?}"));
        assert!(error.source().is_some());
        let _: io::Error = error.into();
    }
}

/// An address that is not of the family asked for is not tried.
/// Parity: `family`.
#[test_log::test(tokio::test)]
async fn a_host_without_an_address_of_the_family_has_none() {
    for (host, family) in [(LOCALHOST_IPV4, Family::Ipv6), (LOCALHOST_IPV6, Family::Ipv4)] {
        let error = eventually(Client::builder(host, 1).family(family).connect()).await.unwrap_err();
        assert_reads_well(&error);
        assert!(
            matches!(&error, ConnectError::LookUp(LookUpError::NoAddress { host: named }) if named == host),
            "{error:?}"
        );
        assert_eq!(error.to_string(), format!("{host:?} has no suitable address"));
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::AddrNotAvailable);
    }
}

/// A host may be a name or an address of either family. Parity: `family`.
/// Parity: `Client`.
/// Parity: `Client`.
/// Parity: `Client`.
#[test_log::test(tokio::test)]
async fn a_host_is_a_name_or_an_address_of_either_family() {
    for (host, address, family) in [
        ("localhost", LOCALHOST_IPV4, Family::Ipv4),
        (LOCALHOST_IPV4, LOCALHOST_IPV4, Family::Any),
        (LOCALHOST_IPV6, LOCALHOST_IPV6, Family::Ipv6),
        (LOCALHOST_IPV6, LOCALHOST_IPV6, Family::Any),
    ] {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = eventually(Client::builder(host, port).family(family).connect()).await.unwrap();
        assert_eq!(client.connection().peer_addr().unwrap().ip().to_string(), address);
        assert_eq!((client.host(), client.port()), (host, port));
        eventually(client.close()).await;
    }
}

/// The families say which addresses are theirs.
#[test]
fn a_family_contains_its_addresses() {
    let (v4, v6) = (SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), SocketAddr::from((Ipv6Addr::LOCALHOST, 1)));
    assert!(Family::Any.contains(v4) && Family::Any.contains(v6));
    assert!(Family::Ipv4.contains(v4) && !Family::Ipv4.contains(v6));
    assert!(!Family::Ipv6.contains(v4) && Family::Ipv6.contains(v6));
    assert_eq!(Family::default(), Family::Any);
}

/// The local address is the one asked for, with a port of the system's choice or a given one. Parity: `local_addr`.
#[test_log::test(tokio::test)]
async fn a_client_connects_from_its_local_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let from = SocketAddr::from(([127, 0, 0, 77], 0));
    let client = eventually(Client::builder(LOCALHOST_IPV4, port).local_addr(from).connect()).await.unwrap();
    let local = client.connection().local_addr().unwrap();
    assert_eq!(local.ip(), from.ip());
    let (peer, seen) = eventually(listener.accept()).await.unwrap();
    assert_eq!(seen, local);
    drop(peer);
    eventually(client.wait_disconnected()).await;
    drop(client);
    let again = eventually(Client::builder(LOCALHOST_IPV4, port).local_addr(local).connect()).await.unwrap();
    assert_eq!(again.connection().local_addr(), Some(local));
}

/// A client takes a TCP stream that is connected already, with its addresses.
/// Parity: `sock`.
#[test_log::test(tokio::test)]
async fn a_client_takes_a_ready_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stream = eventually(TcpStream::connect(address)).await.unwrap();
    let from = stream.local_addr().unwrap();
    let client = eventually(Client::from_stream(stream).connect()).await.unwrap();
    assert_eq!((client.host(), client.port()), (LOCALHOST_IPV4, address.port()));
    assert_eq!(client.connection().local_addr(), Some(from));
    let (mut peer, _) = eventually(listener.accept()).await.unwrap();
    client.write_str("hello").await.unwrap();
    let mut heard = [0; 7];
    eventually(peer.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"hello\r\n");
    drop(peer);
    eventually(client.wait_disconnected()).await;
    assert_eq!(client.connection().reason(), Some(DisconnectReason::ClosedByPeer));
}

/// A local address that is not this machine's cannot be connected from.
#[test_log::test(tokio::test)]
async fn a_foreign_local_address_fails() {
    let (port, _socket) = refusing(Ipv4Addr::LOCALHOST.into());
    let foreign = SocketAddr::from(([192, 0, 2, 1], 0));
    let error = eventually(Client::builder(LOCALHOST_IPV4, port).local_addr(foreign).connect()).await.unwrap_err();
    assert_reads_well(&error);
    assert!(matches!(&error, ConnectError::Failed(failure) if failure.port == port), "{error:?}");
    assert_eq!(error.to_string(), format!("cannot connect to 127.0.0.1:{port}: address not available"));
    assert!(error.source().is_some());
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::AddrNotAvailable);
}

/// Addresses that the local address cannot reach, being of the other family, are not tried.
#[test_log::test(tokio::test)]
async fn a_local_address_of_the_other_family_suits_no_address() {
    let from = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let error = eventually(Client::builder(LOCALHOST_IPV4, 1).local_addr(from).connect()).await.unwrap_err();
    assert!(matches!(error, ConnectError::LookUp(LookUpError::NoAddress { .. })), "{error:?}");
}

/// A socket that the system has connected to itself, which happens on free ports, is no peer.
#[test_log::test(tokio::test)]
async fn a_connection_to_itself_is_refused() {
    let (port, socket) = refusing(Ipv4Addr::new(127, 0, 0, 78).into());
    drop(socket);
    let address = SocketAddr::from(([127, 0, 0, 78], port));
    let error = eventually(Client::builder("127.0.0.78", port).local_addr(address).connect()).await.unwrap_err();
    assert!(matches!(&error, ConnectError::Refused(failure) if failure.attempts[0].address == address), "{error:?}");
}

/// An option that cannot be is told by `connect()`, before anything is tried.
#[test_log::test(tokio::test)]
async fn an_option_that_cannot_be_is_an_error_of_connect() {
    let error =
        eventually(Client::builder("no such host", 1).idle_timeout(Duration::ZERO).connect()).await.unwrap_err();
    assert_reads_well(&error);
    assert!(matches!(error, ConnectError::Option(OptionError::ZeroInterval { .. })), "{error:?}");
    assert_eq!(error.to_string(), "idle_timeout is zero");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
}

/// A peer that hangs up at once is a connection that began and ended, or one that could not be made.
#[test_log::test(tokio::test)]
async fn a_peer_that_hangs_up_at_once_is_told_as_connect_then_disconnect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (callback, mut events) = Events::new();
    let connecting = callback(Client::builder(LOCALHOST_IPV4, port)).connect();
    let (client, ()) =
        eventually(async { tokio::join!(connecting, async { drop(listener.accept().await.unwrap()) }) }).await;
    let client = client.unwrap();
    events.connected().await;
    assert_eq!(events.disconnected().await, DisconnectReason::ClosedByPeer);
    assert!(client.should_be_connected());
}

/// Addresses of a listener that answers no call: its backlog is full. It lasts as long as the second value.
fn black_hole(address: SocketAddr) -> (SocketAddr, impl Sized) {
    let domain = socket2::Domain::for_address(address);
    let listener = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
    listener.bind(&address.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let in_the_backlog = std::net::TcpStream::connect(address).unwrap();
    (address, (listener, in_the_backlog))
}
