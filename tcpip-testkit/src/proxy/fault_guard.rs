//! Faults that are installed.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use tokio::sync::watch;

use crate::faults::{Direction, Fault, Installed};

/// What all sessions of a proxy follow. A clone is of the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(watch::Sender<Settings>);

/// What sessions follow.
#[derive(Clone, Default)]
pub(super) struct Settings {
    /// In the order of their installation.
    pub(super) installed: Vec<Installed>,
    last_id: u64,
    /// How often all sessions have been reset.
    pub(super) resets: u64,
}

impl Faults {
    pub(super) fn add(&self, direction: Option<Direction>, fault: impl Fault) -> FaultGuard {
        let fault = Arc::new(Mutex::new(fault));
        let mut id = 0;
        self.0.send_modify(|settings| {
            settings.last_id += 1;
            id = settings.last_id;
            settings.installed.push(Installed { id, direction, fault });
        });
        FaultGuard { faults: self.clone(), id }
    }

    fn remove(&self, id: u64) {
        let mut removed = None;
        self.0.send_modify(|settings| {
            let index = settings.installed.iter().position(|installed| installed.id == id);
            removed = index.map(|index| settings.installed.remove(index));
        });
        // The fault is dropped under no lock.
        drop(removed);
    }

    pub(super) fn reset_sessions(&self) {
        self.0.send_modify(|settings| settings.resets += 1);
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Settings> {
        self.0.subscribe()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.installed.iter().map(|installed| installed.id).collect();
        formatter
            .debug_struct("Settings")
            .field("installed", &ids)
            .field("resets", &self.resets)
            .finish_non_exhaustive()
    }
}

/// One direction of a [`FaultProxy`](crate::FaultProxy), where faults are installed.
#[derive(Debug)]
pub struct Toward<'a> {
    pub(super) faults: &'a Faults,
    pub(super) direction: Direction,
}

impl Toward<'_> {
    /// Installs a fault behind those that are there, in this direction of all sessions that are there and of those to
    /// come, until the guard is dropped. What is under way already is not touched by it.
    pub fn add(&self, fault: impl Fault) -> FaultGuard {
        self.faults.add(Some(self.direction), fault)
    }
}

/// A fault that is installed in a [`FaultProxy`](crate::FaultProxy).
///
/// Dropping it removes the fault: what it delays goes on at once and in order, and only what it has dropped is lost.
#[derive(Debug)]
#[must_use = "the fault is removed as soon as this is dropped"]
pub struct FaultGuard {
    faults: Faults,
    id: u64,
}

impl Drop for FaultGuard {
    fn drop(&mut self) {
        self.faults.remove(self.id);
    }
}
