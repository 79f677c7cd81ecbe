//! Which options the sockets have that a server accepts.

use std::{io, time::Duration};

use tcpip_server::{Connection, KEEPALIVE_TIME, Keepalive, OneClientServer, SockRef};

use crate::dial::dial_in;

/// The time of keep-alive if it is on, and no-delay.
fn options(connection: &Connection) -> (Option<Duration>, bool) {
    let ask = |socket: SockRef<'_>| -> io::Result<_> {
        let keepalive = if socket.keepalive()? { Some(socket.tcp_keepalive_time()?) } else { None };
        Ok((keepalive, socket.tcp_nodelay()?))
    };
    connection.with_socket(ask).expect("there is a socket").unwrap()
}

/// An accepted socket has the defaults, or what is set, whoever has made the listening socket.
#[test_log::test(tokio::test)]
async fn an_accepted_socket_has_the_defaults_or_what_is_set() {
    for is_handed_in in [false, true] {
        for (keepalive, nodelay, expected) in [
            (Some(Keepalive::default()), true, Some(KEEPALIVE_TIME)),
            (Some(Keepalive::default().time(Duration::from_secs(9))), false, Some(Duration::from_secs(9))),
            (None, false, None),
        ] {
            let mut builder = OneClientServer::builder();
            if is_handed_in {
                builder = builder.listener(tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap());
            }
            if keepalive != Some(Keepalive::default()) {
                builder = builder.keepalive(keepalive).nodelay(nodelay);
            }
            let server = builder.start().await.unwrap();
            let (_client, session) = dial_in(&server).await;
            assert_eq!(options(&session), (expected, nodelay));
        }
    }
}

/// A user timeout that is longer than the system takes drops nobody.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test)]
async fn a_user_timeout_longer_than_the_system_takes_drops_nobody() {
    for timeout in [Duration::from_millis(1 << 31), Duration::MAX] {
        let server = OneClientServer::builder().tcp_user_timeout(timeout).start().await.unwrap();
        let (_client, session) = dial_in(&server).await;
        assert!(server.is_connected() && session.is_connected());
    }
}
