//! The show as a whole.

use std::{process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

/// What is refused, the plot of the move, and the loss are shown, and the program is content.
#[tokio::test]
async fn the_show_is_as_expected() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_moog-demo"));
    let output = command.args(["--speed-up", "10"]).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(Duration::from_secs(30), output).await.expect("the show ends").unwrap();
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
