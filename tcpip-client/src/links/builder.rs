//! The options of a link.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use tcpip_core::HandlerResult;

use super::{Backoff, Link, LinkError, LinkState, link::closed};
use crate::{ClientBuilder, RequestOptions, Requester};

/// How long a handshake may take by default.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

type Handshaking = Pin<Box<dyn Future<Output = HandlerResult> + Send>>;

/// The options of a [`Link`], beside those of its client. Made by [`ClientBuilder::link`].
#[derive(Clone)]
#[must_use = "a link does nothing until it is started"]
pub struct LinkBuilder {
    pub(super) client: ClientBuilder,
    pub(super) backoff: Backoff,
    pub(super) requests: RequestOptions,
    pub(super) handshake: Option<Arc<dyn Fn(Requester) -> Handshaking + Send + Sync>>,
    pub(super) handshake_timeout: Duration,
    pub(super) is_final: Arc<dyn Fn(&LinkError) -> bool + Send + Sync>,
}

impl ClientBuilder {
    /// Makes a [`Link`] of the client, which connects again whenever its session ends.
    pub fn link(self) -> LinkBuilder {
        LinkBuilder {
            client: self,
            backoff: Backoff::default(),
            requests: RequestOptions::default(),
            handshake: None,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            is_final: Arc::new(|_| false),
        }
    }
}

impl LinkBuilder {
    /// The pauses between attempts. Default: [`Backoff::default`].
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// How requests are made. Default: [`RequestOptions::default`].
    pub fn requests(self, options: RequestOptions) -> Self {
        Self { requests: options, ..self }
    }

    /// What is said at the beginning of each session, before the link is ready: a greeting that is read, a password, a
    /// configuration. An error of it ends the session, and is an attempt that failed. Default: nothing.
    ///
    /// It takes the requester of the session by value: `|session| async move { … }`.
    pub fn handshake<F, Fut>(self, handshake: F) -> Self
    where
        F: Fn(Requester) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = HandlerResult> + Send + 'static,
    {
        Self { handshake: Some(Arc::new(move |session| Box::pin(handshake(session)))), ..self }
    }

    /// How long the handshake may take. Default: 10 s.
    pub fn handshake_timeout(self, timeout: Duration) -> Self {
        Self { handshake_timeout: timeout, ..self }
    }

    /// Which errors are for good, such as that of a wrong password: the link gives up then. Default: none.
    pub fn final_when(self, is_final: impl Fn(&LinkError) -> bool + Send + Sync + 'static) -> Self {
        Self { is_final: Arc::new(is_final), ..self }
    }

    /// Starts the link, which tries until it is closed.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use = "a link that is dropped is closed"]
    pub fn start(self) -> Link {
        Link::start(self)
    }

    /// Starts the link, and waits until it is ready: the first attempt must succeed.
    ///
    /// # Errors
    ///
    /// Why it did not. The link is closed then.
    ///
    /// # Cancel safety
    ///
    /// Dropping it closes the link.
    pub async fn connect(self) -> Result<Link, Arc<LinkError>> {
        let link = self.start();
        let mut states = link.states();
        loop {
            let state = states.borrow_and_update().clone();
            match state {
                LinkState::Ready => return Ok(link),
                LinkState::Backoff { error, .. } | LinkState::Failed { error } => {
                    link.close().await;
                    return Err(error);
                }
                _ => {}
            }
            if states.changed().await.is_err() {
                return Err(closed());
            }
        }
    }
}

impl fmt::Debug for LinkBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, backoff, requests, handshake, handshake_timeout, .. } = self;
        formatter
            .debug_struct("LinkBuilder")
            .field("client", client)
            .field("backoff", backoff)
            .field("requests", requests)
            .field("handshake", &handshake.is_some())
            .field("handshake_timeout", handshake_timeout)
            .finish_non_exhaustive()
    }
}
