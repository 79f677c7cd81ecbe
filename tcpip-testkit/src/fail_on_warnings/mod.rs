//! A log that fails a test.

mod installed;
mod watching;

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tokio::runtime::{Handle, RuntimeFlavor};

use self::installed::Installed;

/// Has each warning and each error that is logged on this thread fail the test, when the guard that it returns is
/// dropped: name it, `let _quiet = fail_on_warnings();`.
///
/// All goes on to whoever subscribes to the log already, such as `test_log`, whatever that shows. Several tests of a
/// process have nothing to do with each other, since each has a thread of its own. So it is for tests without a runtime
/// and for current-thread runtimes, as `#[tokio::test]` makes them, all of whose tasks run on the test's thread; what
/// `spawn_blocking` and other threads log is not seen. What tasks log once the guard is gone is not seen either: close
/// clients and servers before.
///
/// Guards of one thread may be dropped in any order: each has all warnings of the thread while it is there, so also
/// those of a task that has a guard of its own. A guard cannot go to another thread, and so not into a task of
/// `tokio::spawn`. A subscriber that is set on the thread while the guard is there takes the log away from it, for as
/// long as that one is set: make the guard last.
///
/// # Panics
///
/// On a runtime of several threads, whose tasks run anywhere.
///
/// The guard, when it is dropped, unless the thread panics already: if there were warnings or errors that are not
/// [allowed](FailOnWarnings::allow); or if the log of the thread does not go through it any more, since a subscriber
/// was set after it and is still there, or one from before it has gone. Then warnings may have passed unseen.
///
/// # Examples
///
/// ```
/// use tcpip_testkit::fail_on_warnings;
///
/// # /*
/// #[test_log::test(tokio::test)]
/// async fn a_valve_that_sticks_is_told() {
/// # */
///     let _quiet = fail_on_warnings().allow("the valve sticks");
///     tracing::warn!("the valve sticks at 3 %");     // it is meant; any other would fail the test
/// # /*
/// }
/// # */
/// ```
#[track_caller]
pub fn fail_on_warnings() -> FailOnWarnings {
    if let Ok(runtime) = Handle::try_current() {
        assert!(
            runtime.runtime_flavor() == RuntimeFlavor::CurrentThread,
            "fail_on_warnings needs a current-thread runtime: tasks of this one log on other threads"
        );
    }
    let warnings = Warnings::default();
    let installed = Installed::note_in(&warnings);
    FailOnWarnings { warnings, allowed: Vec::new(), installed, _thread: PhantomData }
}

/// What one guard has seen.
type Warnings = Arc<Mutex<Vec<String>>>;

/// Fails its test when it is dropped, if there were warnings or errors. Made by [`fail_on_warnings`].
#[must_use = "warnings are only seen until it is dropped"]
pub struct FailOnWarnings {
    warnings: Warnings,
    allowed: Vec<String>,
    installed: Arc<Installed>,
    /// It is of the thread that has made it.
    _thread: PhantomData<*const ()>,
}

impl FailOnWarnings {
    /// Allows warnings and errors that contain this: in their message, or in what is shown behind it,
    /// ` name=value` for each of their fields. May be said several times. Default: none.
    pub fn allow(mut self, text: impl Into<String>) -> Self {
        self.allowed.push(text.into());
        self
    }

    /// Those that are not allowed, so far.
    fn unexpected(&self) -> Vec<String> {
        let mut unexpected = self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        unexpected.retain(|warning| !self.allowed.iter().any(|allowed| warning.contains(allowed)));
        unexpected
    }
}

impl Drop for FailOnWarnings {
    fn drop(&mut self) {
        let has_seen_all = self.installed.forget(&self.warnings);
        if thread::panicking() {
            return;
        }
        let unexpected = self.unexpected();
        assert!(
            unexpected.is_empty(),
            "{} warning(s) that the test does not allow:\n{}",
            unexpected.len(),
            unexpected.join("\n")
        );
        assert!(
            has_seen_all,
            "warnings may have passed fail_on_warnings unseen: a subscriber was set on this thread after it and is \
             still there, or one from before it has gone; make the guard last, and drop it first"
        );
    }
}

impl fmt::Debug for FailOnWarnings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unexpected = self.unexpected();
        formatter
            .debug_struct("FailOnWarnings")
            .field("unexpected", &unexpected)
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}
