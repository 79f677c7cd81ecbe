//! The states of a link, and who is told of them.

use std::{pin::Pin, sync::Arc};

use tcpip_core::endpoint::catch_panic;
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    watch,
};

use super::{LinkError, LinkState};

/// How many states wait for a slow callback when that is logged.
const WARN_AT: usize = 64;

/// What is told of each state.
pub(super) type StateCallback = Arc<dyn Fn(LinkState) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Where the states of a link come from.
#[derive(Debug)]
pub struct States {
    latest: watch::Sender<LinkState>,
    /// What became of the first attempt, however soon the next one begins.
    first: watch::Sender<Option<Result<(), LinkError>>>,
    events: Option<UnboundedSender<LinkState>>,
}

impl States {
    /// Starts the task that calls the callbacks, if there are any: one state at a time, in order.
    pub(super) fn start(callbacks: Vec<StateCallback>) -> Self {
        let events = (!callbacks.is_empty()).then(|| {
            let (sender, receiver) = unbounded_channel();
            tokio::spawn(run_callbacks(callbacks, receiver));
            sender
        });
        Self {
            latest: watch::Sender::new(LinkState::Connecting { attempt: 1 }),
            first: watch::Sender::new(None),
            events,
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<LinkState> {
        self.latest.subscribe()
    }

    pub(super) fn set(&self, state: LinkState) {
        if let Some(events) = &self.events {
            // Its task has gone with the runtime.
            let _ = events.send(state.clone());
        }
        let outcome = match &state {
            LinkState::Connecting { .. } | LinkState::Handshaking => None,
            LinkState::Ready => Some(Ok(())),
            LinkState::Backoff { error, .. } | LinkState::Failed { error } => Some(Err(error.clone())),
            LinkState::Closed => Some(Err(LinkError::Closed)),
        };
        self.latest.send_replace(state);
        self.first.send_if_modified(|first| {
            let is_first = first.is_none() && outcome.is_some();
            if is_first {
                *first = outcome;
            }
            is_first
        });
    }

    /// Waits until it is known what became of the first attempt.
    pub(super) async fn first_attempt(&self) -> Result<(), LinkError> {
        let mut first = self.first.subscribe();
        // The sender is here.
        first.wait_for(Option::is_some).await.ok().and_then(|first| first.clone()).unwrap_or(Err(LinkError::Closed))
    }

    pub(super) fn get(&self) -> LinkState {
        self.latest.borrow().clone()
    }

    /// Waits for the next loss, and returns why.
    pub(super) async fn lost(&self) -> LinkError {
        let mut states = self.subscribe();
        let mut is_new = false;
        loop {
            match &*states.borrow_and_update() {
                LinkState::Failed { error } => return error.clone(),
                LinkState::Closed => return LinkError::Closed,
                LinkState::Backoff { error, .. } if is_new => return error.clone(),
                _ => is_new = true,
            }
            // The sender is here.
            let _ = states.changed().await;
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(*self.latest.borrow(), LinkState::Ready)
    }
}

/// Ends when the states have, and all of them have been told.
async fn run_callbacks(callbacks: Vec<StateCallback>, mut states: UnboundedReceiver<LinkState>) {
    while let Some(state) = states.recv().await {
        if states.len() == WARN_AT {
            tracing::warn!("{WARN_AT} states of the link wait for a slow callback");
        }
        for callback in &callbacks {
            if let Err(panic) = catch_panic(async { callback(state.clone()).await }).await {
                tracing::error!("a state callback panicked: {panic}");
            }
        }
    }
}
