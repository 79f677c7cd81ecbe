//! The electrometer as a server's handler.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tcpip_server::{
    Connection, HandlerResult, OneClientReadLoopServer, OneClientServerBuilder, ReadAndDispatch, ReadError,
};
use tokio::{sync::watch, time::sleep};

use crate::readings::{Readings, line};

/// The port on which the electrometer is found unless something else is said: that of SCPI over a socket.
pub const DEFAULT_PORT: u16 = 5025;

/// How long a measurement takes: 0.2 s.
pub const DEFAULT_MEASURING_TIME: Duration = Duration::from_millis(200);

const WELCOME: &str = "PICO-1 electrometer";
const IDENTITY: &str = "MOCK,PICO-1,0042,1.0";
const UNDEFINED: &str = "-113,\"Undefined header\"";

/// What ends a command, and what ends a line of a reply.
const END: &[u8] = b"\r";
const LINE_END: &[u8; 2] = b"\r\n";

/// A command longer than this is undefined, whatever it says, in bytes.
const COMMAND_LIMIT: usize = 256;

/// The mock electrometer: what a server needs to talk like it, and what a test needs to steer it.
///
/// It outlives its clients: the next one finds the readings that the last one took. Dropping it ends nothing but
/// itself.
#[derive(Debug)]
pub struct MockElectrometer {
    measuring_time: Duration,
    readings: Mutex<Readings>,
    is_overloaded: AtomicBool,
    is_held: watch::Sender<bool>,
}

impl MockElectrometer {
    /// An electrometer that has measured nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            measuring_time: DEFAULT_MEASURING_TIME,
            readings: Mutex::default(),
            is_overloaded: AtomicBool::new(false),
            is_held: watch::Sender::new(false),
        }
    }

    /// How long a measurement takes. Default: [`DEFAULT_MEASURING_TIME`].
    #[must_use]
    pub fn measuring_time(self, time: Duration) -> Self {
        Self { measuring_time: time, ..self }
    }

    /// The builder of a server with this electrometer behind it: set host and port, then start it.
    pub fn server(self) -> OneClientServerBuilder<Self> {
        OneClientReadLoopServer::builder(self).name("scpi-electrometer-mock").terminator(LINE_END).limit(COMMAND_LIMIT)
    }

    /// From now on replies are held back, behind the echo.
    pub fn hold(&self) {
        self.is_held.send_replace(true);
    }

    /// Sends what was held back, and holds nothing back any more.
    pub fn release(&self) {
        self.is_held.send_replace(false);
    }

    /// From now on the current is beyond the range, or within it again.
    pub fn set_overloaded(&self, is_overloaded: bool) {
        self.is_overloaded.store(is_overloaded, Ordering::Relaxed);
    }

    async fn answer(&self, command: &[u8]) -> Vec<u8> {
        match command {
            b"*IDN?" => format!("{IDENTITY}\r\n").into_bytes(),
            b"MEAS?" => {
                sleep(self.measuring_time).await;
                line(self.readings().take(self.is_overloaded.load(Ordering::Relaxed))).into_bytes()
            }
            b"TRACE?" => format!("{}>", self.readings().lines()).into_bytes(),
            b"FETCH:BIN?" => [&*self.readings().block(), LINE_END].concat(),
            _ => format!("{UNDEFINED}\r\n").into_bytes(),
        }
    }

    fn readings(&self) -> MutexGuard<'_, Readings> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MockElectrometer {
    fn default() -> Self {
        Self::new()
    }
}

impl ReadAndDispatch for MockElectrometer {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        connection.write_str(WELCOME).await?;
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command = match connection.read_until(END).await {
            Ok(command) => command,
            Err(ReadError::FrameTooLong { .. }) => END.to_vec(),
            Err(error) => return Err(error.into()),
        };
        connection.write(&command).await?;
        // The sender lives as long as `self`.
        let _ = self.is_held.subscribe().wait_for(|is_held| !is_held).await;
        let answer = self.answer(command.strip_suffix(END).unwrap_or(&command)).await;
        connection.write(&answer).await?;
        Ok(())
    }
}
