//! The loop that reads in the background, for a client or for each client of a server.

use std::{io, sync::Arc};

use crate::{
    Connection, DisconnectReason, Error, HandlerError, ReadAndDispatch, ReadError, WriteError, catch_panic::catch_panic,
};

/// Serves one session, from the greeting to the farewell. `at_work` is dropped at the very end.
pub async fn run_read_loop<H: ReadAndDispatch>(handler: Arc<H>, connection: Connection, at_work: impl Send) {
    let _at_work = at_work;
    let connection = &connection;
    let outcome = tokio::select! {
        biased;
        () = connection.revoked() => None,
        outcome = catch_panic(serve(&*handler, connection)) => Some(outcome),
    };
    let cause = match outcome {
        // Somebody else has ended the session, or the loop has seen its end.
        None | Some(Ok(Ok(()))) => "it returned".into(),
        Some(Ok(Err(error))) => {
            log_error(&error, connection.is_connected());
            error.to_string()
        }
        Some(Err(panic)) => {
            tracing::error!("the handler panicked: {panic}");
            format!("it panicked: {panic}")
        }
    };
    connection.revoke(DisconnectReason::HandlerFailed { cause: cause.into() });
    if let Err(panic) = catch_panic(async { handler.on_disconnect(connection).await }).await {
        tracing::error!("the handler panicked in on_disconnect: {panic}");
    }
}

async fn serve<H: ReadAndDispatch>(handler: &H, connection: &Connection) -> Result<(), HandlerError> {
    handler.on_connect(connection).await?;
    let mut seen = None;
    while connection.is_connected() || !connection.is_exhausted() {
        handler.read_and_dispatch(connection).await?;
        if !connection.is_connected() {
            let reads = Some(connection.reads());
            if reads == seen {
                // It does not read, so it will not learn of the end from a read.
                break;
            }
            seen = reads;
        }
    }
    Ok(())
}

/// Logs a handler's error. One that only passes on that the session is over is no failure of the handler.
fn log_error(error: &HandlerError, connected: bool) {
    match error.causes().find_map(told).filter(|_| !connected) {
        None => tracing::error!("the handler failed: {error}"),
        Some(Told::EndWithinMessage) => tracing::warn!("the peer left within a message: {error}"),
        Some(Told::End) => tracing::debug!("the handler was told the end: {error}"),
    }
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
