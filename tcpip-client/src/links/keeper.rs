//! The task that keeps a link up.

use std::sync::Arc;

use tcpip_core::{
    DisconnectReason,
    endpoint::{catch_panic, catch_panic_in},
};
use tokio::{
    select,
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{LinkBuilder, LinkError, LinkState};
use crate::{Client, Requester, requests::Device};

/// Keeps a link up until `closing` is told, or dropped.
pub(super) async fn run_link(
    options: LinkBuilder,
    device: Arc<Device>,
    states: watch::Sender<LinkState>,
    mut closing: watch::Receiver<bool>,
) {
    let mut pauses = options.backoff.pauses();
    let mut attempt = 0;
    loop {
        attempt += 1;
        states.send_replace(LinkState::Connecting { attempt });
        let outcome = select! {
            biased;
            () = told(&mut closing) => break,
            outcome = begin(&options, &states) => outcome,
        };
        let error = match outcome {
            Err(error) => error,
            Ok(client) => {
                let (began, replies) = (Instant::now(), device.replies());
                device.set_connection(client.connection());
                states.send_replace(LinkState::Ready);
                select! {
                    biased;
                    () = told(&mut closing) => {
                        client.close().await;
                        break;
                    }
                    () = client.wait_disconnected() => {}
                }
                if device.replies() > replies || began.elapsed() > options.backoff.longest_pause() {
                    (pauses, attempt) = (options.backoff.pauses(), 0);
                }
                let error = lost(&client);
                client.close().await;
                error
            }
        };
        let error = Arc::new(error);
        let is_final = catch_panic_in(|| (options.is_final)(&error)).unwrap_or_else(|panic| {
            tracing::error!("what says which errors are for good panicked: {panic}");
            false
        });
        let pause = if is_final { None } else { pauses.next() };
        let Some(pause) = pause else {
            tracing::error!("the link is given up: {error}");
            states.send_replace(LinkState::Failed { error });
            return;
        };
        tracing::warn!("{error}: the link is tried again in {pause:?}");
        states.send_replace(LinkState::Backoff { attempt, pause, error });
        select! {
            biased;
            () = told(&mut closing) => break,
            () = sleep(pause) => {}
        }
    }
    states.send_replace(LinkState::Closed);
}

/// Returns when the link is to be closed.
async fn told(closing: &mut watch::Receiver<bool>) {
    // Whose sender is gone is closed, too.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Connects, and has the handshake done.
async fn begin(options: &LinkBuilder, states: &watch::Sender<LinkState>) -> Result<Client, LinkError> {
    let client = options.client.clone().connect().await.map_err(LinkError::Connect)?;
    let Some(handshake) = &options.handshake else { return Ok(client) };
    states.send_replace(LinkState::Handshaking);
    let after = options.handshake_timeout;
    let session = Requester::over(client.connection(), options.requests.clone());
    // A panic of it is an error as any other, and the link goes on.
    let handshake = catch_panic(async { handshake(session).await });
    let outcome = timeout(after, handshake).await;
    let outcome = outcome.map(|done| done.unwrap_or_else(|panic| Err(format!("it panicked: {panic}").into())));
    let error = match outcome {
        Ok(Ok(())) if client.is_connected() => return Ok(client),
        Ok(Err(error)) => turned_away(&client).unwrap_or(LinkError::Handshake(error)),
        Ok(Ok(())) => lost(&client),
        Err(_) => LinkError::HandshakeTimeout { after },
    };
    client.close().await;
    Err(error)
}

/// How a session was lost.
fn lost(client: &Client) -> LinkError {
    let reason = client.connection().reason().unwrap_or(DisconnectReason::Closed);
    turned_away(client).unwrap_or(LinkError::Lost { reason })
}

/// That the peer has ended the session before its first byte, if it has.
fn turned_away(client: &Client) -> Option<LinkError> {
    let connection = client.connection();
    // A read may find the end of the stream before the session has ended.
    let hung_up = || connection.has_hung_up().then_some(DisconnectReason::ClosedByPeer);
    let reason = connection.reason().or_else(hung_up)?;
    (reason.is_by_peer() && connection.stats().bytes_received == 0).then_some(LinkError::TurnedAway { reason })
}
