//! What a server's handle and its accept loop share.

use std::{net::SocketAddr, sync::Arc};

use tcpip_core::{
    Connection, DisconnectReason,
    endpoint::{Lock, Pushed, SessionOptions, Watched},
};

/// The current client, and whether the server goes on.
#[derive(Debug)]
pub(crate) struct Reception {
    pub(crate) addresses: Vec<SocketAddr>,
    /// The options of the next session.
    pub(crate) session: Lock<Arc<SessionOptions>>,
    state: Watched<State>,
}

#[derive(Debug)]
struct State {
    /// The session of the last client. Before the first, there is one that never was, once somebody asks for it.
    current: Option<Connection>,
    closing: bool,
    closed: bool,
}

impl Reception {
    pub(crate) fn new(addresses: Vec<SocketAddr>, session: SessionOptions) -> Self {
        let state = State { current: None, closing: false, closed: false };
        Self { addresses, session: Lock::new(session.into()), state: Watched::new(state) }
    }

    pub(crate) fn current(&self) -> Connection {
        self.state.lock().current.get_or_insert_with(Connection::closed).clone()
    }

    /// The session of the last client, if there ever was one.
    pub(crate) fn last(&self) -> Option<Connection> {
        self.state.lock().current.clone()
    }

    /// Puts a new session in the place of the last one, unless the server is being closed.
    pub(crate) fn admit(&self, connection: &Connection) -> Option<Pushed> {
        let mut state = self.state.lock();
        if state.closing {
            return None;
        }
        // With the place taken: what is set from now on finds the new session, and what has been set is in force.
        connection.begin_with(&self.session.lock());
        let last = state.current.replace(connection.clone());
        // Whoever is told of the session, and whoever ends it, finds it here.
        let announced = connection.announce();
        drop(state);
        drop(last);
        self.state.tell();
        Some(announced)
    }

    /// Waits until the client at `address` has been admitted. Whether it has; not if the server is being closed.
    pub(crate) async fn wait_admitted(&self, address: Option<SocketAddr>) -> bool {
        let found = self.state.wait_for(|state| {
            let admitted = state.current.as_ref().and_then(Connection::peer_addr) == address;
            (admitted || state.closing).then_some(admitted)
        });
        found.await
    }

    /// Asks the accept loop to end, and ends the session. Does not wait.
    pub(crate) fn start_close(&self, should_be_connected: ShouldBeConnected) {
        let current = self.state.change(|state| {
            state.closing = true;
            state.current.clone()
        });
        match (current, should_be_connected) {
            (None, _) => {}
            (Some(current), ShouldBeConnected::Cleared) => current.start_close(DisconnectReason::Closed),
            (Some(current), ShouldBeConnected::Kept) => current.revoke(DisconnectReason::Closed),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub(crate) fn set_closed(&self) {
        self.state.change(|state| {
            state.closing = true;
            state.closed = true;
        });
    }

    pub(crate) fn closing(&self) -> impl Future<Output = ()> + Send {
        self.state.wait_for(|state| state.closing.then_some(()))
    }

    pub(crate) async fn wait_closed(&self) {
        self.state.wait_for(|state| state.closed.then_some(())).await;
    }

    /// The current client, once there is one; `None` once the server is being closed.
    pub(crate) async fn wait_connected(&self) -> Option<Connection> {
        let found = self.state.wait_for(|state| {
            let live = state.current.as_ref().filter(|current| current.is_live());
            if state.closing { Some(None) } else { live.map(|current| Some(current.clone())) }
        });
        found.await
    }
}

/// What becomes of `should_be_connected` when this end closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShouldBeConnected {
    Cleared,
    Kept,
}
