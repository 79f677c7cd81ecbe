//! A connection that nobody owns, and its raw peer.

use std::time::Duration;

use tcpip_core::{
    Connection,
    endpoint::{ConnectCallbacks, SessionOptions},
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::kinds::Kind;

/// A session that sends into a tiny buffer, and its peer. Nobody owns it: close it.
pub(crate) async fn tight_link<K: Kind>(options: impl FnOnce(&mut SessionOptions)) -> (Connection, K::Stream) {
    let (near, far) = K::tight_streams().await;
    (start(near, options), far)
}

/// A session over `stream`. Nobody owns it: close it.
pub(crate) fn start(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    options: impl FnOnce(&mut SessionOptions),
) -> Connection {
    let mut session = SessionOptions::new("test");
    session.close_timeout = Duration::from_secs(20);
    options(&mut session);
    let (events, _) = ConnectCallbacks::default().start(&tracing::Span::none());
    Connection::start_over(stream, session, "test", events).expect("a live stream")
}
