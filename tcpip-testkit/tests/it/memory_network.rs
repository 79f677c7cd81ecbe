//! A network in memory, which remembers what it was asked.

use std::{
    collections::HashMap,
    future::pending,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use tcpip_client::{BoxFuture, ListenOptions, Listener, Network, NetworkStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::memory_transport::memory_transports;

/// How much a stream takes that is not read.
const WINDOW: usize = 64 * 1024;

/// Where clients call from.
const CALLERS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 100));

/// An address that answers nobody.
pub(crate) const BLACK_HOLE: &str = "10.9.9.9";

/// A clone is the same network.
#[derive(Clone, Debug)]
pub(crate) struct MemoryNetwork(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    hosts: HashMap<&'static str, Vec<IpAddr>>,
    listening: HashMap<SocketAddr, UnboundedSender<NetworkStream>>,
    next_port: u16,
    asked: Vec<String>,
}

impl MemoryNetwork {
    pub(crate) fn new<const N: usize>(hosts: [(&'static str, &[&str]); N]) -> Self {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("an address")).collect();
        let hosts = hosts.into_iter().map(|(name, texts)| (name, addresses(texts))).collect();
        let state = State { hosts, listening: HashMap::new(), next_port: 50_000, asked: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Has a name stop resolving.
    pub(crate) fn forget(&self, host: &str) {
        self.state(|state| state.hosts.remove(host));
    }

    /// Has a name resolve to that address.
    pub(crate) fn remember(&self, host: &'static str, address: &str) {
        self.state(|state| state.hosts.insert(host, vec![address.parse().expect("an address")]));
    }

    /// What it has been asked since it was last asked this.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state(|state| std::mem::take(&mut state.asked))
    }

    fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().expect("nothing panics under it"))
    }
}

impl State {
    fn port(&mut self) -> u16 {
        self.next_port += 1;
        self.next_port
    }

    fn call(&mut self, address: SocketAddr, from: Option<SocketAddr>) -> io::Result<NetworkStream> {
        let mut caller = from.unwrap_or(SocketAddr::new(CALLERS, 0));
        if caller.port() == 0 {
            caller.set_port(self.port());
        }
        let (near, far) = memory_transports([caller, address], WINDOW);
        let listener = self.listening.get(&address).ok_or(ErrorKind::ConnectionRefused)?;
        listener.send(NetworkStream::over(far)).map_err(|_| ErrorKind::ConnectionRefused)?;
        Ok(NetworkStream::over(near))
    }
}

impl Network for MemoryNetwork {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            self.state(|state| {
                state.asked.push(format!("look up {host}"));
                let addresses = state.hosts.get(host).ok_or(ErrorKind::NotFound)?;
                Ok(addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
            })
        })
    }

    fn dial(&self, address: SocketAddr, from: Option<SocketAddr>) -> BoxFuture<'_, io::Result<NetworkStream>> {
        Box::pin(async move {
            let from_text = from.map(|from| format!(" from {from}")).unwrap_or_default();
            self.state(|state| state.asked.push(format!("dial {address}{from_text}")));
            if address.ip().to_string() == BLACK_HOLE {
                pending::<()>().await;
            }
            self.state(|state| state.call(address, from))
        })
    }

    fn listen(&self, mut address: SocketAddr, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        self.state(|state| {
            state.asked.push(format!("listen {address}, backlog {}", options.backlog));
            if !state.hosts.values().flatten().any(|known| *known == address.ip()) {
                return Err(io::Error::from(ErrorKind::AddrNotAvailable));
            }
            if address.port() == 0 {
                address.set_port(state.port());
            }
            if state.listening.contains_key(&address) {
                return Err(ErrorKind::AddrInUse.into());
            }
            let (sender, receiver) = unbounded_channel();
            state.listening.insert(address, sender);
            Ok(Box::new(MemoryListener { network: self.clone(), address, receiver }) as Box<dyn Listener>)
        })
    }
}

struct MemoryListener {
    network: MemoryNetwork,
    address: SocketAddr,
    receiver: UnboundedReceiver<NetworkStream>,
}

impl Listener for MemoryListener {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<NetworkStream>> {
        let stream = ready!(self.receiver.poll_recv(context));
        Poll::Ready(Ok(stream.expect("the network has a sender as long as this lives")))
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        Some(self.address)
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        self.network.state(|state| state.listening.remove(&self.address));
    }
}
