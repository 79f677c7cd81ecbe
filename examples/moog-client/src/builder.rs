//! The options of a client.

use std::{fmt, time::Duration};

use tcpip_client::{Commands, LinkBuilder, LinkError};

use crate::{
    CommandTelemetryClient,
    callbacks::{Callback, CallbackResult, Callbacks, callback},
    frame::Body,
    moog::Moog,
};

/// How long a command waits for its status, unless something else is said.
pub const DEFAULT_COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// The options of a [`CommandTelemetryClient`], until [`connect`](Self::connect) or [`start`](Self::start) makes one.
/// Dropping it does nothing.
#[must_use = "a builder does nothing until `connect` or `start` is called"]
pub struct Builder<C, T> {
    link: LinkBuilder,
    config_callback: Option<Callback<C>>,
    telemetry_callback: Option<Callback<T>>,
    first_counter: u32,
    command_timeout: Duration,
}

impl<C: Body, T: Body> Builder<C, T> {
    /// Those of a client over a link with other options than [`CommandTelemetryClient::builder`] gives it: deadlines,
    /// pauses, callbacks of its connection and its states.
    pub fn over(link: LinkBuilder) -> Self {
        Self {
            link,
            config_callback: None,
            telemetry_callback: None,
            first_counter: 0,
            command_timeout: DEFAULT_COMMAND_TIMEOUT,
        }
    }

    /// Called with each configuration, in order with telemetry, one at a time. It may take its time, fail or panic:
    /// that is logged, and nothing else suffers. It lives until the client is dropped or
    /// [closed](CommandTelemetryClient::close): one that holds the client itself needs the latter. Default: none.
    pub fn config_callback<F, Fut>(mut self, config_callback: F) -> Self
    where
        F: Fn(C) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = CallbackResult> + Send + 'static,
    {
        self.config_callback = Some(callback(config_callback));
        self
    }

    /// Called with each telemetry, as [`config_callback`](Self::config_callback). Default: none.
    pub fn telemetry_callback<F, Fut>(mut self, telemetry_callback: F) -> Self
    where
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = CallbackResult> + Send + 'static,
    {
        self.telemetry_callback = Some(callback(telemetry_callback));
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

    /// Connects, and waits until the controller is [ready](CommandTelemetryClient::ready), the first time that it is
    /// tried.
    ///
    /// # Errors
    ///
    /// Those of [`LinkBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn connect(self) -> Result<CommandTelemetryClient<C, T>, LinkError> {
        Ok(CommandTelemetryClient { link: self.link().connect().await? })
    }

    /// Starts a client that tries until it is closed.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use = "a client that is dropped is closed"]
    pub fn start(self) -> CommandTelemetryClient<C, T> {
        CommandTelemetryClient { link: self.link().start() }
    }

    fn link(self) -> LinkBuilder<Commands<Moog<C, T>>> {
        let moog = Moog::new(self.first_counter, Callbacks::start(self.config_callback, self.telemetry_callback));
        let commands = Commands::new(moog).in_flight(1).with(|options| options.reply_timeout(self.command_timeout));
        self.link.handler(commands).ready_when(|commands| async move {
            let Moog { config, telemetry, .. } = commands.protocol();
            config.wait_for(|_| true).await;
            telemetry.wait_for(|_| true).await;
            Ok(())
        })
    }
}

impl<C, T> fmt::Debug for Builder<C, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Builder").field("link", &self.link).finish_non_exhaustive()
    }
}
