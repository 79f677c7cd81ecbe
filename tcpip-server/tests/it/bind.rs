//! Where a server listens.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream},
    time::Duration,
};

use tcpip_server::{
    DEFAULT_BACKLOG, DEFAULT_LOCALHOST, Family, LOCALHOST_IPV6, LookUpError, OneClientServer, StartError,
};

use tcpip_testkit::{ExpectExt, eventually};
use tracing::Level;

use crate::{
    dial::{address, admission_of, dial, dial_in, is_refused},
    log_count::LogCount,
    over_both::port_is_free,
};

/// Whether this machine has IPv6. A test that needs it says that it is skipped.
fn has_ipv6() -> bool {
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    if !has_ipv6 {
        println!("skipped: this machine has no IPv6");
    }
    has_ipv6
}

/// What the system said of an address that could not be bound.
fn bind_error(error: StartError) -> io::ErrorKind {
    let StartError::Bind { source, .. } = error else { panic!("{error:?}") };
    source.kind()
}

/// A server listens on this machine only, on a port that the system chose, unless told otherwise.
/// Parity: `host`, `port`.
#[test_log::test(tokio::test)]
async fn host_and_port_have_defaults() {
    let server = OneClientServer::builder().start().await.unwrap();
    assert_eq!(server.host(), DEFAULT_LOCALHOST);
    assert_ne!(server.port(), 0);
    assert_eq!(server.local_addrs(), [(Ipv4Addr::LOCALHOST, server.port()).into()]);
}

/// The log says where a server listens, also one with a name of its own.
#[test_log::test(tokio::test)]
async fn the_log_says_where_a_named_server_listens() {
    let (log, _listening) = LogCount::start();
    let server = OneClientServer::builder().name("dome").start().await.unwrap();
    let text = format!("listening on {}", server.local_addrs()[0]);
    assert_eq!(log.of(Level::INFO, &text).len(), 1);
}

/// A port that is in use is a typed error that names the address.
/// Failure 24.
/// Parity: `start_task`.
#[test_log::test(tokio::test)]
async fn port_in_use_is_a_typed_error() {
    let server = OneClientServer::builder().start().await.unwrap();
    let address = server.local_addrs()[0];
    let error = OneClientServer::builder().port(server.port()).start().await.unwrap_err();
    let StartError::Bind { address: named, source } = &error else { panic!("{error:?}") };
    assert_eq!((*named, source.kind()), (address, std::io::ErrorKind::AddrInUse));
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::AddrInUse);
    dial_in(&server).await;
}

/// A host without an address and one that is not this machine's are typed errors.
#[test_log::test(tokio::test)]
async fn wrong_host_is_a_typed_error() {
    let error = OneClientServer::builder().host("no.such.host.invalid").start().await.unwrap_err();
    assert!(
        matches!(&error, StartError::LookUp(LookUpError::Resolve { host, .. }) if host == "no.such.host.invalid"),
        "{error:?}"
    );
    let error = OneClientServer::builder().host("192.0.2.1").start().await.unwrap_err();
    assert!(matches!(&error, StartError::Bind { address, .. } if address.port() == 0), "{error:?}");
}

/// Failure 24: a port with connections in `TIME_WAIT`, closed at this end, can be bound again, 200 times of 200.
#[test_log::test(tokio::test)]
async fn port_can_be_bound_again_200_times() {
    // An address of its own: tests that run beside this one take no port of it.
    let host = "127.88.24.1";
    let mut port = 0;
    for time in 0..200 {
        let server = OneClientServer::builder().host(host).port(port).start().await;
        let server = server.unwrap_or_else(|error| panic!("time {time}: {error:?}"));
        port = server.port();
        let client = match time % 3 {
            0 => Some(dial(&server).await),
            1 => Some(dial_in(&server).await.0),
            _ => None,
        };
        eventually(server.close()).await;
        assert!(time % 20 != 0 || port_is_free(&server));
        drop(client);
    }
}

