//! What stands between a client and a server, and lets things go wrong.

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
