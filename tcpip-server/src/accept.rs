//! The accept loop, which alone decides who is admitted.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

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
    pub(crate) events: EventSource,
    pub(crate) start_handler: StartHandler,
    pub(crate) close_timeout: Duration,
    pub(crate) admission: Admission,
    pub(crate) rejection_message: Option<String>,
    /// Those who are being told that they are turned away.
    pub(crate) farewells: JoinSet<()>,
    /// The handler of the last session.
    pub(crate) handler: Option<JoinHandle<()>>,
    /// Sessions that have ended and perhaps are not yet at rest.
    pub(crate) ending: Vec<Connection>,
    pub(crate) refused: Quietly,
    pub(crate) gone: Quietly,
    pub(crate) failed: Quietly,
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

pub(crate) async fn run_accept_loop(mut this: AcceptLoop) {
    let reception = Arc::clone(&this.reception.0);
    let mut next_listener = 0;
    loop {
        // A listener may be ready for ever, and know nothing of tokio's budget.
        consume_budget().await;
        let accepted = tokio::select! {
            biased;
            () = reception.closing() => break,
            accepted = accept(&mut this.listeners, &mut next_listener) => accepted,
        };
        match accepted {
            Ok(incoming) => {
                this.errors = 0;
                this.receive(incoming).await;
            }
            Err(error) => this.accept_failed(&error).await,
        }
    }
    this.close().await;
}

/// Takes the next client from any listener, each in turn.
async fn accept(listeners: &mut [Box<dyn Listener>], next: &mut usize) -> Result<Incoming, AcceptError> {
    poll_fn(|context| {
        for _ in 0..listeners.len() {
            let index = *next % listeners.len();
            *next = next.wrapping_add(1);
            if let Poll::Ready(accepted) = poll_accept(&mut *listeners[index], context) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

impl AcceptLoop {
    /// Admits a client, or refuses it.
    async fn receive(&mut self, incoming: Incoming) {
        let last = self.reception.0.current();
        if last.is_occupied().await && self.admission == Admission::Reject {
            self.refused.say(|count| tracing::warn!("refused {count} client(s): one is connected already"));
            return self.turn_away(incoming);
        }
        if let Some(error) = incoming.failure() {
            tracing::debug!("a client was gone before it could be admitted: {error}");
            return;
        }
        last.revoke(DisconnectReason::Replaced);
        let reception = Arc::clone(&self.reception.0);
        tokio::select! {
            biased;
            () = reception.closing() => return,
            () = self.end_tasks(&last) => {}
        }
        self.ending.retain(|session| !session.is_closed());
        if !last.is_closed() {
            self.ending.push(last);
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
        while self.farewells.try_join_next().is_some() {}
        let told = if self.farewells.len() < MOST_FAREWELLS { self.rejection_message.as_deref() } else { None };
        let told = told.and_then(|text| {
            let message = self.reception.0.session.lock().text().message(text);
            message.inspect_err(|error| tracing::debug!("a client is turned away without a word: {error}")).ok()
        });
        match told {
            Some(message) => {
                let farewell = timeout(self.close_timeout, incoming.say_farewell(message));
                self.farewells.spawn(async move { farewell.await.unwrap_or_default() }.in_current_span());
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

    /// An error of accept is never the end, and never a reason to spin.
    async fn accept_failed(&mut self, error: &AcceptError) {
        self.errors += 1;
        if error.is_passing() && self.errors < MOST_ERRORS {
            self.gone.say(|count| tracing::debug!("{count} client(s) were gone before they were accepted: {error}"));
            return;
        }
        self.errors = 0;
        self.failed.say(|count| tracing::error!("cannot accept a client ({count} time(s)): {error}"));
        let _ = timeout(ACCEPT_PAUSE, self.reception.0.closing()).await;
    }

    async fn close(mut self) {
        for listener in self.listeners.drain(..) {
            guarded("listener", || drop(listener));
        }
        let _ = timeout(self.close_timeout, self.farewells.shutdown()).await;
        let current = self.reception.0.current();
        self.end_handler(Instant::now() + self.close_timeout).await;
        self.ending.push(current);
        for session in self.ending {
            // Has a deadline of its own, which may be a moment later than this one.
            session.wait_closed().await;
        }
    }
}

/// Says something at most once in a while, with how often it would have been said.
#[derive(Debug, Default)]
pub(crate) struct Quietly {
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
