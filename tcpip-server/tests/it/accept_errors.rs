//! Clients that are gone before they are accepted.

use tcpip_server::{OneClientReadLoopServer, OneClientServer, Server, ServerBuilder};
use tcpip_testkit::eventually;
use tokio::io::AsyncWriteExt;

use crate::{
    dial::{address, dial_in},
    events::event_channel,
    scripted::Scripted,
};

/// A storm of clients that reset before they are accepted harms the accept loop in no way, and none of them is half a
/// session: whatever begins also ends.
async fn check_resets_before_accept(builder: impl ServerBuilder) {
    let (callback, mut events) = event_channel();
    let server = builder.connect_callback(callback).start().await.unwrap();
    let address = address(&server);
    for time in 0..200 {
        // Without a yield to the runtime, so the server has had no chance to accept.
        let stream = std::net::TcpStream::connect(address).unwrap();
        if time % 2 == 0 {
            std::io::Write::write_all(&mut &stream, b"too late\r\n").unwrap();
        }
        stream.set_nonblocking(true).unwrap();
        let stream = tokio::net::TcpStream::from_std(stream).unwrap();
        stream.set_zero_linger().unwrap();
        drop(stream);
        if time % 10 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let (mut client, session) = dial_in(&server).await;
    client.write_all(b"wait\r\n").await.unwrap();
    assert!(session.is_connected());
    eventually(server.server().close()).await;
    eventually(server.server().callbacks_done()).await;
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    assert_eq!(told.len(), 2, "none but the last client has a session: {told:?}");
    assert!(told.iter().all(|event| *event.connection() == session));
}

/// Failure 25, without a read loop.
#[test_log::test(tokio::test)]
async fn reset_before_accept_is_no_session() {
    check_resets_before_accept(OneClientServer::builder()).await;
}

/// Failure 25, with a read loop.
#[test_log::test(tokio::test)]
async fn reset_before_accept_is_no_session_for_a_handler() {
    check_resets_before_accept(OneClientReadLoopServer::builder(Scripted::default())).await;
}
