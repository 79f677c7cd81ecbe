//! How a proxy is made.

use std::{fmt, sync::Arc, time::Duration};

use tcpip_core::{
    DEFAULT_CONNECT_TIMEOUT, LOCALHOST_IPV4, Network, StartError,
    endpoint::{AnyNetwork, look_up},
};

use super::{
    FaultProxy, ProxyTap,
    dial::Target,
    fault_guard::Faults,
    gate::Gate,
    serving::{Serving, Sessions},
    tight_sockets::TightSockets,
};
use crate::transcript::{Transcript, proxied::Recording};

/// How many bytes a direction of a session holds: 1 MiB.
pub const DEFAULT_WINDOW: usize = 1024 * 1024;

/// Makes a [`FaultProxy`]: see [`FaultProxy::to`].
#[derive(Clone)]
#[must_use = "nothing happens until it is started"]
pub struct FaultProxyBuilder {
    target: Target,
    host: String,
    port: u16,
    window: usize,
    buffers: Option<u32>,
    tap: Option<Arc<dyn ProxyTap>>,
    transcript: Option<Transcript>,
}

impl FaultProxyBuilder {
    pub(super) fn new(host: &str, port: u16) -> Self {
        let target = Target {
            network: AnyNetwork::default(),
            host: host.to_owned(),
            port,
            connect_timeout: Some(DEFAULT_CONNECT_TIMEOUT),
        };
        let host = LOCALHOST_IPV4.to_owned();
        Self { target, host, port: 0, window: DEFAULT_WINDOW, buffers: None, tap: None, transcript: None }
    }

    /// The network that the proxy listens in and dials the server in, of which the builder keeps a clone. Default:
    /// the one that the thread has [entered](crate::MemoryNetwork::enter) that starts it, or else sockets.
    pub fn network(mut self, network: &(impl Network + Clone)) -> Self {
        self.target.network = AnyNetwork::of(network.clone());
        self
    }

    /// The host to listen on, by name or address: the first of its addresses. Default: 127.0.0.1.
    pub fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    /// The port to listen on. Default: 0, any that is free.
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// How many bytes each direction of a session holds, in all faults and behind them, before its sender is held up.
    /// What faults keep themselves does not count. Default: [`DEFAULT_WINDOW`].
    ///
    /// # Panics
    ///
    /// If it is 0: nothing would pass.
    #[track_caller]
    pub fn window(self, bytes: usize) -> Self {
        assert!(bytes > 0, "a window has room for at least one byte");
        Self { window: bytes, ..self }
    }

    /// What is asked of the system for each buffer of the proxy's sockets: small ones let a sender feel sooner that
    /// nobody reads. Its own buffer is filled before that, which the system may let grow to megabytes, unless it is
    /// small too. Without effect in other networks. Default: what the system gives.
    pub fn buffers(self, bytes: u32) -> Self {
        Self { buffers: Some(bytes), ..self }
    }

    /// How long the proxy tries to connect to the server, for each client; `None` is for ever. A client whose server
    /// cannot be reached is reset. Default: [`DEFAULT_CONNECT_TIMEOUT`](tcpip_core::DEFAULT_CONNECT_TIMEOUT).
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.target.connect_timeout = timeout.into();
        self
    }

    /// Who listens in on all sessions. Default: nobody.
    pub fn tap(self, tap: Arc<dyn ProxyTap>) -> Self {
        Self { tap: Some(tap), ..self }
    }

    pub(crate) fn transcript(self, transcript: Transcript) -> Self {
        Self { transcript: Some(transcript), ..self }
    }

    /// Starts the proxy. The server need not be there: it is dialled for each client.
    ///
    /// # Errors
    ///
    /// [`StartError::LookUp`] if the host to listen on has no address, [`StartError::Bind`] if the address is in use or
    /// not one of this machine's.
    ///
    /// # Cancel safety
    ///
    /// Nothing is left behind.
    pub async fn start(mut self) -> Result<FaultProxy, StartError> {
        self.target.network = self.target.network.here();
        let is_system = self.target.network.is_default();
        if let (true, Some(buffers)) = (is_system, self.buffers) {
            self.target.network = AnyNetwork::of(TightSockets(buffers));
        }
        let addresses = look_up(&*self.target.network, &self.host, self.port, |_| true).await?;
        let address = addresses[0];
        let gate = Gate::open(self.target.network.clone(), address, is_system)
            .map_err(|source| StartError::Bind { address, source })?;
        let (gate, faults, recording) = (Arc::new(gate), Faults::default(), Recording::new(self.transcript));
        let sessions = Sessions {
            target: self.target,
            window: self.window,
            tap: self.tap,
            recording: recording.clone(),
            faults: faults.clone(),
        };
        let closing = Serving::begin(Arc::clone(&gate), sessions);
        Ok(FaultProxy::new(self.host, gate, faults, recording, closing))
    }
}

impl fmt::Debug for FaultProxyBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, host, port, window, buffers, tap, transcript } = self;
        formatter
            .debug_struct("FaultProxyBuilder")
            .field("target", target)
            .field("host", host)
            .field("port", port)
            .field("window", window)
            .field("buffers", buffers)
            .field("tap", &tap.is_some())
            .field("transcript", &transcript.is_some())
            .finish()
    }
}
