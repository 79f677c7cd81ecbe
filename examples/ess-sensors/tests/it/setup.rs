//! The mock and the controller, connected.

use std::time::Duration;

use ess_sensors::{Configuration, Ess, Sensors, link};
use ess_sensors_mock::MockSensors;
use tcpip_client::{Backoff, Commands, Link, LinkBuilder, LinkError, LinkState};
use tcpip_server::OneClientReadLoopServer;
use tokio::time::timeout;

/// One period of the mock's telemetry, which comes in plenty.
pub(crate) const PERIOD: Duration = Duration::from_millis(1);

const SOON: Duration = Duration::from_secs(10);

pub(crate) struct Setup {
    pub(crate) mock: OneClientReadLoopServer<MockSensors>,
    pub(crate) sensors: Sensors,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        let mock = start(0).await;
        let sensors = Sensors::new(link_to(mock.port(), configuration()).connect().await.unwrap());
        Self { mock, sensors }
    }

    /// Whether the device tells something, which it does since it is configured.
    pub(crate) async fn has_telemetry(&self) -> bool {
        let telemetry = self.sensors.telemetry("TempSensor1").unwrap();
        timeout(SOON, telemetry.next()).await.expect("there is telemetry").is_some()
    }
}

pub(crate) async fn start(port: u16) -> OneClientReadLoopServer<MockSensors> {
    MockSensors::new().period(PERIOD).server().host("127.0.0.1").port(port).start().await.unwrap()
}

/// Two sensors.
pub(crate) fn configuration() -> Configuration {
    Configuration::new().sensor("TempSensor1", 3).sensor("TempSensor2", 1)
}

/// With short pauses.
pub(crate) fn link_to(port: u16, configuration: Configuration) -> LinkBuilder<Commands<Ess>> {
    let short = Backoff::exponential(Duration::from_millis(50), Duration::from_millis(100));
    link("127.0.0.1", port, configuration).backoff(short)
}

/// Waits for a state.
pub(crate) async fn wait_for(link: &Link<Commands<Ess>>, is_it: impl FnMut(&LinkState) -> bool) -> LinkState {
    let mut states = link.states();
    timeout(SOON, states.wait_for(is_it)).await.expect("the state comes").unwrap().clone()
}

/// Why an attempt fails, or a session ends.
pub(crate) async fn failure(link: &Link<Commands<Ess>>) -> LinkError {
    match wait_for(link, |state| matches!(state, LinkState::Backoff { .. } | LinkState::Failed { .. })).await {
        LinkState::Backoff { error, .. } | LinkState::Failed { error } => error,
        state => panic!("{state:?}"),
    }
}
