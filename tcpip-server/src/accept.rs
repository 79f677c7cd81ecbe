//! The accept loop, which alone decides who is admitted.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tcpip_core::{Connection, DisconnectReason, Listener, endpoint::EventSource};
use tokio::{
    task::{JoinHandle, JoinSet, coop::consume_budget},
    time::{Instant, timeout, timeout_at},
};
use tracing::Instrument;

use crate::{
    Admission,
    incoming::{AcceptError, Incoming, guarded, poll_accept},
    reception::Reception,
};

/// How long to wait when the system has no descriptor for the next client.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// So many errors with no client between them are a reason to wait, though each alone is none.
const MOST_ERRORS: u32 = 100;

/// How many clients are told at the same time that they are turned away.
const MOST_FAREWELLS: usize = 16;

/// The shortest time between two log events about the same trouble.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Starts the handler of a session, if the server has one.
pub(crate) type StartHandler = Box<dyn Fn(Connection) -> Option<JoinHandle<()>> + Send>;

/// One client after another, never two.
///
/// | the current session | a new client |
/// |---|---|
/// | none, or ended | is admitted |
/// | connected, and the kernel knows of no hang-up | is refused, or replaces it, as [`Admission`] says |
/// | the peer has hung up, and unread data waits or the handler is at work | replaces it |
///
/// The handler and the tasks of the last session have ended, or have been given up, before the next session begins.
pub(crate) struct AcceptLoop {
    pub(crate) listeners: Vec<Box<dyn Listener>>,
    /// Which is asked next.
    pub(crate) next_listener: usize,
    pub(crate) events: EventSource,
    pub(crate) start_handler: StartHandler,
    pub(crate) close_timeout: Duration,
    pub(crate) admission: Admission,
    pub(crate) rejection_message: Option<String>,
    /// Those who are being told that they are turned away, if anybody ever was.
    pub(crate) farewells: Option<JoinSet<()>>,
    /// The handler of the last session.
    pub(crate) handler: Option<JoinHandle<()>>,
    /// Sessions that have ended and perhaps are not yet at rest.
    pub(crate) ending: Vec<Connection>,
    /// What has been said of trouble, if there ever was any.
    pub(crate) said: Option<Box<Said>>,
    /// How many errors there have been since the last client or pause.
    pub(crate) errors: u32,
    /// The last to go: then no listener is left.
    pub(crate) reception: ClosedOnDrop,
}

/// Tells the reception that the loop is gone, also if its runtime shuts down under it or before it has begun.
pub(crate) struct ClosedOnDrop(pub(crate) Arc<Reception>);

impl Drop for ClosedOnDrop {
    fn drop(&mut self) {
        self.0.set_closed();
    }
}

/// A server waits most of the time, so the task has room for that alone: what is to be done for a client is in a box
/// for as long as it is.
#[expect(clippy::manual_async_fn, reason = "the arguments of an `async fn` would have room in the task twice")]
pub(crate) fn run_accept_loop(mut this: AcceptLoop) -> impl Future<Output = ()> + Send {
    async move {
        loop {
            // A listener may be ready for ever, and know nothing of tokio's budget.
            consume_budget().await;
            let accepted = {
                let mut closing = pin!(this.reception.0.closing());
                let (listeners, next) = (&mut this.listeners, &mut this.next_listener);
                poll_fn(|context| match closing.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(None),
                    Poll::Pending => poll_accept_any(listeners, next, context).map(Some),
                })
                .await
            };
            match accepted {
                Some(Ok(incoming)) => {
                    this.errors = 0;
                    Box::pin(this.receive(incoming)).await;
                }
                Some(Err(error)) => Box::pin(this.accept_failed(error)).await,
                None => break,
            }
        }
        Box::pin(this.close()).await;
    }
}

/// Takes the next client from any listener, each in turn.
fn poll_accept_any(
    listeners: &mut [Box<dyn Listener>],
    next: &mut usize,
    context: &mut Context<'_>,
) -> Poll<Result<Incoming, AcceptError>> {
    for _ in 0..listeners.len() {
        let index = *next % listeners.len();
        *next = next.wrapping_add(1);
        if let Poll::Ready(accepted) = poll_accept(&mut *listeners[index], context) {
            return Poll::Ready(accepted);
        }
    }
    Poll::Pending
}

