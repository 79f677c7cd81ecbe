//! What makes a scripted client.

use tcpip_core::{DEFAULT_CONNECT_TIMEOUT, Network, NetworkStream, endpoint::AnyNetwork};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use super::{PeerError, Prepared, ScriptedPeer, source::Source};
use crate::{script::Script, side::Side};

/// Makes a [`ScriptedPeer`] that is a client. Dropping it does nothing.
#[derive(Clone, Debug)]
#[must_use = "a scripted client plays once it is connected"]
pub struct ScriptedClient {
    prepared: Prepared,
    network: AnyNetwork,
}

impl ScriptedClient {
    pub(super) fn new(script: Script) -> Self {
        Self { prepared: Prepared { script, values: Vec::new() }, network: AnyNetwork::default() }
    }

    /// Sets the network to connect in. Default: the one that this thread has entered, or the system's.
    pub fn network<N: Network + Clone>(mut self, network: &N) -> Self {
        self.network = AnyNetwork::of(network.clone());
        self
    }

    /// Makes `$name` these bytes from the beginning, as [`ScriptedPeer::set`] does later.
    pub fn set(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.prepared.values.push((name.to_owned(), bytes.into()));
        self
    }

    /// Connects to a server, and again where the script says `> connect`.
    ///
    /// # Errors
    ///
    /// [`PeerError::Script`] if the script has something that a client cannot play, [`PeerError::LookUp`] and
    /// [`PeerError::Connect`] if nobody can be connected to within [`DEFAULT_CONNECT_TIMEOUT`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is left.
    pub async fn connect(self, host: &str, port: u16) -> Result<ScriptedPeer, PeerError> {
        let dial = timeout(DEFAULT_CONNECT_TIMEOUT, Source::dial(self.network.here(), host, port));
        let source = dial.await.unwrap_or_else(|_| {
            Err(PeerError::Connect { host: host.to_owned(), port, source: std::io::ErrorKind::TimedOut.into() })
        })?;
        ScriptedPeer::start(self.prepared, Side::Client, source, host, port)
    }

    /// Plays over a stream that is connected, which cannot be connected again. One that has no resets is ended in their
    /// place.
    ///
    /// # Errors
    ///
    /// [`PeerError::Script`] if the script has something that a client cannot play.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn over(self, stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Result<ScriptedPeer, PeerError> {
        let source = Source::given(NetworkStream::new(stream));
        ScriptedPeer::start(self.prepared, Side::Client, source, "", 0)
    }
}
