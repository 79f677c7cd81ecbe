//! Sockets with small buffers.

use std::{io, net::SocketAddr};

use tcpip_core::{BoxFuture, ListenOptions, Listener, Network, NetworkStream, Sockets};
use tokio::net::TcpSocket;

/// The system's sockets, with buffers of this size. They have it before they are connected, since a peer goes by the
/// largest window that it has ever seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct TightSockets(pub(super) u32);

impl TightSockets {
    fn socket_for(self, address: SocketAddr) -> io::Result<TcpSocket> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_recv_buffer_size(self.0)?;
        socket.set_send_buffer_size(self.0)?;
        Ok(socket)
    }
}

impl Network for TightSockets {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Sockets.look_up(host, port)
    }

    fn dial(&self, address: SocketAddr, _: Option<SocketAddr>) -> BoxFuture<'_, io::Result<NetworkStream>> {
        Box::pin(async move { Ok(NetworkStream::new(self.socket_for(address)?.connect(address).await?)) })
    }

    fn listen(&self, address: SocketAddr, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        let socket = self.socket_for(address)?;
        socket.set_reuseaddr(options.reuse_address)?;
        socket.bind(address)?;
        Ok(Box::new(socket.listen(options.backlog)?))
    }
}
