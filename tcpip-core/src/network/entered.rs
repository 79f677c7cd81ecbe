//! The networks that a thread has entered, for tests: the last stands for the sockets of the system.

use std::{cell::RefCell, fmt, marker::PhantomData, sync::Arc};

use super::Network;

/// A network, and what tells it from the others.
type Entry = (Arc<()>, Arc<dyn Network>);

thread_local! {
    static ENTERED: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// The network that this thread is in, if it has entered one.
pub(super) fn current() -> Option<Arc<dyn Network>> {
    ENTERED.with_borrow(|entered| entered.last().map(|(_, network)| Arc::clone(network)))
}

/// Has clients and servers that connect and start on this thread, and are given no network, have this one, until the
/// guard is dropped.
pub fn enter(network: impl Network) -> Entered {
    let guard = Entered { place: Arc::default(), thread: PhantomData };
    let entry: Entry = (Arc::clone(&guard.place), Arc::new(network));
    ENTERED.with_borrow_mut(|entered| entered.push(entry));
    guard
}

/// A network that a thread is in. Dropping it leaves the network, in whichever order several are left.
#[must_use = "the network is left when this is dropped"]
pub struct Entered {
    place: Arc<()>,
    /// It is left by the thread that entered it.
    thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut left = None;
        // The thread may be about to end.
        let _ = ENTERED.try_with(|entered| {
            let mut entered = entered.borrow_mut();
            let place = entered.iter().position(|(place, _)| Arc::ptr_eq(place, &self.place));
            left = place.map(|place| entered.remove(place));
        });
        // Dropped here, where the network may do as it likes.
        drop(left);
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Entered").finish_non_exhaustive()
    }
}
