//! From a host's name to listening sockets.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use socket2::SockRef;
use tcpip_core::{DEFAULT_BACKLOG, DEFAULT_LOCALHOST, Family, StartError, endpoint::look_up};
use tokio::net::{TcpListener, TcpSocket};

use crate::listener::AnyListener;

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

/// Where a server listens, and how its sockets are set.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) family: Family,
    pub(crate) backlog: u32,
    pub(crate) reuse_address: bool,
    pub(crate) reuse_port: bool,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            host: Host::Named(DEFAULT_LOCALHOST.to_owned()),
            port: 0,
            family: Family::default(),
            backlog: DEFAULT_BACKLOG,
            // Elsewhere it would mean stealing a port.
            reuse_address: cfg!(unix),
            reuse_port: false,
        }
    }
}

impl Place {
    /// Binds every address of the host, or none.
    pub(crate) async fn bind(&self) -> Result<Vec<Box<dyn AnyListener>>, StartError> {
        let addresses = self.addresses().await?;
        self.listen_on_all(addresses)
    }

    fn listen_on_all(&self, addresses: Vec<SocketAddr>) -> Result<Vec<Box<dyn AnyListener>>, StartError> {
        addresses
            .into_iter()
            .map(|address| match self.listen(address) {
                Ok(listener) => Ok(Box::new(listener) as Box<dyn AnyListener>),
                Err(source) => Err(StartError::Bind { address, source }),
            })
            .collect()
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
                let mut addresses = look_up(name, port, suits).await?;
                addresses.sort_unstable();
                Ok(addresses)
            }
        }
    }

    fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(self.reuse_address)?;
        if self.reuse_port {
            set_reuse_port(&socket)?;
        }
        if address.is_ipv6() {
            // So that an IPv4 socket may have the same port.
            SockRef::from(&socket).set_only_v6(true)?;
        }
        socket.bind(address)?;
        socket.listen(self.backlog)
    }
}

#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
fn set_reuse_port(socket: &TcpSocket) -> io::Result<()> {
    socket.set_reuseport(true)
}

#[cfg(not(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin")))))]
fn set_reuse_port(_socket: &TcpSocket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name with several addresses, as `localhost` is on many machines, has a socket for each; if one address cannot
    /// be bound, none is.
    #[tokio::test]
    async fn every_address_is_bound_or_none() {
        let here = |last| SocketAddr::from(([127, 88, 25, last], 0));
        let listeners = Place::default().listen_on_all(vec![here(1), here(2)]).unwrap();
        let bound: Vec<_> = listeners.iter().filter_map(|listener| listener.local_addr()).collect();
        assert_eq!(bound.iter().map(SocketAddr::ip).collect::<Vec<_>>(), [here(1).ip(), here(2).ip()]);
        drop(listeners);
        let foreign = SocketAddr::from(([192, 0, 2, 1], 0));
        let error = Place::default().listen_on_all(vec![bound[0], foreign]).unwrap_err();
        assert!(matches!(&error, StartError::Bind { address, .. } if *address == foreign), "{error:?}");
        std::net::TcpListener::bind(bound[0]).unwrap();
    }
}