impl AcceptLoop {
    /// Admits a client, or refuses it.
    async fn receive(&mut self, incoming: Incoming) {
        let last = self.reception.0.last();
        if let Some(last) = &last
            && last.is_occupied().await
            && self.admission == Admission::Reject
        {
            self.said().refused.say(|count| tracing::warn!("refused {count} client(s): one is connected already"));
            return self.turn_away(incoming);
        }
        if let Some(error) = incoming.failure() {
            tracing::debug!("a client was gone before it could be admitted: {error}");
            return;
        }
        let reception = Arc::clone(&self.reception.0);
        if let Some(last) = last {
            last.revoke(DisconnectReason::Replaced);
            tokio::select! {
                biased;
                () = reception.closing() => return,
                () = self.end_tasks(&last) => {}
            }
            self.ending.retain(|session| !session.is_closed());
            if !last.is_closed() {
                self.ending.push(last);
            }
        }
        let options = reception.session.lock().clone();
        match incoming.start(options, self.events.clone(), |connection| reception.admit(connection)) {
            Ok(Some(connection)) => self.handler = (self.start_handler)(connection),
            // The server is being closed.
            Ok(None) => {}
            Err(error) => tracing::debug!("a client was gone before it could be admitted: {error}"),
        }
    }

    /// Ends the stream of a client, behind the rejection message if it can be told, without waiting for either.
    fn turn_away(&mut self, incoming: Incoming) {
        let told = self.rejection_message.as_deref().and_then(|text| {
            let farewells = self.farewells.get_or_insert_default();
            while farewells.try_join_next().is_some() {}
            (farewells.len() < MOST_FAREWELLS).then_some((text, farewells))
        });
        let told = told.and_then(|(text, farewells)| {
            let message = self.reception.0.session.lock().text().message(text);
            let message =
                message.inspect_err(|error| tracing::debug!("a client is turned away without a word: {error}"));
            Some((message.ok()?, farewells))
        });
        match told {
            Some((message, farewells)) => {
                let farewell = timeout(self.close_timeout, incoming.say_farewell(message));
                farewells.spawn(async move { farewell.await.unwrap_or_default() }.in_current_span());
            }
            None => incoming.refuse(),
        }
    }

    /// Waits until nothing is at work for the last session any more, within `close_timeout`.
    async fn end_tasks(&mut self, last: &Connection) {
        let deadline = Instant::now() + self.close_timeout;
        self.end_handler(deadline).await;
        let _ = timeout_at(deadline, last.tasks_ended()).await;
    }

    /// Waits until the last session's handler has returned. One that does not is given up.
    async fn end_handler(&mut self, deadline: Instant) {
        if let Some(handler) = &mut self.handler
            && timeout_at(deadline, &mut *handler).await.is_err()
        {
            tracing::error!("the handler of the last client does not end: it is given up");
            handler.abort();
        }
        self.handler = None;
    }

    fn said(&mut self) -> &mut Said {
        self.said.get_or_insert_default()
    }

    /// An error of accept is never the end, and never a reason to spin.
    async fn accept_failed(&mut self, error: AcceptError) {
        self.errors += 1;
        if error.is_passing() && self.errors < MOST_ERRORS {
            self.said()
                .gone
                .say(|count| tracing::debug!("{count} client(s) were gone before they were accepted: {error}"));
            return;
        }
        self.errors = 0;
        self.said().failed.say(|count| tracing::error!("cannot accept a client ({count} time(s)): {error}"));
        let _ = timeout(ACCEPT_PAUSE, self.reception.0.closing()).await;
    }

    async fn close(mut self) {
        for listener in self.listeners.drain(..) {
            guarded("listener", || drop(listener));
        }
        if let Some(farewells) = &mut self.farewells {
            let _ = timeout(self.close_timeout, farewells.shutdown()).await;
        }
        let last = self.reception.0.last();
        self.end_handler(Instant::now() + self.close_timeout).await;
        for session in self.ending.into_iter().chain(last) {
            // Has a deadline of its own, which may be a moment later than this one.
            session.wait_closed().await;
        }
    }
}

/// What has been said of clients that were refused, that were gone, or that could not be accepted.
#[derive(Debug, Default)]
pub(crate) struct Said {
    refused: Quietly,
    gone: Quietly,
    failed: Quietly,
}

/// Says something at most once in a while, with how often it would have been said.
#[derive(Debug, Default)]
struct Quietly {
    last: Option<Instant>,
    count: u32,
}

impl Quietly {
    fn say(&mut self, say: impl FnOnce(u32)) {
        self.count += 1;
        if self.last.is_none_or(|last| last.elapsed() >= LOG_INTERVAL) {
            say(self.count);
            *self = Self { last: Some(Instant::now()), count: 0 };
        }
    }
}
