//! Clients that are nothing but a stream, in the network of the test.

use std::net::SocketAddr;

use tcpip_core::endpoint::AnyNetwork;
use tcpip_server::{Abort, Connection, NetworkStream, Server};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::io::AsyncRead;

pub(crate) fn address(server: &impl Server) -> SocketAddr {
    server.server().local_addrs()[0]
}

/// Connects. The server may not have admitted the client yet.
pub(crate) async fn dial(server: &impl Server) -> NetworkStream {
    eventually(AnyNetwork::default().here().dial(address(server), None)).await.unwrap()
}

/// Connects, and waits until the server has admitted the client.
pub(crate) async fn dial_in(server: &impl Server) -> (NetworkStream, Connection) {
    let stream = dial(server).await;
    let connection = admission_of(stream.local_addr(), server).await;
    (stream, connection)
}

/// Waits until the server has admitted the client with that address.
pub(crate) async fn admission_of(client: Option<SocketAddr>, server: &impl Server) -> Connection {
    eventually(async {
        loop {
            let connection = server.wait_connected().await.expect("the server is not closed");
            if connection.peer_addr() == client {
                return connection;
            }
            // The last client, whose end the server has yet to hear of.
            connection.wait_disconnected().await;
        }
    })
    .await
}

/// Hangs up without a farewell.
pub(crate) fn reset(stream: NetworkStream) {
    stream.transport().unwrap().abort(Abort::OnDrop);
    drop(stream);
}

/// Whether the server ends the stream of a client that it will not serve.
pub(crate) async fn is_refused(mut stream: impl AsyncRead + Unpin) -> bool {
    matches!(stream.rest().await.as_deref(), Ok([]) | Err(_))
}
