//! Motion as a client sees it, with a dome whose time passes faster.

use std::time::Duration;

use atdome_mock::MockDome;
use tcpip_server::ClientOrServer;
use tcpip_testkit::OneClientServerTestCase;
use tokio::time::timeout;

/// Waits until the reply to `?` contains `text`; the program under test decides when.
async fn wait_for(client: &impl ClientOrServer, text: &str) -> String {
    let poll = async {
        loop {
            client.write(b"?\r\n").await.unwrap();
            let status = String::from_utf8(client.read_until(b">").await.unwrap()).unwrap();
            if status.contains(text) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), poll).await.expect("the dome gets there")
}

/// Homing ends at home, homed.
#[test_log::test(tokio::test)]
async fn homing_ends_homed() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().speed_up(100.0).server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    client.write(b"HM\r\n").await.unwrap();
    let status = wait_for(&client, "Dome homed").await;
    assert!(status.contains("\nHOME 10.00\nRR 000\n"), "{status}");
}

/// The dome goes on moving while no client is there, and the next one finds it as it is.
#[test_log::test(tokio::test)]
async fn the_dome_outlives_its_clients() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().speed_up(100.0).server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    client.write(b"OP\r\n300.00 MV\r\n").await.unwrap();
    assert_eq!(client.read_exact(16).await.unwrap(), b"ACE Main Box\n>>>");
    client.close().await;
    server.wait_disconnected().await;
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_eq!(client.read_until(b">").await.unwrap(), b"ACE Main Box\n>");
    let status = wait_for(&client, "POSN 300.00").await;
    assert!(status.contains("MAIN OPEN 100\n"), "{status}");
}
