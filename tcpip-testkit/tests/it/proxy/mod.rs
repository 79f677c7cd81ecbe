//! Between a client and a server that are nothing but streams, over sockets and over a network in memory from one
//! source: what each fault does, beside the same without it. In memory the clock is paused, and times are exact; over
//! sockets nothing is earlier than it should be.

mod closing;
mod damage;
mod gate;
mod passing;
mod pieces;
mod quiet;
mod recording;
mod sessions;
mod silence;
mod times;

use std::{
    future::poll_fn,
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tcpip_client::{Listener, Network, NetworkStream, Sockets};
use tcpip_server::ListenOptions;
use tcpip_testkit::{FaultProxy, MemoryNetwork, proxy::FaultProxyBuilder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout},
};

/// Longer than anything takes here.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Makes two tests of one: over sockets and in memory.
macro_rules! over_both {
    ($(#[$($attribute:tt)*])* async fn $name:ident<P: Place>() $body:block) => {
        async fn $name<P: Place>() $body

        mod $name {
            use crate::proxy::{Memory, Tcp};

            $(#[$($attribute)*])*
            #[test_log::test(tokio::test)]
            async fn sockets() {
                super::$name::<Tcp>().await;
            }

            $(#[$($attribute)*])*
            #[test_log::test(tokio::test(start_paused = true))]
            async fn memory() {
                super::$name::<Memory>().await;
            }
        }
    };
}

pub(crate) use over_both;

/// Where client, proxy and server meet.
pub(crate) trait Place: 'static {
    /// Whether the clock is paused.
    const IS_EXACT: bool;
    const PROXY: &'static str;
    const DEVICE: &'static str;

    fn network() -> Arc<dyn Network>;

    /// Has the builder use it, unless that is the default.
    fn builder(builder: FaultProxyBuilder, network: &Arc<dyn Network>) -> FaultProxyBuilder;
}

pub(crate) struct Tcp;

impl Place for Tcp {
    const IS_EXACT: bool = false;
    const PROXY: &'static str = "127.0.0.1";
    const DEVICE: &'static str = "127.0.0.1";

    fn network() -> Arc<dyn Network> {
        Arc::new(Sockets)
    }

    fn builder(builder: FaultProxyBuilder, _: &Arc<dyn Network>) -> FaultProxyBuilder {
        builder
    }
}

pub(crate) struct Memory;

impl Place for Memory {
    const IS_EXACT: bool = true;
    const PROXY: &'static str = "10.0.0.9";
    const DEVICE: &'static str = "10.0.0.1";

    fn network() -> Arc<dyn Network> {
        Arc::new(MemoryNetwork::new())
    }

    fn builder(builder: FaultProxyBuilder, network: &Arc<dyn Network>) -> FaultProxyBuilder {
        builder.network(network).host(Self::PROXY)
    }
}

/// A proxy with a server behind it.
pub(crate) struct Rig {
    pub(crate) proxy: FaultProxy,
    network: Arc<dyn Network>,
    device: Box<dyn Listener>,
}

impl Rig {
    pub(crate) async fn new<P: Place>() -> Self {
        Self::with::<P>(|builder| builder).await
    }

    pub(crate) async fn with<P: Place>(options: impl FnOnce(FaultProxyBuilder) -> FaultProxyBuilder) -> Self {
        let network = P::network();
        let address = SocketAddr::new(P::DEVICE.parse().unwrap(), 0);
        let device = network.listen(address, &ListenOptions::default()).unwrap();
        let port = device.local_addr().unwrap().port();
        let proxy = options(P::builder(FaultProxy::to(P::DEVICE, port), &network)).start().await.unwrap();
        assert_eq!(proxy.host(), P::PROXY);
        Self { proxy, network, device }
    }

    /// A client, and what the server has accepted for it.
    pub(crate) async fn connect(&mut self) -> (NetworkStream, NetworkStream) {
        let client = self.dial().await.unwrap();
        (client, self.accept().await)
    }

    pub(crate) async fn dial(&self) -> io::Result<NetworkStream> {
        self.network.dial(self.proxy.local_addr(), None).await
    }

    pub(crate) async fn accept(&mut self) -> NetworkStream {
        in_time(poll_fn(|context| self.device.poll_accept(context))).await.unwrap()
    }
}

/// What would hang fails.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(LONG, future).await.expect("it comes in time")
}

pub(crate) async fn send(stream: &mut NetworkStream, bytes: impl AsRef<[u8]>) {
    in_time(stream.write_all(bytes.as_ref())).await.unwrap();
}

/// Reads so many bytes.
pub(crate) async fn receive(stream: &mut NetworkStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    in_time(stream.read_exact(&mut bytes)).await.unwrap();
    bytes
}

/// All that comes until the end of the stream, or until it is reset.
pub(crate) async fn rest(stream: &mut NetworkStream) -> (Vec<u8>, End) {
    let mut bytes = Vec::new();
    let end = match in_time(stream.read_to_end(&mut bytes)).await {
        Ok(_) => End::Clean,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
        Err(error) => panic!("{error:?}"),
    };
    (bytes, end)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Clean,
    Reset,
}

/// Nothing comes within so long.
pub(crate) async fn nothing_comes(stream: &mut NetworkStream, time: Duration) {
    let mut byte = [0];
    let read = timeout(time, stream.read(&mut byte)).await;
    assert!(read.is_err(), "{read:?}");
}

/// So many milliseconds have passed since then: exactly, or over sockets at least.
#[track_caller]
pub(crate) fn took<P: Place>(since: Instant, milliseconds: u64) {
    let (elapsed, expected) = (since.elapsed(), Duration::from_millis(milliseconds));
    if P::IS_EXACT {
        assert_eq!(elapsed, expected);
    } else {
        assert!(elapsed >= expected, "{elapsed:?} is earlier than {expected:?}");
    }
}

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
