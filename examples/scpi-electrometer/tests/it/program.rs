//! The program `scpi-electrometer`: what it prints and how it ends.

use std::{process::Stdio, time::Duration};

use scpi_electrometer_mock::MockElectrometer;
use tokio::{net::TcpSocket, process::Command, time::timeout};

use crate::setup::{IDENTITY, start};

/// Runs the program to its end, which must come soon: exit code, output, error output.
async fn run(port: u16, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scpi-electrometer"));
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]).args(arguments);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(Duration::from_secs(10), output).await.expect("the program ends").unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Each command is asked in turn, and what passed is shown if that is asked for.
#[test_log::test(tokio::test)]
async fn every_reply_is_printed() {
    let mock = start(MockElectrometer::new(), 0).await;
    let outcome = run(mock.port(), &["idn", "measure", "measure", "trace", "fetch"]).await;
    let expected = format!("{IDENTITY}\n1E-12\n2E-12\n1E-12\n2E-12\n1E-12\n2E-12\n");
    assert_eq!(outcome, (Some(0), expected, String::new()));
    let (code, stdout, stderr) = run(mock.port(), &["--wire", "measure"]).await;
    assert_eq!((code, stdout.as_str()), (Some(0), "3E-12\n"));
    assert!(stderr.contains(r#"<- "MEAS?\r+3.000000E-12\r\n""#), "{stderr}");
}

/// What is no reading, and a device that is not there, are said.
#[test_log::test(tokio::test)]
async fn what_goes_wrong_is_said() {
    let mock = start(MockElectrometer::new(), 0).await;
    mock.handler().set_overloaded(true);
    let (code, stdout, stderr) = run(mock.port(), &["measure"]).await;
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("scpi-electrometer: \"MEAS?\\r\": the reply does not convert"), "{stderr}");
    assert!(stderr.ends_with(": the current is beyond the range\n"), "{stderr}");

    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let (code, stdout, stderr) = run(socket.local_addr().unwrap().port(), &["idn"]).await;
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("scpi-electrometer: 127.0.0.1:"), "{stderr}");
}
