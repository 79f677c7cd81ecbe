//! The user's callbacks, which may take their time and fail.

use std::{error::Error, fmt, pin::Pin, sync::Mutex};

use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How many configurations and telemetries may wait for their callbacks. Those that come while so many wait are not
/// given to the callbacks.
pub const CALLBACK_QUEUE: usize = 1024;

/// What a callback returns. `?` works in it on any error, which is logged and does no harm.
pub type CallbackResult = Result<(), Box<dyn Error + Send + Sync>>;

type BoxFuture = Pin<Box<dyn Future<Output = CallbackResult> + Send>>;

/// A callback for each `V`.
pub(crate) struct Callback<V>(Box<dyn Fn(V) -> BoxFuture + Send + Sync>);

impl<V> Callback<V> {
    pub(crate) fn new<Fut>(callback: impl Fn(V) -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = CallbackResult> + Send + 'static,
    {
        Self(Box::new(move |value| Box::pin(callback(value))))
    }

    /// In a task of its own, so that a panic ends that alone.
    async fn call(&self, what: &str, value: V) {
        match tokio::spawn((self.0)(value)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("the {what} callback failed: {error}"),
            Err(error) => tracing::error!("the {what} callback did not end: {error}"),
        }
    }
}

/// The callbacks, of which either may be absent.
pub(crate) struct Callbacks<C, T> {
    pub(crate) config: Option<Callback<C>>,
    pub(crate) telemetry: Option<Callback<T>>,
}

impl<C, T> fmt::Debug for Callbacks<C, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Callbacks")
            .field("config", &self.config.is_some())
            .field("telemetry", &self.telemetry.is_some())
            .finish()
    }
}

#[derive(Debug)]
enum News<C, T> {
    Config(C),
    Telemetry(T),
}

/// Where what has come waits for its callback.
#[derive(Debug)]
pub(crate) struct CallbackQueue<C, T> {
    /// `None` once nothing will come any more, and without callbacks.
    sender: Mutex<Option<Sender<News<C, T>>>>,
    has_config: bool,
    has_telemetry: bool,
}

impl<C: Send + 'static, T: Send + 'static> CallbackQueue<C, T> {
    /// Starts the task that calls the callbacks, one at a time and in order. It ends when the queue has ended.
    pub(crate) fn start(callbacks: Callbacks<C, T>) -> Self {
        let (has_config, has_telemetry) = (callbacks.config.is_some(), callbacks.telemetry.is_some());
        let sender = (has_config || has_telemetry).then(|| {
            let (sender, receiver) = channel(CALLBACK_QUEUE);
            tokio::spawn(run_callbacks(callbacks, receiver));
            sender
        });
        Self { sender: Mutex::new(sender), has_config, has_telemetry }
    }

    pub(crate) fn config(&self, config: C) {
        if self.has_config {
            self.push(News::Config(config));
        }
    }

    pub(crate) fn telemetry(&self, telemetry: T) {
        if self.has_telemetry {
            self.push(News::Telemetry(telemetry));
        }
    }

    /// Nothing will come any more.
    pub(crate) fn end(&self) {
        *self.sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }

    fn push(&self, news: News<C, T>) {
        let sender = self.sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if sender.as_ref().is_some_and(|sender| sender.try_send(news).is_err()) {
            tracing::warn!("a callback is behind by {CALLBACK_QUEUE} calls: this one is left out");
        }
    }
}

async fn run_callbacks<C, T>(callbacks: Callbacks<C, T>, mut news: Receiver<News<C, T>>) {
    while let Some(news) = news.recv().await {
        match (news, &callbacks) {
            (News::Config(config), Callbacks { config: Some(callback), .. }) => callback.call("config", config).await,
            (News::Telemetry(telemetry), Callbacks { telemetry: Some(callback), .. }) => {
                callback.call("telemetry", telemetry).await;
            }
            _ => {}
        }
    }
}
