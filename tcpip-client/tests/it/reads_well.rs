//! How errors read.

use std::error::Error;

/// Checks that an error reads well: lowercase, one clause, short, and without its cause, which is in `source()`.
pub(crate) fn assert_reads_well(error: &dyn Error) {
    let text = error.to_string();
    assert!(!text.starts_with(char::is_uppercase), "{text}");
    assert!(!text.ends_with('.') && !text.contains(['\n', ';']), "{text}");
    assert!(text.chars().count() < 400, "{text}");
    if let Some(source) = error.source() {
        assert!(!text.contains(&source.to_string()), "{text} repeats {source}");
    }
}
