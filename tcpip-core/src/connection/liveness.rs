//! Whether the other end lives, for links that die without a word: heartbeats, and silence.

use std::future::pending;

use tokio::{
    task::yield_now,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{Connection, wire::Wire};
use crate::{DisconnectReason, HEARTBEAT, UnexpectedHeartbeat, WriteError, text_format::TextFormat};

/// The longest form of a heartbeat: four bytes for each character and for a byte-order mark.
const LONGEST: usize = 4 * (HEARTBEAT.len() + 1);

impl Connection {
    /// Notes that a heartbeat has come, for a handler that finds them itself. Text reads, and `read_until` with the
    /// terminator, find and note those that come as messages of their own.
    ///
    /// # Errors
    ///
    /// [`UnexpectedHeartbeat`] if the server has no `max_heartbeat_interval`.
    pub fn handle_received_heartbeat(&self) -> Result<(), UnexpectedHeartbeat> {
        if !self.expects_heartbeats() {
            return Err(UnexpectedHeartbeat);
        }
        *self.shared.last_heartbeat.lock() = Some(Instant::now());
        Ok(())
    }

    /// Returns when a heartbeat last came; `None` if none has, or none is expected.
    #[must_use]
    pub fn last_heartbeat(&self) -> Option<Instant> {
        *self.shared.last_heartbeat.lock()
    }

    pub(super) fn expects_heartbeats(&self) -> bool {
        self.shared.options.max_heartbeat_interval.is_some()
    }

    /// Notes a frame that is a heartbeat, if it ends as a message does. Whether it is one.
    pub(super) fn notes(&self, format: &TextFormat, separator: &[u8], frame: &[u8]) -> bool {
        let payload = &frame[..frame.len() - separator.len()];
        if payload.len() > LONGEST {
            return false;
        }
        let is_text = || format.encoding.decode(payload).is_ok_and(|text| text == HEARTBEAT);
        separator == format.terminator()
            && (payload == HEARTBEAT.as_bytes() || is_text())
            && self.handle_received_heartbeat().is_ok()
    }
}

/// Sends heartbeats, and returns when none came, or nothing at all did, for too long: never, unless options say so.
pub(super) async fn watch_liveness(connection: &Connection, wire: &impl Wire) -> DisconnectReason {
    if !connection.shared.options.watches_liveness() {
        return pending().await;
    }
    // In a box, since most sessions have no need of the room.
    let watching = async {
        tokio::select! {
            biased;
            () = send_heartbeats(connection) => pending().await,
            reason = heartbeat_missed(connection, wire) => reason,
            reason = idle(connection, wire) => reason,
        }
    };
    Box::pin(watching).await
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
        let arrived = shared.reading.arrived(|| wire.unread());
        let has_news = arrived.total > std::mem::replace(&mut total, arrived.total) && arrived.unread;
        let is_alive = if arrived.being_read { has_news } else { connection.has_reader() };
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
        let mut arrived = shared.reading.arrived(|| wire.unread());
        if arrived.total == total {
            others_turn().await;
            arrived = shared.reading.arrived(|| wire.unread());
        }
        let now = Instant::now();
        until = if arrived.total > std::mem::replace(&mut total, arrived.total) {
            let came = if arrived.beneath { now } else { arrived.last.unwrap_or(now) };
            came + after
        } else if connection.has_noted_hang_up() {
            return pending().await;
        } else if connection.has_reader() && !arrived.being_read {
            now + after
        } else if let Some(deadline) = shared.reading.awaited_until().filter(|deadline| *deadline > now) {
            deadline
        } else {
            return DisconnectReason::Idle { after };
        };
    }
}

/// Lets the runtime see what is ready, and others do what they can of it: a runtime that runs late must not take its own
/// delay for the peer's. First what has arrived is read ahead, then those who wait for it look at it.
async fn others_turn() {
    for _ in 0..3 {
        yield_now().await;
    }
}
