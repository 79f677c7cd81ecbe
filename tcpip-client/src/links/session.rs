//! A session of a link, from connecting until it is ready.

use std::{any::Any, fmt, ops::Deref, pin::Pin, sync::Arc, time::Duration};

use tcpip_core::{
    ConnectError, Connection, DisconnectReason, HandlerResult, Serve,
    endpoint::{Lock, catch_panic},
};
use tokio::{select, sync::oneshot, time::timeout};

use super::{LinkError, LinkState, states::States};
use crate::{AnyClient, ClientBuilder, RequestOptions, Requester};

/// What is done with each session before it is ready.
pub(super) type Step<T> = Arc<dyn Fn(T) -> Pin<Box<dyn Future<Output = HandlerResult> + Send>> + Send + Sync>;

/// Nobody reads the sessions of a link but its requests, each its reply: what a [`Link`](super::Link) is without a
/// handler.
#[derive(Debug)]
pub struct OnDemand;

/// Who reads the sessions of a link: its requests ([`OnDemand`]), or a handler, which is a [`Serve`] or a
/// [`ReadAndDispatch`](tcpip_core::ReadAndDispatch). There is nothing to implement.
pub trait LinkReader: Sized + Send + Sync + 'static {
    /// The sessions to come are those of that link.
    #[doc(hidden)]
    fn starts(&self, link: Arc<dyn Any + Send + Sync>) {
        drop(link);
    }

    /// Connects, and does all that comes before a session is ready, which is in `place` as soon as there is one.
    #[doc(hidden)]
    fn open(
        opening: &Opening<Self>,
        states: &States,
        place: &Place,
    ) -> impl Future<Output = Result<(), LinkError>> + Send;
}

/// How a session is opened.
pub struct Opening<H> {
    pub(super) client: ClientBuilder,
    pub(super) handler: Arc<H>,
    pub(super) requests: RequestOptions,
    /// What comes before the handler reads.
    pub(super) handshake: Option<Step<Requester>>,
    /// What comes while the handler reads.
    pub(super) ready_when: Option<Step<Arc<H>>>,
    /// How long each of the two may take.
    pub(super) handshake_timeout: Duration,
}

/// Where the session of a link is, from its connection to its end: whoever is to end it finds it here.
#[derive(Debug, Default)]
pub struct Place(Lock<Option<Arc<Session>>>);

impl Place {
    fn put(&self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        *self.0.lock() = Some(Arc::clone(&session));
        session
    }

    pub(super) fn get(&self) -> Option<Arc<Session>> {
        self.0.lock().clone()
    }

    pub(super) fn take(&self) -> Option<Arc<Session>> {
        self.0.lock().take()
    }
}

/// A session of a link. Dropping it closes the connection.
pub(super) struct Session {
    client: Box<dyn Deref<Target = AnyClient> + Send + Sync>,
    /// Whether a handler reads it, and each of its reads is a frame.
    is_attended: bool,
}

impl Session {
    fn of(client: impl Deref<Target = AnyClient> + Send + Sync + 'static, is_attended: bool) -> Self {
        Self { client: Box::new(client), is_attended }
    }

    /// How many replies there have been, and frames that the handler has read.
    pub(super) fn heard(&self) -> u64 {
        self.connection.requests().replies() + if self.is_attended { self.stats().reads } else { 0 }
    }

    /// Ends the session. What had arrived before it was lost is for those who read: the handler, or requests.
    pub(super) async fn end(&self, reason: DisconnectReason) {
        if self.connection.is_connected() {
            self.connection.revoke(reason);
        } else {
            self.leave_the_rest();
            self.connection.handler_ends().await;
        }
        if self.is_attended {
            self.basic_close().await;
        } else {
            self.connection.served_within_deadline().await;
        }
    }

    /// Waits until the session has ended, and returns how.
    pub(super) async fn lost(&self) -> LinkError {
        self.wait_disconnected().await;
        lost(&self.connection)
    }
}

impl Deref for Session {
    type Target = AnyClient;

    fn deref(&self) -> &AnyClient {
        &self.client
    }
}

/// Whatever the handler is.
impl<H> fmt::Debug for Opening<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, requests, handshake, ready_when, handshake_timeout, .. } = self;
        formatter
            .debug_struct("Opening")
            .field("client", client)
            .field("requests", requests)
            .field("handshake", &handshake.is_some())
            .field("ready_when", &ready_when.is_some())
            .field("handshake_timeout", handshake_timeout)
            .finish_non_exhaustive()
    }
}

impl<H> Clone for Opening<H> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            handler: Arc::clone(&self.handler),
            requests: self.requests.clone(),
            handshake: self.handshake.clone(),
            ready_when: self.ready_when.clone(),
            handshake_timeout: self.handshake_timeout,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("client", &**self).finish_non_exhaustive()
    }
}

impl<H> Opening<H> {
    fn requester(&self, connection: &Connection) -> Requester {
        Requester::over(connection.clone(), self.requests.clone())
    }

