//! The command that waits for its status.

use std::sync::{Mutex, MutexGuard, PoisonError};

use moog_protocol::CommandStatus;
use tokio::sync::oneshot;

/// The command that waits for its status, by its number: none, or one.
///
/// Whoever waits keeps the receiver. A sender that is dropped tells it that no status will come.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    waiting: Mutex<Option<(u32, oneshot::Sender<CommandStatus>)>>,
}

impl InFlight {
    /// Waits from now on for the status of this command, and of no other.
    pub(crate) fn begin(&self, counter: u32) -> oneshot::Receiver<CommandStatus> {
        let (sender, receiver) = oneshot::channel();
        *self.waiting() = Some((counter, sender));
        receiver
    }

    /// Gives a status to the command that waits for it. Whether there is one.
    pub(crate) fn answer(&self, counter: u32, status: CommandStatus) -> bool {
        let waiting = self.waiting().take_if(|(expected, _)| *expected == counter);
        waiting.is_some_and(|(_, sender)| sender.send(status).is_ok())
    }

    /// No status will come any more.
    pub(crate) fn end(&self) {
        *self.waiting() = None;
    }

    fn waiting(&self) -> MutexGuard<'_, Option<(u32, oneshot::Sender<CommandStatus>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
