//! The README shows this package's own files, and how they are run.

use std::path::Path;

const README: &str = include_str!("../../../README.md");

/// The lines of a file without its crate documentation, as the README shows them.
fn shown(file: &str) -> String {
    let lines: Vec<&str> = file.lines().filter(|line| !line.starts_with("//!")).collect();
    format!("```rust\n{}\n```\n", lines.join("\n").trim())
}

/// Each example in the README is a file that is compiled, run or tested here.
#[test]
fn the_readme_shows_these_files() {
    for file in [
        include_str!("../src/bin/echo-client.rs"),
        include_str!("../src/lib.rs"),
        include_str!("../src/bin/echo-server.rs"),
        include_str!("echo.rs"),
    ] {
        let shown = shown(file);
        assert!(README.contains(&shown), "the README shows something else than\n{shown}");
    }
    assert_eq!(README.matches("```rust\n").count(), 4, "an example that is not compiled");
}

/// The files of core and testkit that the README's map names are there.
#[test]
fn the_map_names_files_that_are_there() {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let named: Vec<_> =
        README.split('`').filter(|word| word.strip_suffix(".rs").is_some() && !word.contains(' ')).collect();
    assert!(named.len() > 5, "{named:?}");
    for file in named {
        let is_there = |package: &str| packages.join(package).join("src").join(file).exists();
        assert!(is_there("tcpip-core") || is_there("tcpip-testkit"), "there is no {file}");
    }
}

/// `cargo run -p echo`, as the README has it, knows which program is meant.
#[test]
fn the_command_in_the_readme_runs_the_server() {
    assert!(README.contains("\ncargo run -p echo  "), "the README does not say how the server is run");
    assert!(README.contains("\ncargo run -p echo --bin echo-client\n"), "nor how the client is");
    assert!(include_str!("../Cargo.toml").contains("\ndefault-run = \"echo-server\"\n"));
}
