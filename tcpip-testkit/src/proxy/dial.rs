//! From the proxy to the server.

use std::{io, time::Duration};

use tcpip_core::{
    NetworkStream,
    endpoint::{AnyNetwork, Race, look_up},
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
        let dialling = async {
            let addresses = look_up(&*self.network, &self.host, self.port, |_| true).await?;
            Race::first(&*self.network, addresses).await
        };
        match self.connect_timeout {
            Some(after) => timeout(after, dialling).await?,
            None => dialling.await,
        }
    }
}
