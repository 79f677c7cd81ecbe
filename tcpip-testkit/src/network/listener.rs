//! Who listens.

use std::{
    collections::VecDeque,
    fmt, io,
    net::SocketAddr,
    task::{Context, Poll, Waker},
};

use tcpip_client::{Abort, Listener, NetworkStream};

use super::MemoryNetwork;

/// Those who have connected and are not accepted yet.
#[derive(Debug)]
pub(super) struct Backlog {
    waiting: VecDeque<NetworkStream>,
    most: usize,
    acceptor: Option<Waker>,
}

impl Backlog {
    /// For so many, at least one.
    pub(super) fn new(most: u32) -> Self {
        Self { waiting: VecDeque::new(), most: usize::try_from(most).unwrap_or(usize::MAX).max(1), acceptor: None }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= self.most
    }

    /// Adds one. Returns who is to be woken.
    pub(super) fn add(&mut self, stream: NetworkStream) -> Option<Waker> {
        self.waiting.push_back(stream);
        self.acceptor.take()
    }
}

/// Dropping it frees the address, and resets those who wait to be accepted.
pub(super) struct MemoryListener {
    network: MemoryNetwork,
    address: SocketAddr,
}

impl MemoryListener {
    pub(super) fn new(network: &MemoryNetwork, address: SocketAddr) -> Self {
        Self { network: network.clone(), address }
    }
}

impl Listener for MemoryListener {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<NetworkStream>> {
        let next = self.network.with(|state| {
            let backlog = state.listeners.get_mut(&self.address).expect("it is there as long as its listener");
            let next = backlog.waiting.pop_front();
            if next.is_none() {
                backlog.acceptor = Some(context.waker().clone());
            }
            next
        });
        match next {
            None => Poll::Pending,
            Some(stream) => {
                self.network.changed();
                Poll::Ready(Ok(stream))
            }
        }
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        Some(self.address)
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        let backlog = self.network.with(|state| {
            state.ports.stop_listening(self.address);
            state.listeners.remove(&self.address)
        });
        self.network.changed();
        for stream in backlog.into_iter().flat_map(|backlog| backlog.waiting) {
            if let Some(transport) = stream.transport() {
                transport.abort(Abort::OnDrop);
            }
        }
    }
}

impl fmt::Debug for MemoryListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("MemoryListener").field(&self.address).finish()
    }
}
