//! Both directions of a session.

use std::thread;

use tokio::time::Instant;

use super::{Installed, Lane};
use crate::faults::Direction;

/// Both directions of a session.
#[derive(Debug)]
pub(crate) struct Session {
    to_server: Lane,
    to_client: Lane,
}

impl Session {
    pub(crate) fn new(number: u64, window: usize, now: Instant) -> Self {
        let lane = |direction| Lane::new(direction, number, window, now);
        Self { to_server: lane(Direction::ToServer), to_client: lane(Direction::ToClient) }
    }

    pub(crate) fn lane(&mut self, direction: Direction) -> &mut Lane {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Whether there is any fault.
    pub(crate) fn has_faults(&self) -> bool {
        self.to_server.has_faults() || self.to_client.has_faults()
    }

    /// Whether both peers have been given the end.
    pub(crate) fn is_done(&self) -> bool {
        self.to_server.is_done() && self.to_client.is_done()
    }

    /// These faults are installed now, in this order.
    pub(crate) fn sync(&mut self, installed: &[Installed], now: Instant) {
        self.to_server.sync(installed, now);
        self.to_client.sync(installed, now);
        self.hang_up();
    }

    /// Does what is due by `now`.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.to_server.advance(now);
        self.to_client.advance(now);
        self.hang_up();
    }

    /// When something is due next.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        self.to_server.next_time().into_iter().chain(self.to_client.next_time()).min()
    }

    /// Ends the other direction of one whose peer has been given its end, if a fault wants that.
    fn hang_up(&mut self) {
        let hang_up = [self.to_server.has_hung_up(), self.to_client.has_hung_up()];
        if hang_up[0] {
            self.to_client.finish();
        }
        if hang_up[1] {
            self.to_server.finish();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.to_server.close();
            self.to_client.close();
        }
    }
}
