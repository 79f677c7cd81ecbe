//! How much a controller takes.

/// The library has at most so many lines, messages included, blank lines and comments aside.
const BUDGET: usize = 90;

/// A controller with all that a shared device needs is a short one.
#[test]
fn the_controller_is_short() {
    let sources = [include_str!("../../src/lib.rs"), include_str!("../../src/reading.rs")];
    let lines = sources.into_iter().flat_map(str::lines).map(str::trim);
    let count = lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
    assert!(count <= BUDGET, "{count} lines");
}
