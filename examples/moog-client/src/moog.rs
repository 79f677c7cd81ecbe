//! What is done with what the controller sends.

use std::sync::{Mutex, MutexGuard, PoisonError};

use moog_protocol::{ACK, Command, Parameters};
use tcpip_client::{Batch, Connection, HandlerError, HandlerResult, Kind, Latest, Phase, Protocol, WriteError};

use crate::{
    callbacks::Callbacks,
    frame::{Body, Frame, FrameDecoder},
};

/// What a controller speaks.
pub(crate) struct Moog<C, T> {
    pub(crate) config: Latest<C>,
    pub(crate) telemetry: Latest<T>,
    first_counter: u32,
    /// `None` once nobody is to be called any more.
    callbacks: Mutex<Option<Callbacks<C, T>>>,
}

impl<C: Body, T: Body> Moog<C, T> {
    pub(crate) fn new(first_counter: u32, callbacks: Callbacks<C, T>) -> Self {
        let callbacks = Mutex::new(Some(callbacks));
        Self { config: Latest::new(), telemetry: Latest::new(), first_counter, callbacks }
    }

    /// Lets the callbacks go, with all that they hold: the client itself, perhaps.
    pub(crate) fn end_callbacks(&self) {
        let callbacks = self.callbacks().take();
        drop(callbacks);
    }

    fn callbacks(&self) -> MutexGuard<'_, Option<Callbacks<C, T>>> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Body, T: Body> Protocol for Moog<C, T> {
    /// Its code, and with what.
    type Command = (u32, Parameters);
    type Frame = Frame<C, T>;
    type Id = u32;

    #[expect(clippy::cast_possible_truncation, reason = "counters wrap")]
    fn id(&self, number: u64) -> u32 {
        self.first_counter.wrapping_add(number as u32)
    }

    fn write(&self, counter: &u32, command: &(u32, Parameters), message: &mut Batch) -> Result<(), WriteError> {
        let (code, parameters) = *command;
        message.write_from(&Command::new(*counter, code, parameters));
        Ok(())
    }

    async fn read(&self, connection: &Connection) -> Result<Frame<C, T>, HandlerError> {
        Ok(connection.read_frame(&mut FrameDecoder::new()).await?)
    }

    fn classify(&self, frame: &Frame<C, T>) -> Kind<u32> {
        match frame {
            Frame::Status { counter, status } if status.status.get() == ACK => Kind::Reply(*counter, Phase::Done),
            Frame::Status { counter, status } => Kind::Reply(*counter, Phase::Failed(status.reason().into())),
            Frame::Config(_) | Frame::Telemetry(_) | Frame::Unknown { .. } => Kind::Event,
        }
    }

    fn event(&self, frame: Frame<C, T>) {
        match &frame {
            Frame::Config(config) => self.config.set(config.clone()),
            Frame::Telemetry(telemetry) => self.telemetry.set(telemetry.clone()),
            Frame::Unknown { frame_id, discarded } => {
                tracing::warn!("ignored a frame of unknown kind {frame_id}, and {discarded} bytes behind its header");
            }
            Frame::Status { .. } => {}
        }
        if let Some(callbacks) = &*self.callbacks() {
            callbacks.call(frame);
        }
    }

    /// What the last session said is the controller's no more.
    async fn on_connect(&self, _connection: &Connection) -> HandlerResult {
        self.config.clear();
        self.telemetry.clear();
        Ok(())
    }
}
