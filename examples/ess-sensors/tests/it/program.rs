//! The program `ess-sensors`: what it prints and how it ends.

use std::process::Stdio;

use tcpip_testkit::eventually;
use tokio::{net::TcpSocket, process::Command};

use crate::setup::start;

/// Runs the program to its end, which must come soon: exit code, output, error output.
async fn run(port: u16, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ess-sensors"));
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]).args(arguments);
    let output = eventually(command.stdin(Stdio::null()).kill_on_drop(true).output()).await.unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// The readings of each sensor are printed, as many as were asked for.
#[test_log::test(tokio::test)]
async fn readings_are_printed() {
    let mock = start(0).await;
    mock.handler().unplug("B");
    let (code, stdout, stderr) = run(mock.port(), &["--readings", "3", "A=2", "B=1"]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let lines: Vec<_> = stdout.lines().map(|line| line.split_once(' ').expect("a time").1).collect();
    let count = |line| lines.iter().filter(|printed| **printed == line).count();
    assert_eq!((lines.len(), count("A [20.0, 21.0]"), count("B [NaN]")), (6, 3, 3), "{stdout}");
    let (code, stdout, _) = run(mock.port(), &["--readings", "1", "--zero", "A=1"]).await;
    assert!(code == Some(0) && stdout.ends_with(" A [0.0]\n"), "{stdout}");
}

/// A configuration that is refused, arguments that are none, and a device that is not there, are said.
#[test_log::test(tokio::test)]
async fn what_goes_wrong_is_said() {
    let mock = start(0).await;
    let (code, stdout, stderr) = run(mock.port(), &["A=17"]).await;
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let (began, ended) = ("\ness-sensors: the handshake failed: ", ": the device says: the parameters are wrong\n");
    assert!(stderr.contains(began) && stderr.ends_with(ended), "{stderr}");
    for wrong in ["A", "A=b", "A=-1"] {
        let (code, stdout, stderr) = run(mock.port(), &[wrong]).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    }

    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let (code, stdout, stderr) = run(socket.local_addr().unwrap().port(), &[]).await;
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("ess-sensors: 127.0.0.1:"), "{stderr}");
}
