//! The options of a client.

use std::time::Duration;

use tcpip_client::{Client, ClientBuilder, ConnectError, Latest};

use crate::{
    CommandTelemetryClient,
    callbacks::{Callback, CallbackQueue, CallbackResult, Callbacks},
    frame::Body,
    in_flight::InFlight,
    incoming::Incoming,
};

/// How long a command waits for its status, unless something else is said.
pub const DEFAULT_COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// The options of a [`CommandTelemetryClient`], until [`connect`](Self::connect) makes one. Dropping it does nothing.
#[derive(Debug)]
#[must_use = "a builder does nothing until `connect` is called"]
pub struct Builder<C, T> {
    client: ClientBuilder,
    callbacks: Callbacks<C, T>,
    first_counter: u32,
    command_timeout: Duration,
}

impl<C: Body, T: Body> Builder<C, T> {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self {
            client: Client::builder(host, port).name("moog-client"),
            callbacks: Callbacks { config: None, telemetry: None },
            first_counter: 0,
            command_timeout: DEFAULT_COMMAND_TIMEOUT,
        }
    }

    /// Called with each configuration, in order with telemetry, one at a time. It may take its time, fail or panic:
    /// that is logged, and nothing else suffers. Default: none.
    pub fn config_callback<F, Fut>(mut self, callback: F) -> Self
    where
        F: Fn(C) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = CallbackResult> + Send + 'static,
    {
        self.callbacks.config = Some(Callback::new(callback));
        self
    }

    /// Called with each telemetry, as [`config_callback`](Self::config_callback). Default: none.
    pub fn telemetry_callback<F, Fut>(mut self, callback: F) -> Self
    where
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = CallbackResult> + Send + 'static,
    {
        self.callbacks.telemetry = Some(Callback::new(callback));
        self
    }

    /// How long a command waits for its status. Default: [`DEFAULT_COMMAND_TIMEOUT`].
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout;
        self
    }

    /// The number of the first command. Default: 0.
    pub fn first_counter(mut self, counter: u32) -> Self {
        self.first_counter = counter;
        self
    }

    /// Changes the options of the connection itself: name, deadlines, connect callback.
    pub fn options(mut self, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        self.client = change(self.client);
        self
    }

    /// Connects. The configuration and the first telemetry may not have come yet.
    ///
    /// # Errors
    ///
    /// Those of [`ClientBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn connect(self) -> Result<CommandTelemetryClient<C, T>, ConnectError> {
        let incoming = Incoming {
            config: Latest::new(),
            telemetry: Latest::new(),
            in_flight: InFlight::default(),
            callbacks: CallbackQueue::start(self.callbacks),
        };
        let client = self.client.connect_with(incoming).await?;
        Ok(CommandTelemetryClient::new(client, self.first_counter, self.command_timeout))
    }
}
