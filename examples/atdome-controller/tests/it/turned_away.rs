//! One client at a time.

use std::sync::{Arc, Mutex};

use atdome_controller::{Dome, DomeError};
use atdome_mock::MockDome;
use tcpip_client::DisconnectReason;
use tcpip_testkit::OneClientServerTestCase;

/// The second controller is told that it is not wanted; the first notices nothing.
#[test_log::test(tokio::test)]
async fn a_second_controller_is_turned_away() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let first = Dome::connect(server.host(), server.port()).await.unwrap();
    let second = Dome::connect(server.host(), server.port()).await;
    assert!(matches!(second, Err(DomeError::TurnedAway)), "{second:?}");
    first.short_status().await.unwrap();
    first.close().await;
    Dome::connect(server.host(), server.port()).await.unwrap().short_status().await.unwrap();
}

/// The controller is told when the mock hangs up, and that it was not at this end.
#[test_log::test(tokio::test)]
async fn a_mock_that_hangs_up_is_noticed() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let callback = {
        let events = Arc::clone(&events);
        move |event: tcpip_client::ConnectionEvent| {
            let events = Arc::clone(&events);
            async move { events.lock().unwrap().push((event.is_connected(), event.reason())) }
        }
    };
    let dome = Dome::builder(server.host(), server.port()).connect_callback(callback).connect().await.unwrap();
    server.close_client().await;
    dome.wait_disconnected().await;
    assert!(dome.should_be_connected());
    let reply = dome.send("?").await;
    assert!(matches!(reply, Err(DomeError::Lost { reason: DisconnectReason::ClosedByPeer })), "{reply:?}");
    dome.callbacks_done().await;
    assert_eq!(*events.lock().unwrap(), [(true, None), (false, Some(DisconnectReason::ClosedByPeer))]);
}
