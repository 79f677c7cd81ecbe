//! The stages that faults are, without I/O: told of the time, of what arrives, and of who is installed, they say what
//! leaves.
//!
//! A [`Session`] has a [`Lane`] in each direction, a lane has a [`Stage`] for each fault, and a stage has a queue that
//! never reorders. What is due in a stage goes to the next one, and behind the last one into the lane's output.

#[cfg(test)]
pub(super) mod bench;
mod lane;
#[cfg(test)]
mod model;
mod session;
mod stage;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

pub(crate) use self::{
    lane::Lane,
    session::Session,
    stage::{Item, Stage},
};
use super::{Direction, Fault};

/// A fault that is installed, and where.
#[derive(Clone)]
pub(crate) struct Installed {
    pub(crate) id: u64,
    /// The only one, or both.
    pub(crate) direction: Option<Direction>,
    pub(crate) fault: SharedFault,
}

/// All sessions are at it.
pub(crate) type SharedFault = Arc<Mutex<dyn Fault>>;

impl Installed {
    fn is_in(&self, direction: Direction) -> bool {
        self.direction.is_none_or(|only| only == direction)
    }
}
