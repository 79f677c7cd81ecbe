//! A controller that does what the test says.

use std::time::Duration;

use moog_client::{Builder, CommandTelemetryClient};
use moog_protocol::{Command, CommandStatus, Header, SimpleConfig, SimpleTelemetry, frame_id};
use tcpip_client::{Backoff, Cause, Client, RequestError};
use tcpip_server::{ClientOrServer, OneClientServer};
use tcpip_testkit::{OneClientServerTestCase, eventually};
use zerocopy::{Immutable, IntoBytes};

pub(crate) type Axis = CommandTelemetryClient<SimpleConfig, SimpleTelemetry>;

pub(crate) type AxisBuilder = Builder<SimpleConfig, SimpleTelemetry>;

/// The options of a client that comes back soon.
pub(crate) fn builder(host: &str, port: u16) -> AxisBuilder {
    let backoff = Backoff::exponential(Duration::from_millis(10), Duration::from_millis(100));
    Builder::over(Client::builder(host, port).link().backoff(backoff))
}

/// A client, and the controller that it is connected to, which has said nothing.
pub(crate) async fn begin(options: impl FnOnce(AxisBuilder) -> AxisBuilder) -> (Axis, OneClientServer) {
    let case = OneClientServerTestCase::new();
    let controller = case.create_server(OneClientServer::builder()).await.unwrap();
    let axis = options(builder(controller.host(), controller.port())).start();
    eventually(controller.wait_connected()).await.unwrap();
    (axis, controller)
}

/// A client, and the controller that it is connected to, which has said what makes it ready.
pub(crate) async fn meet(options: impl FnOnce(AxisBuilder) -> AxisBuilder) -> (Axis, OneClientServer) {
    let (axis, controller) = begin(options).await;
    send_config(&controller).await;
    send_telemetry(&controller, 0.0).await;
    eventually(axis.ready()).await.unwrap();
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

/// Why the controller refused a command.
pub(crate) fn refusal(error: &RequestError) -> String {
    match error.cause() {
        Cause::Refused { reason } => reason.to_string(),
        other => panic!("it was not refused: {other}"),
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
    eventually(controller.read_struct()).await.unwrap()
}
