//! The loop that a read-loop server runs for each client.

use std::sync::Arc;

use tcpip_core::{Connection, DisconnectReason, ReadError, endpoint::catch_panic};

use crate::{HandlerError, ReadAndDispatch, reception::Reception};

/// Serves one client, from the greeting to the farewell.
pub(crate) async fn run_read_loop<H: ReadAndDispatch>(
    handler: Arc<H>,
    connection: Connection,
    reception: Arc<Reception>,
) {
    connection.is_handled_here();
    let _reading = Reading::start(&reception, &connection);
    let outcome = tokio::select! {
        biased;
        () = connection.revoked() => None,
        outcome = catch_panic(serve(&*handler, &connection)) => Some(outcome),
    };
    match outcome {
        // Somebody else has ended the session, or the loop has seen its end.
        None | Some(Ok(Ok(()))) => {}
        Some(Ok(Err(error))) if is_clean_end(&error, &connection) => {}
        Some(Ok(Err(error))) => tracing::error!("the handler failed: {error}"),
        Some(Err(panic)) => tracing::error!("the handler panicked: {panic}"),
    }
    connection.revoke(DisconnectReason::HandlerFailed);
    if let Err(panic) = catch_panic(handler.on_disconnect(&connection)).await {
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

/// Whether the error only says that the client has gone, between two messages.
fn is_clean_end(error: &HandlerError, connection: &Connection) -> bool {
    connection.reason() == Some(DisconnectReason::ClosedByPeer)
        && match error.downcast_ref::<ReadError>() {
            Some(ReadError::Incomplete { partial, .. }) => partial.is_empty(),
            Some(ReadError::NotConnected) => true,
            _ => false,
        }
}

/// Says, while it lives, that the loop is at work.
struct Reading<'a> {
    reception: &'a Reception,
    connection: &'a Connection,
}

impl<'a> Reading<'a> {
    fn start(reception: &'a Reception, connection: &'a Connection) -> Self {
        reception.set_reading(connection, true);
        Self { reception, connection }
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.reception.set_reading(self.connection, false);
    }
}
