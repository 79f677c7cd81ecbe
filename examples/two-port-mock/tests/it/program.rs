//! The program `two-port-mock`: what it prints, whom it serves, how it ends.

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
    time::timeout,
};

const SOON: Duration = Duration::from_secs(5);

/// It says where it listens, answers on both ports, and ends in good order when it is told to.
#[test_log::test(tokio::test)]
async fn it_serves_until_it_is_told_to_stop() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_two-port-mock"))
            .args(["--command-port", "0", "--telemetry-port", "0", "--speed", "1000"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        for (name, said, expected) in [
            ("commands", "{\"id\":9}\n", "{\"id\": 9, \"reply\": \"fail\", \"reason\": \"this is no command\"}\n"),
            ("telemetry", "", "{\"positions\": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], \"moving\": []}\n"),
        ] {
            let line = timeout(SOON, stdout.next_line()).await.unwrap().unwrap().unwrap();
            let port = line.strip_prefix("listening on 127.0.0.1:").and_then(|line| line.strip_suffix(name));
            let port = port.and_then(|line| line.strip_suffix(" for ")).expect("it says where, and for what");
            let mut client = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).await.unwrap();
            client.write_all(said.as_bytes()).await.unwrap();
            let mut came = vec![0; expected.len()];
            timeout(SOON, client.read_exact(&mut came)).await.expect("it answers").unwrap();
            assert_eq!(String::from_utf8(came).unwrap(), expected);
        }
        kill_process(Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap(), signal).unwrap();
        let output = timeout(SOON, child.wait_with_output()).await.expect("the program ends").unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()), "{signal:?}");
    }
}
