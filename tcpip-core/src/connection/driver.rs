//! The task of a session: it watches for the hang-up, sends what is queued, and winds the session down.

use std::{future::poll_fn, pin::pin, task::Poll};

use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    ChunkEnd, Connection,
    liveness::watch_liveness,
    transport::{Input, Wire},
};
use crate::{
    DisconnectReason,
    session::{Duty, Ending, Life, Session},
};

/// Runs a session from its beginning until nothing is left to do for it.
///
/// `finish` comes from outside, so that the session is finished too when its runtime ends before the task has begun.
///
/// Most sessions rest most of the time, so the task has room for that alone: what else may have to be awaited is in a
/// box for as long as it is. A future is made where it is awaited, or it would have room in the task twice.
#[expect(clippy::manual_async_fn, reason = "the arguments of an `async fn` would have room in the task twice")]
pub(super) fn run_session(finish: Finish, wire: impl Wire) -> impl Future<Output = ()> + Send {
    async move {
        watch(&finish.connection, &wire).await;
        Box::pin(end(&finish.connection, wire)).await;
        finish.in_order();
    }
}

/// Returns when the session has ended, for whatever reason.
#[expect(clippy::manual_async_fn, reason = "the arguments of an `async fn` would have room in the task twice")]
fn watch(connection: &Connection, wire: &impl Wire) -> impl Future<Output = ()> + Send {
    async move {
        let mut hang_up = pin!(async move {
            wire.hung_up(connection).await;
            Box::pin(ends_after_hang_up(connection, wire)).await
        });
        let mut liveness =
            connection.shared.options.watches_liveness().then(|| Box::pin(watch_liveness(connection, wire)));
        let mut sending = None;
        poll_fn(move |context| {
            let mut duty = connection.duty(context);
            if duty == Duty::Over {
                return Poll::Ready(());
            }
            if let Poll::Ready(reason) = hang_up.as_mut().poll(context) {
                connection.end(reason);
                return Poll::Ready(());
            }
            // What has begun goes on, also when the queue is empty: the stream may have to be flushed.
            while sending.is_some() || duty == Duty::Send {
                let sent = sending.get_or_insert_with(|| Box::pin(connection.send_queue(wire))).as_mut().poll(context);
                match sent {
                    Poll::Ready(Ok(())) => sending = None,
                    Poll::Ready(Err(reason)) => {
                        connection.end(reason);
                        return Poll::Ready(());
                    }
                    Poll::Pending => break,
                }
                duty = connection.duty(context);
            }
            let missed = liveness.as_mut().map_or(Poll::Pending, |liveness| liveness.as_mut().poll(context));
            missed.map(|reason| connection.revoke(reason))
        })
        .await;
    }
}

/// Returns when a session ends whose peer has hung up, unless others end it.
async fn ends_after_hang_up(connection: &Connection, wire: &impl Wire) -> DisconnectReason {
    tokio::select! {
        biased;
        reason = wire.failed_after(connection) => reason,
        () = drained(connection) => DisconnectReason::ClosedByPeer,
    }
}

/// Brings a session that has ended to rest.
async fn end(connection: &Connection, wire: impl Wire) {
    let deadline = Instant::now() + connection.shared.options.close_timeout;
    wind_down(connection, wire, deadline).await;
    if timeout_at(deadline, connection.tasks_ended()).await.is_err() {
        tracing::error!("a task of the session does not end: it is given up");
    }
}

/// Returns when a draining session without a handler, or whose handler reads no more, has not been read from for long
/// enough.
async fn drained(connection: &Connection) {
    connection.handler_reads_no_more().await;
    loop {
        // A session whose peer has ended its half only begins to drain when this end ends its own.
        let last_read = connection.wait_for(Life::last_read).await;
        sleep_until(last_read + connection.shared.options.drain_timeout).await;
        if connection.look(|session| session.life().last_read()) == Some(last_read) {
            return;
        }
    }
}

/// Brings the stream of a session that has ended to rest, within the close deadline.
///
/// | the reason | what is queued | what has arrived | the stream |
/// |---|---|---|---|
/// | this end or its handler closed it, another client replaced it, a codec failed, the peer was silent for too long | flushed | discarded | ended, and what comes discarded until all has arrived; abort if not flushed in time |
/// | the peer hung up | flushed | stays readable | closed; abort if not flushed in time |
/// | reset, dead link, I/O error | dropped | stays readable | closed |
/// | a write deadline passed | dropped | stays readable as far as it is buffered | abort |
/// | this end aborted it, also while it is being brought to rest | dropped | discarded | abort |
async fn wind_down(connection: &Connection, wire: impl Wire, deadline: Instant) {
    use DisconnectReason::{Aborted, ClosedByPeer, WriteTimeout};
    let reason = connection.reason().unwrap_or(DisconnectReason::Closed);
    let timed_out = matches!(reason, WriteTimeout { .. });
    let discards = reason.is_by_this_end() && !timed_out;
    if discards {
        connection.show_unread();
        connection.input(Session::discard);
    }
    let in_order = discards && reason != Aborted || reason == ClosedByPeer;
    let input = if discards { Input::Discard } else { Input::Keep };
    let (mut queued, mut is_ending, mut has_arrived) = (0, false, false);
    let ended = in_order && {
        let aborted = connection.wait_for(|life| is_aborted(life).then_some(()));
        let ending = async {
            let Ok(flushed) = timeout_at(deadline, wire.flush(connection, None)).await else {
                // It may still arrive: the system goes on with it.
                return connection.look(|session| session.outgoing.queue.is_empty());
            };
            queued = connection.input(|session, effects| session.outgoing.close(effects));
            if flushed.is_ok() {
                is_ending = true;
                connection.tell_end_of_sending(ChunkEnd::Close);
                has_arrived = wire.end(input, deadline).await;
            }
            flushed.is_ok()
        };
        tokio::select! {
            biased;
            () = aborted => false,
            ended = ending => ended,
        }
    };
    queued += connection.input(|session, effects| session.outgoing.close(effects));
    if discards {
        if !has_arrived {
            // The end of the stream is no byte of a message. Asked before the look at the state: an abort, after which
            // the system tells nonsense, is noted there first.
            let beneath = wire.unacknowledged().saturating_sub(usize::from(is_ending));
            if !connection.look(|session| is_aborted(session.life())) {
                queued += beneath;
            }
        }
        let given_up = connection.input(|session, _| session.give_up(queued));
        if given_up > 0 {
            tracing::warn!("{given_up} byte(s) had not arrived when the session was given up");
        }
    }
    if timed_out || !discards && !wire.leaves_unread(connection).await {
        connection.input(Session::close_input);
    } else {
        // What is left is there: no read waits for it, and so none for another's turn.
        connection.input(Session::end_turns);
    }
    connection.tell_end_of_receiving(|| wire.unread() == 0);
    if timed_out || reason == Aborted || in_order && !ended {
        connection.tell_end_of_sending(ChunkEnd::Reset);
        wire.abort(input);
    } else if is_ending && discards {
        wire.let_go();
    }
}

fn is_aborted(life: &Life) -> bool {
    life.ending() == Some(Ending::Aborted)
}

/// Marks the session as finished, also if its runtime shuts down under it.
pub(super) struct Finish {
    connection: Connection,
}

impl Finish {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    fn in_order(self) {
        self.connection.input(|session, effects| session.finish(true, effects));
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        if !self.connection.is_closed() {
            self.connection.input(|session, effects| session.finish(false, effects));
        }
    }
}
