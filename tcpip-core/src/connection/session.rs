//! The task of a session: it watches for the hang-up, sends what is queued, and winds the session down.

use std::future::pending;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    Connection,
    liveness::watch_liveness,
    state::Phase,
    wire::{Input, Wire},
};
use crate::DisconnectReason;

/// Runs a session from its beginning until nothing is left to do for it.
///
/// `finish` comes from outside, so that the session is finished too when its runtime ends before the task has begun.
pub(super) async fn run_session(mut finish: Finish, wire: impl Wire) {
    watch(&finish.connection, &wire).await;
    let deadline = Instant::now() + finish.connection.shared.options.close_timeout;
    wind_down(&finish.connection, wire, deadline).await;
    if timeout_at(deadline, finish.connection.tasks_ended()).await.is_err() {
        tracing::error!("a task of the session does not end: it is given up");
    }
    finish.in_order = true;
}

/// Returns when the session has ended, for whatever reason.
async fn watch(connection: &Connection, wire: &impl Wire) {
    let shared = &*connection.shared;
    let ended = shared.state.wait_for(|state| (state.phase == Phase::Ended).then_some(()));
    let sending = shared.writing.run(wire, shared.options.write_timeout);
    let hang_up = async {
        wire.hung_up(connection).await;
        tokio::select! {
            reason = wire.failed_after(connection) => reason,
            () = drained(connection) => DisconnectReason::ClosedByPeer,
        }
    };
    tokio::select! {
        () = ended => {}
        reason = sending => connection.end(reason),
        reason = hang_up => connection.end(reason),
        reason = watch_liveness(connection, wire) => connection.revoke(reason),
    }
}

/// Returns when a draining session without a handler, or whose handler reads no more, has not been read from for long
/// enough.
async fn drained(connection: &Connection) {
    let shared = &*connection.shared;
    connection.handler_reads_no_more().await;
    while let Some(last_read) = shared.state.look(|state| state.last_read) {
        sleep_until(last_read + shared.options.drain_timeout).await;
        if shared.state.look(|state| state.last_read) == Some(last_read) {
            return;
        }
    }
    // The session ended before it began to drain.
    pending::<()>().await;
}

/// Brings the stream of a session that has ended to rest, within the close deadline.
///
/// | the reason | what is queued | what has arrived | the stream |
/// |---|---|---|---|
/// | this end or its handler closed it, another client replaced it, a codec failed, the peer was silent for too long | flushed | discarded | ended; abort if not flushed in time |
/// | the peer hung up | flushed | stays readable | closed; abort if not flushed in time |
/// | reset, dead link, I/O error | dropped | stays readable | closed |
/// | a write deadline passed | dropped | stays readable as far as it is buffered | abort |
async fn wind_down(connection: &Connection, wire: impl Wire, deadline: Instant) {
    use DisconnectReason::{
        BadFrame, Closed, ClosedByPeer, FrameTooLong, HandlerFailed, HeartbeatMissed, Idle, Replaced, WriteTimeout,
    };
    let shared = &*connection.shared;
    let reason = shared.state.reason();
    let by_this_end = matches!(
        reason,
        BadFrame
            | Closed
            | FrameTooLong { .. }
            | HandlerFailed { .. }
            | HeartbeatMissed { .. }
            | Idle { .. }
            | Replaced
    );
    if by_this_end {
        shared.reading.discard(&reason);
    }
    let in_order = by_this_end || reason == ClosedByPeer;
    let flushed = in_order && matches!(timeout_at(deadline, wire.flush(&shared.writing, None)).await, Ok(Ok(())));
    shared.writing.close();
    let timed_out = matches!(reason, WriteTimeout { .. });
    if flushed {
        let input = if by_this_end { Input::Discard } else { Input::Keep };
        let _ = timeout_at(deadline, wire.end(input)).await;
    }
    if timed_out || !by_this_end && !wire.leaves_unread(connection) {
        shared.reading.close(&reason);
    }
    if timed_out || in_order && !flushed {
        wire.abort();
    }
}

/// Marks the session as finished, also if its runtime shuts down under it.
pub(super) struct Finish {
    connection: Connection,
    in_order: bool,
}

impl Finish {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, in_order: false }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        let shared = &*self.connection.shared;
        if !self.in_order {
            self.connection.end(DisconnectReason::Closed);
            shared.writing.close();
        }
        let revoked = shared.state.change(|state| {
            state.finished = true;
            state.revoked
        });
        if revoked || !self.in_order {
            shared.reading.discard(&shared.state.reason());
        }
    }
}
