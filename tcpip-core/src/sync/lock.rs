//! A mutex without poisoning.

use parking_lot::{Mutex, MutexGuard};

/// A mutex for short critical sections that leave their data whole at every step.
///
/// A panic while it is held (users' code does not run then) must not make the
/// session unusable for everybody else, so there is no poisoning.
#[derive(Debug, Default)]
pub struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    /// Makes one.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Waits for the lock.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }
}
