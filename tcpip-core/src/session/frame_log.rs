//! What those are told who listen in on a session.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::{Buffer, Effects, Session, incoming::End};
use crate::{ChunkEnd, DisconnectReason};

/// Bytes of which somebody who listens in is to be told.
#[derive(Debug)]
pub(crate) struct Tapped {
    pub(crate) kind: TapKind,
    pub(crate) at: Instant,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TapKind {
    /// A read has taken them.
    Received,
    /// They are queued.
    Sent,
    /// No read has taken them, nor will.
    Unread,
    /// There are none: the session has ended.
    Ended,
}

/// A copy of what is in the buffer, and when it came: a read says what it has taken by what it leaves.
#[derive(Debug, Default)]
pub(super) struct FrameLog {
    bytes: VecDeque<u8>,
    /// How many bytes had come by then, in all.
    arrivals: VecDeque<(u64, Instant)>,
    taken: u64,
}

impl FrameLog {
    fn arrived(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes.extend(bytes);
            self.arrivals.push_back((self.taken + self.bytes.len() as u64, Instant::now()));
        }
    }

    /// Takes out all but `left` bytes, and when the last of them came. `None` if there are no more.
    fn take(&mut self, left: usize) -> Option<(Vec<u8>, Instant)> {
        let count = self.bytes.len().checked_sub(left).filter(|count| *count > 0)?;
        self.taken += count as u64;
        let mut last = None;
        while let Some((end, at)) = self.arrivals.front().copied() {
            last = Some(at);
            if end > self.taken {
                break;
            }
            self.arrivals.pop_front();
            if end == self.taken {
                break;
            }
        }
        Some((self.bytes.drain(..count).collect(), last?))
    }
}

impl Session {
    /// Notes what has come into the buffer, or will be there when it is back.
    pub(crate) fn log_arrival(&mut self, bytes: &[u8]) {
        if !self.incoming.is_discarded
            && let Some(log) = &mut self.incoming.log
        {
            log.arrived(bytes);
        }
    }

    /// Tells what a read has taken out of the buffer.
    pub(super) fn log_taken(&mut self, effects: &mut Effects) {
        if self.incoming.log.is_some() && self.incoming.place == Buffer::Here {
            self.log_all_but(self.incoming.held(), TapKind::Received, effects);
        }
    }

    /// Tells what a read has taken out that goes on, such as a heartbeat, lest that be kept for as long as it waits.
    /// But what a decoder has taken is part of a frame.
    pub(super) fn log_passed_over(&mut self, effects: &mut Effects) {
        if self.incoming.log.is_some() && !self.incoming.frames().is_within_frame() {
            self.log_taken(effects);
        }
    }

    /// Tells what nobody has taken, nor will.
    pub(super) fn log_unread(&mut self, effects: &mut Effects) {
        self.log_all_but(0, TapKind::Unread, effects);
    }

    /// Tells that nothing more will be told.
    pub(super) fn log_end(&mut self, effects: &mut Effects) {
        if self.incoming.log.is_some() {
            effects.tap(Tapped { kind: TapKind::Ended, at: Instant::now(), bytes: Vec::new() });
        }
    }

    /// How the peer has ended what it sends, if it has and all before that has been taken out of the stream: a receive
    /// has found the end, or the stream is known to be empty and nobody receives.
    pub(crate) fn peers_end(&self, is_empty: bool) -> Option<ChunkEnd> {
        use DisconnectReason::{ClosedByPeer, Reset};
        match self.incoming.end.known() {
            Some(End::Stream | End::Session(ClosedByPeer)) => return Some(ChunkEnd::Fin),
            Some(End::Session(Reset)) => return Some(ChunkEnd::Reset),
            _ => {}
        }
        if !is_empty || !self.life.has_hung_up() || self.incoming.place != Buffer::Here {
            return None;
        }
        // Of a failure more is known when its cause is.
        let is_in_order = match self.life.reason() {
            None => !self.is_in_doubt,
            Some(reason) => *reason == ClosedByPeer || reason.is_by_this_end(),
        };
        is_in_order.then_some(ChunkEnd::Fin)
    }

    fn log_all_but(&mut self, left: usize, kind: TapKind, effects: &mut Effects) {
        if let Some((bytes, at)) = self.incoming.log.as_mut().and_then(|log| log.take(left)) {
            effects.tap(Tapped { kind, at, bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    /// A frame came when its last byte did, however the bytes were cut.
    #[tokio::test(start_paused = true)]
    async fn a_frame_came_with_its_last_byte() {
        let start = Instant::now();
        let mut log = FrameLog::default();
        for piece in ["on", "e,tw", "o,", "thr"] {
            log.arrived(piece.as_bytes());
            advance(Duration::from_secs(1)).await;
        }
        let mut take = |left| log.take(left).map(|(bytes, at)| (bytes, (at - start).as_secs()));
        assert_eq!(take(7), Some((b"one,".to_vec(), 1)));
        assert_eq!(take(7), None);
        assert_eq!(take(8), None);
        assert_eq!(take(3), Some((b"two,".to_vec(), 2)));
        assert_eq!(take(2), Some((b"t".to_vec(), 3)));
        assert_eq!(take(0), Some((b"hr".to_vec(), 3)));
        assert_eq!(take(0), None);
    }
}
