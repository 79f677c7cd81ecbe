//! A log that fails a test.

use std::{
    fmt::{self, Write as _},
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tokio::runtime::{Handle, RuntimeFlavor};
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    dispatcher::{self, DefaultGuard},
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_core::span::Current;

/// Has each warning and each error that is logged on this thread fail the test, when the guard that it returns is
/// dropped: name it, `let _quiet = fail_on_warnings();`.
///
/// All goes on to whoever subscribes to the log already, such as `test_log`, whatever that shows. Several tests of a
/// process have nothing to do with each other, since each has a thread of its own. So it is for tests without a runtime
/// and for current-thread runtimes, as `#[tokio::test]` makes them, all of whose tasks run on the test's thread; what
/// `spawn_blocking` and other threads log is not seen. What tasks log once the guard is gone is not seen either: close
/// clients and servers before.
///
/// # Panics
///
/// On a runtime of several threads, whose tasks run anywhere. The guard, when it is dropped, if there were warnings or
/// errors that are not [allowed](FailOnWarnings::allow), unless the thread panics already.
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
pub fn fail_on_warnings() -> FailOnWarnings {
    if let Ok(runtime) = Handle::try_current() {
        assert!(
            runtime.runtime_flavor() == RuntimeFlavor::CurrentThread,
            "fail_on_warnings needs a current-thread runtime: tasks of this one log on other threads"
        );
    }
    let warnings = Arc::default();
    let beneath = dispatcher::get_default(Clone::clone);
    let watching = Dispatch::new(Watching { beneath, warnings: Arc::clone(&warnings) });
    FailOnWarnings {
        warnings,
        allowed: Vec::new(),
        _watching: dispatcher::set_default(&watching),
        _thread: PhantomData,
    }
}

type Warnings = Arc<Mutex<Vec<String>>>;

/// Fails its test when it is dropped, if there were warnings or errors. Made by [`fail_on_warnings`].
#[must_use = "warnings are only seen until it is dropped"]
pub struct FailOnWarnings {
    warnings: Warnings,
    allowed: Vec<String>,
    _watching: DefaultGuard,
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
        let unexpected = self.unexpected();
        assert!(
            unexpected.is_empty() || thread::panicking(),
            "{} warning(s) that the test does not allow:\n{}",
            unexpected.len(),
            unexpected.join("\n")
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

/// Notes warnings, and lets the subscriber beneath have everything.
struct Watching {
    beneath: Dispatch,
    warnings: Warnings,
}

fn is_warning(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && *metadata.level() <= Level::WARN
}

impl Subscriber for Watching {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = self.beneath.register_callsite(metadata);
        if is_warning(metadata) { Interest::sometimes() } else { interest }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // A subscriber that has filters remembers what they have said: it is asked in any case.
        self.beneath.enabled(metadata) || is_warning(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.beneath.new_span(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.beneath.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.beneath.record_follows_from(span, follows);
    }

    fn event(&self, event: &Event<'_>) {
        if is_warning(event.metadata()) {
            let mut text = Text { message: String::new(), fields: String::new() };
            event.record(&mut text);
            let (level, target) = (event.metadata().level(), event.metadata().target());
            let warning = format!("{level} {target}: {}{}", text.message, text.fields);
            self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
        }
        if self.beneath.enabled(event.metadata()) {
            self.beneath.event(event);
        }
    }

    fn enter(&self, span: &Id) {
        self.beneath.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.beneath.exit(span);
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.beneath.clone_span(span)
    }

    fn try_close(&self, span: Id) -> bool {
        self.beneath.try_close(span)
    }

    fn current_span(&self) -> Current {
        self.beneath.current_span()
    }
}

/// An event as text.
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
        written.expect("a string takes all that is written");
    }
}
