//! What makes a scripted server.

use tcpip_core::{DEFAULT_LOCALHOST, Network, endpoint::AnyNetwork};

use super::{PeerError, Prepared, ScriptedPeer, source::Source};
use crate::{script::Script, side::Side};

/// Makes a [`ScriptedPeer`] that is a server. Dropping it does nothing.
#[derive(Clone, Debug)]
#[must_use = "a scripted server plays once it is started"]
pub struct ScriptedServer {
    prepared: Prepared,
    network: AnyNetwork,
}

impl ScriptedServer {
    pub(super) fn new(script: Script) -> Self {
        Self { prepared: Prepared { script, values: Vec::new() }, network: AnyNetwork::default() }
    }

    /// Sets the network to listen in. Default: the one that this thread has entered, or the system's.
    pub fn network<N: Network + Clone>(mut self, network: &N) -> Self {
        self.network = AnyNetwork::of(network.clone());
        self
    }

    /// Makes `$name` these bytes from the beginning, as [`ScriptedPeer::set`] does later.
    pub fn set(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.prepared.values.push((name.to_owned(), bytes.into()));
        self
    }

    /// Starts it on a free port of 127.0.0.1.
    ///
    /// It serves one client at a time, and the next where the script says `> connect`; others are closed.
    ///
    /// # Errors
    ///
    /// Those of [`start_on`](Self::start_on).
    ///
    /// # Cancel safety
    ///
    /// Nothing is left.
    pub async fn start(self) -> Result<ScriptedPeer, PeerError> {
        self.start_on(DEFAULT_LOCALHOST, 0).await
    }

    /// Starts it on this host and port; 0 is a free one. A name with several addresses is listened on at the first.
    ///
    /// # Errors
    ///
    /// [`PeerError::Script`] if the script has something that a server cannot play, [`PeerError::Start`] if it cannot
    /// listen.
    ///
    /// # Cancel safety
    ///
    /// Nothing is left.
    pub async fn start_on(self, host: &str, port: u16) -> Result<ScriptedPeer, PeerError> {
        let source = Source::listen(&self.network.here(), host, port).await?;
        ScriptedPeer::start(self.prepared, Side::Server, source, host, port)
    }
}
