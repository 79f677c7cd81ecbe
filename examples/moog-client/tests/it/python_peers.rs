//! The Moog pair with peers in plain Python, in both roles.

use moog_mock::{MockController, SimpleDevice};
use moog_protocol::code;
use tcpip_testkit::{OneClientServerTestCase, eventually};

use crate::{
    python::Python,
    scripted::{Axis, refusal},
};

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moog_peers.py");

/// A client in Python commands the mock, and checks each of its bytes.
#[test_log::test(tokio::test)]
async fn a_python_client_commands_the_mock() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockController::new(SimpleDevice::new()).server()).await.unwrap();
    let port = server.port().to_string();
    let arguments = ["client", "commander", &port];
    let Some(python) = Python::start("a_python_client_commands_the_mock", PEERS, &arguments) else { return };
    python.assert_content().await;
}

/// The client understands a controller in Python that sends bytes one by one, an unknown frame and a status of
/// nobody's.
#[test_log::test(tokio::test)]
async fn the_client_commands_a_python_controller() {
    let test = "the_client_commands_a_python_controller";
    let Some(mut python) = Python::start(test, PEERS, &["server", "controller"]) else { return };
    let axis = eventually(Axis::builder("127.0.0.1", python.port().await).connect()).await.unwrap();
    assert_eq!(axis.configured().await.unwrap().max_velocity.get(), 2.0);
    assert_eq!(axis.telemetry().unwrap().curr_position.get(), 0.5);
    assert_eq!(eventually(axis.run_command(code::SET_STATE, &[2.0])).await.unwrap().duration, 1.5);
    let refused = eventually(axis.run_command(code::MOVE, &[7.0])).await.unwrap_err();
    assert_eq!(refusal(&refused), "x".repeat(50));
    axis.close().await;
    python.assert_content().await;
}
