//! Clients without their runtime. Over TCP alone: the peer must be one that needs none, a blocking socket.

use std::{future::poll_fn, io, task::Poll, time::Duration};

use tcpip_client::{Client, ReadError, WriteError};
use tcpip_testkit::eventually;
use tokio::runtime::{Builder, Runtime};

use crate::kinds::{Kind, Tcp};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A client of a runtime that is about to end, and its peer, which is a blocking socket.
fn client_of(runtime: &Runtime) -> (Client, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = runtime.block_on(Client::builder("127.0.0.1", port).connect()).unwrap();
    let peer = listener.accept().unwrap().0;
    peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    (client, peer)
}

/// Dropping a client where there is no runtime neither blocks nor panics, and closes.
#[test]
fn dropping_a_client_outside_a_runtime_closes() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (client, mut peer) = client_of(&runtime);
    drop(client);
    assert_eq!(io::Read::read(&mut peer, &mut [0]).unwrap(), 0);
}

/// The runtime ends before the client, with or without the session's task having run: the socket is closed, nobody
/// hangs or panics, and the session is over.
#[test]
fn a_client_that_outlives_its_runtime_is_closed() {
    for has_run in [false, true] {
        for drop_it in [false, true] {
            let first = runtime();
            let (client, mut peer) = client_of(&first);
            let connection = client.connection();
            if has_run {
                first.block_on(async {
                    io::Write::write_all(&mut &peer, b"unread").unwrap();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                });
            }
            drop(first);
            assert!(!connection.is_connected() && client.is_closed());
            match io::Read::read(&mut peer, &mut [0]) {
                Ok(0) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                other => panic!("{other:?}"),
            }
            let second = runtime();
            if drop_it {
                drop(client);
            } else {
                second.block_on(eventually(client.close()));
                second.block_on(eventually(client.callbacks_done()));
            }
            second.block_on(eventually(async {
                connection.close().await;
                assert!(matches!(connection.read_str().await, Err(ReadError::NotConnected { .. })));
                assert!(matches!(connection.write_str("x").await, Err(WriteError::NotConnected { .. })));
            }));
        }
    }
}

/// The runtime ends while a close flushes to a stalled peer: the socket is closed with it.
#[test]
fn a_runtime_that_ends_within_a_close_closes_the_socket() {
    let first = runtime();
    let (client, mut peer) = client_of(&first);
    first.block_on(async {
        let message = vec![0; Tcp::TOO_MUCH];
        let mut writing = Box::pin(client.write(&message));
        poll_fn(|context| Poll::Ready(writing.as_mut().poll(context).is_pending())).await;
        let mut close = Box::pin(client.close());
        poll_fn(|context| Poll::Ready(close.as_mut().poll(context).is_pending())).await;
        tokio::task::yield_now().await;
    });
    drop(first);
    assert!(client.is_closed());
    let received = io::copy(&mut peer, &mut io::sink());
    assert!(received.is_err() || received.unwrap() < Tcp::TOO_MUCH as u64);
}
