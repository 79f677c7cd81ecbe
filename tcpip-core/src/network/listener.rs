//! Where clients come from.

use std::{
    fmt, io,
    net::SocketAddr,
    task::{Context, Poll},
};

use super::NetworkStream;
use crate::DEFAULT_BACKLOG;

/// A source of clients: a [`TcpListener`](tokio::net::TcpListener), what a [`Network`](crate::Network) listens with, or
/// a type of your own, for streams in memory or TLS streams.
///
/// Dropping it must free the address, if it has one.
pub trait Listener: Send + Sync + 'static {
    /// Takes the next client: a [`NetworkStream`], which is made of any stream.
    ///
    /// # Errors
    ///
    /// An error is logged and is not the end: the server asks again after a pause of 0.1 s, or at once if the client
    /// alone was at fault (`ConnectionAborted`, `ConnectionReset`) or nothing was (`Interrupted`), unless that is all
    /// that comes. A panic counts as an error.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<NetworkStream>>;

    /// Where it listens, if that is an address. Default: `None`.
    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }
}

impl fmt::Debug for dyn Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Listener").field(&self.local_addr()).finish()
    }
}

/// How a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenOptions {
    /// How many clients may wait to be accepted. Default: [`DEFAULT_BACKLOG`].
    pub backlog: u32,
    /// Whether a port may be had that nobody listens on any more, but whose last connections are remembered. Default:
    /// `true` on Unix, else `false`.
    pub reuse_address: bool,
    /// Whether several may listen on the same port, all of whom have to set it. Default: `false`.
    pub reuse_port: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        // Elsewhere than on Unix it would mean stealing a port.
        Self { backlog: DEFAULT_BACKLOG, reuse_address: cfg!(unix), reuse_port: false }
    }
}
