//! Who has which port.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, ErrorKind},
    net::SocketAddr,
};

use super::MemoryNetwork;

/// The ports that are handed out where any will do.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 49152..=65535;

/// The ports in use: of listeners, and of diallers with whom they are connected to.
#[derive(Debug)]
pub(super) struct Ports {
    next: u16,
    listening: BTreeSet<SocketAddr>,
    dialling: BTreeMap<SocketAddr, BTreeSet<SocketAddr>>,
}

impl Default for Ports {
    fn default() -> Self {
        Self { next: *EPHEMERAL.start(), listening: BTreeSet::new(), dialling: BTreeMap::new() }
    }
}

impl Ports {
    /// Takes an address for a listener, with a free port if it has none.
    pub(super) fn listen(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        let address = self.with_port(address)?;
        if self.is_listening(address) {
            return Err(ErrorKind::AddrInUse.into());
        }
        self.listening.insert(address);
        Ok(address)
    }

    pub(super) fn stop_listening(&mut self, address: SocketAddr) {
        self.listening.remove(&address);
    }

    /// The address of the listener that answers who dials `to`.
    pub(super) fn listener(&self, to: SocketAddr) -> Option<SocketAddr> {
        [to, any_address(to)].into_iter().find(|address| self.listening.contains(address))
    }

    /// Takes an address for a dialler, with a free port if it has none.
    fn dial(&mut self, from: SocketAddr, to: SocketAddr) -> io::Result<SocketAddr> {
        let from = self.with_port(from).map_err(|_| ErrorKind::AddrNotAvailable)?;
        if self.dialling.entry(from).or_default().insert(to) { Ok(from) } else { Err(ErrorKind::AddrInUse.into()) }
    }

    fn hang_up(&mut self, from: SocketAddr, to: SocketAddr) {
        let dialled = self.dialling.get_mut(&from);
        if dialled.is_some_and(|dialled| dialled.remove(&to) && dialled.is_empty()) {
            self.dialling.remove(&from);
        }
    }

    fn with_port(&mut self, mut address: SocketAddr) -> io::Result<SocketAddr> {
        if address.port() != 0 {
            return Ok(address);
        }
        for _ in EPHEMERAL {
            address.set_port(self.next);
            self.next = self.next.checked_add(1).unwrap_or(*EPHEMERAL.start());
            if !self.is_listening(address) && !self.dialling.contains_key(&address) {
                return Ok(address);
            }
        }
        Err(ErrorKind::AddrInUse.into())
    }

    /// Whether somebody listens there, also by listening on all addresses.
    fn is_listening(&self, address: SocketAddr) -> bool {
        let is_the_same = |other: &SocketAddr| {
            other.port() == address.port()
                && other.is_ipv4() == address.is_ipv4()
                && (other.ip() == address.ip() || other.ip().is_unspecified() || address.ip().is_unspecified())
        };
        self.listening.iter().any(is_the_same)
    }
}

/// The address of one who listens on all addresses with that port.
fn any_address(address: SocketAddr) -> SocketAddr {
    let any = if address.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    SocketAddr::new(any, address.port())
}

/// The port of a dialler. Dropping it frees the port.
#[derive(Debug)]
pub(super) struct DiallersPort {
    network: MemoryNetwork,
    address: SocketAddr,
    to: SocketAddr,
}

impl DiallersPort {
    /// Takes `from`, with a free port if it has none, of the `ports` of that network.
    pub(super) fn take(
        network: &MemoryNetwork,
        ports: &mut Ports,
        from: SocketAddr,
        to: SocketAddr,
    ) -> io::Result<Self> {
        Ok(Self { network: network.clone(), address: ports.dial(from, to)?, to })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for DiallersPort {
    fn drop(&mut self) {
        self.network.with(|state| state.ports.hang_up(self.address, self.to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a port for it, there is no address for a dialler, and for a listener that is in use: as under Linux.
    #[test]
    fn who_finds_no_port_is_told_so_as_by_the_system() {
        let [from, to]: [SocketAddr; 2] = ["10.0.0.1:0", "10.0.0.2:17310"].map(|address| address.parse().unwrap());
        let mut ports = Ports::default();
        for _ in EPHEMERAL {
            ports.dial(from, to).unwrap();
        }
        assert_eq!(ports.dial(from, to).unwrap_err().kind(), ErrorKind::AddrNotAvailable);
        assert_eq!(ports.listen(from).unwrap_err().kind(), ErrorKind::AddrInUse);
    }
}
