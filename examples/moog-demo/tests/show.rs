//! The show as a whole.

#![expect(clippy::unwrap_used, reason = "helpers of tests may do what tests do")]

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

const SOON: Duration = Duration::from_secs(30);

fn show(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_moog-demo"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Starts the show, and reads its first line.
async fn begun() -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = show(&[]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    timeout(SOON, stdout.next_line()).await.unwrap().unwrap().expect("the show begins");
    (child, stdout)
}

/// Exit code and error output.
async fn end(child: Child) -> (Option<i32>, String) {
    let output = timeout(SOON, child.wait_with_output()).await.expect("the show ends").unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// What is refused, the plot of the move, and the loss are shown, and the program is content.
#[tokio::test]
async fn the_show_is_as_expected() {
    let output = timeout(SOON, show(&["--speed-up", "10"]).output()).await.expect("the show ends").unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""), "{stdout}");
    for expected in [
        "the mock listens on 127.0.0.1:",
        "a move to 20 in standby is refused: Not allowed in Standby.",
        "enabled",
        "a move to 26 beyond the limit is refused: Position 26.0 out of range [-25.0, 25.0].",
        "the client is told: the connection is lost: closed by the peer",
    ] {
        assert!(stdout.contains(expected), "{expected} is not in {stdout}");
    }
    assert!(stdout.lines().filter(|line| line.contains('●')).count() > 3, "{stdout}");
}

/// An interrupt ends the show at once, with a word and the exit code that says so.
#[tokio::test]
async fn an_interrupt_ends_the_show() {
    let (child, _stdout) = begun().await;
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(end(child).await, (Some(130), "moog-demo: interrupted\n".to_owned()));
}

/// When nobody reads any more, as behind `| head -1`, the show ends at once, without a word.
#[tokio::test]
async fn the_show_ends_with_its_reader() {
    let (child, stdout) = begun().await;
    drop(stdout);
    assert_eq!(end(child).await, (Some(141), String::new()));
}