/// On all interfaces a server has an IPv4 and an IPv6 socket; with port 0 the system chooses one port for both.
/// Parity: `host=None`, `port`.
#[test_log::test(tokio::test)]
async fn all_interfaces_means_both_families_and_one_port() {
    if !has_ipv6() {
        return;
    }
    let server = OneClientServer::builder().all_interfaces().start().await.unwrap();
    assert_eq!(server.host(), "");
    assert_ne!(server.port(), 0);
    let addresses = server.local_addrs();
    assert_eq!(addresses.len(), 2);
    assert!(addresses.iter().all(|address| address.ip().is_unspecified() && address.port() == server.port()));
    // Each socket takes clients, and it is one client for both.
    for address in addresses {
        let ip: IpAddr = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { "::1".parse().unwrap() };
        let stream = tokio::net::TcpStream::connect((ip, address.port())).await.unwrap();
        let session = admission_of(stream.local_addr().ok(), &server).await;
        let other = addresses.iter().find(|other| *other != address).unwrap();
        let ip: IpAddr = if other.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { "::1".parse().unwrap() };
        let surplus = tokio::net::TcpStream::connect((ip, other.port())).await.unwrap();
        assert!(is_refused(surplus).await);
        assert!(session.is_connected());
        server.close_client().await;
    }
    eventually(server.close()).await;
    for address in server.local_addrs() {
        TcpListener::bind(address).unwrap();
    }
}

/// On all interfaces a given port is that of both sockets. Parity: `host=None`.
#[test_log::test(tokio::test)]
async fn all_interfaces_have_the_given_port() {
    if !has_ipv6() {
        return;
    }
    // A port that is free for one family may be in use for the other: then another.
    for _ in 0..20 {
        let one = OneClientServer::builder().host("0.0.0.0").start().await.unwrap();
        let port = one.port();
        eventually(one.close()).await;
        match OneClientServer::builder().all_interfaces().port(port).start().await {
            Ok(server) => {
                assert_eq!((server.port(), server.local_addrs().len()), (port, 2));
                let stream = tokio::net::TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.unwrap();
                admission_of(stream.local_addr().ok(), &server).await;
                return;
            }
            Err(error) => assert_eq!(bind_error(error), io::ErrorKind::AddrInUse),
        }
    }
    panic!("no port is free for both families");
}

/// The family leaves the host's addresses of that family, also of all interfaces; a host without one is an error.
/// Parity: `family`.
#[test_log::test(tokio::test)]
async fn a_server_listens_over_the_family_asked_for() {
    let server = OneClientServer::builder().all_interfaces().family(Family::Ipv4).start().await.unwrap();
    assert_eq!(server.local_addrs(), [(Ipv4Addr::UNSPECIFIED, server.port()).into()]);
    let server = OneClientServer::builder().host("localhost").family(Family::Ipv4).start().await.unwrap();
    assert_eq!(server.local_addrs(), [(Ipv4Addr::LOCALHOST, server.port()).into()]);
    if has_ipv6() {
        let server = OneClientServer::builder().all_interfaces().family(Family::Ipv6).start().await.unwrap();
        assert_eq!(server.local_addrs(), [(Ipv6Addr::UNSPECIFIED, server.port()).into()]);
    }
    let error = OneClientServer::builder().family(Family::Ipv6).start().await.unwrap_err();
    assert!(
        matches!(&error, StartError::LookUp(LookUpError::NoAddress { host }) if host == DEFAULT_LOCALHOST),
        "{error:?}"
    );
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::AddrNotAvailable);
}

/// A server listens on an IPv6 address as on any other.
#[test_log::test(tokio::test)]
async fn a_server_serves_over_ipv6() {
    if !has_ipv6() {
        return;
    }
    let server = OneClientServer::builder().host(LOCALHOST_IPV6).start().await.unwrap();
    assert_eq!(server.local_addrs(), [(Ipv6Addr::LOCALHOST, server.port()).into()]);
    let (mut stream, connection) = dial_in(&server).await;
    connection.write_str("hello").await.unwrap();
    stream.expect("hello\r\n").await;
    eventually(server.close()).await;
    stream.expect_end().await;
    assert!(port_is_free(&server));
}

