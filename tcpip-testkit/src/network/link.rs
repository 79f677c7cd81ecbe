//! The way to a host.

use std::{fmt, net::IpAddr, time::Duration};

use tcpip_core::endpoint::deadline;

use super::MemoryNetwork;

/// How much a connection in memory takes in each direction before its writer waits for the reader, unless its
/// [link](MemoryNetwork::link) says otherwise: 64 KiB.
pub const DEFAULT_MEMORY_WINDOW: usize = 64 * 1024;

/// What connections to one host are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) latency: Duration,
    pub(super) window: usize,
}

impl Default for Link {
    fn default() -> Self {
        Self { latency: Duration::ZERO, window: DEFAULT_MEMORY_WINDOW }
    }
}

/// The way to a host of a [`MemoryNetwork`], which [`link`](MemoryNetwork::link) gives. Dropping it changes nothing.
///
/// What is set here is that of connections to come; those that are there keep theirs.
pub struct MemoryLink {
    network: MemoryNetwork,
    addresses: Vec<IpAddr>,
}

#[expect(clippy::must_use_candidate, reason = "a setter does what it is for at once")]
impl MemoryLink {
    pub(super) fn new(network: &MemoryNetwork, addresses: Vec<IpAddr>) -> Self {
        Self { network: network.clone(), addresses }
    }

    /// How long all that is sent is under way, in each direction: bytes, the end of a half, a reset, and the word that
    /// there is room again. Connecting takes twice as long. Default: zero.
    pub fn latency(&self, latency: Duration) -> &Self {
        self.set(|link| link.latency = deadline(latency))
    }

    /// How many bytes each end takes, before it is read, until the other has to wait; at least one. Default:
    /// [`DEFAULT_MEMORY_WINDOW`].
    pub fn window(&self, bytes: usize) -> &Self {
        self.set(|link| link.window = bytes.max(1))
    }

    fn set(&self, change: impl Fn(&mut Link)) -> &Self {
        self.network.with(|state| {
            for address in &self.addresses {
                change(state.links.entry(*address).or_default());
            }
        });
        self
    }
}

impl fmt::Debug for MemoryLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemoryLink").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
