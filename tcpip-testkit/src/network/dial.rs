//! Connecting to who listens.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    task::Waker,
};

use tcpip_client::NetworkStream;
use tokio::time::sleep;

use super::{MemoryNetwork, State, host::What, link::Link, ports::DiallersPort, stream::MemoryStream};

impl MemoryNetwork {
    /// Connects to an address, as soon as it answers: from another, or from any.
    pub(super) async fn dial_when_answered(
        &self,
        to: SocketAddr,
        from: Option<SocketAddr>,
    ) -> io::Result<NetworkStream> {
        let to = SocketAddr::new(this_machine(to.ip()).unwrap_or(to.ip()), to.port());
        let link = self.with(|state| state.links.get(&to.ip()).copied().unwrap_or_default());
        if !link.latency.is_zero() {
            sleep(2 * link.latency).await;
        }
        loop {
            let changed = self.0.changed.notified();
            match self.with(|state| state.try_dial(self, to, from, link)) {
                Ok(Some((stream, acceptor))) => {
                    acceptor.into_iter().for_each(Waker::wake);
                    return Ok(NetworkStream::over(stream));
                }
                Ok(None) => changed.await,
                Err(error) => return Err(error),
            }
        }
    }
}

impl State {
    /// Puts one end into the backlog of who listens, if anybody answers now. Returns the other, and who is to be woken.
    fn try_dial(
        &mut self,
        network: &MemoryNetwork,
        to: SocketAddr,
        from: Option<SocketAddr>,
        link: Link,
    ) -> io::Result<Option<(MemoryStream, Option<Waker>)>> {
        let mut is_refusing = false;
        for outage in &self.outages {
            match outage {
                What::BlackHole(addresses) if addresses.contains(&to.ip()) => return Ok(None),
                What::Refusing(addresses) => is_refusing |= addresses.contains(&to.ip()),
                What::BlackHole(_) | What::Unknown(_) => {}
            }
        }
        let listener = self.ports.listener(to).filter(|_| !is_refusing);
        let backlog = listener.and_then(|address| self.listeners.get_mut(&address));
        let backlog = backlog.ok_or(ErrorKind::ConnectionRefused)?;
        if backlog.is_full() {
            return Ok(None);
        }
        let from = from.unwrap_or_else(|| SocketAddr::new(source_address(to.ip()), 0));
        let port = DiallersPort::take(network, &mut self.ports, from, to)?;
        let (near, far) = MemoryStream::connect([port.address(), to], Some(port), link);
        let acceptor = backlog.add(NetworkStream::over(far));
        Ok(Some((near, acceptor)))
    }
}

/// The address of this machine that an address which stands for any means.
fn this_machine(address: IpAddr) -> Option<IpAddr> {
    address.is_unspecified().then(|| match address {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    })
}

/// Where one dials from, to whom.
fn source_address(to: IpAddr) -> IpAddr {
    match to {
        IpAddr::V4(to) if to.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V4(_) => Ipv4Addr::new(10, 1, 0, 1).into(),
        IpAddr::V6(to) if to.is_loopback() => to.into(),
        IpAddr::V6(_) => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1).into(),
    }
}
