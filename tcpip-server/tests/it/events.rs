//! What a connect callback is told, for a test to wait for.

use std::future::{Ready, ready};

use tcpip_server::ConnectionEvent;
use tokio::sync::mpsc;

/// A connect callback that passes all events on, and where they arrive.
pub(crate) fn event_channel()
-> (impl Fn(ConnectionEvent) -> Ready<()> + Send + Sync + Clone + 'static, mpsc::UnboundedReceiver<ConnectionEvent>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let callback = move |event| {
        let _ = sender.send(event);
        ready(())
    };
    (callback, receiver)
}
