//! A peer made of nothing but Python's asyncio exchanges strings, JSON and structures with this library, in both roles.

#![expect(clippy::unwrap_used, reason = "a test may unwrap, and so may what it calls")]

mod dialogue;
mod heartbeats;
mod python;

use tcpip_client::Client;
use tcpip_server::{Connection, DisconnectReason, HalfClose, LOCALHOST_IPV4, OneClientServer};
use tcpip_testkit::OneClientServerTestCase;
use tokio::time::timeout;

use crate::{
    dialogue::{drive, respond},
    python::{PATIENCE, Python},
};

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/peer.py");

async fn server(case: &OneClientServerTestCase) -> OneClientServer {
    let server = OneClientServer::builder().half_close(HalfClose::Allowed);
    case.create_server(server.connect_callback(case.connect_callback())).await.unwrap()
}

/// The session with the client that comes.
async fn admitted(server: &OneClientServer) -> Connection {
    timeout(PATIENCE, server.wait_connected()).await.unwrap().unwrap()
}

async fn client(case: &OneClientServerTestCase, port: u16) -> Client {
    let client = Client::builder(LOCALHOST_IPV4, port).half_close(HalfClose::Allowed);
    client.connect_callback(case.connect_callback()).connect().await.unwrap()
}

/// A Python client asks and our server answers, also behind the end of the client's stream.
#[test_log::test(tokio::test)]
async fn a_python_client_drives_our_server() {
    let case = OneClientServerTestCase::new();
    let server = server(&case).await;
    let port = server.port().to_string();
    let arguments = ["client", "drive", &port];
    let Some(python) = Python::start("a_python_client_drives_our_server", PEER, &arguments) else { return };
    let connection = admitted(&server).await;
    respond(&connection).await;
    connection.wait_disconnected().await;
    assert_eq!(connection.reason(), Some(DisconnectReason::ClosedByPeer));
    python.assert_content().await;
    case.assert_next_connected(true).await;
    case.assert_next_connected(false).await;
}

/// Our server asks and a Python client answers, and sees the end when the server closes.
#[test_log::test(tokio::test)]
async fn our_server_drives_a_python_client() {
    let case = OneClientServerTestCase::new();
    let server = server(&case).await;
    let port = server.port().to_string();
    let arguments = ["client", "respond", &port];
    let Some(python) = Python::start("our_server_drives_a_python_client", PEER, &arguments) else { return };
    drive(&admitted(&server).await).await;
    server.close().await;
    python.assert_content().await;
    case.assert_next_connected(true).await;
    case.assert_next_connected(false).await;
}

/// Our client asks and a Python server answers, and sees the end when the client closes.
#[test_log::test(tokio::test)]
async fn our_client_drives_a_python_server() {
    let case = OneClientServerTestCase::new();
    let arguments = ["server", "respond"];
    let Some(mut python) = Python::start("our_client_drives_a_python_server", PEER, &arguments) else { return };
    let client = client(&case, python.port().await).await;
    drive(&client.connection()).await;
    client.close().await;
    python.assert_content().await;
    case.assert_next_connected(true).await;
    case.assert_next_connected(false).await;
}

/// A Python server asks and our client answers, also behind the end of the server's stream.
#[test_log::test(tokio::test)]
async fn a_python_server_drives_our_client() {
    let case = OneClientServerTestCase::new();
    let arguments = ["server", "drive"];
    let Some(mut python) = Python::start("a_python_server_drives_our_client", PEER, &arguments) else { return };
    let client = client(&case, python.port().await).await;
    respond(&client.connection()).await;
    client.wait_disconnected().await;
    assert!(client.should_be_connected());
    python.assert_content().await;
    case.assert_next_connected(true).await;
    case.assert_next_connected(false).await;
}
