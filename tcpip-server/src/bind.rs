//! From a host's name to listening sockets.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use socket2::SockRef;
use tcpip_core::StartError;
use tokio::net::{TcpListener, TcpSocket, lookup_host};

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

/// Binds every address of `host`, or none.
pub(crate) async fn bind(host: &Host, port: u16) -> Result<Vec<Box<dyn AnyListener>>, StartError> {
    let addresses = match host {
        Host::AllInterfaces => vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()],
        Host::Named(name) => {
            let resolve_error = |source| StartError::Resolve { host: name.clone(), source };
            let mut addresses: Vec<SocketAddr> =
                lookup_host((name.as_str(), port)).await.map_err(resolve_error)?.collect();
            addresses.sort_unstable();
            addresses.dedup();
            if addresses.is_empty() {
                return Err(StartError::NoAddress { host: name.clone() });
            }
            addresses
        }
    };
    addresses
        .into_iter()
        .map(|address| match listen(address) {
            Ok(listener) => Ok(Box::new(listener) as Box<dyn AnyListener>),
            Err(source) => Err(StartError::Bind { address, source }),
        })
        .collect()
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    /// As in Python.
    const BACKLOG: u32 = 100;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On Unix: a port whose earlier connections are in TIME_WAIT is free. Elsewhere it would mean stealing a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    if address.is_ipv6() {
        // So that an IPv4 socket may have the same port.
        SockRef::from(&socket).set_only_v6(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
