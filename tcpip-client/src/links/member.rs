//! A link, as its keeper sees it.

use std::sync::Arc;

use tcpip_core::{
    BoxFuture, DisconnectReason,
    endpoint::{Lock, catch_panic_in},
};

use super::{
    Backoff, LinkError, LinkReader, LinkState,
    session::{Opening, Session},
    states::States,
};
use crate::requests::Device;

/// What makes another session of a link, once it is ready.
type Open = Box<dyn Fn() -> BoxFuture<'static, Result<Session, LinkError>> + Send + Sync>;

/// A link, as its keeper sees it: whatever reads it.
pub(super) struct Member {
    pub(super) name: Box<str>,
    pub(super) backoff: Backoff,
    pub(super) states: Arc<States>,
    /// Whom its requests go to.
    pub(super) device: Arc<Device>,
    open: Open,
    is_final: Arc<dyn Fn(&LinkError) -> bool + Send + Sync>,
    /// That of now.
    session: Lock<Option<Current>>,
}

#[derive(Clone)]
struct Current {
    session: Arc<Session>,
    /// How many replies and frames had come before it was ready.
    heard: u64,
}

impl Member {
    pub(super) fn new<H: LinkReader>(
        opening: Opening<H>,
        states: States,
        backoff: Backoff,
        is_final: Arc<dyn Fn(&LinkError) -> bool + Send + Sync>,
    ) -> Self {
        let (name, states) = (opening.client.session.name.as_ref().into(), Arc::new(states));
        let device = Arc::new(Device::of_link(states.subscribe()));
        let (opening, told) = (Arc::new(opening), Arc::clone(&states));
        let open: Open = Box::new(move || {
            let (opening, states) = (Arc::clone(&opening), Arc::clone(&told));
            Box::pin(async move { H::open(&opening, &states).await })
        });
        Self { name, backoff, states, device, open, is_final, session: Lock::new(None) }
    }

    /// Connects for the so-manieth time in a row, up to where it is ready if the others are.
    pub(super) async fn begin(&self, attempt: usize) -> Result<(), LinkError> {
        self.states.set(LinkState::Connecting { attempt });
        let session = Arc::new((self.open)().await?);
        let heard = self.heard(&session);
        *self.session.lock() = Some(Current { session, heard });
        Ok(())
    }

    /// All are up. Of one that was ready before, nothing changes.
    pub(super) fn set_ready(&self) {
        if let Some(session) = self.session()
            && !self.states.is_ready()
        {
            self.device.set_connection(session.connection());
            self.states.set(LinkState::Ready);
            session.set_ready();
        }
    }

    /// Waits until its session has ended, and returns how. A link without one is waited for without end.
    pub(super) async fn lost(&self) -> LinkError {
        match self.session() {
            Some(session) => session.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Whether the device has said something of use since it was ready: one whole reply, or a frame.
    pub(super) fn has_proven_itself(&self) -> bool {
        let current = self.session.lock().clone();
        current.is_some_and(|Current { session, heard }| self.heard(&session) > heard)
    }

    fn heard(&self, session: &Session) -> u64 {
        self.device.replies() + session.frames()
    }

    /// Ends its session, if there is one, for a link that goes on.
    pub(super) async fn drop_session(&self, reason: DisconnectReason) {
        if let Some(session) = self.take_session() {
            session.connection.revoke(reason);
            session.basic_close().await;
        }
    }

    /// Closes its session, if there is one.
    pub(super) async fn close(&self) {
        if let Some(session) = self.take_session() {
            session.close().await;
        }
    }

    /// Whether its author says that an error is for good.
    pub(super) fn is_final(&self, error: &LinkError) -> bool {
        catch_panic_in(|| (self.is_final)(error)).unwrap_or_else(|panic| {
            tracing::error!("what says which errors are for good panicked: {panic}");
            false
        })
    }

    /// Waits until requests go to the device, or never will.
    pub(super) async fn ready(&self) -> Result<(), LinkError> {
        loop {
            self.device.ready().await;
            match self.states.get() {
                LinkState::Failed { error } => return Err(error),
                LinkState::Closed => return Err(LinkError::Closed),
                _ if self.is_ready() => return Ok(()),
                _ => {}
            }
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.states.is_ready() && self.device.connection().is_connected()
    }

    /// Waits until it is over for good.
    pub(super) async fn wait_final(&self) {
        // The sender is here.
        let _ = self.states.subscribe().wait_for(LinkState::is_final).await;
    }

    fn session(&self) -> Option<Arc<Session>> {
        self.session.lock().as_ref().map(|current| Arc::clone(&current.session))
    }

    fn take_session(&self) -> Option<Arc<Session>> {
        self.session.lock().take().map(|current| current.session)
    }
}
