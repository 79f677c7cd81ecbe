//! Heartbeats between Python and this library, and a peer that vanishes.

use std::{io::Write, time::Duration};

use tcpip_client::Client;
use tcpip_server::{DisconnectReason, LOCALHOST_IPV4, OneClientServer, ReadError};
use tcpip_testkit::OneClientServerTestCase;
use tokio::time::timeout;

use crate::{
    PEER, admitted,
    python::{PATIENCE, Python},
};

/// Less than the ten heartbeats take.
const MISSED: Duration = Duration::from_millis(1500);
const AFTER: Duration = Duration::from_millis(300);

/// A Python client is kept as long as it sends heartbeats, which nobody is told of, and given up when it stops.
#[test_log::test(tokio::test)]
async fn a_python_client_lives_as_long_as_its_heartbeats() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder().max_heartbeat_interval(MISSED)).await.unwrap();
    let port = server.port().to_string();
    let arguments = ["client", "beat", &port];
    let Some(python) = Python::start("a_python_client_lives_as_long_as_its_heartbeats", PEER, &arguments) else {
        return;
    };
    let connection = admitted(&server).await;
    for number in 0..10 {
        assert_eq!(timeout(PATIENCE, connection.read_str()).await.unwrap().unwrap(), number.to_string());
    }
    let reason = DisconnectReason::HeartbeatMissed { after: MISSED };
    let error = timeout(PATIENCE, connection.read_str()).await.unwrap().unwrap_err();
    assert!(matches!(&error, ReadError::Disconnected { reason: told } if *told == reason), "{error:?}");
    python.assert_content().await;
}

/// A Python server sees the heartbeats of our client as its own.
#[test_log::test(tokio::test)]
async fn a_python_server_sees_our_heartbeats() {
    let arguments = ["server", "count"];
    let Some(mut python) = Python::start("a_python_server_sees_our_heartbeats", PEER, &arguments) else { return };
    let builder = Client::builder(LOCALHOST_IPV4, python.port().await).heartbeat_interval(Duration::from_millis(50));
    let client = builder.connect().await.unwrap();
    python.assert_content().await;
    client.wait_disconnected().await;
}

/// Failure 6: a peer that vanishes without a word is given up for its missing heartbeats, or for its silence.
#[test_log::test(tokio::test)]
async fn a_peer_that_vanishes_is_given_up() {
    for heartbeats in [true, false] {
        let case = OneClientServerTestCase::new();
        let builder = OneClientServer::builder();
        let builder = if heartbeats { builder.max_heartbeat_interval(AFTER) } else { builder.idle_timeout(AFTER) };
        let server = case.create_server(builder).await.unwrap();
        let port = server.port().to_string();
        let arguments = ["client", "vanish", &port];
        let Some(python) = Python::start("a_peer_that_vanishes_is_given_up", PEER, &arguments) else { return };
        let connection = admitted(&server).await;
        match timeout(PATIENCE, connection.read_str()).await.unwrap() {
            Err(ReadError::Disconnected { reason }) if heartbeats => {
                assert_eq!(reason, DisconnectReason::HeartbeatMissed { after: AFTER });
            }
            Err(ReadError::Disconnected { reason }) => assert_eq!(reason, DisconnectReason::Idle { after: AFTER }),
            Ok(skipped) => {
                let _ = writeln!(std::io::stderr(), "a_peer_that_vanishes_is_given_up: {skipped}");
                return;
            }
            other => panic!("{other:?}"),
        }
        python.assert_content().await;
    }
}
