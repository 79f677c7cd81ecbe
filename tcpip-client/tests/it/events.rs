//! What a connect callback is told, in order.

use tcpip_client::{ClientBuilder, ConnectionEvent, DisconnectReason};
use tcpip_testkit::eventually;
use tokio::sync::mpsc;

/// What the connect callback is told.
pub(crate) struct Events(mpsc::UnboundedReceiver<ConnectionEvent>);

impl Events {
    /// A setter of the callback, and what it will be told.
    pub(crate) fn new<T>() -> (impl FnOnce(ClientBuilder<T>) -> ClientBuilder<T>, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let callback = move |client: ClientBuilder<T>| {
            client.connect_callback(move |event| {
                let sender = sender.clone();
                async move { sender.send(event).unwrap_or_default() }
            })
        };
        (callback, Self(receiver))
    }

    pub(crate) async fn next(&mut self) -> Option<ConnectionEvent> {
        eventually(self.0.recv()).await
    }

    pub(crate) async fn connected(&mut self) {
        assert!(self.next().await.expect("an event").is_connected());
    }

    /// The reason of the last event: there is exactly one, and the callback is let go of after it.
    pub(crate) async fn disconnected(&mut self) -> DisconnectReason {
        let event = self.next().await.expect("an event");
        assert!(!event.is_connected() && !event.connection().is_connected());
        assert!(self.next().await.is_none(), "an event after the last");
        event.reason().expect("a reason")
    }

    /// Whether nothing has been told that was not asked for.
    pub(crate) fn is_silent(&self) -> bool {
        self.0.is_empty() && !self.0.is_closed()
    }
}
