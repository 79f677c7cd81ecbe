//! The loop that a read-loop server runs for each client.

use std::sync::Arc;

use tcpip_core::{Connection, DisconnectReason, Error, ReadError, WriteError, endpoint::catch_panic};

use crate::{HandlerError, ReadAndDispatch, reception::Reading};

/// Serves one client, from the greeting to the farewell.
pub(crate) async fn run_read_loop<H: ReadAndDispatch>(handler: Arc<H>, reading: Reading) {
    let connection = reading.connection();
    connection.is_handled_here();
    let outcome = tokio::select! {
        biased;
        () = connection.revoked() => None,
        outcome = catch_panic(serve(&*handler, connection)) => Some(outcome),
    };
    match outcome {
        // Somebody else has ended the session, or the loop has seen its end.
        None | Some(Ok(Ok(()))) => {}
        Some(Ok(Err(error))) => log_error(&error, connection.is_connected()),
        Some(Err(panic)) => tracing::error!("the handler panicked: {panic}"),
    }
    connection.revoke(DisconnectReason::HandlerFailed);
    if let Err(panic) = catch_panic(handler.on_disconnect(connection)).await {
        tracing::error!("the handler panicked in on_disconnect: {panic}");
    }
}

async fn serve<H: ReadAndDispatch>(handler: &H, connection: &Connection) -> Result<(), HandlerError> {
    handler.on_connect(connection).await?;
    while !connection.is_exhausted() {
        let reads = connection.reads();
        handler.read_and_dispatch(connection).await?;
        if !connection.is_connected() && connection.reads() == reads {
            // It did not read, so it will not learn of the end from a read.
            break;
        }
    }
    Ok(())
}

/// Logs a handler's error. One that only passes on that the session is over is no failure of the handler.
fn log_error(error: &HandlerError, connected: bool) {
    let (read, write) = match error.downcast_ref() {
        Some(Error::Read(error)) => (Some(error), None),
        Some(Error::Write(error)) => (None, Some(error)),
        _ => (error.downcast_ref::<ReadError>(), error.downcast_ref::<WriteError>()),
    };
    if connected || !(read.is_some_and(ReadError::ends_session) || write.is_some_and(WriteError::ends_session)) {
        tracing::error!("the handler failed: {error}");
    } else if let Some(ReadError::Incomplete { partial, .. }) = read
        && !partial.is_empty()
    {
        tracing::warn!("the client left within a message: {error}");
    } else {
        tracing::debug!("the handler was told the end: {error}");
    }
}
