//! From a host's name to listening sockets.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tcpip_core::{
    DEFAULT_LOCALHOST, Family, ListenOptions, Listener, StartError,
    endpoint::{AnyNetwork, is_lacking, look_up},
};

/// How many ports are tried until one is free on all addresses.
const TRIES: u32 = 20;

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) enum Host {
    /// On all addresses of a name, or on one address.
    Named(String),
    /// On all interfaces, over IPv4 and IPv6.
    AllInterfaces,
}

impl Host {
    /// The name as it was given; empty for all interfaces.
    pub(crate) fn into_name(self) -> String {
        match self {
            Self::Named(name) => name,
            Self::AllInterfaces => String::new(),
        }
    }
}

/// Where a server listens, and how.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) network: AnyNetwork,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) family: Family,
    pub(crate) options: ListenOptions,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            network: AnyNetwork::default(),
            host: Host::Named(DEFAULT_LOCALHOST.to_owned()),
            port: 0,
            family: Family::default(),
            options: ListenOptions::default(),
        }
    }
}

impl Place {
    /// Binds every address of the host that this machine has, or none. They all have the same port.
    pub(crate) async fn bind(&self) -> Result<Vec<Box<dyn Listener>>, StartError> {
        let addresses = self.addresses().await?;
        self.listen_on_all(&addresses)
    }

