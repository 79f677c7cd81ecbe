//! A Python script as the other end of a connection.

use std::{
    io::{self, Write},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// Nothing here takes so long, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A script that runs. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Python {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Python {
    /// Starts a script. `None`, and said so past the capture of the test's output, if this machine has no `python3`.
    pub(crate) fn start(test: &str, script: &str, arguments: &[&str]) -> Option<Self> {
        let mut command = Command::new("python3");
        command.arg(script).args(arguments).kill_on_drop(true);
        // Its tracebacks go where the test's own error goes.
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        match command.spawn() {
            Ok(mut child) => {
                let stdout = BufReader::new(child.stdout.take().unwrap());
                Some(Self { child, stdout })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let _ = writeln!(io::stderr(), "skipped: {test}: there is no python3 here");
                None
            }
            Err(error) => panic!("python3 cannot be run: {error}"),
        }
    }

    /// The port that the script listens on, which is the first line that it prints.
    pub(crate) async fn port(&mut self) -> u16 {
        let mut line = String::new();
        timeout(PATIENCE, self.stdout.read_line(&mut line)).await.unwrap().unwrap();
        line.trim().parse().unwrap()
    }

    /// Waits until the script has ended, and checks that it is content.
    pub(crate) async fn assert_content(mut self) {
        let status = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        assert!(status.success(), "the script ended with {status}");
    }
}
