//! What a fault remembers of each direction of each session.

use std::collections::HashMap;

use super::{At, Direction};

#[derive(Debug)]
pub(super) struct Lanes<T>(HashMap<(u64, Direction), T>);

impl<T: Default> Lanes<T> {
    /// That of this one.
    pub(super) fn of(&mut self, at: At) -> &mut T {
        self.0.entry((at.session, at.direction)).or_default()
    }

    /// That of this one, which is then forgotten.
    pub(super) fn take(&mut self, at: At) -> T {
        self.0.remove(&(at.session, at.direction)).unwrap_or_default()
    }
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}
