//! The device as a server's handler.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::de::DeserializeOwned;
use tcpip_server::{
    Connection, DEFAULT_MAX_HEARTBEAT_INTERVAL, HandlerResult, OneClientReadLoopServer, OneClientServerBuilder,
    ReadAndDispatch, WriteError,
};
use tokio::{select, sync::watch, time::sleep};

use crate::{
    messages::{Command, Message, Response, Telemetry, Zero},
    sensor::Sensor,
};

/// The port on which the sensors are found unless something else is said.
pub const DEFAULT_PORT: u16 = 5000;

/// How often each sensor tells what it measures: each second.
pub const DEFAULT_PERIOD: Duration = Duration::from_secs(1);

/// The mock device: what a server needs to talk like it, and what a test needs to steer it.
///
/// It outlives its clients: the next one finds it configured. Dropping it ends nothing but itself.
#[derive(Debug)]
pub struct MockSensors {
    period: Duration,
    is_starting: AtomicBool,
    measuring: Arc<Measuring>,
}

/// What telemetry is made of, and what wakes who sends it.
#[derive(Debug, Default)]
struct Measuring {
    sensors: watch::Sender<Vec<Sensor>>,
    unplugged: Mutex<HashSet<String>>,
}

impl MockSensors {
    /// A device that is not configured.
    #[must_use]
    pub fn new() -> Self {
        Self { period: DEFAULT_PERIOD, is_starting: AtomicBool::new(false), measuring: Arc::default() }
    }

    /// How often each sensor tells what it measures. Default: [`DEFAULT_PERIOD`].
    #[must_use]
    pub fn period(self, period: Duration) -> Self {
        Self { period, ..self }
    }

    /// The builder of a server with this device behind it: set host and port, then start it.
    pub fn server(self) -> OneClientServerBuilder<Self> {
        OneClientReadLoopServer::builder(self)
            .name("ess-sensors-mock")
            .terminator(b"\r\n")
            .max_heartbeat_interval(DEFAULT_MAX_HEARTBEAT_INTERVAL)
    }

    /// From now on the device starts up, and refuses to be configured, or does not any more.
    pub fn set_starting(&self, is_starting: bool) {
        self.is_starting.store(is_starting, Ordering::Relaxed);
    }

    /// From now on that sensor's last channel reads NaN.
    pub fn unplug(&self, name: &str) {
        self.measuring.unplugged().insert(name.to_owned());
    }

    /// Whether it has been configured.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        !self.measuring.sensors.borrow().is_empty()
    }

    fn answer(&self, command: Command) -> Response {
        match command.command.as_str() {
            "configure" if self.is_starting.load(Ordering::Relaxed) => Response::StartingUp,
            "configure" => match parameters(command).and_then(Sensor::of) {
                Some(sensors) => {
                    self.measuring.sensors.send_replace(sensors);
                    Response::Done
                }
                None => Response::BadParameters,
            },
            "zero" => match parameters::<Zero>(command) {
                Some(_) if !self.is_configured() => Response::NotConfigured,
                Some(Zero { name }) => self.zero(&name),
                None => Response::BadParameters,
            },
            _ => Response::NoCommand,
        }
    }

    fn zero(&self, name: &str) -> Response {
        let is_done = self.measuring.sensors.send_if_modified(|sensors| {
            let sensor = sensors.iter_mut().find(|sensor| sensor.is_called(name));
            sensor.map(Sensor::zero).is_some()
        });
        if is_done { Response::Done } else { Response::NoSuchSensor }
    }
}

impl Default for MockSensors {
    fn default() -> Self {
        Self::new()
    }
}

impl ReadAndDispatch for MockSensors {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        let (link, measuring, period) = (connection.clone(), Arc::clone(&self.measuring), self.period);
        connection.spawn(async move {
            // It ends with the session, which tells the rest of it.
            let _ = measuring.tell(&link, period).await;
        });
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let response = match connection.read_json().await {
            Ok(command) => self.answer(command),
            Err(error) if error.ends_session() => return Err(error.into()),
            Err(_) => Response::NoCommand,
        };
        connection.write_json(&Message::Response(response)).await?;
        Ok(())
    }
}

impl Measuring {
    /// Tells what the sensors measure, again and again.
    async fn tell(&self, connection: &Connection, period: Duration) -> Result<(), WriteError> {
        let mut sensors = self.sensors.subscribe();
        loop {
            let telemetries = self.measure(&sensors.borrow_and_update());
            for telemetry in telemetries {
                connection.write_json(&Message::Telemetry(telemetry)).await?;
            }
            select! {
                biased;
                () = sleep(period) => {}
                // The sender is here.
                _ = sensors.changed() => {}
            }
        }
    }

    fn measure(&self, sensors: &[Sensor]) -> Vec<Telemetry> {
        let unplugged = self.unplugged();
        let is_unplugged = |sensor: &Sensor| unplugged.iter().any(|name| sensor.is_called(name));
        sensors.iter().map(|sensor| sensor.measure(is_unplugged(sensor))).collect()
    }

    fn unplugged(&self) -> MutexGuard<'_, HashSet<String>> {
        self.unplugged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parameters<T: DeserializeOwned>(command: Command) -> Option<T> {
    serde_json::from_value(command.parameters).ok()
}
