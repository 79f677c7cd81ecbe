//! A value whose changes can be waited for.

use crate::sync::{Guard, Lock, Notify};

/// A value behind a [`Lock`], and those who wait until it is as they want it.
///
/// Whoever waits is woken when the lock is free again: a waker is others' code.
#[derive(Debug, Default)]
pub struct Watched<T> {
    value: Lock<T>,
    changed: Notify,
}

impl<T> Watched<T> {
    /// Makes one.
    pub fn new(value: T) -> Self {
        Self { value: Lock::new(value), changed: Notify::new() }
    }

    /// Waits for the lock. Whoever changes the value under it [tells](Self::tell) those who wait, afterwards.
    pub fn lock(&self) -> Guard<'_, T> {
        self.value.lock()
    }

    /// Changes the value, and wakes everybody who waits for a change.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.value.lock());
        self.tell();
        result
    }

    /// Wakes everybody who waits for a change.
    pub fn tell(&self) {
        self.changed.notify_waiters();
    }

    /// Waits until `look` finds what it looks for.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    #[expect(clippy::manual_async_fn, reason = "the arguments of an `async fn` would have room in the task twice")]
    pub fn wait_for<R>(&self, mut look: impl FnMut(&T) -> Option<R> + Send) -> impl Future<Output = R> + Send
    where
        T: Send,
    {
        async move {
            loop {
                // Before the look, so that no change falls between the two.
                let changed = self.changed.notified();
                if let Some(found) = look(&self.value.lock()) {
                    return found;
                }
                changed.await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::{assert_pending, assert_ready_eq, task::spawn};

    use super::*;

    /// A wait ends with the change that brings what it waits for, and with no other; one that comes after it does not
    /// wait.
    #[test]
    fn a_wait_ends_with_the_change_that_it_waits_for() {
        let watched = Watched::new(0);
        let mut waiting = spawn(watched.wait_for(|value| (*value == 2).then_some("two")));
        assert_pending!(waiting.poll());
        watched.change(|value| *value += 1);
        assert!(waiting.is_woken());
        assert_pending!(waiting.poll());
        *watched.lock() += 1;
        assert!(!waiting.is_woken(), "not before it is told");
        watched.tell();
        assert!(waiting.is_woken());
        assert_ready_eq!(waiting.poll(), "two");
        assert_ready_eq!(spawn(watched.wait_for(|value| Some(*value))).poll(), 2);
    }

    /// A change between the first look and the next poll is not lost, though nobody was registered.
    #[test]
    fn a_change_during_the_look_is_not_lost() {
        let watched = Watched::new(0);
        let mut looks = 0;
        let mut waiting = spawn(watched.wait_for(|_| {
            looks += 1;
            // As another thread does as soon as the lock is free.
            watched.tell();
            (looks == 2).then_some(())
        }));
        assert_ready_eq!(waiting.poll(), ());
    }
}
