//! Seeing panics that others catch.

use std::{cell::RefCell, panic, sync::Once};

thread_local! {
    /// Those of this thread, if it wants to see them.
    static PANICS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Has the panics of this thread be noted from now on.
pub(super) fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // A thread that ends has none any more.
            let _ = PANICS.try_with(|panics| {
                if let Some(panics) = panics.borrow_mut().as_mut() {
                    panics.push(text(panic));
                }
            });
            before(panic);
        }));
    });
    PANICS.set(Some(Vec::new()));
}

/// Takes those since the last time.
pub(super) fn take() -> Vec<String> {
    PANICS.with_borrow_mut(|panics| panics.as_mut().map(std::mem::take).unwrap_or_default())
}

fn text(panic: &panic::PanicHookInfo<'_>) -> String {
    let message = panic.payload_as_str().unwrap_or("something that is no text");
    match panic.location() {
        Some(location) => format!("{message} ({location})"),
        None => message.to_owned(),
    }
}
