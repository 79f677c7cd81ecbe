//! Where a proxy listens, and what becomes of who calls.

use std::{
    collections::VecDeque,
    future::{pending, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
};

use tcpip_core::{ListenOptions, Listener, NetworkStream, endpoint::AnyNetwork};
use tokio::{net::TcpSocket, runtime::Handle, sync::watch, task::coop::unconstrained};

/// What becomes of a client that a proxy has accepted, in place of being connected to the server: see
/// [`FaultProxy::accept_and`](crate::FaultProxy::accept_and).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Then {
    /// It is not read, and hears nothing, until the guard is dropped: then it is connected to the server, which has
    /// what it has sent meanwhile.
    Silence,
    /// It finds the end of the stream.
    Fin,
    /// It finds the connection reset.
    Reset,
}

/// While it is there, a proxy does something else with new clients than to connect them to the server. Dropping it ends
/// that; of several, the newest counts.
#[derive(Debug)]
#[must_use = "the proxy accepts clients again as soon as it is dropped"]
pub struct AcceptGuard {
    gate: Arc<Gate>,
    id: u64,
}

/// A client, and what becomes of it.
#[derive(Debug)]
pub(super) enum Arrival {
    Serve(NetworkStream),
    /// Once the other end is dropped.
    ServeAfter(watch::Receiver<()>, NetworkStream),
    End(NetworkStream),
    Reset(NetworkStream),
}

#[derive(Debug)]
enum Policy {
    Refuse,
    Silence(watch::Sender<()>),
    End,
    Reset,
}

/// Where a proxy listens, on one address for as long as it lives.
#[derive(Debug)]
pub(super) struct Gate {
    network: AnyNetwork,
    address: SocketAddr,
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    listener: Option<Box<dyn Listener>>,
    /// Bound to the port, without listening on it: it is nobody else's while the proxy refuses.
    reserved: Option<TcpSocket>,
    /// Who had connected before something else was to be done with clients, and has not been handed out yet.
    arrived: VecDeque<Arrival>,
    policies: Vec<(u64, Policy)>,
    next_id: u64,
    is_closed: bool,
    accepting: Option<Waker>,
}

