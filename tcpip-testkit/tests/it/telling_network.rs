//! A network in memory, which remembers what it was asked.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tcpip_client::{BoxFuture, ListenOptions, Listener, Network, NetworkStream};
use tcpip_testkit::MemoryNetwork;

/// A clone is the same network.
#[derive(Clone, Debug, Default)]
pub(crate) struct TellingNetwork {
    pub(crate) inner: MemoryNetwork,
    asked: Arc<Mutex<Vec<String>>>,
}

impl TellingNetwork {
    /// What it has been asked since it was last asked this.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }
}

impl Network for TellingNetwork {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.note(format!("look up {host}"));
        self.inner.look_up(host, port)
    }

    fn dial(&self, address: SocketAddr, from: Option<SocketAddr>) -> BoxFuture<'_, io::Result<NetworkStream>> {
        self.note(format!("dial {address}{}", from.map(|from| format!(" from {from}")).unwrap_or_default()));
        self.inner.dial(address, from)
    }

    fn listen(&self, address: SocketAddr, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        self.note(format!("listen {address}, backlog {}", options.backlog));
        self.inner.listen(address, options)
    }
}
