//! Whom requests go to.

use std::time::Duration;

use tcpip_core::{
    Connection,
    endpoint::{Lock, within},
};
use tokio::{runtime::Handle, sync::watch, time::Timeout};

use crate::{Client, LinkError, LinkState};

/// Whom the requests go to.
pub(crate) struct Device {
    /// That of the present session, or of the last one.
    connection: Lock<Connection>,
    /// Closed when this is dropped.
    pub(super) client: Option<Client>,
    /// What the link is at, if this is one's.
    states: Option<watch::Receiver<LinkState>>,
    /// Where that lives.
    runtime: Option<Handle>,
}

impl Device {
    pub(super) fn of(connection: Connection, client: Option<Client>) -> Self {
        Self { connection: Lock::new(connection), client, states: None, runtime: None }
    }

    /// That of a link, which has no session yet.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub(crate) fn of_link(states: watch::Receiver<LinkState>) -> Self {
        Self { states: Some(states), runtime: Some(Handle::current()), ..Self::of(Connection::closed(), None) }
    }

    /// `future`, within `after`, whatever executor polls it.
    pub(crate) fn within<F: Future>(&self, after: Duration, future: F) -> Timeout<F> {
        match &self.runtime {
            Some(runtime) => within(runtime, after, future),
            None => self.connection().within(after, future),
        }
    }

    /// Waits until the link is ready, or never will be. Whether it is. Without a link there is nothing to wait for.
    pub(crate) async fn ready(&self) -> bool {
        let Some(mut states) = self.states.clone() else { return self.connection().is_connected() };
        loop {
            // The connection is not asked, nor let go of, under the lock of the watch.
            let (is_ready, is_final) = {
                let state = states.borrow_and_update();
                (matches!(*state, LinkState::Ready), state.is_final())
            };
            if is_final || is_ready && self.connection().is_connected() {
                return is_ready;
            }
            if states.changed().await.is_err() {
                return false;
            }
        }
    }

    /// Whether the link is ready by that connection, if this is one's.
    pub(crate) fn is_ready_by(&self, connection: &Connection) -> bool {
        let Some(states) = &self.states else { return true };
        matches!(*states.borrow(), LinkState::Ready) && *self.connection.lock() == *connection
    }

    /// Why the link is not up, if this is one's that is not.
    pub(crate) fn link_error(&self) -> Option<LinkError> {
        match &*self.states.as_ref()?.borrow() {
            LinkState::Backoff { error, .. } | LinkState::Failed { error } => Some(error.clone()),
            LinkState::Closed => Some(LinkError::Closed),
            _ => None,
        }
    }

    pub(crate) fn connection(&self) -> Connection {
        self.connection.lock().clone()
    }

    /// Another session has begun.
    pub(crate) fn set_connection(&self, connection: Connection) {
        let last = std::mem::replace(&mut *self.connection.lock(), connection);
        // Not under the lock: with it goes what users wrote for the session, such as a filter.
        drop(last);
    }
}
