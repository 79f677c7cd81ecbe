//! The program `atdome-controller`: what it prints and how it ends.

use std::{process::Stdio, time::Duration};

use atdome_mock::MockDome;
use tcpip_testkit::{OneClientServerTestCase, Script, ScriptedPeer};
use tokio::{net::TcpSocket, process::Command, time::timeout};

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the program to its end, which must come soon.
async fn run(port: u16, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atdome-controller"));
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]).args(arguments);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(Duration::from_secs(5), output).await.expect("the program ends").unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Each command is sent in turn, and each line of the replies is a line of the output.
#[test_log::test(tokio::test)]
async fn every_reply_line_is_printed() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().speed_up(1e6).server()).await.unwrap();
    let outcome = run(server.port(), &["280.00 MV", "OP", "XX", "?"]).await;
    assert_eq!(outcome.stdout, "MAIN OPEN 100\nDROP CLOSED 000\n[OFF] 00\nPOSN 280.00\nRL 000\nDome not homed\n");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    let outcome = run(server.port(), &["+"]).await;
    assert_eq!((outcome.code, outcome.stdout.lines().count()), (Some(0), 27));
    assert!(outcome.stdout.ends_with("Dome has been homed: False\n"));
}

/// What the dome says about a failed command is a reply like any other.
#[test_log::test(tokio::test)]
async fn a_failed_command_is_printed() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    server.handler().fail_next("HM");
    let outcome = run(server.port(), &["HM"]).await;
    assert_eq!(outcome.stdout, "Command HM failed by request\n");
}

/// Nothing listens there.
#[test_log::test(tokio::test)]
async fn a_refused_connection_is_reported() {
    // Nobody else gets the port as long as the socket lives, which does not listen.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let outcome = run(port, &["?"]).await;
    let expected = format!("atdome-controller: 127.0.0.1:{port} refused the connection: ");
    assert!(outcome.stderr.starts_with(&expected), "{}", outcome.stderr);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
}

/// Somebody else is being served.
#[test_log::test(tokio::test)]
async fn being_turned_away_is_reported() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let _first = atdome_controller::Dome::connect(server.host(), server.port()).await.unwrap();
    let outcome = run(server.port(), &["?"]).await;
    let expected = "atdome-controller: connection refused: the dome serves one client at a time\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), expected));
}

/// Runs the program with a dome that does what the script says, to its end.
async fn run_with(script: &str, arguments: &[&str]) -> Outcome {
    let device = ScriptedPeer::server(Script::parse(script).unwrap()).start().await.unwrap();
    let outcome = run(device.port(), arguments).await;
    device.finish().await.unwrap();
    outcome
}

/// The dome hangs up instead of answering; what it answered before that has been printed.
#[test_log::test(tokio::test)]
async fn a_lost_connection_is_reported() {
    let script = r#"
        < "ACE Main Box" LF ">"
        > "?" CR LF
        < "one" LF ">"
        > "?" CR LF
        < close
    "#;
    let outcome = run_with(script, &["?", "?"]).await;
    let expected = "atdome-controller: \"?\\r\\n\": the session has ended: atdome-controller: the peer hung up\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), expected));
    assert_eq!(outcome.stdout, "one\n");
}

/// The dome does not answer, and the next command is not sent.
#[test_log::test(tokio::test)]
async fn a_missing_reply_is_reported() {
    let script = "< 'ACE Main Box' LF '>'\n> 'OP' CR LF\n> close";
    let outcome = run_with(script, &["--timeout", "0.2", "OP", "HM"]).await;
    let expected = "atdome-controller: \"OP\\r\\n\": no reply came for 200ms\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), expected));
}

/// The dome does not even greet.
#[test_log::test(tokio::test)]
async fn a_missing_greeting_is_reported() {
    let outcome = run_with("> close", &["--timeout", "0.2", "OP"]).await;
    let expected = "atdome-controller: the handshake failed: no reply came for 200ms\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), expected));
}

/// When nobody reads its output, it ends without a word.
#[test_log::test(tokio::test)]
async fn it_ends_with_its_reader() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let (reader, output) = std::io::pipe().unwrap();
    drop(reader);
    let child = Command::new(env!("CARGO_BIN_EXE_atdome-controller"))
        .args(["--port", &server.port().to_string(), "?"])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = timeout(Duration::from_secs(5), child.wait_with_output()).await.expect("the program ends").unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(141), b"".as_slice()));
}
