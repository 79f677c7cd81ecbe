//! A controller that does what the test says.

use std::time::Duration;

use moog_client::{Builder, CommandTelemetryClient};
use moog_protocol::{Command, CommandStatus, Header, SimpleConfig, SimpleTelemetry, frame_id};
use tcpip_server::{ClientOrServer, OneClientServer};
use tcpip_testkit::OneClientServerTestCase;
use tokio::time::timeout;
use zerocopy::{Immutable, IntoBytes};

pub(crate) type Axis = CommandTelemetryClient<SimpleConfig, SimpleTelemetry>;

pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), what).await.expect("this should have happened by now")
}

/// A client, and the controller that it is connected to.
pub(crate) async fn meet(
    options: impl FnOnce(Builder<SimpleConfig, SimpleTelemetry>) -> Builder<SimpleConfig, SimpleTelemetry>,
) -> (Axis, OneClientServer) {
    let case = OneClientServerTestCase::new();
    let controller = case.create_server(OneClientServer::builder()).await.unwrap();
    let axis = options(Axis::builder(controller.host(), controller.port())).connect().await.unwrap();
    soon(controller.wait_connected()).await.unwrap();
    (axis, controller)
}

pub(crate) fn header(frame_id: u32, counter: u32) -> Header {
    Header { frame_id: frame_id.into(), counter: counter.into(), tai_sec: 1.into(), tai_nsec: 2.into() }
}

pub(crate) fn config() -> SimpleConfig {
    SimpleConfig { drives_enabled: 1, min_position: (-1.0).into(), max_position: 1.0.into(), max_velocity: 2.0.into() }
}

pub(crate) fn telemetry(position: f64) -> SimpleTelemetry {
    SimpleTelemetry {
        application_status: 0x400.into(),
        state: 2.0.into(),
        enabled_substate: 0.0.into(),
        curr_position: position.into(),
        cmd_position: 0.0.into(),
    }
}

async fn send(controller: &impl ClientOrServer, id: u32, counter: u32, body: &(impl IntoBytes + Immutable + Sync)) {
    controller.write_from((&header(id, counter), body)).await.unwrap();
}

pub(crate) async fn send_config(controller: &impl ClientOrServer) {
    send(controller, frame_id::CONFIG, 0, &config()).await;
}

pub(crate) async fn send_telemetry(controller: &impl ClientOrServer, position: f64) {
    send(controller, frame_id::TELEMETRY, 0, &telemetry(position)).await;
}

/// Accepts a command; the duration tells which answer it was.
pub(crate) async fn accept(controller: &impl ClientOrServer, counter: u32, duration: f64) {
    send(controller, frame_id::COMMAND_STATUS, counter, &CommandStatus::accepted(duration)).await;
}

pub(crate) async fn next_command(controller: &impl ClientOrServer) -> Command {
    soon(controller.read_struct()).await.unwrap()
}
