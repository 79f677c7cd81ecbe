//! The controller as a server's handler.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use moog_protocol::{Command, CommandStatus, ControllerState, Header, frame_id};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, OneClientServerBuilder, ReadAndDispatch};
use tokio::time::{MissedTickBehavior, interval};

use crate::{CommandTable, Device, Machine, Status, Tai};

/// The time from one telemetry to the next, unless something else is said.
pub const TELEMETRY_INTERVAL: Duration = Duration::from_millis(100);

/// A mock controller with a device: what a server needs to talk like it, and what a test needs to steer it.
///
/// It outlives its clients: the next one finds it as the last one left it. Dropping it ends nothing but itself; its
/// telemetry belongs to the session of a client.
pub struct MockController<D> {
    inner: Arc<Inner<D>>,
}

struct Inner<D> {
    machine: Mutex<Machine<D>>,
    commands: CommandTable<D>,
    telemetry_interval: Duration,
    clock: Box<dyn Fn() -> Tai + Send + Sync>,
}

impl<D: Device> MockController<D> {
    /// A controller in standby, with its drives off.
    #[must_use]
    pub fn new(device: D) -> Self {
        let inner = Inner {
            machine: Mutex::new(Machine { status: Status::default(), device }),
            commands: D::commands(CommandTable::new()),
            telemetry_interval: TELEMETRY_INTERVAL,
            clock: Box::new(Tai::now),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Makes it begin in the enabled state.
    #[must_use]
    pub fn enabled(self) -> Self {
        self.machine().status.state = ControllerState::Enabled;
        self
    }

    /// The time from one telemetry to the next. Default: [`TELEMETRY_INTERVAL`].
    ///
    /// # Panics
    ///
    /// If it is zero.
    #[must_use]
    pub fn telemetry_interval(self, interval: Duration) -> Self {
        assert!(!interval.is_zero(), "telemetry takes some time");
        self.change(|inner| inner.telemetry_interval = interval)
    }

    /// What the headers are stamped with. Default: [`Tai::now`].
    #[must_use]
    pub fn clock(self, clock: impl Fn() -> Tai + Send + Sync + 'static) -> Self {
        self.change(|inner| inner.clock = Box::new(clock))
    }

    fn change(mut self, change: impl FnOnce(&mut Inner<D>)) -> Self {
        change(Arc::get_mut(&mut self.inner).expect("nobody shares it before it has a client"));
        self
    }

    /// The builder of a server with this controller behind it: set host and port, then start it.
    pub fn server(self) -> OneClientServerBuilder<Self> {
        OneClientReadLoopServer::builder(self).name("moog-mock")
    }

    /// The controller's state and device, to look at and to change. No client is served while this is held.
    pub fn machine(&self) -> MutexGuard<'_, Machine<D>> {
        self.inner.machine()
    }
}

impl<D> Inner<D> {
    fn machine(&self) -> MutexGuard<'_, Machine<D>> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn header(&self, frame_id: u32, counter: u32) -> Header {
        let now = (self.clock)();
        Header {
            frame_id: frame_id.into(),
            counter: counter.into(),
            tai_sec: now.sec.into(),
            tai_nsec: now.nsec.into(),
        }
    }
}

/// Sends telemetry until the session ends.
async fn run_telemetry_loop<D: Device>(inner: Arc<Inner<D>>, connection: Connection) {
    let mut ticks = interval(inner.telemetry_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let telemetry = {
            let Machine { status, device } = &mut *inner.machine();
            device.next_telemetry(status)
        };
        let header = inner.header(frame_id::TELEMETRY, 0);
        if connection.write_from((&header, &telemetry)).await.is_err() {
            return;
        }
    }
}

impl<D: Device> ReadAndDispatch for MockController<D> {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        let config = {
            let machine = self.machine();
            machine.device.config(&machine.status)
        };
        connection.write_from((&self.inner.header(frame_id::CONFIG, 0), &config)).await?;
        connection.spawn(run_telemetry_loop(Arc::clone(&self.inner), connection.clone()));
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command: Command = connection.read_struct().await?;
        let counter = command.counter.get();
        let mut reply = connection.batch();
        {
            let mut machine = self.machine();
            let status = match self.inner.commands.run(&mut machine, &command) {
                Ok(accepted) => {
                    if accepted.changes_config {
                        let config = machine.device.config(&machine.status);
                        reply.write_from((&self.inner.header(frame_id::CONFIG, 0), &config));
                    }
                    CommandStatus::accepted(accepted.duration)
                }
                Err(reason) => CommandStatus::refused(&reason),
            };
            reply.write_from((&self.inner.header(frame_id::COMMAND_STATUS, counter), &status));
        }
        reply.send().await?;
        Ok(())
    }
}

impl<D: fmt::Debug> fmt::Debug for MockController<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MockController").field("machine", &self.inner.machine).finish_non_exhaustive()
    }
}
