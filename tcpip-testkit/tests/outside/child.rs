//! The process that runs a scenario, and the lines between it and the test that watches it.

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader, Read, stdin},
    os::fd::AsFd,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use tokio::net::unix::pipe::Receiver;

/// What the environment of a scenario names if a test watches it.
const WATCHED: &str = "TCPIP_SCENARIO_WATCHED";

/// What a scenario prints when it is about to rest.
const AT_REST: &str = "the scenario is about to rest";

/// This binary again, to run one scenario, perhaps under a program that watches it.
pub(crate) fn command(watcher: &[&str], scenario: &str) -> Command {
    let this = env::current_exe().unwrap();
    let mut command = match watcher {
        [] => Command::new(&this),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(&this);
            command
        }
    };
    let scenario = format!("scenarios::{scenario}");
    command.args([&scenario, "--exact", "--ignored", "--nocapture", "--test-threads=1"]).env(WATCHED, "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Checks that a scenario has run, and run well.
pub(crate) fn assert_succeeded(output: &Output) {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success() && out.contains("1 passed"), "the scenario failed:\n{out}\n{err}");
}

/// A scenario that rests, until it is told to end.
pub(crate) struct Watched {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Watched {
    /// Starts a scenario and waits until it is about to rest.
    pub(crate) fn start(watcher: &[&str], scenario: &str) -> Self {
        let mut child = command(watcher, scenario).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut this = Self { child, stdout };
        let mut line = String::new();
        while !line.contains(AT_REST) {
            line.clear();
            if this.stdout.read_line(&mut line).unwrap() == 0 {
                this.finish();
                panic!("the scenario ended without a rest");
            }
        }
        this
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets the scenario end, and checks that it has run well.
    pub(crate) fn finish(mut self) {
        drop(self.child.stdin.take());
        let mut stdout = Vec::new();
        self.stdout.read_to_end(&mut stdout).unwrap();
        let output = self.child.wait_with_output().unwrap();
        assert_succeeded(&Output { stdout, ..output });
    }
}

/// The scenario's end of the lines.
pub(crate) struct Rest(Receiver);

impl Rest {
    /// `None` if nobody watches: the scenario was started by hand.
    pub(crate) fn prepare() -> Option<Self> {
        env::var_os(WATCHED)?;
        let input = stdin().as_fd().try_clone_to_owned().unwrap();
        Some(Self(Receiver::from_file(File::from(input)).unwrap()))
    }

    /// Waits, without a thread or a timer, until the scenario is told to end.
    pub(crate) async fn until_told_to_end(&self, at_rest: impl FnOnce()) {
        println!("{AT_REST}");
        at_rest();
        self.0.readable().await.unwrap();
    }
}
