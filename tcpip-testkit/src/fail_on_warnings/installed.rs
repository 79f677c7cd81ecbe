//! The guards of a thread, in whatever order they come and go.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
};

use tracing::{
    Dispatch,
    dispatcher::{self, DefaultGuard},
};

use super::{Warnings, watching::Watching};

/// A subscriber that is set on a thread, for all guards that are there: it is set with the first, and the one before it
/// is set again with the last. With one for each guard, a guard that is dropped before a later one would take that one
/// away, and leave its own behind.
pub(super) struct Installed {
    thread: ThreadId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// One of each guard.
    lists: Vec<Warnings>,
    /// Sets the subscriber before it again.
    before: Option<DefaultGuard>,
}

impl Installed {
    /// Has the warnings of this thread noted in that list as well.
    pub(super) fn note_in(list: &Warnings) -> Arc<Self> {
        let installed = Self::of_this_thread().unwrap_or_else(Self::install);
        installed.state().lists.push(Arc::clone(list));
        installed
    }

    /// The one that the log of this thread goes through, and not that of another thread, whose subscriber has been set
    /// on this one as well.
    fn of_this_thread() -> Option<Arc<Self>> {
        let installed = dispatcher::get_default(|current| {
            current.downcast_ref::<Watching>().map(|watching| Arc::clone(&watching.installed))
        });
        installed.filter(|installed| installed.thread == thread::current().id())
    }

    fn install() -> Arc<Self> {
        let installed = Arc::new(Self { thread: thread::current().id(), state: Mutex::default() });
        let beneath = dispatcher::get_default(Clone::clone);
        let watching = Watching { beneath, installed: Arc::clone(&installed) };
        let before = dispatcher::set_default(&Dispatch::new(watching));
        installed.state().before = Some(before);
        installed
    }

    pub(super) fn note(&self, warning: &str) {
        for list in &self.state().lists {
            list.lock().unwrap_or_else(PoisonError::into_inner).push(warning.to_owned());
        }
    }

    /// Notes nothing more in that list. Whether the log of this thread still goes through here.
    pub(super) fn forget(self: &Arc<Self>, list: &Warnings) -> bool {
        let is_set = Self::of_this_thread().is_some_and(|installed| Arc::ptr_eq(&installed, self));
        let before = {
            let mut state = self.state();
            state.lists.retain(|other| !Arc::ptr_eq(other, list));
            if state.lists.is_empty() { state.before.take() } else { None }
        };
        if is_set {
            drop(before);
        } else {
            // The subscriber that is set is somebody else's.
            mem::forget(before);
        }
        is_set
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
