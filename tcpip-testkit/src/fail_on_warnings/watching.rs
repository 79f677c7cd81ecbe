//! The subscriber that sees warnings.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_core::span::Current;

use super::installed::Installed;

/// Notes warnings, and lets the subscriber beneath have everything.
pub(super) struct Watching {
    pub(super) beneath: Dispatch,
    pub(super) installed: Arc<Installed>,
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
            self.installed.note(&format!("{level} {target}: {}{}", text.message, text.fields));
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