impl Gate {
    /// Listens. A port of the system's is kept from others as long as this lives.
    pub(super) fn open(network: AnyNetwork, address: SocketAddr, is_system: bool) -> io::Result<Self> {
        let reserved = if is_system { reserve(address) } else { None };
        let reserved_address = reserved.as_ref().and_then(|socket| socket.local_addr().ok());
        let listener = network.listen(reserved_address.unwrap_or(address), &ListenOptions::default())?;
        let address = listener.local_addr().unwrap_or(address);
        let listener = Some(listener);
        let (arrived, policies) = (VecDeque::new(), Vec::new());
        let state = State { listener, reserved, arrived, policies, next_id: 0, is_closed: false, accepting: None };
        Ok(Self { network, address, runtime: Handle::current(), state: Mutex::new(state) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn refuse(self: &Arc<Self>) -> AcceptGuard {
        self.begin(Policy::Refuse)
    }

    pub(super) fn accept_and(self: &Arc<Self>, then: Then) -> AcceptGuard {
        self.begin(match then {
            Then::Silence => Policy::Silence(watch::Sender::new(())),
            Then::Fin => Policy::End,
            Then::Reset => Policy::Reset,
        })
    }

    fn begin(self: &Arc<Self>, policy: Policy) -> AcceptGuard {
        let mut state = self.state();
        self.take_in(&mut state);
        state.next_id += 1;
        let id = state.next_id;
        state.policies.push((id, policy));
        let opened = self.follow(&mut state);
        // Where nobody listened until now, nobody else wakes who accepts.
        let accepting = state.accepting.take();
        drop(state);
        accepting.into_iter().for_each(Waker::wake);
        assert!(opened.is_ok() || !self.has_runtime(), "the port is this proxy's: {opened:?}");
        AcceptGuard { gate: Arc::clone(self), id }
    }

    fn end(&self, id: u64) {
        let mut state = self.state();
        self.take_in(&mut state);
        state.policies.retain(|(policy, _)| *policy != id);
        let opened = self.follow(&mut state);
        let accepting = state.accepting.take();
        drop(state);
        accepting.into_iter().for_each(Waker::wake);
        if let Err(error) = opened
            && !thread::panicking()
            && self.has_runtime()
        {
            panic!("the proxy cannot listen on {} again: {error}", self.address);
        }
    }

    /// Whether the runtime is there, without which nobody accepts.
    fn has_runtime(&self) -> bool {
        let task = self.runtime.spawn(pending::<()>());
        let is_there = !task.is_finished();
        task.abort();
        is_there
    }

    /// Listens or does not, as the newest policy says.
    fn follow(&self, state: &mut State) -> io::Result<()> {
        if state.is_closed || matches!(state.policies.last(), Some((_, Policy::Refuse))) {
            state.listener = None;
        } else if state.listener.is_none() {
            let _entered = self.runtime.enter();
            state.listener = Some(self.network.listen(self.address, &ListenOptions::default())?);
        }
        Ok(())
    }

    /// Accepts all who have connected by now: what is done with them is what was to be done then. Who accepts must be
    /// woken after that.
    fn take_in(&self, state: &mut State) {
        let _entered = self.runtime.enter();
        let all = pin!(unconstrained(poll_fn(|context| {
            while let Poll::Ready(result) = state.poll_listener(context) {
                match result {
                    Ok(arrival) => state.arrived.push_back(arrival),
                    Err(error) => {
                        tracing::info!("the proxy could not accept a client: {error}");
                        break;
                    }
                }
            }
            Poll::Ready(())
        })));
        let _ = all.poll(&mut Context::from_waker(Waker::noop()));
    }

    /// Has all who have connected by now, and whom nobody has been handed, be reset.
    pub(super) fn reset_arrived(&self) {
        let mut state = self.state();
        self.take_in(&mut state);
        state.arrived = state.arrived.drain(..).map(|arrival| Arrival::Reset(arrival.into_stream())).collect();
        let accepting = state.accepting.take();
        drop(state);
        accepting.into_iter().for_each(Waker::wake);
    }

    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Arrival>> {
        let mut state = self.state();
        if let Some(arrival) = state.arrived.pop_front() {
            return Poll::Ready(Ok(arrival));
        }
        let accepted = state.poll_listener(context);
        if accepted.is_pending() {
            state.accepting = Some(context.waker().clone());
        }
        accepted
    }

    /// Listens no more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.listener = None;
        state.reserved = None;
        state.arrived.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn poll_listener(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Arrival>> {
        let Some(listener) = &mut self.listener else { return Poll::Pending };
        listener.poll_accept(context).map_ok(|stream| match self.policies.last() {
            None | Some((_, Policy::Refuse)) => Arrival::Serve(stream),
            Some((_, Policy::Silence(until))) => Arrival::ServeAfter(until.subscribe(), stream),
            Some((_, Policy::End)) => Arrival::End(stream),
            Some((_, Policy::Reset)) => Arrival::Reset(stream),
        })
    }
}

impl Arrival {
    fn into_stream(self) -> NetworkStream {
        match self {
            Self::Serve(stream) | Self::ServeAfter(_, stream) | Self::End(stream) | Self::Reset(stream) => stream,
        }
    }
}

impl Drop for AcceptGuard {
    /// # Panics
    ///
    /// If the proxy cannot listen again, though its runtime is still there.
    fn drop(&mut self) {
        self.gate.end(self.id);
    }
}

/// A socket that is bound, if the system lets another one listen on the same port.
fn reserve(address: SocketAddr) -> Option<TcpSocket> {
    // Elsewhere a second socket could not listen on it, or could take it away.
    if !cfg!(target_os = "linux") {
        return None;
    }
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.ok()?;
    socket.set_reuseaddr(true).ok()?;
    socket.bind(address).ok()?;
    Some(socket)
}
