//! The task of a session: it watches for the hang-up, sends what is queued, and winds the session down.

use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    Connection,
    liveness::watch_liveness,
    transport::{Input, Wire},
};
use crate::{
    DisconnectReason,
    session::{Ending, Life, Session},
};

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
    let ended = connection.wait_for(|life| (!life.is_connected()).then_some(()));
    let sending = connection.send_queue(wire, connection.shared.options.write_timeout);
    let hang_up = async {
        wire.hung_up(connection).await;
        tokio::select! {
            biased;
            reason = wire.failed_after(connection) => reason,
            () = drained(connection) => DisconnectReason::ClosedByPeer,
        }
    };
    tokio::select! {
        biased;
        () = ended => {}
        reason = hang_up => connection.end(reason),
        reason = sending => connection.end(reason),
        reason = watch_liveness(connection, wire) => connection.revoke(reason),
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
    let (mut queued, mut is_ending) = (0, false);
    let ended = in_order && {
        let aborted = connection.wait_for(|life| is_aborted(life).then_some(()));
        let ending = async {
            let flushed = wire.flush(connection, None).await.is_ok();
            queued = connection.input(|session, effects| session.outgoing.close(effects));
            if flushed {
                is_ending = true;
                wire.end(input).await;
            }
            flushed
        };
        tokio::select! {
            biased;
            () = aborted => false,
            ended = timeout_at(deadline, ending) => match ended {
                Ok(flushed) => flushed,
                // It may still arrive: the system goes on with it.
                Err(_) => connection.look(|session| session.outgoing.is_empty()),
            }
        }
    };
    queued += connection.input(|session, effects| session.outgoing.close(effects));
    // The end of the stream is no byte of a message. Asked before the look at the state: an abort, after which the
    // system tells nonsense, is noted there first.
    let beneath = wire.unacknowledged().saturating_sub(usize::from(is_ending));
    if !connection.look(|session| is_aborted(session.life())) {
        queued += beneath;
    }
    if discards {
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
    if timed_out || reason == Aborted || in_order && !ended {
        wire.abort(input);
    }
}

fn is_aborted(life: &Life) -> bool {
    life.ending() == Some(Ending::Aborted)
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
        self.connection.input(|session, effects| session.finish(self.in_order, effects));
    }
}
