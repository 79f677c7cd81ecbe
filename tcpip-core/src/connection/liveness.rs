//! Whether the other end lives, for links that die without a word: heartbeats, and silence.

use std::future::pending;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::{Connection, wire::Wire};
use crate::{DisconnectReason, HEARTBEAT, UnexpectedHeartbeat};

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
        *self.shared.last_heartbeat.lock() = Instant::now();
        Ok(())
    }

    pub(super) fn expects_heartbeats(&self) -> bool {
        self.shared.options.max_heartbeat_interval.is_some()
    }

    /// Notes a frame that is a heartbeat, if it ends as a message does. Whether it is one.
    pub(super) fn notes(&self, separator: &[u8], frame: &[u8]) -> bool {
        let payload = &frame[..frame.len() - separator.len()];
        if payload.len() > LONGEST {
            return false;
        }
        let format = self.text_format();
        let is_text = || format.encoding.decode(payload).is_ok_and(|text| text == HEARTBEAT);
        separator == format.terminator()
            && (payload == HEARTBEAT.as_bytes() || is_text())
            && self.handle_received_heartbeat().is_ok()
    }

    fn is_being_read(&self) -> bool {
        let mut being_read = false;
        self.shared.reading.look(|left| being_read = left.being_read);
        being_read
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
            Err(error) if !error.ends_session() => tracing::warn!("a heartbeat cannot be sent: {error}"),
            _ => {}
        }
    }
}

/// | when the time is up | the session |
/// |---|---|
/// | a heartbeat has come meanwhile | lives, until the time is up after that |
/// | a handler is at work, or a read that waits is about to find what has arrived | lives for another interval |
/// | none of these | ends |
async fn heartbeat_missed(connection: &Connection, wire: &impl Wire) -> DisconnectReason {
    let shared = &*connection.shared;
    let Some(after) = shared.options.max_heartbeat_interval else { return pending().await };
    loop {
        let last = *shared.last_heartbeat.lock();
        sleep_until(last + after).await;
        let lives = if connection.is_being_read() { wire.unread() > 0 } else { connection.has_reader() };
        let mut latest = shared.last_heartbeat.lock();
        if lives {
            *latest = Instant::now();
        } else if *latest == last {
            return DisconnectReason::HeartbeatMissed { after };
        }
    }
}

/// What waits in the kernel has arrived when it is first seen there.
async fn idle(connection: &Connection, wire: &impl Wire) -> DisconnectReason {
    let Some(after) = connection.shared.options.idle_timeout else { return pending().await };
    let mut last = Instant::now();
    let mut unread = 0;
    loop {
        sleep_until(last + after).await;
        let arrival = connection.shared.reading.last_arrival().unwrap_or(last);
        let unread_now = wire.unread();
        last = if std::mem::replace(&mut unread, unread_now) < unread_now {
            Instant::now()
        } else if arrival > last {
            arrival
        } else {
            return DisconnectReason::Idle { after };
        };
    }
}
