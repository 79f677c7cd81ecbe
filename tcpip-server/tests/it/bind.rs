//! Where a server listens.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use tcpip_server::{DEFAULT_LOCALHOST, OneClientServer, StartError};

use crate::raw_peer::{dial, dial_in, port_is_free, soon};

/// A server listens on this machine only, on a port that the system chose, unless told otherwise.
/// Parity: `host`, `port`.
#[test_log::test(tokio::test)]
async fn host_and_port_have_defaults() {
    let server = OneClientServer::builder().start().await.unwrap();
    assert_eq!(server.host(), DEFAULT_LOCALHOST);
    assert_ne!(server.port(), 0);
    assert_eq!(server.local_addrs(), [(Ipv4Addr::LOCALHOST, server.port()).into()]);
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
    assert!(matches!(&error, StartError::Resolve { host, .. } if host == "no.such.host.invalid"), "{error:?}");
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
        soon(server.close()).await;
        assert!(time % 20 != 0 || port_is_free(&server));
        drop(client);
    }
}

/// On all interfaces a server has an IPv4 and an IPv6 socket; with port 0 they differ, and `port` is 0.
/// Parity: `host=None`.
#[test_log::test(tokio::test)]
async fn all_interfaces_means_both_families_and_an_ambiguous_port_is_0() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    let server = OneClientServer::builder().all_interfaces().start().await.unwrap();
    assert_eq!((server.host(), server.port()), ("", 0));
    let addresses = server.local_addrs();
    assert_eq!(addresses.len(), 2);
    assert!(addresses.iter().all(|address| address.ip().is_unspecified() && address.port() != 0));
    // Each socket takes clients, and it is one client for both.
    for address in addresses {
        let ip: IpAddr = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { "::1".parse().unwrap() };
        let stream = tokio::net::TcpStream::connect((ip, address.port())).await.unwrap();
        let session = crate::raw_peer::admission_of(&stream, &server).await;
        let other = addresses.iter().find(|other| *other != address).unwrap();
        let ip: IpAddr = if other.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { "::1".parse().unwrap() };
        let surplus = tokio::net::TcpStream::connect((ip, other.port())).await.unwrap();
        assert!(crate::raw_peer::is_refused(surplus).await);
        assert!(session.is_connected());
        server.close_client().await;
    }
    soon(server.close()).await;
    for address in server.local_addrs() {
        TcpListener::bind(address).unwrap();
    }
}
