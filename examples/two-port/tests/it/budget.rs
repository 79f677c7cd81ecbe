//! How much a controller takes.

/// The library has at most so many lines, blank lines, comments and the messages aside.
const BUDGET: usize = 90;

/// A controller of two ports, with all that a shared device needs, is a short one.
#[test]
fn the_controller_is_short() {
    let lines = include_str!("../../src/lib.rs").lines().map(str::trim);
    let count = lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
    assert!(count <= BUDGET, "{count} lines");
}
