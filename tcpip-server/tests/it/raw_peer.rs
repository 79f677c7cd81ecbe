//! Clients that are nothing but a stream, and what they see.

use std::{io, net::SocketAddr, time::Duration};

use tcpip_core::endpoint::AnyNetwork;
use tcpip_server::{Abort, AnyServer, Connection, ConnectionEvent, ListenOptions, NetworkStream, Server};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

/// Nothing here takes so long, on any machine.
pub(crate) const STUCK: Duration = Duration::from_secs(30);

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

/// The rest of what the server says, up to the end of the stream or a reset.
pub(crate) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut rest = Vec::new();
    eventually(stream.read_to_end(&mut rest)).await?;
    Ok(String::from_utf8(rest).unwrap())
}

/// Whether the server ends the stream of a client that it will not serve.
pub(crate) async fn is_refused(mut stream: impl AsyncRead + Unpin) -> bool {
    matches!(rest(&mut stream).await.as_deref(), Ok("") | Err(_))
}

/// Whether the server greets a client, or else ends its stream.
pub(crate) async fn is_greeted(stream: &mut (impl AsyncRead + Unpin), greeting: &str) -> bool {
    let mut heard = vec![0; greeting.len()];
    eventually(stream.read_exact(&mut heard)).await.is_ok_and(|_| heard == greeting.as_bytes())
}

/// Sends a message and reads as many bytes as the reply has.
pub(crate) async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), message: &str, reply: &str) {
    stream.write_all(message.as_bytes()).await.unwrap();
    hears(stream, reply).await;
}

/// Reads as many bytes as `text` has, which must be these.
pub(crate) async fn hears(stream: &mut (impl AsyncRead + Unpin), text: &str) {
    let mut heard = vec![0; text.len()];
    eventually(stream.read_exact(&mut heard)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), text);
}

/// A connect callback that passes all events on, and where they arrive.
pub(crate) fn event_channel() -> (
    impl Fn(ConnectionEvent) -> std::future::Ready<()> + Send + Sync + Clone + 'static,
    mpsc::UnboundedReceiver<ConnectionEvent>,
) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let callback = move |event| {
        let _ = sender.send(event);
        std::future::ready(())
    };
    (callback, receiver)
}

/// Nobody listens at the server's address any more: it can be bound again.
pub(crate) fn port_is_free(server: &AnyServer) -> bool {
    is_free(server.local_addrs()[0])
}

/// Nobody listens there, in the network of the test.
pub(crate) fn is_free(address: SocketAddr) -> bool {
    let network = AnyNetwork::default().here();
    if network.is_default() {
        // Without a runtime, too.
        std::net::TcpListener::bind(address).is_ok()
    } else {
        network.listen(address, &ListenOptions::default()).is_ok()
    }
}
