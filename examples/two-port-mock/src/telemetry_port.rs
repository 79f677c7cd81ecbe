//! The port for telemetry, as a server's handler.

use std::time::Duration;

use tcpip_server::{Connection, HandlerResult, ReadAndDispatch};
use tokio::time::interval;

use crate::{MockMirror, actuator::Actuator, messages::Telemetry};

/// How often telemetry comes: 20 times a second.
pub const PERIOD: Duration = Duration::from_millis(50);

/// What a server needs to be the port for telemetry. Made by [`MockMirror::telemetry_server`].
#[derive(Debug)]
pub struct TelemetryPort(MockMirror);

impl TelemetryPort {
    pub(crate) fn new(mirror: MockMirror) -> Self {
        Self(mirror)
    }
}

impl ReadAndDispatch for TelemetryPort {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        let (link, mirror) = (connection.clone(), self.0.clone());
        connection.spawn(async move {
            let mut ticks = interval(PERIOD);
            loop {
                ticks.tick().await;
                let telemetry = Telemetry::of(&mirror.all());
                if link.write_json(&telemetry).await.is_err() {
                    return;
                }
            }
        });
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        match connection.read_str().await {
            Err(error) if error.ends_session() => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Telemetry {
    fn of(actuators: &[Actuator]) -> Self {
        let moving = actuators.iter().enumerate().filter(|(_, actuator)| actuator.is_moving());
        Self {
            positions: actuators.iter().map(Actuator::position).collect(),
            moving: moving.map(|(number, _)| number).collect(),
        }
    }
}
