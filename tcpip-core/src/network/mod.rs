//! What carries the bytes: streams that can do what a socket can, who dials and listens for them, and sockets, the
//! default of both.

mod any_network;
#[cfg(feature = "entered-network")]
mod entered;
mod hang_up;
mod listener;
mod look_up;
mod network_stream;
mod race;
mod send_queue;
mod socket;
mod sockets;
mod transport;

use std::{fmt, io, net::SocketAddr, pin::Pin, sync::Arc};

#[cfg(feature = "entered-network")]
pub use self::entered::{Entered, enter};
pub use self::{
    any_network::AnyNetwork,
    listener::{ListenOptions, Listener},
    look_up::look_up,
    network_stream::NetworkStream,
    race::Race,
    sockets::Sockets,
    transport::{Abort, Transport},
};
pub(crate) use self::{
    hang_up::{hung_up, hung_up_by_event, is_event},
    network_stream::Kind,
};

/// A future of a trait's method that may be called through a pointer.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where names have addresses, and addresses listeners: [`Sockets`], the system's, or a type of your own, for tests in
/// memory, a tunnel, or a count of who dials whom.
///
/// The `network` option of clients and servers takes it, and asks it for everything: a client for the addresses of its
/// host and for a stream to each until one answers, a server for the addresses that it is to listen on.
///
/// # Examples
///
/// Sockets under names that no resolver knows:
///
/// ```
/// use std::{collections::HashMap, io, net::SocketAddr, sync::Arc};
/// use tcpip_core::{BoxFuture, ListenOptions, Listener, Network, NetworkStream, Sockets};
///
/// #[derive(Clone, Debug)]
/// struct Hosts(Arc<HashMap<String, String>>);
///
/// impl Network for Hosts {
///     fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
///         Sockets.look_up(self.0.get(host).map_or(host, String::as_str), port)
///     }
///
///     fn dial(&self, address: SocketAddr, from: Option<SocketAddr>) -> BoxFuture<'_, io::Result<NetworkStream>> {
///         Sockets.dial(address, from)
///     }
///
///     fn listen(&self, address: SocketAddr, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
///         Sockets.listen(address, options)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> io::Result<()> {
/// let hosts = Hosts(Arc::new([("dome".to_owned(), "127.0.0.1".to_owned())].into()));
/// assert_eq!(hosts.look_up("dome", 17310).await?, [([127, 0, 0, 1], 17310).into()]);
/// # Ok(())
/// # }
/// ```
pub trait Network: fmt::Debug + Send + Sync + 'static {
    /// Looks up the addresses of `host`, in the order in which they are to be tried, each with `port`. It is not asked
    /// for a host that is an IP address.
    ///
    /// # Errors
    ///
    /// The name cannot be looked up: [`LookUpError::Resolve`](crate::LookUpError::Resolve) has the error. No address at
    /// all is [`LookUpError::NoAddress`](crate::LookUpError::NoAddress).
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the deadline of connecting has passed, and must leave nothing behind then.
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

    /// Connects to `address`, from the local address `from` if there is one; its port 0 stands for any.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if nobody listens there; any other error says why it cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Several may be under way for one client. All but the first to connect are dropped, and must leave nothing
    /// behind.
    fn dial(&self, address: SocketAddr, from: Option<SocketAddr>) -> BoxFuture<'_, io::Result<NetworkStream>>;

    /// Listens on `address`, on a free port if its port is 0: at once, without waiting. A server with several addresses
    /// asks for each.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if somebody listens there: where the port was any, the server tries others. `AddrNotAvailable` if
    /// there is no such address here: the server does without it if it has another.
    fn listen(&self, address: SocketAddr, options: &ListenOptions) -> io::Result<Box<dyn Listener>>;
}

impl<N: Network + ?Sized> Network for Arc<N> {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        (**self).look_up(host, port)
    }

    fn dial(&self, address: SocketAddr, from: Option<SocketAddr>) -> BoxFuture<'_, io::Result<NetworkStream>> {
        (**self).dial(address, from)
    }

    fn listen(&self, address: SocketAddr, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        (**self).listen(address, options)
    }
}
