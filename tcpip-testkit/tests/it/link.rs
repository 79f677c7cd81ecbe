//! A connection that nobody owns, and its raw peer.

use std::time::Duration;

use tcpip_core::{
    Connection, ConnectionOptions, NetworkStream,
    endpoint::{ConnectCallbacks, SessionOptions},
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::kinds::Kind;

/// A session that sends into a tiny buffer, and its peer. Nobody owns it: close it.
pub(crate) async fn tight_link<K: Kind>(
    options: impl FnOnce(ConnectionOptions) -> ConnectionOptions,
) -> (Connection, K::Stream) {
    let (near, far) = K::tight_streams().await;
    (start(near, options), far)
}

/// A session over `stream`. Nobody owns it: close it.
pub(crate) fn start(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    options: impl FnOnce(ConnectionOptions) -> ConnectionOptions,
) -> Connection {
    let connection = options(ConnectionOptions::new().close_timeout(Duration::from_secs(20)));
    start_session(stream, SessionOptions::new("test").with(|_| connection))
}

/// A session over `stream`, with options that are not those of its connection. Nobody owns it: close it.
pub(crate) fn start_session(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    session: SessionOptions,
) -> Connection {
    let (events, _) = ConnectCallbacks::default().start(&tracing::Span::none());
    Connection::start(NetworkStream::new(stream), session, "test", events).expect("a live stream")
}
