//! The program `moog-client`: what it prints and how it ends.

use std::{process::Stdio, time::Duration};

use moog_mock::{MockController, SimpleDevice};
use tcpip_testkit::OneClientServerTestCase;
use tokio::{net::TcpListener, process::Command, time::timeout};

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the program to its end, which must come soon.
async fn run(port: u16, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_moog-client"));
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]).args(arguments);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(Duration::from_secs(20), output).await.expect("the program ends").unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What telemetry has for a drifting axis is not the same each time.
fn without_drift(line: &str) -> String {
    let (before, rest) = line.split_once(r#""curr_position": "#).unwrap();
    let (_, after) = rest.split_once(',').unwrap();
    format!("{before}…{after}")
}

/// The configuration, then each command's outcome with the telemetry behind it; 2 when one was refused.
#[test_log::test(tokio::test)]
async fn outcomes_and_telemetry_are_printed() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockController::new(SimpleDevice::new()).server()).await.unwrap();
    let commands = ["enable", "drives-on", "move=-3.5", "move=26", "standby", "clear-error", "drives-off"];
    let outcome = run(server.port(), &commands).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(2), ""));
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * commands.len(), "{lines:?}");
    let config = r#"{"drives_enabled": 0, "min_position": -25.0, "max_position": 25.0, "max_velocity": 47.0}"#;
    assert_eq!(lines[0], config);
    for (index, command) in commands.iter().enumerate() {
        let expected = match *command {
            "move=26" => {
                let reason = "Position 26.0 out of range [-25.0, 25.0].";
                format!(r#"{{"command": "move=26", "counter": {index}, "ack": false, "reason": "{reason}"}}"#)
            }
            _ => format!(r#"{{"command": "{command}", "counter": {index}, "ack": true, "duration": 0.0}}"#),
        };
        assert_eq!(lines[1 + 2 * index], expected);
    }
    let telemetry = r#"{"application_status": 1024, "state": 2.0, "enabled_substate": 0.0, … "cmd_position": -3.5}"#;
    assert_eq!(without_drift(lines[6]), telemetry);
    // Without the refused one, and without any.
    let outcome = run(server.port(), &["enable", "standby"]).await;
    assert_eq!((outcome.code, outcome.stdout.lines().count()), (Some(0), 5));
    let outcome = run(server.port(), &[]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), format!("{config}\n").as_str()));
}

/// A connection that is refused, one that ends at once, and a command that there is not, are errors.
#[test_log::test(tokio::test)]
async fn what_goes_wrong_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (outcome, stream) = tokio::join!(run(port, &["enable"]), async { drop(listener.accept().await.unwrap().0) });
    let () = stream;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    assert_eq!(outcome.stderr, "moog-client: the connection is lost: closed by the peer\n");
    drop(listener);
    let outcome = run(port, &["enable"]).await;
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.starts_with("moog-client: 127.0.0.1:"), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1);
    for command in ["open", "move", "move=", "move=x"] {
        let outcome = run(port, &[command]).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(64), ""), "a usage error");
        let hints = outcome.stderr.contains("move=POSITION, such as move=12.5");
        assert_eq!(hints, command != "open", "{}", outcome.stderr);
    }
}

/// When nobody reads its output, it ends without a word.
#[test_log::test(tokio::test)]
async fn it_ends_with_its_reader() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockController::new(SimpleDevice::new()).server()).await.unwrap();
    let (reader, output) = std::io::pipe().unwrap();
    drop(reader);
    let child = Command::new(env!("CARGO_BIN_EXE_moog-client"))
        .args(["--port", &server.port().to_string(), "enable"])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = timeout(Duration::from_secs(20), child.wait_with_output()).await.expect("the program ends").unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(141), b"".as_slice()));
}
