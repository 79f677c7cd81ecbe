//! What stands between a client and a server, and lets things go wrong: [`FaultProxy`], how it is made, its guards, and
//! who listens in on it. What can go wrong is in [`faults`](crate::faults).
//!
//! - [`FaultProxy::to`] gives a [`FaultProxyBuilder`], which starts it.
//! - [`FaultProxy::add`], and that of one direction ([`Toward`]), install a fault until the [`FaultGuard`] is dropped.
//! - [`FaultProxy::refuse`] and [`FaultProxy::accept_and`] turn new clients away, or do something else with them
//!   ([`Then`]), until the [`AcceptGuard`] is dropped.
//! - [`FaultProxy::transcript`] has what the clients send and get. A [`ProxyTap`] is told of all that has [`Passed`],
//!   on both sides of the faults ([`Wire`]).
//!
//! # Examples
//!
//! Of two messages from the device, the client gets one; and then nobody who connects hears anything:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::{sync::{Arc, Mutex}, time::Duration};
//! use tcpip_client::Client;
//! use tcpip_testkit::{FaultGuard, FaultProxy, MemoryNetwork, TestOneClientReadLoopServer};
//! use tcpip_testkit::faults::{self, Direction};
//! use tcpip_testkit::proxy::{Passed, ProxyTap, Then, What, Wire};
//!
//! /// Keeps what the server has sent, before any fault.
//! #[derive(Default)]
//! struct Sent(Mutex<Vec<u8>>);
//!
//! impl ProxyTap for Sent {
//!     fn passed(&self, passed: &Passed<'_>) {
//!         if let (Wire::Server, Direction::ToClient) = (passed.wire, passed.direction)
//!             && let What::Bytes(bytes) = passed.what
//!         {
//!             self.0.lock().expect("nobody panics with it").extend_from_slice(bytes);
//!         }
//!     }
//! }
//!
//! fn loses_the_next_line(proxy: &FaultProxy) -> FaultGuard {
//!     proxy.to_client().add(faults::messages("\n", faults::drop_bytes()).times(1))
//! }
//!
//! let _entered = MemoryNetwork::new().enter();
//! let server = TestOneClientReadLoopServer::builder().start().await?;
//! let sent = Arc::new(Sent::default());
//! let proxy = FaultProxy::to(server.host(), server.port()).tap(Arc::clone(&sent) as _).start().await?;
//! let transcript = proxy.transcript();
//! let client = Client::builder(proxy.host(), proxy.port()).connect().await?;
//! server.wait_connected().await;
//! let _lossy = loses_the_next_line(&proxy);
//! server.write_str("one").await?;
//! server.write_str("two").await?;
//! assert_eq!(client.read_str().await?, "two");
//! assert_eq!(*sent.0.lock().expect("nobody panics with it"), b"one\r\ntwo\r\n");
//! assert_eq!(transcript.received(), b"two\r\n");
//!
//! let _silent = proxy.accept_and(Then::Silence);
//! let timeout = Duration::from_secs(2);
//! let second = Client::builder(proxy.host(), proxy.port()).read_timeout(timeout).connect().await?;
//! assert!(second.read_str().await.is_err()); // two seconds have passed
//! # Ok(())
//! # }
//! ```

mod builder;
mod dial;
mod fault_guard;
mod fault_proxy;
mod gate;
mod peer;
mod pump;
mod serving;
mod tap;
mod tight_sockets;
mod turn;

pub use self::{
    builder::{DEFAULT_WINDOW, FaultProxyBuilder},
    fault_guard::{FaultGuard, Toward},
    fault_proxy::FaultProxy,
    gate::{AcceptGuard, Then},
    tap::{Passed, ProxyTap, What, Wire},
};
