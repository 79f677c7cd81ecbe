//! Clients that show that they live, and those that do not.

use std::time::Duration;

use ess_sensors_mock::MockSensors;
use tcpip_server::DisconnectReason;
use tcpip_testkit::OneClientServerTestCase;

/// A heartbeat is no command, and has no response.
#[test_log::test(tokio::test)]
async fn a_heartbeat_has_no_response() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockSensors::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    for line in ["heartbeat", "heartbeat", "heartbeats"] {
        client.write_str(line).await.unwrap();
    }
    assert_eq!(client.read_str().await.unwrap(), r#"{"response": 1}"#);
    assert!(server.connection().last_heartbeat().is_some());
    client.write_str(r#"{"command":"zero"}"#).await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), r#"{"response": 2}"#);
}

/// A client that does not send any is hung up on.
#[test_log::test(tokio::test)]
async fn a_client_without_heartbeats_is_hung_up_on() {
    let case = OneClientServerTestCase::new();
    let after = Duration::from_millis(50);
    let server = case.create_server(MockSensors::new().server().max_heartbeat_interval(after)).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    client.wait_hung_up().await;
    server.wait_disconnected().await;
    assert_eq!(server.connection().reason(), Some(DisconnectReason::HeartbeatMissed { after }));
}
