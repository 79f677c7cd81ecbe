//! Which message is what.

use std::collections::HashMap;

use tcpip_client::{Batch, Connection, HandlerError, Kind, Latest, Phase, Protocol, WriteError};

use crate::{Command, Configuration, Message, Reading, Refusal};

/// What the sensors speak, and what they have told.
#[derive(Debug)]
pub struct Ess {
    configuration: Configuration,
    telemetry: HashMap<String, Latest<Reading>>,
}

impl Ess {
    pub(crate) fn new(configuration: Configuration) -> Self {
        let telemetry = configuration.sensors.iter().map(|sensor| (sensor.name.clone(), Latest::new())).collect();
        Self { configuration, telemetry }
    }

    pub(crate) fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Returns what that sensor tells; `None` if it is none of the configuration.
    #[must_use]
    pub fn telemetry(&self, name: &str) -> Option<&Latest<Reading>> {
        self.telemetry.get(name)
    }
}

impl Protocol for Ess {
    type Command = Command;
    type Frame = Message;
    type Id = ();

    fn id(&self, _number: u64) {}

    fn write(&self, _id: &(), command: &Command, message: &mut Batch) -> Result<(), WriteError> {
        message.write_json(command).map(drop)
    }

    async fn read(&self, connection: &Connection) -> Result<Message, HandlerError> {
        Ok(connection.read_json().await?) // what is no message may be a reply, so it ends the session
    }

    fn classify(&self, message: &Message) -> Kind<()> {
        match message {
            Message::Response(code) => {
                Kind::next(Refusal::of(*code).map_or_else(|refusal| Phase::Failed(refusal.into()), |()| Phase::Done))
            }
            Message::Telemetry(_) => Kind::Event,
        }
    }

    fn event(&self, message: Message) {
        let Message::Telemetry(reading) = message else { return };
        let Some(latest) = self.telemetry.get(&reading.name) else {
            return tracing::debug!("the sensor {:?} is not configured", reading.name);
        };
        latest.set(reading);
    }

    async fn on_disconnect(&self, _connection: &Connection) {
        self.telemetry.values().for_each(Latest::interrupt);
    }
}
