//! What differs from device to device.

use zerocopy::{Immutable, IntoBytes};

use crate::{CommandTable, Status};

/// What a device adds to a [`MockController`](crate::MockController): its configuration, telemetry and commands.
pub trait Device: Sized + Send + 'static {
    /// What the device says of itself when a client connects.
    type Config: IntoBytes + Immutable + Send + Sync;

    /// What it says all the time.
    type Telemetry: IntoBytes + Immutable + Send + Sync;

    /// The configuration of this moment.
    fn config(&self, status: &Status) -> Self::Config;

    /// The telemetry of the next moment: called once for each, and so the place for what moves by itself.
    fn next_telemetry(&mut self, status: &Status) -> Self::Telemetry;

    /// Adds the commands of the device to those that all controllers have.
    #[must_use]
    fn commands(common: CommandTable<Self>) -> CommandTable<Self>;
}
