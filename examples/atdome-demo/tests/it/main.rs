//! The show as a program, at ten times its speed.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

const SOON: Duration = Duration::from_secs(15);

fn show(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atdome-demo"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs the show to its end: exit code, output, error output.
async fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = timeout(SOON, show(arguments).output()).await.expect("the show ends").unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// The whole show, as lines that any file can hold.
#[tokio::test]
async fn the_show_is_as_expected() {
    let (code, stdout, stderr) = run(&["--speed-up", "10"]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(!stdout.contains(['\r', '\x1b']), "no control characters in a file: {stdout:?}");
    for part in [
        "mock       listening on 127.0.0.1:",
        "controller event: connected\n",
        "mock       event: connected\n",
        "controller sends HM\n",
        "homing     ████████████████████ 100 %   10.00°  doors 100 % 100 %\n",
        "azimuth    ████████████████████ 100 %  340.00°  doors   0 %   0 %\n",
        "second     connection refused: the dome serves one client at a time\n",
        "mock       event: disconnected, closed at this end\n",
        "controller event: disconnected, closed by the peer\n",
        "controller \"?\\r\\n\": not connected: closed by the peer\n",
        "controller lost: closed by the peer; tries again in ",
        "controller is connected again; the dome is at 340.00°  doors   0 %   0 %\n",
        "controller \"OP\\r\\n\": no reply came for 1s\n",
        "controller event: disconnected, a reply is out of step\n",
        "controller lost: a reply is out of step; tries again in ",
        "mock       is stopped\n",
        " refused the connection; tries again in ",
        "controller is connected again; the dome is at 285.00°  doors   0 %   0 %\n",
        "controller event: disconnected, closed at this end\n",
        "\nEverything was as expected, within ",
    ] {
        assert!(stdout.contains(part), "{part:?} is missing in:\n{stdout}");
    }
}

/// A dome that fails any of the commands makes the show fail.
#[tokio::test]
async fn a_deviation_makes_the_show_fail() {
    let (status, moving, doors) = tokio::join!(
        run(&["--speed-up", "20", "--fail", "+"]),
        run(&["--speed-up", "20", "--fail", "MV"]),
        run(&["--speed-up", "20", "--fail", "SO"])
    );
    for (code, stdout, stderr) in [status, moving, doors] {
        assert_eq!(code, Some(1), "{stdout}");
        assert!(stderr.starts_with("atdome-demo: "), "{stderr}");
        assert!(!stdout.contains("as expected"), "{stdout}");
    }
}

/// An interrupt ends the show at once, with the exit code that says so.
#[tokio::test]
async fn an_interrupt_ends_the_show() {
    let mut child = show(&[]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    while !timeout(SOON, stdout.next_line()).await.unwrap().unwrap().expect("the dome homes").contains("sends HM") {}
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let output = timeout(SOON, child.wait_with_output()).await.expect("the show ends").unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(130), b"atdome-demo: interrupted\n".as_slice()));
}

/// When nobody reads any more, as behind `| head -3`, the show ends at once, without a word.
#[tokio::test]
async fn the_show_ends_with_its_reader() {
    let mut child = show(&[]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        timeout(SOON, stdout.next_line()).await.unwrap().unwrap().expect("the show begins");
    }
    drop(stdout);
    let output = timeout(SOON, child.wait_with_output()).await.expect("the show ends").unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(141), b"".as_slice()));
}
