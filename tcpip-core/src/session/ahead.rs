//! The reading ahead of a stream that cannot tell that its end has come except to a read.

use std::io;

use super::{DisconnectReason, Effects, Session, StreamEnd, Waker};

impl Session {
    /// Whether the session's task reads ahead.
    pub(crate) fn reads_ahead(&self) -> bool {
        self.incoming.ahead.is_some() && self.incoming.end == StreamEnd::Open
    }

    /// How much may be read ahead now; `waker` is noted, and woken when that has become more. `None` once nothing more
    /// will come.
    pub(crate) fn room_ahead(&mut self, waker: &mut Option<Waker>, effects: &mut Effects) -> Option<usize> {
        if !self.reads_ahead() {
            return None;
        }
        self.incoming.set_reader_ahead(waker, effects);
        let room = self.incoming.room(self.limit);
        if room == 0 {
            self.incoming.hold_up();
        }
        Some(room)
    }

    /// Has the session's task look again.
    pub(crate) fn wake_reader_ahead(&mut self, effects: &mut Effects) {
        self.incoming.wake_task(effects);
    }

    /// So many bytes have been read ahead, and become `input`; none: the stream has ended. Whether there may be more.
    pub(crate) fn read_ahead(&mut self, result: io::Result<usize>, input: &[u8], effects: &mut Effects) -> bool {
        match result {
            Ok(0) => self.stream_ended(None, effects),
            Ok(count) => {
                self.log_arrival(input);
                self.incoming.read_ahead(count, input);
            }
            Err(error) => self.stream_ended(Some(DisconnectReason::from_io(&error)), effects),
        }
        effects.wake(self.incoming.waker.take());
        self.reads_ahead()
    }

    /// Whether more may come out of the source.
    pub(crate) fn has_source(&self) -> bool {
        self.incoming.end.known().is_none()
    }
}
