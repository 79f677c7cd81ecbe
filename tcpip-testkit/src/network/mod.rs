//! A network in memory.
//!
//! Who dials (`dial`) makes two `stream`s, keeps one, and puts the other into the backlog of a `listener`, which
//! accepts it. The two share a `pair`, in which all is that they do to each other: the rules of TCP, without a clock.

mod dial;
mod entered;
mod host;
mod link;
mod listener;
mod memory_pair;
mod names;
mod pair;
mod ports;
mod stream;

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use tcpip_client::{BoxFuture, ListenOptions, Listener, Network, NetworkStream};
use tcpip_core::endpoint::Race;
use tokio::sync::Notify;

pub use self::{
    entered::EnteredNetwork,
    host::{MemoryHost, Outage},
    link::{DEFAULT_MEMORY_WINDOW, MemoryLink},
    memory_pair::{memory_pair, memory_streams},
};
use self::{
    host::What,
    link::Link,
    listener::{Backlog, MemoryListener},
    names::Names,
    ports::Ports,
};

/// A network in memory, for clients and servers that meet without a socket, so that a test may pause the clock.
///
/// Give it to both by their `network` option, or [enter](Self::enter) it. A clone is the same network. It is there for
/// as long as anybody has it, a client or server included.
///
/// - A name that is looked up for the first time is given an address: 10.0.0.1, then 10.0.0.2. `localhost` is
///   127.0.0.1. A server may listen on any name or address; port 0 is a free one, from 49152 on.
/// - Who connects does so from 10.1.0.1, or from the loopback to it, and a port that is free, unless `local_addr` says
///   otherwise.
/// - Connections do what those of TCP do: who is not read is held up by a [window](MemoryLink::window), each half ends
///   by itself, a reset comes behind what had arrived, unread input that is dropped is answered with one, and a hang-up
///   is seen without reading.
///
/// All that it does follows from what it is asked, in the order in which it is asked: two runs are the same.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use tcpip_client::Client;
/// use tcpip_testkit::{MemoryNetwork, TestOneClientReadLoopServer};
/// use tokio::time::Instant;
///
/// let network = MemoryNetwork::new();
/// network.link("dome").latency(Duration::from_millis(20));
/// let builder = TestOneClientReadLoopServer::builder();
/// let server = builder.options(|server| server.network(&network).host("dome").port(17310)).start().await?;
///
/// let begin = Instant::now();
/// let client = Client::builder("dome", 17310).network(&network).connect().await?;
/// client.write_str("status").await?;
/// assert_eq!(server.get_next_data().await?, "status");
/// assert_eq!(begin.elapsed(), Duration::from_millis(60)); // there and back to connect, and there
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryNetwork(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Who dials in vain may try again.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    names: Names,
    ports: Ports,
    outages: Vec<What>,
    links: BTreeMap<IpAddr, Link>,
    listeners: BTreeMap<SocketAddr, Backlog>,
}

impl MemoryNetwork {
    /// Makes a network in which nobody listens yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A host by its name or address, of which something can be wrong.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_client::{Client, ConnectError};
    /// use tcpip_server::OneClientServer;
    /// use tcpip_testkit::MemoryNetwork;
    ///
    /// let network = MemoryNetwork::new();
    /// let _server = OneClientServer::builder().network(&network).host("dome").port(17310).start().await?;
    /// let dome = Client::builder("dome", 17310).network(&network);
    ///
    /// let unplugged = network.host("dome").black_hole();
    /// assert!(matches!(dome.clone().connect().await, Err(ConnectError::Timeout { .. }))); // in no time
    /// drop(unplugged);
    /// dome.connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn host(&self, name: &str) -> MemoryHost {
        MemoryHost::new(self, name)
    }

    /// The way to the addresses that a host has now, for connections to come.
    #[must_use]
    pub fn link(&self, host: &str) -> MemoryLink {
        MemoryLink::new(self, self.host(host).addresses())
    }

    /// Connects to `host`: a stream for a peer that is nothing but that, without a session. The first address of the
    /// host to answer is it; as long as none does, it waits.
    ///
    /// # Errors
    ///
    /// `NotFound` if the host is unknown, `ConnectionRefused` if nobody listens there.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_testkit::{MemoryNetwork, TestOneClientReadLoopServer};
    /// use tokio::io::AsyncWriteExt;
    ///
    /// let network = MemoryNetwork::new();
    /// let builder = TestOneClientReadLoopServer::builder();
    /// let server = builder.options(|server| server.network(&network).host("dome").port(17310)).start().await?;
    /// let mut raw = network.connect("dome", 17310).await?;
    /// raw.write_all(b"half a li").await?;
    /// drop(raw);
    /// assert_eq!(server.get_next_data().await?, "");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<NetworkStream> {
        Race::first(self, self.look_up(host, port).await?).await
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.state.lock().expect("nothing panics under it"))
    }

    fn changed(&self) {
        self.0.changed.notify_waiters();
    }
}

impl Network for MemoryNetwork {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let addresses = self.with(|state| {
                let is_host = |outage: &What| matches!(outage, What::Unknown(name) if name.eq_ignore_ascii_case(host));
                let is_unknown = host.parse::<IpAddr>().is_err() && state.outages.iter().any(is_host);
                (!is_unknown).then(|| state.names.addresses(host))
            });
            let unknown = || io::Error::new(ErrorKind::NotFound, "the name is unknown in the network in memory");
            let addresses = addresses.ok_or_else(unknown)?;
            Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
        })
    }

    fn dial(&self, address: SocketAddr, from: Option<SocketAddr>) -> BoxFuture<'_, io::Result<NetworkStream>> {
        Box::pin(self.dial_when_answered(address, from))
    }

    /// `Unsupported` if several are to listen on one port.
    fn listen(&self, address: SocketAddr, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        if options.reuse_port {
            return Err(ErrorKind::Unsupported.into());
        }
        self.with(|state| {
            let address = state.ports.listen(address)?;
            state.listeners.insert(address, Backlog::new(options.backlog));
            Ok(Box::new(MemoryListener::new(self, address)) as Box<dyn Listener>)
        })
    }
}

impl fmt::Debug for MemoryNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|state| {
            let listening: Vec<_> = state.listeners.keys().collect();
            let mut output = formatter.debug_struct("MemoryNetwork");
            output.field("names", &state.names).field("listening", &listening).field("outages", &state.outages);
            output.finish_non_exhaustive()
        })
    }
}
