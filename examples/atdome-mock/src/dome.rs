//! The model of the dome: what the commands do to it.

use std::time::Duration;

use crate::{
    azimuth::{self, Azimuth},
    command::Command,
    conditions::Conditions,
    door::Door,
};

/// The dome and its surroundings. It has no clock: whoever asks says how long the dome has existed.
#[derive(Debug)]
pub(crate) struct Dome {
    pub(crate) main_door: Door,
    pub(crate) dropout_door: Door,
    pub(crate) azimuth: Azimuth,
    pub(crate) conditions: Conditions,
    pub(crate) last_azimuth_goto: f64,
}

impl Dome {
    pub(crate) fn new() -> Self {
        Self {
            main_door: Door::closed(),
            dropout_door: Door::closed(),
            azimuth: Azimuth::new(),
            conditions: Conditions::default(),
            last_azimuth_goto: azimuth::START,
        }
    }

    /// Carries a command out and gives the reply's lines; a refused command does nothing and has none.
    pub(crate) fn execute(&mut self, command: Command, now: Duration) -> Vec<String> {
        match command {
            Command::ShortStatus => return self.short_status(now),
            Command::FullStatus => return self.full_status(now),
            Command::Stop => {
                self.main_door.stop(now);
                self.dropout_door.stop(now);
                self.azimuth.stop(now);
            }
            Command::OpenMainDoor => self.main_door.open(now),
            Command::CloseMainDoor => self.main_door.close(now),
            Command::OpenDropoutDoor => self.dropout_door.open(now),
            Command::CloseDropoutDoor => self.dropout_door.close(now),
            Command::OpenBothDoors => {
                self.main_door.open(now);
                self.dropout_door.open(now);
            }
            Command::CloseBothDoors => {
                self.main_door.close(now);
                self.dropout_door.close(now);
            }
            Command::Home => self.azimuth.home(now),
            Command::Move(_) if self.azimuth.is_homing(now) => {}
            Command::Move(degrees) => {
                self.azimuth.rotate_to(degrees, now);
                self.last_azimuth_goto = degrees;
            }
        }
        Vec::new()
    }
}
