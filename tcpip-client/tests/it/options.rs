//! The defaults, and the options that sockets have.

use std::time::Duration;

use socket2::SockRef;
use tcpip_client::{
    Client, DEFAULT_CLOSE_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_DRAIN_TIMEOUT, DEFAULT_ENCODING, DEFAULT_LIMIT,
    DEFAULT_LOCALHOST, DEFAULT_MONITOR_CONNECTION_INTERVAL, DEFAULT_TERMINATOR, DEFAULT_WRITE_LIMIT,
    DEFAULT_WRITE_TIMEOUT, Encoding, Error, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME, LOCALHOST_IPV4,
    LOCALHOST_IPV6, OptionError, STD_TIMEOUT, Terminator, close_stream_writer, read_into, read_struct,
    set_socket_options, write_from,
};
use tcpip_testkit::eventually;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    kinds::{Tcp, pair},
    reads_well::assert_reads_well,
};

/// The constants have the values that users of the Python library know, and those that the docs name.
/// Parity: `DEFAULT_ENCODING`, `DEFAULT_TERMINATOR`, `DEFAULT_LOCALHOST`, `LOCALHOST_IPV4`, `LOCALHOST_IPV6`,
/// `DEFAULT_MONITOR_CONNECTION_INTERVAL`, `KEEPALIVE_TIME`, `KEEPALIVE_PROBES`, `KEEPALIVE_INTERVAL`.
#[test]
fn the_constants_have_their_values() {
    assert_eq!(DEFAULT_ENCODING, Encoding::Utf8);
    assert_eq!(DEFAULT_TERMINATOR, b"\r\n");
    assert_eq!((DEFAULT_LOCALHOST, LOCALHOST_IPV4, LOCALHOST_IPV6), ("127.0.0.1", "127.0.0.1", "::1"));
    assert_eq!(DEFAULT_MONITOR_CONNECTION_INTERVAL, Duration::from_millis(100));
    assert_eq!((KEEPALIVE_TIME, KEEPALIVE_INTERVAL), (Duration::from_mins(1), Duration::from_secs(15)));
    assert_eq!(KEEPALIVE_PROBES, 4);
    assert_eq!(STD_TIMEOUT, Duration::from_secs(2));
    assert_eq!((DEFAULT_LIMIT, DEFAULT_WRITE_LIMIT), (1 << 20, 1 << 20));
    assert_eq!(DEFAULT_CONNECT_TIMEOUT, Duration::from_secs(5));
    assert_eq!(DEFAULT_WRITE_TIMEOUT, Duration::from_secs(5));
    assert_eq!(DEFAULT_CLOSE_TIMEOUT, Duration::from_secs(1));
    assert_eq!(DEFAULT_DRAIN_TIMEOUT, Duration::from_secs(1));
}

/// A builder begins with them: what a client cannot be asked for shows in its `Debug`.
#[test_log::test(tokio::test)]
async fn a_client_begins_with_the_defaults() {
    let builder = format!("{:?}", Client::builder("dome.example", 17310));
    for default in [
        "host: \"dome.example\"",
        "port: 17310",
        "family: Any",
        "local_addr: None",
        "connect_timeout: Some(5s)",
        "name: \"dome.example:17310\"",
        "limit: 1048576",
        "write_limit: 1048576",
        "read_timeout: None",
        "write_timeout: Some(5s)",
        "close_timeout: 1s",
        "drain_timeout: 1s",
        "monitor_connection_interval: 100ms",
        "hang_up_detection: Automatic",
        "ConnectCallbacks(0)",
    ] {
        assert!(builder.contains(default), "{default} in {builder}");
    }
    let (client, _peer) = pair::<Tcp>().await;
    assert_eq!((client.encoding(), client.terminator()), (DEFAULT_ENCODING, DEFAULT_TERMINATOR.into()));
    assert_eq!(client.limit(), DEFAULT_LIMIT);
}

/// An option that cannot be is an error that names it, and changes nothing.
#[test_log::test(tokio::test)]
async fn an_option_that_cannot_be_is_named() {
    let (client, _peer) = pair::<Tcp>().await;
    let empty = Terminator::new("").unwrap_err();
    let unknown = "klingon".parse::<Encoding>().unwrap_err();
    assert_eq!(empty, OptionError::EmptyTerminator);
    assert_eq!(empty.to_string(), "the terminator is empty");
    assert_eq!(unknown, OptionError::UnknownEncoding { label: "klingon".to_owned() });
    assert_eq!(unknown.to_string(), "unknown encoding \"klingon\"");
    for error in [empty, unknown] {
        assert_reads_well(&error);
        assert_eq!(std::io::Error::from(error.clone()).kind(), std::io::ErrorKind::InvalidInput);
        assert_eq!(std::io::Error::from(Error::from(error)).kind(), std::io::ErrorKind::InvalidInput);
    }
    assert_eq!(client.terminator(), DEFAULT_TERMINATOR);
}

fn assert_options_are_set(socket: &SockRef<'_>) {
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_mins(1));
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(15));
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
    assert!(socket.tcp_nodelay().unwrap());
}

/// Keep-alive and no-delay are set by `set_socket_options`, on either end.
#[test_log::test(tokio::test)]
async fn set_socket_options_is_readable_back_from_both_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap());
    let (near, far) = eventually(async { tokio::join!(connecting, listener.accept()) }).await;
    for stream in [near.unwrap(), far.unwrap().0] {
        assert!(!SockRef::from(&stream).keepalive().unwrap(), "not by itself");
        set_socket_options(&stream).unwrap();
        assert_options_are_set(&SockRef::from(&stream));
    }
}

/// A client's own socket has them: asked of a copy of its descriptor, which is found by its inode.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test)]
async fn a_clients_socket_has_the_socket_options() {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let (client, _peer) = pair::<Tcp>().await;
    let process = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let own = (0..4096)
        .filter_map(|number| pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).ok())
        .find(|copy| {
            SockRef::from(copy).local_addr().ok().and_then(|address| address.as_socket())
                == client.connection().local_addr()
        })
        .expect("the client's socket is among the descriptors");
    assert_options_are_set(&SockRef::from(&own));
}

/// The stream helpers are there for streams of one's own.
#[test_log::test(tokio::test)]
async fn the_stream_helpers_work_on_a_bare_socket() {
    let (client, mut peer) = pair::<Tcp>().await;
    write_from(&mut peer, (&[1u8, 2], &[3u8])).await.unwrap();
    assert_eq!(client.read_exact(3).await.unwrap(), [1, 2, 3]);
    client.write(&[4, 5, 6]).await.unwrap();
    assert_eq!(read_struct::<[u8; 2]>(&mut peer).await.unwrap(), [4, 5]);
    let mut target = [0u8];
    read_into(&mut peer, &mut target).await.unwrap();
    assert_eq!(target, [6]);
    for _ in 0..2 {
        close_stream_writer(&mut peer).await.unwrap();
    }
    eventually(client.wait_closed()).await;
    close_stream_writer(&mut peer).await.unwrap();
}
