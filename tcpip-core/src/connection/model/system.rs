//! The peer, and the system between it and the session.

use std::{collections::VecDeque, io, sync::Arc};

use super::flag::Flag;

/// What the peer has sent and the session has not asked for, and what the session has sent.
#[derive(Debug, Default)]
pub(super) struct System {
    unread: VecDeque<u8>,
    /// The peer has ended its half.
    pub(super) is_ended: bool,
    /// The stream has failed: nothing of it works any more.
    pub(super) has_failed: bool,
    /// Why, which the system tells once.
    error: Option<io::ErrorKind>,
    /// Who asked for bytes last and got none.
    waiting: Option<Arc<Flag>>,
    /// What the peer gets.
    pub(super) wire: Vec<u8>,
    /// This end has ended its half.
    pub(super) is_half_ended: bool,
}

/// Nothing for now.
pub(super) type Asked = Option<io::Result<Vec<u8>>>;

impl System {
    pub(super) fn send(&mut self, bytes: &[u8]) {
        if !self.has_hung_up() {
            self.unread.extend(bytes);
            self.wake();
        }
    }

    pub(super) fn end(&mut self) {
        if !self.has_failed {
            self.is_ended = true;
            self.wake();
        }
    }

    pub(super) fn fail(&mut self, error: io::ErrorKind) {
        if !self.has_failed {
            self.has_failed = true;
            self.error = Some(error);
            self.wake();
        }
    }

    fn wake(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.set();
        }
    }

    pub(super) fn has_hung_up(&self) -> bool {
        self.is_ended || self.has_failed
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    pub(super) fn has_much_unread(&self) -> bool {
        self.unread.len() > 1000
    }

    /// Whether who asks for bytes need not wait.
    pub(super) fn is_readable(&self) -> bool {
        self.has_unread() || self.has_hung_up()
    }

    /// Asks for at most so many bytes.
    pub(super) fn receive(&mut self, most: usize, asker: &Arc<Flag>) -> Asked {
        if self.has_unread() {
            let count = most.min(self.unread.len());
            return Some(Ok(self.unread.drain(..count).collect()));
        }
        if let Some(error) = self.error.take() {
            return Some(Err(error.into()));
        }
        if self.has_hung_up() {
            return Some(Ok(Vec::new()));
        }
        self.waiting = Some(Arc::clone(asker));
        None
    }

    /// Whether there are bytes, or why there will not be any.
    pub(super) fn peek(&mut self) -> io::Result<bool> {
        match self.error {
            Some(error) if !self.has_unread() => {
                self.error = None;
                Err(error.into())
            }
            _ => Ok(self.has_unread()),
        }
    }

    /// Asks why the stream has failed.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take().map(io::Error::from)
    }

    /// Offers bytes, of which the system takes so many; none: it would have to wait.
    pub(super) fn offer(&mut self, bytes: impl Iterator<Item = u8>, most: usize) -> io::Result<usize> {
        if let Some(error) = self.error.take() {
            return Err(error.into());
        }
        if self.has_failed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let before = self.wire.len();
        self.wire.extend(bytes.take(most));
        match self.wire.len() - before {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    /// Drops what has arrived.
    pub(super) fn discard(&mut self) -> (Vec<u8>, Option<io::Error>) {
        (self.unread.drain(..).collect(), self.take_error())
    }
}
