//! What is measured.

#![expect(clippy::disallowed_types, reason = "the protocol tells the time of day; nothing is waited for by it")]

use std::{
    collections::HashSet,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::messages::{Configuration, Telemetry};

const MOST_SENSORS: usize = 32;
const MOST_CHANNELS: u8 = 16;

/// A sensor that is configured. Its channels read 20, 21, 22 and so on, until it is zeroed.
#[derive(Clone, Debug)]
pub(crate) struct Sensor {
    name: String,
    channels: u8,
    is_zeroed: bool,
}

impl Sensor {
    /// Those of a configuration, if it is one that the device can have.
    pub(crate) fn of(configuration: Configuration) -> Option<Vec<Self>> {
        let mut names = HashSet::new();
        let are_few = (1..=MOST_SENSORS).contains(&configuration.sensors.len());
        let sensors = configuration.sensors.into_iter().map(|sensor| {
            let channels = u8::try_from(sensor.channels).ok().filter(|count| (1..=MOST_CHANNELS).contains(count))?;
            let is_new = names.insert(sensor.name.clone());
            is_new.then_some(Self { name: sensor.name, channels, is_zeroed: false })
        });
        if are_few { sensors.collect() } else { None }
    }

    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name
    }

    pub(crate) fn zero(&mut self) {
        self.is_zeroed = true;
    }

    /// What it measures. One that is unplugged has no last channel.
    pub(crate) fn measure(&self, is_unplugged: bool) -> Telemetry {
        let last = self.channels - 1;
        let read = |channel| match channel {
            _ if is_unplugged && channel == last => f64::NAN,
            _ if self.is_zeroed => 0.0,
            _ => 20.0 + f64::from(channel),
        };
        Telemetry {
            name: self.name.clone(),
            timestamp: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            response_code: u8::from(is_unplugged),
            sensor_data: (0..self.channels).map(read).collect(),
        }
    }
}
