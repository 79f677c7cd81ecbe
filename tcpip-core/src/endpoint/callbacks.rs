//! The connect callbacks of a client or server, and the queue of events that leads to them.

use std::{collections::VecDeque, fmt, pin::Pin, sync::Arc};

use tracing::Instrument;

use crate::{
    ConnectionEvent,
    sync::{Notify, Watched, catch_panic, drop_caught},
};

/// The length of the queue at which a slow callback is logged.
const WARN_AT: usize = 64;

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;
type Callback = Arc<dyn Fn(ConnectionEvent) -> BoxFuture + Send + Sync>;

/// What a connect callback returns: a future of nothing. There is nothing to implement.
#[diagnostic::on_unimplemented(
    message = "a connect callback is asynchronous, and this one returns `{Self}`",
    label = "returns `{Self}`, which is no future of `()`",
    note = "write `|event| async move {{ … }}`, or return `std::future::ready(())` if there is nothing to wait for"
)]
pub trait CallbackFuture: Future<Output = ()> {}

#[diagnostic::do_not_recommend]
impl<F: Future<Output = ()>> CallbackFuture for F {}

/// What a connect callback is: an asynchronous function that is told of each connect and disconnect, and can be called
/// again and again, from any thread. There is nothing to implement.
///
/// Events come one at a time and in order, in a task of their own: the callback may take its time, panic, or close the
/// very thing that it is told of, and nobody else suffers.
///
/// Write `|event| async move { … }`, or `async |event| { … }` where nothing is captured; with nothing to wait for,
/// return `std::future::ready(())`. A closure with captured state clones it for each call, `move |event| { let state =
/// state.clone(); async move { … } }`, which `async move |event|` cannot do.
///
/// It stands beside a bound of `FnOnce` in the signatures that take one, so that a closure that can be called only once
/// is told what to do about it.
#[diagnostic::on_unimplemented(
    message = "a connect callback is called for each event, which this one cannot be",
    label = "cannot be called again, or is not called with a `ConnectionEvent`",
    note = "a closure that captures something clones it for each call, which `async move |event|` cannot do: \
            `move |event| {{ let state = state.clone(); async move {{ … }} }}`"
)]
pub trait ConnectCallback<Fut>: Fn(ConnectionEvent) -> Fut {}

#[diagnostic::do_not_recommend]
impl<F: Fn(ConnectionEvent) -> Fut, Fut> ConnectCallback<Fut> for F {}

/// The callbacks that an endpoint was built with, in the order in which they were added.
#[derive(Clone, Default)]
pub struct ConnectCallbacks(Vec<Callback>);

impl ConnectCallbacks {
    /// Adds one.
    pub fn add<F, Fut>(&mut self, callback: F)
    where
        F: Fn(ConnectionEvent) -> Fut + Send + Sync + 'static,
        Fut: CallbackFuture + Send + 'static,
    {
        self.0.push(Arc::new(move |event| Box::pin(callback(event))));
    }

    /// Starts the task that calls the callbacks, if there are any.
    ///
    /// The task ends when every clone of the [`EventSource`] is gone and the last event has been told.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(self, span: &tracing::Span) -> (EventSource, CallbackProgress) {
        if self.0.is_empty() {
            return (EventSource(None), CallbackProgress(None));
        }
        let (events, dispatching) = self.dispatch();
        tokio::spawn(dispatching.instrument(span.clone()));
        let progress = events.progress();
        (events, progress)
    }

    /// Where events come from, and what calls the callbacks.
    pub(super) fn dispatch(self) -> (EventSource, impl Future<Output = ()> + Send + use<>) {
        let queue = Arc::new(Queue::default());
        let dispatcher = Dispatcher(Arc::clone(&queue));
        (EventSource(Some(Arc::new(Source(queue)))), run_dispatcher(self.0, dispatcher))
    }
}

impl fmt::Debug for ConnectCallbacks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ConnectCallbacks({})", self.0.len())
    }
}

#[derive(Debug, Default)]
struct Queue {
    state: Watched<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<ConnectionEvent>,
    /// No more events will come.
    closed: bool,
    /// The dispatcher is gone; with its runtime perhaps, and with events untold.
    ended: bool,
    pushed: u64,
    told: u64,
    task: Option<tokio::task::Id>,
}

