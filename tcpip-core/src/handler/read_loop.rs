//! The task of a handler, which serves a session in the background, for a client or for each client of a server.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use tokio::{task::JoinHandle, time::timeout};
use tracing::Instrument;

use crate::{
    Connection, DisconnectReason, Error, HandlerError, HandlerResult, ReadError, Serve, WriteError,
    connection::Interruption,
    sync::{catch_panic, catch_panic_in, drop_caught, shown},
};

/// Starts the task that serves one session, from the greeting to the farewell.
///
/// # Panics
///
/// Outside a tokio runtime.
pub fn spawn_read_loop<H: Serve>(handler: Arc<H>, connection: &Connection) -> JoinHandle<()> {
    // Before the task, which may be dropped without having run.
    let at_work = AtWork { connection: connection.clone() };
    handler.session_begins(connection);
    let task = connection.handler_task(run_read_loop(handler, at_work));
    // In a box: tokio rounds what is in a task itself up to whole cache lines.
    tokio::spawn(Box::pin(task.instrument(connection.span().clone())))
}

/// The handler has yet to be done with the session, until this is dropped.
struct AtWork {
    connection: Connection,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.connection.read_loop_has_ended();
    }
}

/// All that the handler's author wrote runs guarded: the methods, what their futures and errors do when they are shown
/// or dropped, and the handler's own drop. Whatever comes of it, the session ends, and the farewell comes last.
///
/// A handler waits most of the time, so its task has room for that alone: what comes behind is in a box for as long as
/// it lasts.
#[expect(clippy::manual_async_fn, reason = "the arguments of an `async fn` would have room in the task twice")]
fn run_read_loop<H: Serve>(handler: Arc<H>, at_work: AtWork) -> impl Future<Output = ()> + Send {
    async move {
        let outcome = {
            let connection = &at_work.connection;
            let mut serving = catch_panic(async {
                handler.on_connect(connection).await?;
                handler.serve(connection).await
            });
            let mut interrupted = pin!(connection.handler_interrupted());
            let mut has_begun = false;
            let outcome = poll_fn(|context| {
                loop {
                    // Not before it has begun: no session has a farewell without a greeting.
                    if has_begun && let Poll::Ready(interruption) = interrupted.as_mut().poll(context) {
                        return Poll::Ready(Err(interruption));
                    }
                    if let Poll::Ready(outcome) = Pin::new(&mut serving).poll(context) {
                        return Poll::Ready(Ok(outcome));
                    }
                    if std::mem::replace(&mut has_begun, true) {
                        return Poll::Pending;
                    }
                }
            });
            // What it has done with is dropped before anybody else reads, or the farewell begins.
            outcome.await
        };
        Box::pin(end(handler, &at_work.connection, outcome)).await;
    }
}

/// What a handler has come to, or why it was dropped.
type Outcome = Result<Result<HandlerResult, String>, Interruption>;

/// Draws the consequence of a handler's end, and says farewell when the session has ended too.
async fn end<H: Serve>(handler: Arc<H>, connection: &Connection, outcome: Outcome) {
    if connection.is_connected() && connection.is_exhausted() && passes_on_the_end(&outcome) {
        listen_on(connection).await;
    } else {
        conclude(outcome, connection);
    }
    connection.wait_disconnected().await;
    say_farewell(&*handler, connection).await;
    drop_caught("the handler", handler);
}

/// The peer has ended its half and may still listen: the session lives for as long as its tasks.
async fn listen_on(connection: &Connection) {
    tokio::select! {
        biased;
        () = connection.wait_disconnected() => {}
        Interruption::Stopped = connection.handler_interrupted() => connection.read_loop_stopped(),
        () = connection.tasks_ended() => connection.revoke(DisconnectReason::ClosedByPeer),
    }
}

/// Whether a handler has not failed, but found the end of the stream.
fn passes_on_the_end(outcome: &Outcome) -> bool {
    match outcome {
        Ok(Ok(Ok(()))) => true,
        Ok(Ok(Err(error))) => catch_panic_in(|| error.causes().any(|cause| told(cause).is_some())).unwrap_or(false),
        Ok(Err(_)) | Err(_) => false,
    }
}

async fn say_farewell<H: Serve>(handler: &H, connection: &Connection) {
    let farewell = catch_panic(async { handler.on_disconnect(connection).await });
    match timeout(connection.close_timeout(), farewell).await {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => tracing::error!("the handler panicked in on_disconnect: {panic}"),
        Err(_) => tracing::error!("the handler's on_disconnect does not end: it is given up"),
    }
}

/// Draws the consequence of a handler's end. It is the reason of the session's end, unless the session has ended
/// before; of one that was stopped the session does not end.
fn conclude(outcome: Outcome, connection: &Connection) {
    let cause = match outcome {
        Err(Interruption::Revoked) => return,
        Err(Interruption::Stopped) => return connection.read_loop_stopped(),
        Ok(Ok(Ok(()))) => return connection.handler_has_returned(),
        Ok(Ok(Err(error))) => log_error(error, connection.is_connected()),
        Ok(Err(panic)) => {
            tracing::error!("the handler panicked: {panic}");
            format!("it panicked: {panic}")
        }
    };
    connection.revoke(DisconnectReason::HandlerFailed { cause: cause.into() });
}

/// Logs a handler's error, and says what it says. One that only passes on that the session is over is no failure of the
/// handler.
fn log_error(error: HandlerError, connected: bool) -> String {
    // Once, since it is the user's code which does it.
    let text = shown(&error);
    let told = catch_panic_in(|| error.causes().find_map(told)).unwrap_or(None);
    drop_caught("the handler's error", error);
    match told.filter(|_| !connected) {
        None => tracing::error!("the handler failed: {text}"),
        Some(Told::EndWithinMessage) => tracing::warn!("the peer left within a message: {text}"),
        Some(Told::End) => tracing::debug!("the handler was told the end: {text}"),
    }
    text
}

/// What the library has told a handler, which passes it on.
enum Told {
    End,
    EndWithinMessage,
}

/// Whether an error is one of the library's that end a session, as itself or converted.
fn told(error: &(dyn std::error::Error + 'static)) -> Option<Told> {
    // The `source` of an I/O error is not what it was made of, but the source of that.
    let made_of = error.downcast_ref().and_then(io::Error::get_ref);
    let error = made_of.map_or(error, |made_of| made_of);
    let (read, write) = match error.downcast_ref() {
        Some(Error::Read(error)) => (Some(error), None),
        Some(Error::Write(error)) => (None, Some(error)),
        _ => (error.downcast_ref::<ReadError>(), error.downcast_ref::<WriteError>()),
    };
    match read {
        Some(ReadError::Incomplete { partial, .. }) if !partial.is_empty() => Some(Told::EndWithinMessage),
        Some(error) if error.ends_session() => Some(Told::End),
        _ => write.filter(|error| error.ends_session()).map(|_| Told::End),
    }
}
