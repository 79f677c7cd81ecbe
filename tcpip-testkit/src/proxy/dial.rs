//! From the proxy to the server.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use tcpip_core::{
    NetworkStream,
    endpoint::{AnyNetwork, look_up},
};
use tokio::time::timeout;

/// The server behind a proxy.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) network: AnyNetwork,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) connect_timeout: Option<Duration>,
}

impl Target {
    pub(super) async fn dial(&self) -> io::Result<NetworkStream> {
        match self.connect_timeout {
            Some(after) => timeout(after, self.dial_each()).await?,
            None => self.dial_each().await,
        }
    }

    /// Tries one address after the other.
    async fn dial_each(&self) -> io::Result<NetworkStream> {
        let mut result = Err(ErrorKind::AddrNotAvailable.into());
        for address in look_up(&*self.network, &self.host, self.port, |_| true).await? {
            result = self.network.dial(address, None).await;
            if result.is_ok() {
                break;
            }
        }
        result
    }
}
