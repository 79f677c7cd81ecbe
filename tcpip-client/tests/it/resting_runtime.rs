//! Programs that call `block_on` now and then: nothing happens by itself between two calls.

use std::time::Duration;

use tcpip_client::{Client, ReadError, WriteError};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{
    io::AsyncWriteExt,
    runtime::{Builder, Runtime},
};

use crate::kinds::{Tcp, meet, pair};

/// Longer than a look at the system may be old.
const REST: Duration = Duration::from_millis(200);

fn resting() -> (Runtime, Client, std::net::TcpStream) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (client, peer) = runtime.block_on(pair::<Tcp>());
    (runtime, client, peer.into_std().unwrap())
}

/// Between two calls, a hang-up is known to `is_connected`, with its reason. Failure 44.
#[cfg(target_os = "linux")]
#[test]
fn a_hang_up_is_known_while_the_runtime_rests() {
    let (_runtime, client, peer) = resting();
    std::thread::sleep(REST);
    assert!(client.is_connected());
    drop(peer);
    std::thread::sleep(REST);
    assert!(!client.is_connected() && client.should_be_connected());
    assert!(client.connection().reason().is_some() && client.connection().has_hung_up());
}

/// The first write after the peer has gone is an error.
#[cfg(target_os = "linux")]
#[test]
fn the_first_write_after_a_rest_knows_of_the_hang_up() {
    let (runtime, client, peer) = resting();
    drop(peer);
    std::thread::sleep(REST);
    let written = runtime.block_on(eventually(client.write_str("status")));
    assert!(matches!(written, Err(WriteError::NotConnected { reason: Some(_), .. })), "{written:?}");
    assert!(matches!(runtime.block_on(eventually(client.read_str())), Err(ReadError::EndOfStream { .. })));
}

/// Looking does not shorten what is left to a session that drains: a reply that takes longer than a look may be old
/// still goes out, whoever has looked meanwhile.
#[test_log::test(tokio::test)]
async fn looking_does_not_end_a_session_that_drains() {
    let (client, mut peer) = meet::<Tcp>(|client| client.drain_timeout(Duration::from_mins(1))).await;
    peer.write_all(b"status\r\n").await.unwrap();
    peer.shutdown().await.unwrap();
    assert!(eventually(client.wait_hung_up()).await);
    assert_eq!(client.read_str().await.unwrap(), "status");
    for _ in 0..3 {
        tokio::time::sleep(REST).await;
        assert!(client.is_connected() && client.has_hung_up());
        assert_eq!(client.discard_input().await.unwrap(), 0);
    }
    client.write_str("fine").await.unwrap();
    peer.expect(b"fine\r\n").await;
    assert!(matches!(eventually(client.read_str()).await, Err(ReadError::EndOfStream { .. })));
    assert!(!client.is_connected());
}