    fn listen_on_all(&self, addresses: &[SocketAddr]) -> Result<Vec<Box<dyn Listener>>, StartError> {
        let listen = |address| self.network.listen(address, &self.options);
        listen_with_one_port(addresses, listen, |listener| listener.local_addr())
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, StartError> {
        let port = self.port;
        let suits = |address: &SocketAddr| self.family.contains(*address);
        match &self.host {
            Host::AllInterfaces => {
                let all = [(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()];
                Ok(all.into_iter().filter(suits).collect())
            }
            Host::Named(name) => {
                let mut addresses = look_up(&*self.network, name, port, suits).await?;
                addresses.sort_unstable();
                Ok(addresses)
            }
        }
    }
}

/// As [`listen_on_each`], but a port that the system has chosen for one address, and that is in use on another, is
/// given up for the next one that it chooses.
fn listen_with_one_port<L>(
    addresses: &[SocketAddr],
    listen: impl Fn(SocketAddr) -> io::Result<L>,
    local_addr: impl Fn(&L) -> Option<SocketAddr>,
) -> Result<Vec<L>, StartError> {
    let is_chosen_here = addresses.iter().all(|address| address.port() == 0);
    let mut tries_left = if is_chosen_here { TRIES } else { 1 };
    loop {
        tries_left -= 1;
        match listen_on_each(addresses, &listen, &local_addr) {
            Err(StartError::Bind { source, .. }) if tries_left > 0 && source.kind() == io::ErrorKind::AddrInUse => {}
            result => return result,
        }
    }
}

/// Listens on each of `addresses` by `listen`: without a port of their own, on that of the first.
///
/// What this machine lacks is passed over, such as IPv6 in most containers, unless that leaves nothing. Any other error
/// is one of all.
fn listen_on_each<L>(
    addresses: &[SocketAddr],
    listen: impl Fn(SocketAddr) -> io::Result<L>,
    local_addr: impl Fn(&L) -> Option<SocketAddr>,
) -> Result<Vec<L>, StartError> {
    let mut port = None;
    let mut lacking = None;
    let mut listeners = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let mut with_port = address;
        with_port.set_port(port.unwrap_or(address.port()));
        match listen(with_port) {
            Ok(listener) => {
                port = Some(local_addr(&listener).unwrap_or(with_port).port());
                listeners.push(listener);
            }
            Err(source) if is_lacking(&source) => {
                tracing::info!("not listening on {address}, which this machine lacks: {source}");
                lacking.get_or_insert(StartError::Bind { address, source });
            }
            Err(source) => return Err(StartError::Bind { address: with_port, source }),
        }
    }
    match lacking {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn listen_on(addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, StartError> {
        let port = addresses[0].port();
        let listeners = Place { port, ..Place::default() }.listen_on_all(addresses)?;
        Ok(listeners.iter().filter_map(|listener| listener.local_addr()).collect())
    }

    fn here(last: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([127, 88, 25, last], port))
    }

    /// A name with several addresses, as `localhost` is on many machines, has a socket for each, all with one port; if
    /// one address is in use, none is bound.
    #[tokio::test]
    async fn every_address_is_bound_with_one_port_or_none_is() {
        let bound = listen_on(&[here(1, 0), here(2, 0)]).unwrap();
        let port = bound[0].port();
        assert_eq!(bound, [here(1, port), here(2, port)]);
        let taken = std::net::TcpListener::bind(here(2, port)).unwrap();
        let error = listen_on(&[here(1, port), here(2, port)]).unwrap_err();
        assert!(matches!(&error, StartError::Bind { address, .. } if *address == here(2, port)), "{error:?}");
        drop(taken);
        std::net::TcpListener::bind(here(1, port)).unwrap();
    }

    /// An address that this machine lacks is passed over, and is an error if there is no other.
    #[tokio::test]
    async fn an_address_that_the_machine_lacks_is_passed_over_if_there_is_another() {
        let foreign = SocketAddr::from(([192, 0, 2, 1], 0));
        for addresses in [[foreign, here(3, 0)], [here(3, 0), foreign]] {
            let bound = listen_on(&addresses).unwrap();
            assert_eq!(bound.iter().map(SocketAddr::ip).collect::<Vec<_>>(), [here(3, 0).ip()]);
        }
        let error = listen_on(&[foreign, foreign]).unwrap_err();
        assert!(matches!(&error, StartError::Bind { address, .. } if *address == foreign), "{error:?}");
    }

    /// A family that the system lacks is passed over as well, and no other error is.
    #[test]
    fn a_family_that_the_system_lacks_is_passed_over_and_no_other_error_is() {
        let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        let listen_with = |error: fn() -> io::Error| {
            let listen = |address: SocketAddr| if address.is_ipv4() { Ok(address) } else { Err(error()) };
            listen_on_each(&[v6, here(4, 1)], listen, |address| Some(*address))
        };
        #[cfg(unix)]
        assert_eq!(listen_with(|| rustix::io::Errno::AFNOSUPPORT.into()).unwrap(), [here(4, 1)]);
        assert_eq!(listen_with(|| io::ErrorKind::AddrNotAvailable.into()).unwrap(), [here(4, 1)]);
        let others: [fn() -> io::Error; 2] =
            [|| io::ErrorKind::AddrInUse.into(), || io::ErrorKind::PermissionDenied.into()];
        for other in others {
            let error = listen_with(other).unwrap_err();
            assert!(matches!(&error, StartError::Bind { address, .. } if *address == v6), "{error:?}");
        }
    }

    /// A port that the system chose for one address, and that is in use on the other, is given up for another, though
    /// not for ever; a port that was asked for is not.
    #[test]
    fn a_port_that_is_in_use_on_one_address_is_given_up_for_another() {
        for (port, first_free, last_tried) in
            [(0, 1003, 1003), (0, u16::MAX, 999 + u16::try_from(TRIES).unwrap()), (7, 9, 7)]
        {
            let chosen = Cell::new(999);
            let listen = |mut address: SocketAddr| {
                if address.port() == 0 {
                    chosen.set(chosen.get() + 1);
                    address.set_port(chosen.get());
                }
                let in_use = address.ip() == here(6, 0).ip() && address.port() < first_free;
                if in_use { Err(io::ErrorKind::AddrInUse.into()) } else { Ok(address) }
            };
            let result = listen_with_one_port(&[here(5, port), here(6, port)], listen, |address| Some(*address));
            match result {
                Ok(bound) => assert_eq!((first_free, bound), (1003, vec![here(5, 1003), here(6, 1003)])),
                Err(StartError::Bind { address, .. }) => assert_eq!(address, here(6, last_tried)),
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}
