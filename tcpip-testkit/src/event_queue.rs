//! What happened, in order, for a test to wait for.

use std::time::Duration;

use tokio::{
    sync::{Mutex, mpsc},
    time::timeout,
};

use crate::FixtureError;

/// A queue that one side fills at once and the other waits for.
#[derive(Debug)]
pub(crate) struct EventQueue<T> {
    sender: mpsc::UnboundedSender<T>,
    receiver: Mutex<mpsc::UnboundedReceiver<T>>,
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver: Mutex::new(receiver) }
    }
}

impl<T> EventQueue<T> {
    pub(crate) fn sender(&self) -> &mpsc::UnboundedSender<T> {
        &self.sender
    }

    pub(crate) fn push(&self, event: T) {
        let _ = self.sender.send(event);
    }

    pub(crate) async fn next(&self, after: Duration) -> Result<T, FixtureError> {
        let next = async { self.receiver.lock().await.recv().await };
        timeout(after, next).await.ok().flatten().ok_or(FixtureError::Nothing { after })
    }
}
