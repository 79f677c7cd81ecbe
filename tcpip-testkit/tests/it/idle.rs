//! Sessions from which nothing arrives.

use std::time::Duration;

use tcpip_client::Client;
use tcpip_server::{DisconnectReason, OneClientServer};
use tcpip_testkit::{OneClientServerTestCase, eventually};
use tokio::time::{Instant, sleep};

use crate::heartbeat::{assert_about, end_of};

const SECOND: Duration = Duration::from_secs(1);

/// A session from which nothing arrives ends after the idle time, exactly, whether it is read or not; anything that
/// arrives begins it anew, and what this end writes does not.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_idle_session_ends() {
    for is_read in [false, true] {
        let (near, far) = tokio::io::duplex(1000);
        let client = Client::from_stream(near).idle_timeout(SECOND * 2).connect().await.unwrap();
        let peer = Client::from_stream(far).connect().await.unwrap();
        let reader = client.connection();
        let reading = tokio::spawn(async move {
            while is_read && reader.read_str().await.is_ok() {}
            reader
        });
        for _ in 0..5 {
            sleep(SECOND * 3 / 2).await;
            peer.write_str("data").await.unwrap();
        }
        client.write_str("not from the peer").await.unwrap();
        let connection = client.connection();
        let (elapsed, reason) = end_of(&connection).await;
        assert_about(elapsed, SECOND * 2);
        assert_eq!(reason, DisconnectReason::Idle { after: SECOND * 2 });
        assert!(client.should_be_connected());
        reading.await.unwrap();
        peer.wait_disconnected().await;
    }
}

const IDLE: Duration = Duration::from_millis(200);

/// What waits unread in the kernel has arrived: the session ends between one and two idle times after it.
#[test_log::test(tokio::test)]
async fn unread_data_in_the_kernel_is_an_arrival() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder().idle_timeout(IDLE)).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    let connection = server.connection();
    // Nobody reads: it waits in the kernel. Later than the first look at it, but well within the time of the second.
    sleep(IDLE / 2).await;
    let written = Instant::now();
    client.write_str("data").await.unwrap();
    eventually(connection.wait_disconnected()).await;
    assert!(written.elapsed() >= IDLE, "{:?}", written.elapsed());
    assert_eq!(connection.reason(), Some(DisconnectReason::Idle { after: IDLE }));
}
