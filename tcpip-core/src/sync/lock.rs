//! A mutex without poisoning.

#[cfg(tcpip_loom)]
use loom::sync::Mutex;
#[cfg(tcpip_loom)]
pub(crate) use loom::sync::MutexGuard as Guard;
#[cfg(not(tcpip_loom))]
use parking_lot::Mutex;
#[cfg(not(tcpip_loom))]
pub(crate) use parking_lot::MutexGuard as Guard;

/// A mutex for short critical sections that leave their data whole at every step.
///
/// A panic while it is held (users' code does not run then) must not make the
/// session unusable for everybody else, so there is no poisoning.
#[derive(Debug, Default)]
pub struct Lock<T>(Mutex<T>);

#[cfg(not(tcpip_loom))]
impl<T> Lock<T> {
    /// Makes one.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Waits for the lock.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T> {
        self.0.lock()
    }
}

/// As loom sees it.
#[cfg(tcpip_loom)]
impl<T> Lock<T> {
    /// Makes one.
    pub fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Waits for the lock.
    pub fn lock(&self) -> Guard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
