//! The program `moog-mock`: what it prints, how it begins and how it ends.

use std::{process::Stdio, time::Duration};

use moog_protocol::{ControllerState, Header, SimpleConfig, SimpleTelemetry};
use rustix::process::{Pid, Signal, kill_process};
use tcpip_client::Client;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
    time::timeout,
};

const SOON: Duration = Duration::from_secs(10);

/// The first line says where it listens; a client is greeted with configuration and telemetry; a signal ends it in good
/// order, and the client sees the end of the stream. `--enabled` begins in that state.
#[test_log::test(tokio::test)]
async fn it_serves_until_a_signal_comes() {
    for (arguments, state, signal) in [
        (&["--port", "0"][..], ControllerState::Standby, Signal::TERM),
        (&["--port", "0", "--enabled"], ControllerState::Enabled, Signal::INT),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_moog-mock"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = timeout(SOON, stdout.next_line()).await.unwrap().unwrap().unwrap();
        let port = first.strip_prefix("listening on 127.0.0.1:").unwrap().parse().unwrap();
        let client = Client::builder("127.0.0.1", port).read_timeout(SOON).connect().await.unwrap();
        client.read_struct::<Header>().await.unwrap();
        client.read_struct::<SimpleConfig>().await.unwrap();
        client.read_struct::<Header>().await.unwrap();
        let telemetry: SimpleTelemetry = client.read_struct().await.unwrap();
        assert_eq!(ControllerState::from_number(telemetry.state.get()), Some(state));
        let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        timeout(SOON, client.wait_disconnected()).await.unwrap();
        assert_eq!(timeout(SOON, child.wait()).await.unwrap().unwrap().code(), Some(0));
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
        assert_eq!(stderr, "");
    }
}

/// When nobody reads its output, it ends without a word.
#[test_log::test(tokio::test)]
async fn it_ends_with_its_reader() {
    let (reader, output) = std::io::pipe().unwrap();
    drop(reader);
    let child = Command::new(env!("CARGO_BIN_EXE_moog-mock"))
        .args(["--port", "0"])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = timeout(SOON, child.wait_with_output()).await.expect("the program ends").unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(141), b"".as_slice()));
}
