//! The dome with a peer in plain Python, in both roles.

use atdome_controller::{Azimuth, Command, Dome, DoorState};
use atdome_mock::MockDome;
use echo::Echo;
use tcpip_server::OneClientReadLoopServer;
use tcpip_testkit::OneClientServerTestCase;

use crate::python::Python;

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dome_peers.py");

/// A controller in Python is greeted and answered by the mock to the byte, also behind the end of its stream.
#[test_log::test(tokio::test)]
async fn a_python_controller_drives_the_mock() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let port = server.port().to_string();
    let arguments = ["client", "controller", &port];
    let Some(python) = Python::start("a_python_controller_drives_the_mock", PEERS, &arguments) else { return };
    python.assert_content().await;
}

/// The controller reads what a mock in Python sends, a byte a segment, and sends what that expects.
#[test_log::test(tokio::test)]
async fn the_controller_drives_a_python_mock() {
    let test = "the_controller_drives_a_python_mock";
    let Some(mut python) = Python::start(test, PEERS, &["server", "mock"]) else { return };
    let dome = Dome::connect("127.0.0.1", python.port().await).await.unwrap();
    let status = dome.short_status().await.unwrap();
    assert_eq!((status.azimuth, status.main_door.state), (285.0, DoorState::Closed));
    dome.command(Command::Move(Azimuth::try_from(280.0).unwrap())).await.unwrap();
    let error = dome.command(Command::OpenMainDoor).await.unwrap_err();
    assert!(error.to_string().contains("failed by request"), "{error}");
    dome.close().await;
    python.assert_content().await;
}

/// JSON that Python writes comes back from the echo server as it was.
#[test_log::test(tokio::test)]
async fn python_json_comes_back_from_the_echo_server() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientReadLoopServer::builder(Echo)).await.unwrap();
    let port = server.port().to_string();
    let arguments = ["client", "json_lines", &port];
    let Some(python) = Python::start("python_json_comes_back_from_the_echo_server", PEERS, &arguments) else { return };
    python.assert_content().await;
}
