//! The program `ess-sensors-mock`: what it prints, whom it serves, how it ends.

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
    time::timeout,
};

const SOON: Duration = Duration::from_secs(5);

/// It says where it listens, answers there, and ends in good order when it is told to.
#[test_log::test(tokio::test)]
async fn it_serves_until_it_is_told_to_stop() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ess-sensors-mock"))
            .args(["--host", "127.0.0.1", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = timeout(SOON, stdout.next_line()).await.unwrap().unwrap().unwrap();
        let port = first.strip_prefix("listening on 127.0.0.1:").expect("the first line says where");
        let mut client = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).await.unwrap();
        client.write_all(b"{\"command\":\"zero\",\"parameters\":{\"name\":\"none\"}}\r\n").await.unwrap();
        let expected = b"{\"response\": 4}\r\n";
        let mut came = vec![0; expected.len()];
        timeout(SOON, client.read_exact(&mut came)).await.expect("it answers").unwrap();
        assert_eq!(came, expected);
        kill_process(Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap(), signal).unwrap();
        let output = timeout(SOON, child.wait_with_output()).await.expect("the program ends").unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()), "{signal:?}");
    }
}
