//! What is done with what the controller sends.

use tcpip_client::{Connection, HandlerResult, Latest, ReadAndDispatch};

use crate::{
    callbacks::CallbackQueue,
    frame::{Body, Frame, FrameDecoder},
    in_flight::InFlight,
};

/// The handler of the read loop.
#[derive(Debug)]
pub(crate) struct Incoming<C, T> {
    pub(crate) config: Latest<C>,
    pub(crate) telemetry: Latest<T>,
    pub(crate) in_flight: InFlight,
    pub(crate) callbacks: CallbackQueue<C, T>,
}

impl<C: Body, T: Body> ReadAndDispatch for Incoming<C, T> {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        match connection.read_frame(&mut FrameDecoder::<C, T>::new()).await? {
            Frame::Status { counter, status } => {
                if !self.in_flight.answer(counter, status) {
                    tracing::warn!("ignored the status of command {counter}, which nobody waits for");
                }
            }
            Frame::Config(config) => {
                self.config.set(config.clone());
                self.callbacks.config(config);
            }
            Frame::Telemetry(telemetry) => {
                self.telemetry.set(telemetry.clone());
                self.callbacks.telemetry(telemetry);
            }
            Frame::Unknown { frame_id, discarded } => {
                tracing::warn!("ignored a frame of unknown kind {frame_id}, and {discarded} bytes behind its header");
            }
        }
        Ok(())
    }

    /// Whoever waits is told that it is in vain.
    async fn on_disconnect(&self, _connection: &Connection) {
        self.config.close();
        self.telemetry.close();
        self.in_flight.end();
        self.callbacks.end();
    }
}
