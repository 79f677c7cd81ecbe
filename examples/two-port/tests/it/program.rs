//! The program `two-port`: what it prints and how it ends.

use std::process::Stdio;

use tcpip_testkit::eventually;
use tokio::process::Command;
use two_port_mock::MockMirror;

use crate::setup::HOST;

/// Runs the program to its end, which must come soon: exit code, output, error output.
async fn run(ports: (u16, u16), arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_two-port"));
    command.args(["--host", HOST, "--command-port", &ports.0.to_string()]);
    command.args(["--telemetry-port", &ports.1.to_string()]).args(arguments);
    let output = eventually(command.stdin(Stdio::null()).kill_on_drop(true).output()).await.unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// All actuators move at once, and the one that is there first is printed first; what goes wrong is said.
#[test_log::test(tokio::test)]
async fn what_becomes_of_the_commands_is_printed() {
    let mock = MockMirror::new().actuators(3).speed(20.0);
    let commands = mock.command_server().host(HOST).start().await.unwrap();
    let telemetry = mock.telemetry_server().host(HOST).start().await.unwrap();
    let ports = (commands.port(), telemetry.port());
    let outcome = run(ports, &["0=10", "1=-1.5", "2=stop"]).await;
    let expected = "actuator 2 is at 0.0 mm\nactuator 1 is at -1.5 mm\nactuator 0 is at 10.0 mm\n[10.0, -1.5, 0.0]\n";
    assert_eq!(outcome, (Some(0), expected.to_owned(), String::new()));
    let (code, stdout, stderr) = run(ports, &["0=10.5"]).await;
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.ends_with(": the device says: 10.5 is beyond its reach\n"), "{stderr}");
    for wrong in ["0", "a=1", "0=b"] {
        let (code, stdout, stderr) = run(ports, &[wrong]).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    }
    commands.close().await;
    let (code, stdout, stderr) = run(ports, &[]).await;
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("two-port: 127.0.0.1:"), "{stderr}");
}