/// Where events come from; `None` if nobody listens. The dispatcher ends when the last clone has been dropped.
#[derive(Clone, Debug, Default)]
pub struct EventSource(Option<Arc<Source>>);

#[derive(Debug)]
struct Source(Arc<Queue>);

impl EventSource {
    /// How far the callbacks that it leads to have come.
    pub(crate) fn progress(&self) -> CallbackProgress {
        CallbackProgress(self.0.as_deref().map(|Source(queue)| Arc::clone(queue)))
    }

    /// Queues an event. Never waits, never loses one. With the lock of the session held, of which it tells: whoever
    /// sees the session changed finds the event in the queue.
    pub(crate) fn push(&self, event: ConnectionEvent) -> Pushed {
        let Some(Source(queue)) = self.0.as_deref() else {
            return Pushed { queue: None, waiting: 0, untold: Some(event) };
        };
        let mut state = queue.state.lock();
        let mut untold = None;
        if state.ended {
            untold = Some(event);
        } else {
            state.events.push_back(event);
            state.pushed += 1;
        }
        Pushed { queue: Some(Arc::clone(queue)), waiting: state.events.len(), untold }
    }
}

/// An event is in the queue. The dispatcher is to be told, once no lock is held that it or its waker may take.
#[derive(Debug)]
#[must_use = "the dispatcher waits for this"]
pub struct Pushed {
    queue: Option<Arc<Queue>>,
    /// How many events wait.
    waiting: usize,
    /// The event, if there is no dispatcher any more. Let go of here, since it may hold the last handle of a session.
    untold: Option<ConnectionEvent>,
}

impl Pushed {
    pub(crate) fn tell(self) {
        if self.waiting == WARN_AT {
            tracing::warn!("{WARN_AT} connection events wait for a slow connect callback");
        }
        if let Some(queue) = self.queue {
            queue.arrived.notify_one();
        }
        drop(self.untold);
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.arrived.notify_one();
    }
}

/// How far the callbacks have come; `None` if there are none.
#[derive(Clone, Debug, Default)]
pub struct CallbackProgress(Option<Arc<Queue>>);

impl CallbackProgress {
    /// Waits until the callbacks have returned for every event so far.
    ///
    /// Called from within a callback it returns at once, instead of waiting for itself.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn callbacks_done(&self) {
        let Some(queue) = &self.0 else { return };
        let (goal, dispatcher) = {
            let state = queue.state.lock();
            (state.pushed, state.task)
        };
        if dispatcher.is_some() && dispatcher == tokio::task::try_id() {
            return;
        }
        queue.state.wait_for(|state| (state.told >= goal || state.ended).then_some(())).await;
    }
}

/// The dispatcher's end of the queue. Dropping it, also with a runtime that shuts down, lets go of untold events.
struct Dispatcher(Arc<Queue>);

impl Drop for Dispatcher {
    fn drop(&mut self) {
        let untold = {
            let mut state = self.0.state.lock();
            state.ended = true;
            std::mem::take(&mut state.events)
        };
        // Outside the lock: an event may hold the last handle of a session, which in turn holds the queue.
        drop_caught("an event", untold);
        self.0.state.tell();
    }
}

async fn run_dispatcher(callbacks: Vec<Callback>, dispatcher: Dispatcher) {
    let queue = &dispatcher.0;
    queue.state.lock().task = tokio::task::try_id();
    loop {
        let (event, closed) = {
            let mut state = queue.state.lock();
            (state.events.pop_front(), state.closed)
        };
        let Some(event) = event else {
            if closed {
                break;
            }
            queue.arrived.notified().await;
            continue;
        };
        for callback in &callbacks {
            if let Err(panic) = catch_panic(async { callback(event.clone()).await }).await {
                tracing::error!("a connect callback panicked: {panic}");
            }
        }
        // It may hold the last handle of a session over a user's stream.
        drop_caught("an event", event);
        queue.state.change(|state| state.told += 1);
    }
    for callback in callbacks {
        drop_caught("a connect callback", callback);
    }
}
