//! The user's callbacks, which may take their time and fail.

use std::{error::Error, pin::Pin, sync::Arc};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::frame::Frame;

/// How many configurations and telemetries may wait for their callbacks. Those that come while so many wait are not
/// given to the callbacks.
pub const CALLBACK_QUEUE: usize = 1024;

/// What a callback returns. `?` works in it on any error, which is logged and does no harm.
pub type CallbackResult = Result<(), Box<dyn Error + Send + Sync>>;

/// A call, which runs nothing before it is polled.
type Call = Pin<Box<dyn Future<Output = CallbackResult> + Send>>;

/// What calls a callback with each `V`.
pub(crate) type Callback<V> = Box<dyn Fn(V) -> Call + Send + Sync>;

pub(crate) fn callback<V, F, Fut>(callback: F) -> Callback<V>
where
    V: Send + 'static,
    F: Fn(V) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = CallbackResult> + Send + 'static,
{
    let callback = Arc::new(callback);
    Box::new(move |value| {
        let callback = Arc::clone(&callback);
        Box::pin(async move { callback(value).await })
    })
}

/// The callbacks, of which either may be absent, and where calls wait for their turn.
pub(crate) struct Callbacks<C, T> {
    config: Option<Callback<C>>,
    telemetry: Option<Callback<T>>,
    calls: Sender<Call>,
}

impl<C, T> Callbacks<C, T> {
    /// Starts the task that calls them, one at a time and in order. It ends when this has been dropped.
    pub(crate) fn start(config: Option<Callback<C>>, telemetry: Option<Callback<T>>) -> Self {
        let (calls, waiting) = channel(CALLBACK_QUEUE);
        tokio::spawn(run_calls(waiting));
        Self { config, telemetry, calls }
    }

    /// Has the callback called that is for this frame.
    pub(crate) fn call(&self, frame: Frame<C, T>) {
        let call = match (frame, self) {
            (Frame::Config(config), Self { config: Some(callback), .. }) => callback(config),
            (Frame::Telemetry(telemetry), Self { telemetry: Some(callback), .. }) => callback(telemetry),
            _ => return,
        };
        if self.calls.try_send(call).is_err() {
            tracing::warn!("the callbacks are behind by {CALLBACK_QUEUE} calls: this one is left out");
        }
    }
}

/// Each in a task of its own, so that a panic ends that alone.
async fn run_calls(mut calls: Receiver<Call>) {
    while let Some(call) = calls.recv().await {
        match tokio::spawn(call).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("a callback failed: {error}"),
            Err(error) => tracing::error!("a callback did not end: {error}"),
        }
    }
}
