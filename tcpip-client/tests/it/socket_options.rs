//! Which options a client's socket has. Over TCP alone, but for what there is without a socket.

use std::{io, time::Duration};

use socket2::TcpKeepalive;
use tcpip_client::{
    Client, ConnectError, Connection, KEEPALIVE_INTERVAL, KEEPALIVE_TIME, Keepalive, OptionError, SockRef,
};
use tcpip_testkit::eventually;
use tokio::net::{TcpListener, TcpStream};

use crate::kinds::{Memory, Tcp, meet, pair};

/// Keep-alive if it is on (time, interval, probes), and no-delay.
fn options(connection: &Connection) -> (Option<(Duration, Duration, u32)>, bool) {
    let ask = |socket: SockRef<'_>| -> io::Result<_> {
        let keepalive = if socket.keepalive()? {
            let (time, interval) = (socket.tcp_keepalive_time()?, socket.tcp_keepalive_interval()?);
            Some((time, interval, socket.tcp_keepalive_retries()?))
        } else {
            None
        };
        Ok((keepalive, socket.tcp_nodelay()?))
    };
    connection.with_socket(ask).expect("there is a socket").unwrap()
}

const SECOND: Duration = Duration::from_secs(1);

/// A connected socket with options of its own, and its other end.
async fn own_socket() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = eventually(TcpStream::connect(listener.local_addr().unwrap())).await.unwrap();
    let keepalive = TcpKeepalive::new().with_time(10 * SECOND).with_interval(3 * SECOND).with_retries(2);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive).unwrap();
    assert!(!stream.nodelay().unwrap(), "Nagle's algorithm is on by itself");
    let (peer, _) = eventually(listener.accept()).await.unwrap();
    (stream, peer)
}

/// A socket that is handed in keeps the options that it has.
#[test_log::test(tokio::test)]
async fn a_socket_that_is_handed_in_keeps_its_options() {
    let (stream, _peer) = own_socket().await;
    let client = Client::from_stream(stream).connect().await.unwrap();
    assert_eq!(options(&client.connection()), (Some((10 * SECOND, 3 * SECOND, 2)), false));
}

/// An option that is set is set on a socket that is handed in, too, and no other.
#[test_log::test(tokio::test)]
async fn a_socket_that_is_handed_in_has_the_options_that_are_set() {
    let (stream, _peer) = own_socket().await;
    let client = Client::from_stream(stream).nodelay(true).connect().await.unwrap();
    assert_eq!(options(&client.connection()), (Some((10 * SECOND, 3 * SECOND, 2)), true));
    let (stream, _peer) = own_socket().await;
    let client = Client::from_stream(stream).keepalive(Keepalive::default()).connect().await.unwrap();
    assert_eq!(options(&client.connection()), (Some((KEEPALIVE_TIME, KEEPALIVE_INTERVAL, 4)), false));
    let (stream, _peer) = own_socket().await;
    let client = Client::from_stream(stream).keepalive(None).connect().await.unwrap();
    assert_eq!(options(&client.connection()), (None, false));
}

/// A socket that is dialled here has the defaults, or what is set.
#[test_log::test(tokio::test)]
async fn a_socket_that_is_dialled_has_the_defaults_or_what_is_set() {
    let (client, _peer) = pair::<Tcp>().await;
    assert_eq!(options(&client.connection()), (Some((KEEPALIVE_TIME, KEEPALIVE_INTERVAL, 4)), true));
    let (client, _peer) = meet::<Tcp>(|client| client.keepalive(None).nodelay(false)).await;
    assert_eq!(options(&client.connection()), (None, false));
    let keepalive = Keepalive::default().time(7 * SECOND).interval(2 * SECOND).probes(3);
    let (client, _peer) = meet::<Tcp>(|client| client.keepalive(keepalive)).await;
    assert_eq!(options(&client.connection()), (Some((7 * SECOND, 2 * SECOND, 3)), true));
}

/// Keep-alive that the system would refuse counts as the nearest that it takes.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test)]
async fn keepalive_beyond_what_the_system_takes_counts_as_the_nearest() {
    let (zero, some) = (Duration::ZERO, Duration::from_millis(1500));
    for ((time, interval, probes), taken) in [
        ((zero, zero, 0), (SECOND, SECOND, 1)),
        ((some, some, 127), (2 * SECOND, 2 * SECOND, 127)),
        ((Duration::MAX, Duration::MAX, u32::MAX), (32767 * SECOND, 32767 * SECOND, 127)),
    ] {
        let keepalive = Keepalive::default().time(time).interval(interval).probes(probes);
        let (client, _peer) = meet::<Tcp>(|client| client.keepalive(keepalive)).await;
        assert_eq!(options(&client.connection()).0, Some(taken));
    }
}

/// A user timeout that the system would refuse counts as the nearest that it takes.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test)]
async fn a_user_timeout_beyond_what_the_system_takes_counts_as_the_nearest() {
    let longest = Duration::from_millis((1 << 31) - 1);
    for (asked, taken) in [
        (Duration::from_nanos(1), Duration::from_millis(1)),
        (Duration::from_millis(300), Duration::from_millis(300)),
        (longest, longest),
        (longest + Duration::from_millis(1), longest),
        (Duration::MAX, longest),
    ] {
        let (client, _peer) = meet::<Tcp>(|client| client.tcp_user_timeout(asked)).await;
        let timeout = client.connection().with_socket(|socket| socket.tcp_user_timeout().unwrap());
        assert_eq!(timeout, Some(Some(taken)));
    }
    let error = Client::builder("127.0.0.1", 1).tcp_user_timeout(Duration::ZERO).connect().await.unwrap_err();
    let zero = OptionError::ZeroInterval { option: "tcp_user_timeout" };
    assert!(matches!(&error, ConnectError::Option(option) if *option == zero), "{error:?}");
}

/// The socket beneath is lent for any other option, while there is one.
#[test_log::test(tokio::test)]
async fn the_socket_beneath_is_lent_while_there_is_one() {
    let (client, _peer) = pair::<Tcp>().await;
    let connection = client.connection();
    connection.with_socket(|socket| socket.set_ttl_v4(7)).unwrap().unwrap();
    assert_eq!(connection.with_socket(|socket| socket.ttl_v4().unwrap()), Some(7));
    eventually(client.close()).await;
    assert_eq!(connection.with_socket(|_| ()), None);
    let (client, _peer) = pair::<Memory>().await;
    assert_eq!(client.connection().with_socket(|_| ()), None);
    assert_eq!(Connection::closed().with_socket(|_| ()), None);
}

/// Where there is no socket its options do no harm.
#[test_log::test(tokio::test)]
async fn options_of_a_socket_are_without_effect_where_there_is_none() {
    let everything = |client| Client::from_stream(client).keepalive(None).nodelay(false).tcp_user_timeout(SECOND);
    let (near, far) = tokio::io::duplex(64);
    let (client, peer) = (everything(near).connect().await.unwrap(), everything(far).connect().await.unwrap());
    client.write_str("hello").await.unwrap();
    assert_eq!(eventually(peer.read_str()).await.unwrap(), "hello");
}
