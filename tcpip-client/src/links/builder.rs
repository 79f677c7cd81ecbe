//! The options of a link.

use std::{fmt, sync::Arc, time::Duration};

use tcpip_core::{CallbackFuture, HandlerResult, Serve};

use super::{
    Backoff, Group, Link, LinkError, LinkReader, LinkState, OnDemand, session::Opening, states::StateCallback,
};
use crate::{ClientBuilder, RequestOptions, Requester};

/// How long the handshake may take, and how long [`ready_when`](LinkBuilder::ready_when), by default.
pub const DEFAULT_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The options of a [`Link`], beside those of its client. Made by [`ClientBuilder::link`].
#[must_use = "a link does nothing until it is started"]
pub struct LinkBuilder<H = OnDemand> {
    pub(super) opening: Opening<H>,
    pub(super) backoff: Backoff,
    pub(super) is_final: Arc<dyn Fn(&LinkError) -> bool + Send + Sync>,
    pub(super) callbacks: Vec<StateCallback>,
    pub(super) group: Option<Group>,
}

impl ClientBuilder {
    /// Makes a [`Link`] of the client, which connects again whenever its session ends.
    pub fn link(self) -> LinkBuilder {
        let opening = Opening {
            client: self,
            handler: Arc::new(OnDemand),
            requests: RequestOptions::default(),
            handshake: None,
            ready_when: None,
            handshake_timeout: DEFAULT_HANDSHAKE_TIMEOUT,
        };
        LinkBuilder {
            opening,
            backoff: Backoff::default(),
            is_final: Arc::new(|_| false),
            callbacks: Vec::new(),
            group: None,
        }
    }
}

impl LinkBuilder {
    /// Has a handler read all that comes, for as long as each session lasts: for a device that talks unasked. All
    /// sessions share it, one after another. Its `on_connect` comes behind the handshake, and a session that does not
    /// get so far it does not hear of. Default: nobody reads but requests.
    ///
    /// It wakes those who wait for something of a session that has ended in its `on_disconnect`: those of a
    /// [`Latest`](crate::Latest) by [`interrupt`](crate::Latest::interrupt), which is still good for the next session.
    pub fn handler<H: Serve>(self, handler: H) -> LinkBuilder<H> {
        let Self { opening, backoff, is_final, callbacks, group } = self;
        let Opening { client, requests, handshake, handshake_timeout, .. } = opening;
        let opening =
            Opening { client, handler: Arc::new(handler), requests, handshake, ready_when: None, handshake_timeout };
        LinkBuilder { opening, backoff, is_final, callbacks, group }
    }
}

impl<H: Serve> LinkBuilder<H> {
    /// What is done at the beginning of each session while the handler reads, once its `on_connect` has returned,
    /// before the link is ready: to log in, or to have the device configured. An error of it ends the session, and is
    /// an attempt that failed. Default: nothing.
    ///
    /// [`Commands`](crate::Commands) have the commands of other tasks wait meanwhile; of a handler of your own, whoever
    /// has it may use it.
    ///
    /// It takes the handler by value: `|commands| async move { … }`.
    pub fn ready_when<F, Fut>(mut self, step: F) -> Self
    where
        F: Fn(Arc<H>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = HandlerResult> + Send + 'static,
    {
        self.opening.ready_when = Some(Arc::new(move |handler| Box::pin(step(handler))));
        self
    }
}

impl<H: LinkReader> LinkBuilder<H> {
    /// Changes the options of its client. What makes the builder of a link for its callers so leaves these to them: a
    /// wire log, a network, other deadlines.
    ///
    /// ```
    /// use tcpip_client::{Client, LinkBuilder, WireLog};
    ///
    /// fn gauge(host: &str, port: u16) -> LinkBuilder {
    ///     Client::builder(host, port).terminator(b"\r").link()
    /// }
    ///
    /// let log = WireLog::ring(100);
    /// let logged = gauge("10.0.0.7", 5025).client(|client| client.wire_log(&log));
    /// ```
    pub fn client(mut self, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        self.opening.client = change(self.opening.client);
        self
    }

    /// The pauses between attempts. Default: [`Backoff::default`].
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// How requests are made, those of the handshake included. Default: [`RequestOptions::default`].
    pub fn requests(mut self, options: RequestOptions) -> Self {
        self.opening.requests = options;
        self
    }

    /// What is said at the beginning of each session, before anybody else reads, and before the link is ready: a
    /// greeting that is read, a password, a configuration. An error of it ends the session, and is an attempt that
    /// failed. Default: nothing.
    ///
    /// It takes the requester of the session by value: `|session| async move { … }`.
    pub fn handshake<F, Fut>(mut self, handshake: F) -> Self
    where
        F: Fn(Requester) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = HandlerResult> + Send + 'static,
    {
        self.opening.handshake = Some(Arc::new(move |session| Box::pin(handshake(session))));
        self
    }

    /// How long the handshake may take, and how long what is [behind](LinkBuilder::ready_when) it. Default:
    /// [`DEFAULT_HANDSHAKE_TIMEOUT`].
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.opening.handshake_timeout = timeout;
        self
    }

    /// Which errors are for good, such as that of a wrong password: the link gives up then. Default: none.
    pub fn final_when(self, is_final: impl Fn(&LinkError) -> bool + Send + Sync + 'static) -> Self {
        Self { is_final: Arc::new(is_final), ..self }
    }

    /// Adds an asynchronous function that is told of each [state](LinkState), in order and one at a time: it may take
    /// its time, or panic, and nobody else suffers. Default: none.
    pub fn state_callback<F, Fut>(mut self, callback: F) -> Self
    where
        F: Fn(LinkState) -> Fut + Send + Sync + 'static,
        Fut: CallbackFuture + Send + 'static,
    {
        self.callbacks.push(Arc::new(move |state| Box::pin(callback(state))));
        self
    }

    /// Has the link join a group when it is started: all of its links are up, or none. The pauses are those of its
    /// first. Default: it is on its own.
    pub fn group(self, group: &Group) -> Self {
        Self { group: Some(group.clone()), ..self }
    }

    /// Starts the link, which tries until it is closed.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use = "a link that is dropped is closed"]
    pub fn start(self) -> Link<H> {
        Link::new(self).start()
    }

    /// Starts the link, and waits until it is ready: the first attempt must succeed.
    ///
    /// # Errors
    ///
    /// Why it did not. The link is closed then, and its group with it.
    ///
    /// # Cancel safety
    ///
    /// Dropping it closes the link, and its group with it.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn connect(self) -> Result<Link<H>, LinkError> {
        let link = Link::new(self).start_awaited();
        match link.first_attempt().await {
            Ok(()) => Ok(link),
            Err(error) => {
                link.close().await;
                Err(error)
            }
        }
    }
}

/// Links that share the handler, if there is one.
impl<H> Clone for LinkBuilder<H> {
    fn clone(&self) -> Self {
        let Self { opening, backoff, is_final, callbacks, group } = self;
        let (is_final, callbacks) = (Arc::clone(is_final), callbacks.clone());
        Self { opening: opening.clone(), backoff: *backoff, is_final, callbacks, group: group.clone() }
    }
}

/// Whatever the handler is.
impl<H> fmt::Debug for LinkBuilder<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { opening, backoff, group, .. } = self;
        formatter
            .debug_struct("LinkBuilder")
            .field("opening", opening)
            .field("backoff", backoff)
            .field("group", group)
            .finish_non_exhaustive()
    }
}
