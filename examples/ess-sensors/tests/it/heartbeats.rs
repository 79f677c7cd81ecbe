//! How each end shows that it lives. The clock is paused.

use std::time::Duration;

use ess_sensors::{Ess, SILENCE, Sensors, link};
use ess_sensors_mock::MockSensors;
use tcpip_client::{Commands, DEFAULT_HEARTBEAT_INTERVAL, DisconnectReason, LinkBuilder, LinkError};
use tcpip_server::{DEFAULT_MAX_HEARTBEAT_INTERVAL, OneClientReadLoopServer};
use tcpip_testkit::MemoryNetwork;
use tokio::time::{Instant, sleep};

use crate::setup::{configuration, failure};

async fn start(mock: MockSensors) -> (OneClientReadLoopServer<MockSensors>, LinkBuilder<Commands<Ess>>) {
    let network = MemoryNetwork::new();
    let server = mock.server().network(&network).host("sensors").port(5000).start().await.unwrap();
    let link = link("sensors", 5000, configuration()).client(|client| client.network(&network));
    (server, link)
}

/// Heartbeats keep the session for as long as one likes, and are no commands: nothing answers them, and nothing that
/// comes is one.
#[test_log::test(tokio::test(start_paused = true))]
async fn heartbeats_are_nothing_that_anybody_sees() {
    let (mock, link) = start(MockSensors::new()).await;
    let sensors = Sensors::new(link.connect().await.unwrap());
    sleep(10 * DEFAULT_MAX_HEARTBEAT_INTERVAL).await;
    let last = mock.connection().last_heartbeat().expect("there are some");
    assert!(last.elapsed() <= DEFAULT_HEARTBEAT_INTERVAL, "{:?}", last.elapsed());
    sensors.zero("TempSensor1").await.unwrap();
    let (here, there) = (sensors.link().connection().stats(), mock.connection().stats());
    assert_eq!(there.reads, 2, "what the device has read are the commands");
    assert_eq!(here.messages_sent, there.reads + 101, "and each second there was a heartbeat, from the first on");
    let telemetry = here.reads - 2;
    assert!((200..=206).contains(&telemetry), "{telemetry} messages are telemetry of two sensors, and none is more");
    assert_eq!(sensors.link().handler().late_replies(), 0);
    assert!(sensors.link().is_ready());
}

/// A device that is silent is given up, and connected to again.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_silent_device_is_given_up() {
    let (mock, link) = start(MockSensors::new().period(2 * SILENCE)).await;
    let link = link.connect().await.unwrap();
    let began = Instant::now();
    let error = failure(&link).await;
    assert!(
        matches!(&error, LinkError::Lost { reason: DisconnectReason::Idle { after } } if *after == SILENCE),
        "{error:?}"
    );
    assert!(began.elapsed() < SILENCE + Duration::from_millis(1), "{:?}", began.elapsed());
    link.ready().await.unwrap();
    assert!(mock.handler().is_configured());
}
