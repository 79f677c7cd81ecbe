//! One client at a time, and what becomes of it when the mock ends.

use std::sync::{Arc, Mutex};

use atdome_controller::{Command, Dome, DomeError};
use atdome_mock::MockDome;
use tcpip_client::{Cause, DisconnectReason, Sent};
use tcpip_testkit::{MemoryNetwork, OneClientServerTestCase};

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
    let session = dome.link().connection();
    server.close_client().await;
    session.wait_disconnected().await;
    let Err(DomeError::Request(error)) = dome.send("?").await else { panic!("the dome has hung up") };
    let reason = Some(DisconnectReason::ClosedByPeer);
    assert!(matches!(error.cause(), Cause::NotConnected { reason: ended, .. } if *ended == reason), "{error:?}");
    assert_eq!(error.sent(), Sent::No);
    session.callbacks_done().await;
    assert_eq!(events.lock().unwrap()[..2], [(true, None), (false, reason)]);
}

/// When the mock is stopped and started again on its port, the controller is connected again by itself.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_dome_that_is_back_is_connected_again() {
    let _entered = MemoryNetwork::new().enter();
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let (host, port) = (server.host().to_owned(), server.port());
    let dome = Dome::connect(&host, port).await.unwrap();
    dome.command(Command::Home).await.unwrap();
    server.close().await;
    dome.link().connection().wait_disconnected().await;
    assert!(matches!(dome.short_status().await, Err(DomeError::Request(_))));
    let _server = MockDome::new().server().host(&host).port(port).start().await.unwrap();
    dome.link().ready().await.unwrap();
    assert!(!dome.short_status().await.unwrap().move_code.is_homing(), "it is another dome, that nobody homes");
}