    /// Does one of the two steps. A panic of it is an error as any other, and the link goes on.
    async fn run<T: Send>(&self, step: &Step<T>, argument: T, connection: &Connection) -> Result<(), LinkError> {
        let after = self.handshake_timeout;
        let done = timeout(after, catch_panic(async { step(argument).await })).await;
        match done.map(|done| done.unwrap_or_else(|panic| Err(format!("it panicked: {panic}").into()))) {
            Ok(Ok(())) if connection.is_connected() => Ok(()),
            Ok(Err(error)) => Err(turned_away(connection).unwrap_or(LinkError::Handshake(Arc::new(error)))),
            Ok(Ok(())) => Err(lost(connection)),
            Err(_) => Err(LinkError::HandshakeTimeout { after }),
        }
    }
}

impl LinkReader for OnDemand {
    async fn open(opening: &Opening<Self>, states: &States, place: &Place) -> Result<(), LinkError> {
        let client = opening.client.clone().connect().await.map_err(not_connected)?;
        let session = place.put(Session::of(client, false));
        let Some(handshake) = &opening.handshake else { return Ok(()) };
        states.set(LinkState::Handshaking);
        let requester = opening.requester(&session.connection);
        let done = opening.run(handshake, requester, &session.connection).await;
        closed_unless(done, &session).await
    }
}

#[diagnostic::do_not_recommend]
impl<H: Serve> LinkReader for H {
    fn starts(&self, link: Arc<dyn Any + Send + Sync>) {
        self.link_starts(link);
    }

    async fn open(opening: &Opening<Self>, states: &States, place: &Place) -> Result<(), LinkError> {
        let (begun, has_begun) = oneshot::channel();
        let attended =
            Attended { opening: opening.clone(), begun: Lock::new(Some(begun)), has_greeted: Lock::new(false) };
        let client = opening.client.clone().connect_with(attended).await.map_err(not_connected)?;
        let session = place.put(Session::of(client, true));
        states.set(LinkState::Handshaking);
        let done = match has_begun.await {
            Ok(begun) => begun,
            // Its `on_connect` has failed, or the session has ended before.
            Err(_) => Err(session.lost().await),
        };
        let done = match (&opening.ready_when, done) {
            (Some(ready_when), Ok(handler)) => select! {
                biased;
                done = opening.run(ready_when, handler, &session.connection) => done,
                error = session.lost() => Err(error),
            },
            (_, done) => done.map(drop),
        };
        closed_unless(done, &session).await
    }
}

/// A session that is not ready is closed.
async fn closed_unless(done: Result<(), LinkError>, session: &Session) -> Result<(), LinkError> {
    if done.is_err() {
        session.close().await;
    }
    done
}

/// What becomes of the beginning of a session.
type Begun<H> = Result<Arc<H>, LinkError>;

/// The handler of one session of a link: the handshake, and then what that handler does which all sessions share.
struct Attended<H> {
    opening: Opening<H>,
    /// Told when the handler has greeted, with what it is for those that come before the link is ready.
    begun: Lock<Option<oneshot::Sender<Begun<H>>>>,
    /// Whether the handler knows of the session.
    has_greeted: Lock<bool>,
}

impl<H: Serve> Serve for Attended<H> {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        let begun = self.begun.lock().take();
        let tell = |outcome| begun.map(|begun| begun.send(outcome));
        if let Some(handshake) = &self.opening.handshake
            && let Err(error) = self.opening.run(handshake, self.opening.requester(connection), connection).await
        {
            tell(Err(error));
            // The link closes the session.
            return std::future::pending().await;
        }
        *self.has_greeted.lock() = true;
        let handler = self.opening.handler.link_begins(connection);
        handler.on_connect(connection).await?;
        tell(Ok(handler));
        Ok(())
    }

    async fn serve(&self, connection: &Connection) -> HandlerResult {
        self.opening.handler.serve(connection).await
    }

    async fn on_disconnect(&self, connection: &Connection) {
        let has_greeted = *self.has_greeted.lock();
        if has_greeted {
            self.opening.handler.on_disconnect(connection).await;
        }
    }
}

fn not_connected(error: ConnectError) -> LinkError {
    LinkError::Connect(Arc::new(error))
}

/// How a session was lost.
fn lost(connection: &Connection) -> LinkError {
    let reason = connection.reason().unwrap_or(DisconnectReason::Closed);
    turned_away(connection).unwrap_or(LinkError::Lost { reason })
}

/// That the peer has ended the session before its first byte, if it has.
fn turned_away(connection: &Connection) -> Option<LinkError> {
    // A read may find the end of the stream before the session has ended.
    let hung_up = || connection.has_hung_up().then_some(DisconnectReason::ClosedByPeer);
    let reason = connection.reason().or_else(hung_up)?;
    (reason.is_by_peer() && connection.stats().bytes_received == 0).then_some(LinkError::TurnedAway { reason })
}
