//! The mirror behind both ports.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tcpip_server::{OneClientReadLoopServer, OneClientServerBuilder, ReadAndDispatch};
use tokio::sync::watch;

use crate::{CommandPort, TelemetryPort, actuator::Actuator};

/// The port for commands unless something else is said.
pub const DEFAULT_COMMAND_PORT: u16 = 5571;

/// The port for telemetry unless something else is said.
pub const DEFAULT_TELEMETRY_PORT: u16 = 5572;

/// How many actuators there are: 8.
pub const DEFAULT_ACTUATORS: usize = 8;

/// How fast an actuator moves: 2 mm/s.
pub const DEFAULT_SPEED: f64 = 2.0;

/// The mock mirror: what makes the servers of its two ports, and what a test needs to steer it.
///
/// It outlives its clients. Clones share it. Dropping it ends nothing.
#[derive(Clone, Debug)]
pub struct MockMirror {
    pub(crate) speed: f64,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    actuators: Mutex<Vec<Actuator>>,
    is_held: watch::Sender<bool>,
}

impl MockMirror {
    /// A mirror whose actuators all stand at 0.
    #[must_use]
    pub fn new() -> Self {
        let shared = Shared { actuators: Mutex::default(), is_held: watch::Sender::new(false) };
        Self { speed: DEFAULT_SPEED, shared: Arc::new(shared) }.actuators(DEFAULT_ACTUATORS)
    }

    /// How many actuators there are, each at 0 then. Default: [`DEFAULT_ACTUATORS`].
    #[must_use]
    pub fn actuators(self, count: usize) -> Self {
        *self.all() = std::iter::repeat_with(Actuator::default).take(count).collect();
        self
    }

    /// How fast actuators move that are commanded by servers made from here on, in mm/s. Default: [`DEFAULT_SPEED`].
    #[must_use]
    pub fn speed(self, speed: f64) -> Self {
        Self { speed, ..self }
    }

    /// The builder of the server for commands: set host and port, then start it.
    pub fn command_server(&self) -> OneClientServerBuilder<CommandPort> {
        server("two-port-mock commands", CommandPort::new(self.clone()))
    }

    /// The builder of the server for telemetry: set host and port, then start it.
    pub fn telemetry_server(&self) -> OneClientServerBuilder<TelemetryPort> {
        server("two-port-mock telemetry", TelemetryPort::new(self.clone()))
    }

    /// From now on commands are acknowledged and carried out, and do not end.
    pub fn hold(&self) {
        self.shared.is_held.send_replace(true);
    }

    /// Has those end that were held back, and holds nothing back any more.
    pub fn release(&self) {
        self.shared.is_held.send_replace(false);
    }

    /// Waits until nothing is held back.
    pub(crate) async fn released(&self) {
        // The sender lives as long as `self`.
        let _ = self.shared.is_held.subscribe().wait_for(|is_held| !is_held).await;
    }

    /// Does something with one actuator, if there is one.
    pub(crate) fn with<T>(&self, actuator: usize, act: impl FnOnce(&mut Actuator) -> T) -> Result<T, String> {
        self.all().get_mut(actuator).map(act).ok_or_else(|| format!("there is no actuator {actuator}"))
    }

    pub(crate) fn all(&self) -> MutexGuard<'_, Vec<Actuator>> {
        self.shared.actuators.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MockMirror {
    fn default() -> Self {
        Self::new()
    }
}

fn server<H: ReadAndDispatch>(name: &str, handler: H) -> OneClientServerBuilder<H> {
    OneClientReadLoopServer::builder(handler).name(name).terminator(b"\n")
}
