//! The memory of messages that are composed.

use std::{
    cell::Cell,
    mem,
    ops::{Deref, DerefMut},
};

/// How much memory of a message is kept for the next one of the thread.
const KEPT: usize = 512;

thread_local! {
    /// The memory of a message that is gone. So small ones cost no allocation.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The bytes of a message. Dropping it keeps the memory for the next one, if there is none yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Vec<u8>);

impl Memory {
    pub(super) fn new() -> Self {
        // There is none at the end of the thread.
        Self(SPARE.try_with(Cell::take).unwrap_or_default())
    }

    /// Takes all bytes out.
    pub(super) fn take(&mut self) -> Self {
        mem::take(self)
    }

    /// Drops all bytes but those in front, if they are so many that they should not be kept.
    pub(super) fn let_go_of_all_but(&mut self, front: usize) {
        if self.0.len() > KEPT {
            self.0.truncate(front);
            self.0.shrink_to_fit();
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if (1..=KEPT).contains(&self.0.capacity()) {
            self.0.clear();
            let memory = mem::take(&mut self.0);
            let _ = SPARE.try_with(|spare| spare.set(memory));
        }
    }
}

impl Deref for Memory {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}
