//! Whether the other end lives, for links that die without a word: heartbeats, and silence.

use std::future::pending;

use tokio::{
    task::yield_now,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{Connection, transport::Wire};
use crate::{
    DisconnectReason, HEARTBEAT, UnexpectedHeartbeat, WriteError,
    session::{Arrived, Session},
};

/// How often the system and the session are asked for counts that belong together.
const MOST_LOOKS: usize = 8;

impl Connection {
    /// Notes that a heartbeat has come, for a handler that finds them itself. Text reads, and `read_until` with the
    /// terminator, find and note those that come as messages of their own.
    ///
    /// # Errors
    ///
    /// [`UnexpectedHeartbeat`] if the server has no `max_heartbeat_interval`.
    pub fn handle_received_heartbeat(&self) -> Result<(), UnexpectedHeartbeat> {
        if self.input(|session, _| session.heartbeat_came()) { Ok(()) } else { Err(UnexpectedHeartbeat) }
    }

    /// Returns when a heartbeat last came; `None` if none has, or none is expected.
    #[must_use]
    pub fn last_heartbeat(&self) -> Option<Instant> {
        self.look(Session::last_heartbeat)
    }
}

/// Sends heartbeats, and returns when none came, or nothing at all did, for too long: never, unless options say so.
pub(super) async fn watch_liveness(connection: &Connection, wire: &impl Wire) -> DisconnectReason {
    tokio::select! {
        biased;
        () = send_heartbeats(connection) => pending().await,
        reason = heartbeat_missed(connection, wire) => reason,
        reason = idle(connection, wire) => reason,
    }
}

/// The next heartbeat is not sent before the last one is with the system, so that they never pile up.
async fn send_heartbeats(connection: &Connection) {
    let Some(period) = connection.shared.options.heartbeat_interval else { return pending().await };
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match connection.write_str(HEARTBEAT).await {
            Err(WriteError::WriteHalfEnded) => return,
            Err(error) if !error.ends_session() => tracing::warn!("a heartbeat cannot be sent: {error}"),
            _ => {}
        }
    }
}

/// | when the time is up, and what was ready then has been done | the session |
/// |---|---|
/// | a heartbeat has come meanwhile | lives, until the time is up after that |
/// | a handler is at work | lives for another interval |
/// | bytes have come since the last look that a read which waits has yet to look at | lives for another interval |
/// | the peer has ended its half, and so cannot send any | is not watched any more |
/// | none of these | ends |
async fn heartbeat_missed(connection: &Connection, wire: &impl Wire) -> DisconnectReason {
    let shared = &*connection.shared;
    let Some(after) = shared.options.max_heartbeat_interval else { return pending().await };
    let mut since = shared.began;
    let mut total = 0;
    loop {
        sleep_until(since + after).await;
        let last = || connection.last_heartbeat().unwrap_or(shared.began);
        if last() <= since {
            others_turn().await;
        }
        let (arrived, beneath) = count_arrived(connection, wire);
        let now = arrived.received + beneath;
        let has_news = now > std::mem::replace(&mut total, now) && (beneath > 0 || arrived.unread);
        let is_alive = arrived.is_receiving || if arrived.being_read { has_news } else { connection.has_reader() };
        since = if last() > since {
            last()
        } else if connection.has_noted_hang_up() {
            return pending().await;
        } else if is_alive {
            Instant::now()
        } else {
            return DisconnectReason::HeartbeatMissed { after };
        };
    }
}

/// | when the time is up, and what was ready then has been done | the session |
/// |---|---|
/// | bytes have come since the last look | lives, until the time is up after they came, or were noticed if they are unread |
/// | a handler is at work | lives for another interval |
/// | a read waits that has a deadline | lives until then |
/// | the peer has ended its half, and so cannot send any | is not watched any more |
/// | none of these | ends |
async fn idle(connection: &Connection, wire: &impl Wire) -> DisconnectReason {
    let shared = &*connection.shared;
    let Some(after) = shared.options.idle_timeout else { return pending().await };
    let mut until = shared.began + after;
    let mut total = 0;
    loop {
        sleep_until(until).await;
        let (mut arrived, mut beneath) = count_arrived(connection, wire);
        if arrived.received + beneath == total {
            others_turn().await;
            (arrived, beneath) = count_arrived(connection, wire);
        }
        let now = Instant::now();
        let count = arrived.received + beneath;
        until = if count > std::mem::replace(&mut total, count) || arrived.is_receiving {
            let came = if beneath > 0 { now } else { arrived.last.unwrap_or(now) };
            came + after
        } else if connection.has_noted_hang_up() {
            return pending().await;
        } else if connection.has_reader() && !arrived.being_read {
            now + after
        } else if let Some(deadline) = connection.look(Session::awaited_until).filter(|deadline| *deadline > now) {
            deadline
        } else {
            return DisconnectReason::Idle { after };
        };
    }
}

/// What has arrived, and how many bytes beneath it wait that no read has taken. The two are of the same moment, unless
/// somebody is receiving all the time: that says so.
fn count_arrived(connection: &Connection, wire: &impl Wire) -> (Arrived, u64) {
    let mut arrived = connection.look(Session::arrived);
    for _ in 0..MOST_LOOKS {
        let beneath = wire.unread();
        let before = std::mem::replace(&mut arrived, connection.look(Session::arrived));
        if before.received == arrived.received && !before.is_receiving && !arrived.is_receiving {
            return (arrived, beneath);
        }
    }
    arrived.is_receiving = true;
    (arrived, 0)
}

/// Lets the runtime see what is ready, and others do what they can of it: a runtime that runs late must not take its
/// own delay for the peer's. First what has arrived is read ahead, then those who wait for it look at it.
async fn others_turn() {
    for _ in 0..3 {
        yield_now().await;
    }
}
