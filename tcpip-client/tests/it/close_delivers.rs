//! An end never overtakes data: what was written without an error arrives behind a close, while the peer goes on
//! sending.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener},
    thread::JoinHandle,
    time::Duration,
};

use socket2::SockRef;
use tcpip_client::{Client, ClientBuilder, HalfClose};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    time::Instant,
};

/// Long enough for any of this, so that only a close that waits for the wrong thing takes it.
const CLOSE: Duration = Duration::from_secs(20);

/// A device with a small buffer that still works on what it got: it reads a little, says `ok`, reads on slowly and says
/// `ok` now and then. The thread returns how many bytes it got, to the end of the stream or a reset.
fn busy_device() -> (u16, oneshot::Receiver<()>, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    SockRef::from(&listener).set_recv_buffer_size(4096).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (has_begun, begun) = oneshot::channel();
    let device = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut chunk = [0; 1000];
        stream.read_exact(&mut chunk).unwrap();
        stream.write_all(b"ok\n").unwrap();
        let mut received = 1000;
        has_begun.send(()).unwrap();
        for round in 0.. {
            if round < 20 {
                // The device is slow: it works on each of its commands.
                std::thread::sleep(Duration::from_millis(5));
            }
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(count) => received += count,
            }
            let _ = stream.write_all(b"ok\n");
        }
        let _ = stream.shutdown(Shutdown::Both);
        received
    });
    (port, begun, device)
}

async fn connect(port: u16, options: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    options(Client::builder("127.0.0.1", port).close_timeout(CLOSE)).connect().await.unwrap()
}

async fn received(device: JoinHandle<usize>) -> usize {
    eventually(tokio::task::spawn_blocking(|| device.join().unwrap())).await.unwrap()
}

/// One write, then `close`, behind a device that talks: all of it arrives. Failure 33.
#[test_log::test(tokio::test)]
async fn all_that_was_written_arrives_behind_a_close() {
    for size in [10_000, 300_000] {
        let (port, begun, device) = busy_device();
        let client = connect(port, |client| client).await;
        let link = client.connection();
        client.write(&vec![b'x'; size]).await.unwrap();
        eventually(begun).await.unwrap();
        client.close().await;
        assert_eq!(link.given_up(), 0);
        assert_eq!(received(device).await, size);
    }
}

/// The same behind a drop.
#[test_log::test(tokio::test)]
async fn all_that_was_written_arrives_behind_a_drop() {
    let (port, begun, device) = busy_device();
    let client = connect(port, |client| client).await;
    client.write(&vec![b'x'; 50_000]).await.unwrap();
    eventually(begun).await.unwrap();
    drop(client);
    assert_eq!(received(device).await, 50_000);
}

/// A close never waits for the peer's end: it returns once the peer's system has everything.
#[test_log::test(tokio::test)]
async fn a_close_does_not_wait_for_the_end_of_the_peer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client =
        connect(listener.local_addr().unwrap().port(), |client| client.close_timeout(Duration::from_mins(10))).await;
    let (_peer, _) = listener.accept().await.unwrap();
    client.write(&[b'x'; 10_000]).await.unwrap();
    eventually(client.close()).await;
    assert!(client.is_closed());
}

/// What has not arrived when the deadline passes is told.
#[test_log::test(tokio::test)]
async fn what_a_close_gives_up_is_told() {
    const SHORT: Duration = Duration::from_millis(100);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    SockRef::from(&listener).set_recv_buffer_size(4096).unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = connect(port, |client| client.close_timeout(SHORT)).await;
    let (_peer, _) = listener.accept().unwrap();
    let link = client.connection();
    client.write(&vec![b'x'; 100_000]).await.unwrap();
    assert_eq!(link.given_up(), 0);
    let since = Instant::now();
    eventually(client.close()).await;
    assert!(since.elapsed() >= SHORT, "it had its time");
    eventually(link.wait_closed()).await;
    assert!((50_000..100_000).contains(&link.given_up()), "{}", link.given_up());
}

/// What the peer sent and nobody read does not turn the end of a drained session into a reset.
#[test_log::test(tokio::test)]
async fn unread_data_does_not_make_a_reset_of_the_end() {
    // The peer sends more than is read, ends its half and waits for the answer. The session drains and is given up.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    SockRef::from(&listener).set_recv_buffer_size(4096).unwrap();
    let client = connect(listener.local_addr().unwrap().port(), |client| client.drain_timeout(Duration::ZERO)).await;
    let (mut peer, _) = listener.accept().await.unwrap();
    client.write(&vec![b'x'; 50_000]).await.unwrap();
    peer.write_all(&[b'y'; 10_000]).await.unwrap();
    peer.shutdown().await.unwrap();
    eventually(client.wait_closed()).await;
    drop(client);
    let mut all = Vec::new();
    eventually(peer.read_to_end(&mut all)).await.unwrap();
    assert_eq!(all.len(), 50_000);
}

/// A peer that has ended its half and reads on slowly gets everything, and nothing counts as given up.
#[test_log::test(tokio::test)]
async fn all_that_was_written_arrives_behind_the_peers_end() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    SockRef::from(&listener).set_recv_buffer_size(4096).unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = connect(port, |client| client.half_close(HalfClose::Allowed)).await;
    let (mut peer, _) = listener.accept().await.unwrap();
    peer.shutdown().await.unwrap();
    assert!(eventually(client.wait_hung_up()).await);
    client.write(&vec![b'x'; 300_000]).await.unwrap();
    let link = client.connection();
    let mut all = Vec::new();
    let (received, ()) = eventually(async { tokio::join!(peer.read_to_end(&mut all), client.close()) }).await;
    assert_eq!((received.unwrap(), link.given_up()), (300_000, 0));
}
