//! The program `atdome-mock`: what it prints, whom it serves, how it ends.

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
    time::timeout,
};

const SOON: Duration = Duration::from_secs(5);

/// The program at work; killed if a test fails.
struct Program {
    child: Child,
    /// Kept open, as by whoever watches.
    _stdout: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Program {
    async fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_atdome-mock"))
            .args(["--host", "127.0.0.1", "--port", "0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = timeout(SOON, stdout.next_line()).await.unwrap().unwrap().unwrap();
        let port = first.strip_prefix("listening on 127.0.0.1:").expect("the first line says where").parse().unwrap();
        Self { child, _stdout: stdout, port }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }

    fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end: the exit code, and what was written to stderr.
    async fn end(mut self) -> (Option<i32>, String) {
        let mut stderr = String::new();
        let end = async {
            self.child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
            self.child.wait().await.unwrap()
        };
        (timeout(SOON, end).await.expect("the program ends").code(), stderr)
    }
}

/// Reads as much as is expected, soon.
async fn assert_sends(stream: &mut TcpStream, expected: &str) {
    let mut came = vec![0; expected.len()];
    timeout(SOON, stream.read_exact(&mut came)).await.expect("it answers").unwrap();
    assert_eq!(String::from_utf8(came).unwrap(), expected);
}

/// Without a client, either signal ends the program in good order.
#[test_log::test(tokio::test)]
async fn signals_end_it() {
    for signal in [Signal::INT, Signal::TERM] {
        let program = Program::start(&[]).await;
        program.send(signal);
        assert_eq!(program.end().await, (Some(0), String::new()), "{signal:?}");
    }
}

/// With a client, either signal ends the program in good order too, and the client sees the end of the stream.
#[test_log::test(tokio::test)]
async fn signals_end_it_with_a_client_connected() {
    for signal in [Signal::INT, Signal::TERM] {
        let program = Program::start(&[]).await;
        let mut client = program.connect().await;
        assert_sends(&mut client, "ACE Main Box\n>").await;
        client.write_all(b"HM\r\n").await.unwrap();
        assert_sends(&mut client, ">").await;
        program.send(signal);
        assert_eq!(timeout(SOON, client.read(&mut [0])).await.unwrap().unwrap(), 0);
        assert_eq!(program.end().await, (Some(0), String::new()), "{signal:?}");
    }
}

/// One client after another is served, also when the next one dials at once.
#[test_log::test(tokio::test)]
async fn clients_are_served_one_after_another() {
    let program = Program::start(&[]).await;
    for _ in 0..20 {
        let mut client = program.connect().await;
        assert_sends(&mut client, "ACE Main Box\n>").await;
        // A program that another test is starting has the socket too, for a moment: to drop it does not hang up.
        client.shutdown().await.unwrap();
    }
}

/// While one client is served, another sees the end of the stream at once, and the first notices nothing.
#[test_log::test(tokio::test)]
async fn a_second_client_is_turned_away() {
    let program = Program::start(&[]).await;
    let mut first = program.connect().await;
    assert_sends(&mut first, "ACE Main Box\n>").await;
    let mut second = program.connect().await;
    assert_eq!(timeout(SOON, second.read(&mut [0])).await.unwrap().unwrap(), 0);
    first.write_all(b"ST\r\n").await.unwrap();
    assert_sends(&mut first, ">").await;
}

/// `--fail` makes the next command of that name fail.
#[test_log::test(tokio::test)]
async fn fail_sets_the_hook() {
    let program = Program::start(&["--fail", "MV"]).await;
    let mut client = program.connect().await;
    client.write_all(b"ST\r\n280.00 MV\r\n285.00 MV\r\n").await.unwrap();
    assert_sends(&mut client, "ACE Main Box\n>>Command MV failed by request\n>>").await;
}

/// A port that is taken is an error that names it, and exit code 1.
#[test_log::test(tokio::test)]
async fn a_port_in_use_is_reported() {
    let program = Program::start(&[]).await;
    let output = Command::new(env!("CARGO_BIN_EXE_atdome-mock"))
        .args(["--port", &program.port.to_string()])
        .kill_on_drop(true)
        .output();
    let output = timeout(SOON, output).await.expect("the program ends").unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let expected = format!("atdome-mock: cannot listen on 127.0.0.1:{}: ", program.port);
    assert!(stderr.starts_with(&expected), "{stderr}");
}

/// A name that no command can have is refused before anything is served.
#[test_log::test(tokio::test)]
async fn fail_wants_one_word() {
    for name in ["", "280.00 MV"] {
        let output = Command::new(env!("CARGO_BIN_EXE_atdome-mock"))
            .args(["--port", "0", "--fail", name])
            .kill_on_drop(true)
            .output();
        let output = timeout(SOON, output).await.expect("the program ends").unwrap();
        assert_eq!(output.status.code(), Some(2));
    }
}

/// When nobody reads its output, it ends without a word.
#[test_log::test(tokio::test)]
async fn it_ends_with_its_reader() {
    let (reader, output) = std::io::pipe().unwrap();
    drop(reader);
    let child = Command::new(env!("CARGO_BIN_EXE_atdome-mock"))
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