/// The options of the listening socket begin as asyncio's.
#[test]
fn the_listening_socket_has_defaults() {
    assert_eq!(DEFAULT_BACKLOG, 100);
    let builder = format!("{:?}", OneClientServer::builder());
    let reuse_address = format!("reuse_address: {}", cfg!(unix));
    for default in ["port: 0", "family: Any", "backlog: 100", &reuse_address, "reuse_port: false", "listener: None"] {
        assert!(builder.contains(default), "{default} in {builder}");
    }
}

/// How many clients connect to a server that accepts none, for nothing else runs in this thread; `most` is enough.
#[cfg(target_os = "linux")]
fn connected_unaccepted(server: &OneClientServer, most: usize) -> usize {
    let patience = Duration::from_millis(300);
    let streams: Vec<_> =
        (0..most).map_while(|_| TcpStream::connect_timeout(&address(server), patience).ok()).collect();
    streams.len()
}

/// So many clients connect before they are accepted, and by default as many as asyncio lets wait. Linux takes one more
/// than it is asked for. Parity: `backlog`.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test)]
async fn the_backlog_is_how_many_clients_wait() {
    let few = OneClientServer::builder().backlog(2).start().await.unwrap();
    let waiting = connected_unaccepted(&few, 20);
    assert!((2..=3).contains(&waiting), "{waiting}");
    let default = OneClientServer::builder().start().await.unwrap();
    let waiting = connected_unaccepted(&default, 200);
    assert!((100..=101).contains(&waiting), "{waiting}");
}

/// A port whose last connection the system still remembers is in use without `reuse_address`, and free with it, which
/// is the default. Parity: `reuse_address`.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test)]
async fn reuse_address_frees_a_port_in_time_wait() {
    let builder = || OneClientServer::builder().host("127.88.24.2");
    let server = builder().start().await.unwrap();
    let port = server.port();
    let (mut stream, _) = dial_in(&server).await;
    // This end closes first, and so is the one that remembers.
    eventually(server.close()).await;
    stream.expect_end().await;
    drop(stream);
    let error = builder().port(port).reuse_address(false).start().await.unwrap_err();
    assert_eq!(bind_error(error), io::ErrorKind::AddrInUse);
    builder().port(port).start().await.unwrap();
}

/// Servers that all set it listen on one port; one that does not is refused the port. Parity: `reuse_port`.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test)]
async fn reuse_port_lets_several_servers_share_a_port() {
    let first = OneClientServer::builder().reuse_port(true).start().await.unwrap();
    let port = first.port();
    let second = OneClientServer::builder().port(port).reuse_port(true).start().await.unwrap();
    assert_eq!(first.local_addrs(), second.local_addrs());
    let error = OneClientServer::builder().port(port).start().await.unwrap_err();
    assert_eq!(bind_error(error), io::ErrorKind::AddrInUse);
    eventually(first.close()).await;
    dial_in(&second).await;
}

/// A listener that is there already is used as it is. Parity: `sock`.
#[test_log::test(tokio::test)]
async fn a_server_takes_a_ready_listener() {
    let listener = tokio::net::TcpListener::bind("127.88.24.3:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let server = OneClientServer::builder().listener(listener).host("no such host").start().await.unwrap();
    assert_eq!((server.host(), server.port(), server.local_addrs()), ("127.88.24.3", at.port(), &[at][..]));
    let (mut stream, connection) = dial_in(&server).await;
    assert!(is_refused(dial(&server).await).await);
    connection.write_str("hello").await.unwrap();
    stream.expect("hello\r\n").await;
    eventually(server.close()).await;
    assert!(port_is_free(&server));
}
