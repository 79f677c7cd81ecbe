//! A log that only counts, for tests of what is said and how often.

use std::sync::{Arc, Mutex};

use tracing::{Event, Level, Subscriber, field::Visit};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _};

/// The events of one thread, while [`Listening`] lives.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogCount(Arc<Mutex<Vec<(Level, String)>>>);

/// Stops to count when dropped.
pub(crate) struct Listening(#[expect(dead_code, reason = "held for its drop")] tracing::subscriber::DefaultGuard);

impl LogCount {
    /// Begins to count what this thread logs: all that a test on a runtime with one thread does.
    pub(crate) fn start() -> (Self, Listening) {
        let count = Self::default();
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(count.clone()));
        (count, Listening(guard))
    }

    /// The events of `level` that speak of `what`.
    pub(crate) fn of(&self, level: Level, what: &str) -> Vec<String> {
        let events = self.0.lock().unwrap();
        events.iter().filter(|(at, text)| *at == level && text.contains(what)).map(|(_, text)| text.clone()).collect()
    }
}

impl<S: Subscriber> Layer<S> for LogCount {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, _field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                use std::fmt::Write as _;
                let _ = write!(self.0, "{value:?} ");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push((*event.metadata().level(), text.0));
    }
}
