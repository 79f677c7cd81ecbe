//! The dome as a server's handler.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tcpip_server::{
    Connection, HandlerResult, OneClientReadLoopServer, OneClientServerBuilder, ReadAndDispatch, ReadError,
};
use tokio::time::Instant;

use crate::{
    ace_box::{AceBox, GREETING, PROMPT},
    conditions::Conditions,
};

/// The port on which the dome is found unless something else is said.
pub const DEFAULT_PORT: u16 = 17310;

/// A line longer than this is malformed, whatever it says, in bytes.
const LINE_LIMIT: usize = 1024;

/// The mock dome: what a server needs to talk like it, and what a test needs to steer it.
///
/// It outlives its clients: the next one finds the dome where the last one left it, moving perhaps. Dropping it ends
/// nothing but itself; it has no task and no socket.
#[derive(Debug)]
pub struct MockDome {
    ace_box: Mutex<AceBox>,
    made: Instant,
    speed_up: f64,
}

impl MockDome {
    /// A dome at rest: azimuth 285 degrees, not homed, both doors closed.
    #[must_use]
    pub fn new() -> Self {
        Self { ace_box: Mutex::new(AceBox::new()), made: Instant::now(), speed_up: 1.0 }
    }

    /// Makes the dome's time pass so many times faster, for tests that do not want to wait: at 100, the 15 seconds
    /// of homing take 0.15. Default: 1.
    ///
    /// # Panics
    ///
    /// When the factor is not a number above 0.
    #[must_use]
    pub fn speed_up(mut self, factor: f64) -> Self {
        assert!(factor.is_finite() && factor > 0.0, "the dome's time cannot pass {factor} times faster");
        self.speed_up = factor;
        self
    }

    /// The builder of a server with this dome behind it: set host and port, then start it.
    pub fn server(self) -> OneClientServerBuilder<Self> {
        OneClientReadLoopServer::builder(self).name("atdome-mock").limit(LINE_LIMIT)
    }

    /// Makes the next command of this name do nothing and answer `Command NAME failed by request`, once. Another call
    /// replaces the one before.
    pub fn fail_next(&self, command: impl Into<String>) {
        self.ace_box().fail_next(command.into());
    }

    /// Makes the next command of this name do nothing and get no answer at all, once. Another call replaces the one
    /// before.
    pub fn swallow_next(&self, command: impl Into<String>) {
        self.ace_box().swallow_next(command.into());
    }

    /// Changes what surrounds the dome.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.ace_box().set_conditions(conditions);
    }

    fn answer(&self, line: &[u8]) -> String {
        self.ace_box().answer(&String::from_utf8_lossy(line), self.now())
    }

    /// How long the dome has existed, in its own time.
    fn now(&self) -> Duration {
        self.made.elapsed().mul_f64(self.speed_up)
    }

    fn ace_box(&self) -> MutexGuard<'_, AceBox> {
        self.ace_box.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MockDome {
    fn default() -> Self {
        Self::new()
    }
}

impl ReadAndDispatch for MockDome {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        connection.write(GREETING.as_bytes()).await?;
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let answer = match connection.read_until(b"\n").await {
            Ok(line) => self.answer(&line),
            Err(ReadError::FrameTooLong { .. }) => PROMPT.to_owned(),
            Err(error) => return Err(error.into()),
        };
        if !answer.is_empty() {
            connection.write(answer.as_bytes()).await?;
        }
        Ok(())
    }
}
