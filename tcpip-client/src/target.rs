//! What a client is made of.

use std::fmt;

use tcpip_core::{
    ConnectError, Connection, NetworkStream,
    endpoint::{EventSource, SessionOptions},
};
use tokio::io::{AsyncRead, AsyncWrite};

/// What logs call a client.
pub(crate) const KIND: &str = "client";

/// What a client is made of: a server to [dial](crate::Dial), or a stream that is [connected](Connected) already.
/// There is nothing to implement.
pub trait Target: Sized + Send {
    /// Waits for the stream. Returns what starts the session on it.
    #[doc(hidden)]
    fn connect(
        self,
    ) -> impl Future<
        Output = Result<impl FnOnce(SessionOptions, EventSource) -> Result<Opened, ConnectError>, ConnectError>,
    > + Send;
}

/// What becomes a client.
#[derive(Debug)]
pub struct Opened {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) connection: Connection,
}

/// In a [`ClientBuilder`](crate::ClientBuilder): a stream that is connected already.
#[derive(Clone)]
pub struct Connected<S>(pub(crate) S);

impl<S> fmt::Debug for Connected<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Connected").finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Target for Connected<S> {
    async fn connect(
        self,
    ) -> Result<impl FnOnce(SessionOptions, EventSource) -> Result<Opened, ConnectError>, ConnectError> {
        Ok(move |session, events| {
            let stream = NetworkStream::new(self.0);
            let connection = Connection::start(stream, session, KIND, events).map_err(ConnectError::Stream)?;
            let peer = connection.peer_addr();
            let host = peer.map_or_else(String::new, |peer| peer.ip().to_string());
            Ok(Opened { host, port: peer.map_or(0, |peer| peer.port()), connection })
        })
    }
}
