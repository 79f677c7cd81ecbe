//! The network of the system.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    task::{Context, Poll},
};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};

use super::{BoxFuture, ListenOptions, Listener, Network, NetworkStream, look_up::on_a_thread};

/// The [`Network`] of the system, over TCP sockets: the default, and what one of your own may pass some of its work on
/// to.
///
/// A look-up is a thread of its own, which the system's resolver keeps for as long as it takes: neither a deadline nor
/// the end of the runtime waits for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sockets;

impl Network for Sockets {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        Box::pin(on_a_thread(move || Ok((host, port).to_socket_addrs()?.collect())))
    }

    fn dial(&self, address: SocketAddr, from: Option<SocketAddr>) -> BoxFuture<'_, io::Result<NetworkStream>> {
        Box::pin(dial(address, from))
    }

    fn listen(&self, address: SocketAddr, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        let socket = socket_for(address)?;
        socket.set_reuseaddr(options.reuse_address)?;
        if options.reuse_port {
            set_reuse_port(&socket)?;
        }
        if address.is_ipv6() {
            // So that an IPv4 socket may have the same port.
            SockRef::from(&socket).set_only_v6(true)?;
        }
        socket.bind(address)?;
        Ok(Box::new(socket.listen(options.backlog)?))
    }
}

async fn dial(address: SocketAddr, from: Option<SocketAddr>) -> io::Result<NetworkStream> {
    let socket = socket_for(address)?;
    if let Some(from) = from {
        socket.set_reuseaddr(true)?;
        socket.bind(from)?;
    }
    let stream = socket.connect(address).await?;
    // The peer has the address that was dialled, unless that stands for another: any of this machine's.
    let peer = if address.is_ipv4() && !address.ip().is_unspecified() { address } else { stream.peer_addr()? };
    let local = stream.local_addr()?;
    // A free port of this machine can, by chance, be connected to itself, and would then hear only its own echo.
    if local == peer {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(NetworkStream::socket(stream, (Some(local), Some(peer))))
}

fn socket_for(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
fn set_reuse_port(socket: &TcpSocket) -> io::Result<()> {
    socket.set_reuseport(true)
}

#[cfg(not(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin")))))]
fn set_reuse_port(_socket: &TcpSocket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Listener for TcpListener {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<NetworkStream>> {
        Self::poll_accept(self, context).map_ok(|(stream, peer)| NetworkStream::socket(stream, (None, Some(peer))))
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr().ok()
    }
}
