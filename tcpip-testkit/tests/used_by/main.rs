//! Packages outside the workspace use these crates as their users do: a controller the client alone, a mock the server
//! and the testkit, and a third the testkit in its tests alone.
//!
//! Building them takes a while: `cargo test -p tcpip-testkit --test used_by -- --ignored`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may do what tests do")]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const CRATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A package with one source, in a folder of its own.
fn package(name: &str, dependencies: &str, file: &str, source: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("used_by").join(name);
    let source_file = folder.join(file);
    fs::create_dir_all(source_file.parent().unwrap()).unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{}\n\n[workspace]\n",
        dependencies.replace("CRATES", CRATES)
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(source_file, source).unwrap();
    // The versions that are here already.
    fs::copy(Path::new(CRATES).join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    folder
}

fn cargo(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(folder).env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("used_by_target"));
    command.args(["--quiet", "--offline"]).args(arguments);
    command
}

/// A program at work, killed in the end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The mock and the controller are built and talk to each other, and the tests of the third package pass.
#[test]
#[ignore = "builds three packages, for a minute or so"]
fn packages_outside_the_workspace_build_and_run() {
    let mock = package(
        "a-mock",
        r#"[dependencies]
tcpip-server = { path = "CRATES/tcpip-server" }
tcpip-testkit = { path = "CRATES/tcpip-testkit" }
tokio = { version = "1", features = ["macros", "rt"] }"#,
        "src/main.rs",
        include_str!("mock.rs"),
    );
    let controller = package(
        "a-controller",
        r#"[dependencies]
tcpip-client = { path = "CRATES/tcpip-client" }
tokio = { version = "1", features = ["macros", "rt"] }"#,
        "src/main.rs",
        include_str!("controller.rs"),
    );
    let tested = package(
        "a-tested-package",
        r#"[dependencies]
tcpip-client = { path = "CRATES/tcpip-client" }

[dev-dependencies]
tcpip-server = { path = "CRATES/tcpip-server" }
tcpip-testkit = { path = "CRATES/tcpip-testkit" }
tokio = { version = "1", features = ["macros", "rt"] }"#,
        "src/lib.rs",
        include_str!("tested.rs"),
    );

    let mut running = Running(cargo(&mock, &["run"]).stdout(Stdio::piped()).spawn().unwrap());
    let first = BufReader::new(running.0.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    let port = first.strip_prefix("listening on 127.0.0.1:").unwrap();
    let output = cargo(&controller, &["run", "--", port]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "at 12.5\n");

    let output = cargo(&tested, &["test"]).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");

    let tree = cargo(&controller, &["tree"]).args(["--edges", "normal", "--prefix", "none"]).output().unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("tcpip-client") && !tree.contains("tcpip-server") && !tree.contains("testkit"), "{tree}");
}

/// What the compiler says of a program, which it refuses.
fn refusal(name: &str, source: &str) -> String {
    let dependencies = r#"[dependencies]
tcpip-server = { path = "CRATES/tcpip-server" }"#;
    let package = package(name, dependencies, "src/lib.rs", source);
    let output = cargo(&package, &["check"]).output().unwrap();
    assert!(!output.status.success(), "{name} compiles");
    String::from_utf8(output.stderr).unwrap()
}

/// Mistakes that many make get one error each, with the way out.
#[test]
#[ignore = "builds four packages, for some seconds"]
fn the_compiler_says_how_a_mistake_is_mended() {
    for (name, source, way_out) in [
        ("a-boxed-error", include_str!("boxed_error.rs"), "write `Box<dyn Error + Send + Sync>` for `Box<dyn Error>`"),
        ("a-capturing-callback", include_str!("capturing_callback.rs"), "let state = state.clone(); async move { … }"),
        ("no-handler", include_str!("no_handler.rs"), "implement `ReadAndDispatch` for it, with `async fn"),
        ("a-text-as-terminator", include_str!("text_as_terminator.rs"), "implements `From<&[u8; N]>`"),
    ] {
        let refusal = refusal(name, source);
        assert!(refusal.contains(way_out), "{refusal}");
        // The mistake, and that the package could not be compiled.
        assert_eq!(refusal.lines().filter(|line| line.starts_with("error")).count(), 2, "{refusal}");
        assert!(refusal.lines().count() < 30, "{refusal}");
    }
}
