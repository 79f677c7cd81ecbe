//! From a host's name to a connected stream.

use std::{io, net::SocketAddr};

use tcpip_core::{ConnectError, Family};
use tokio::net::{TcpSocket, TcpStream, lookup_host};

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
    let addresses = lookup_host((host, port)).await.map_err(resolve_error)?.filter(suits);
    connect_to_any(addresses, local_addr)
        .await
        .unwrap_or_else(|| Err(ConnectError::NoAddress { host: host.to_owned() }))
}

/// Tries `addresses` in turn. `None` if there are none.
async fn connect_to_any(
    addresses: impl Iterator<Item = SocketAddr>,
    local_addr: Option<SocketAddr>,
) -> Option<Result<TcpStream, ConnectError>> {
    let mut result = None;
    for address in addresses {
        result = match connect(address, local_addr).await {
            Ok(stream) => return Some(Ok(stream)),
            Err(source) if source.kind() == io::ErrorKind::ConnectionRefused => {
                Some(Err(ConnectError::Refused { address, source }))
            }
            Err(source) => Some(Err(ConnectError::Failed { address, source })),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A port of `ip` that refuses for as long as the value lives: bound, and not listening.
    fn refusing(ip: [u8; 4]) -> (SocketAddr, TcpSocket) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ip, 0).into()).unwrap();
        (socket.local_addr().unwrap(), socket)
    }

    /// Of a name with several addresses, as `localhost` is on many machines, the next is tried when one refuses.
    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let (refused, _kept) = refusing([127, 88, 26, 1]);
        let listener = tokio::net::TcpListener::bind("127.88.26.2:0").await.unwrap();
        let listening = listener.local_addr().unwrap();
        let stream = connect_to_any([refused, listening].into_iter(), None).await.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listening);
    }

    /// When all fail, the error is that of the last.
    #[tokio::test]
    async fn the_error_is_that_of_the_last_address() {
        let (first, _kept) = refusing([127, 88, 26, 3]);
        let (last, _kept) = refusing([127, 88, 26, 4]);
        let error = connect_to_any([first, last].into_iter(), None).await.unwrap().unwrap_err();
        assert!(matches!(&error, ConnectError::Refused { address, .. } if *address == last), "{error:?}");
    }
}
