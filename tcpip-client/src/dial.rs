//! From a host's name to a connected stream.

use std::{io, net::SocketAddr};

use tcpip_core::ConnectError;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

use crate::Family;

/// Tries the addresses of `host` in turn. The error is that of the last one.
pub(crate) async fn dial(
    host: &str,
    port: u16,
    family: Family,
    local_addr: Option<SocketAddr>,
) -> Result<TcpStream, ConnectError> {
    let resolve_error = |source| ConnectError::Resolve { host: host.to_owned(), source };
    let suits = |address: &SocketAddr| {
        family.contains(*address) && local_addr.is_none_or(|local| local.is_ipv4() == address.is_ipv4())
    };
    let mut result = Err(ConnectError::NoAddress { host: host.to_owned() });
    for address in lookup_host((host, port)).await.map_err(resolve_error)?.filter(suits) {
        match connect(address, local_addr).await {
            Ok(stream) => return Ok(stream),
            Err(source) if source.kind() == io::ErrorKind::ConnectionRefused => {
                result = Err(ConnectError::Refused { address, source });
            }
            Err(source) => result = Err(ConnectError::Failed { address, source }),
        }
    }
    result
}

async fn connect(address: SocketAddr, local_addr: Option<SocketAddr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(local_addr) = local_addr {
        socket.set_reuseaddr(true)?;
        socket.bind(local_addr)?;
    }
    let stream = socket.connect(address).await?;
    // A free port of this machine can, by chance, be connected to itself, and would then hear only its own echo.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}
