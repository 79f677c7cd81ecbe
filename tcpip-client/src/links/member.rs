//! A link, as its keeper sees it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tcpip_core::{BoxFuture, DisconnectReason, endpoint::catch_panic_in};

use super::{
    Backoff, LinkError, LinkReader, LinkState,
    session::{Opening, Place},
    states::States,
};
use crate::requests::Device;

/// What makes another session of a link, up to where it is ready.
type Open = Box<dyn Fn() -> BoxFuture<'static, Result<(), LinkError>> + Send + Sync>;

/// A link, as its keeper sees it: whatever reads it.
pub(super) struct Member {
    pub(super) name: Box<str>,
    pub(super) backoff: Backoff,
    pub(super) states: Arc<States>,
    /// Whom its requests go to.
    pub(super) device: Arc<Device>,
    open: Open,
    is_final: Arc<dyn Fn(&LinkError) -> bool + Send + Sync>,
    /// Somebody waits for the outcome of the first attempt, and need not be told of it by the log.
    pub(super) is_awaited: AtomicBool,
    /// Where the session of now is.
    place: Arc<Place>,
    /// How many replies and frames had come before it was ready. None that come before that prove anything.
    heard: AtomicU64,
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
        let place = Arc::<Place>::default();
        let shared = Arc::new((opening, Arc::clone(&states), Arc::clone(&place)));
        let open: Open = Box::new(move || {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                let (opening, states, place) = &*shared;
                H::open(opening, states, place).await
            })
        });
        let (is_awaited, heard) = (AtomicBool::new(false), AtomicU64::new(u64::MAX));
        Self { name, backoff, states, device, open, is_final, is_awaited, place, heard }
    }

    /// Connects for the so-manieth time in a row, up to where it is ready if the others are.
    pub(super) async fn begin(&self, attempt: usize) -> Result<(), LinkError> {
        self.states.set(LinkState::Connecting { attempt });
        self.heard.store(u64::MAX, Ordering::Relaxed);
        (self.open)().await?;
        if let Some(session) = self.place.get() {
            self.heard.store(session.heard(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// All are up. Of one that was ready before, nothing changes.
    pub(super) fn set_ready(&self) {
        if let Some(session) = self.place.get()
            && !self.states.is_ready()
        {
            self.is_awaited.store(false, Ordering::Relaxed);
            self.device.set_connection(session.connection());
            self.states.set(LinkState::Ready);
        }
    }

    /// Waits until its session has ended, and returns how. A link without one is waited for without end.
    pub(super) async fn lost(&self) -> LinkError {
        match self.place.get() {
            Some(session) => session.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Whether the device has said something of use since it was ready: one whole reply, or a frame.
    pub(super) fn has_proven_itself(&self) -> bool {
        self.place.get().is_some_and(|session| session.heard() > self.heard.load(Ordering::Relaxed))
    }

    /// Ends its session, if there is one, for a link that goes on.
    pub(super) async fn drop_session(&self, reason: DisconnectReason) {
        if let Some(session) = self.place.get() {
            session.end(reason).await;
        }
        self.place.take();
    }

    /// Closes its session, if there is one.
    pub(super) async fn close(&self) {
        if let Some(session) = self.place.get() {
            session.close().await;
        }
        self.place.take();
    }

    /// Whether the current task is one of its session's own, the handler for example, for which a close waits.
    pub(super) fn waits_for_this_task(&self) -> bool {
        self.place.get().is_some_and(|session| session.connection.is_own_task())
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
}
