//! Any handler can be put through what every server must stand, and what it does not stand is found.

use std::{
    future::pending,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use tcpip_server::{
    Admission, Connection, DisconnectReason, HandlerResult, OneClientReadLoopServer, OneClientServerBuilder,
    ReadAndDispatch, ReadError,
};
use tcpip_testkit::{Conformance, ConformanceError, ConformanceFailure, ConformanceProblem, Heard, conformance};
use tokio::time::{sleep, timeout};

use ConformanceProblem::{Differs, NotRepeatable, NotServed, Panicked};

/// A device that repeats what it hears, and is broken in one way.
struct Echo {
    broken: Broken,
    is_taken: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Not,
    /// Greets, sends by itself, and takes its time; but nothing of that is wrong.
    Talkative,
    TakesChunksForCommands,
    DropsWhatIsBehind,
    /// Drops the beginning of a command, if it comes with the end of another.
    DropsWhatIsBegun,
    WaitsForever,
    PanicsAtHalf,
    PanicsInATask,
    PanicsAtGarbage,
    PanicsWhenNotRead,
    PanicsInSilence,
    PanicsAtReset,
    IsNotFreed,
    IsNotFreedWhenReplaced,
    NeverYields,
    CountsSessions,
    /// Counts its replies, which is not wrong in itself.
    Counts,
    CountsAndTakesChunksForCommands,
    /// Hangs up when it is told to, as it should.
    HangsUpAtOne,
    /// Sends telemetry to whoever connects, also when it serves nobody.
    TalksAndIsNotFreed,
}

static SESSIONS: AtomicU32 = AtomicU32::new(0);
static REPLIES: AtomicU32 = AtomicU32::new(0);

impl ReadAndDispatch for Echo {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        match self.broken {
            Broken::Talkative => {
                connection.write_str("ready").await?;
                send_telemetry(connection);
            }
            Broken::TalksAndIsNotFreed => {
                send_telemetry(connection);
                if self.is_taken.swap(true, Ordering::SeqCst) {
                    pending::<()>().await;
                }
            }
            Broken::IsNotFreed | Broken::IsNotFreedWhenReplaced if self.is_taken.swap(true, Ordering::SeqCst) => {
                pending::<()>().await;
            }
            _ => {}
        }
        Ok(())
    }

    async fn on_disconnect(&self, connection: &Connection) {
        match (self.broken, connection.reason()) {
            (Broken::PanicsAtReset, Some(DisconnectReason::Reset)) => panic!("a reset"),
            (Broken::IsNotFreedWhenReplaced, Some(DisconnectReason::Replaced)) => {}
            (Broken::IsNotFreedWhenReplaced, _) => self.is_taken.store(false, Ordering::SeqCst),
            _ => {}
        }
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = match self.broken {
            Broken::TakesChunksForCommands | Broken::CountsAndTakesChunksForCommands => {
                String::from_utf8_lossy(&connection.read(100).await?).trim().to_owned()
            }
            Broken::DropsWhatIsBegun => {
                let mut begun = connection.read(100).await?;
                while !begun.contains(&b'\n') {
                    begun.extend(connection.read(100).await?);
                }
                let whole = begun.iter().rposition(|byte| *byte == b'\n').expect("it is there") + 1;
                return Ok(connection.write(&begun[..whole]).await?);
            }
            Broken::PanicsInSilence => {
                timeout(Duration::from_mins(1), connection.read_str()).await.expect("a command each minute")?
            }
            Broken::PanicsAtHalf => match connection.read_str().await {
                Err(ReadError::Incomplete { .. }) => panic!("half a command"),
                line => line?,
            },
            Broken::PanicsInATask => match connection.read_str().await {
                Err(ReadError::Incomplete { .. }) => {
                    tokio::spawn(async { panic!("in a task") });
                    return Ok(());
                }
                line => line?,
            },
            _ => connection.read_str().await?,
        };
        match self.broken {
            Broken::Talkative => sleep(Duration::from_secs(1)).await,
            Broken::DropsWhatIsBehind => drop(connection.discard_input().await?),
            Broken::WaitsForever if connection.unread() > 0 => pending().await,
            Broken::PanicsAtGarbage => assert!(line.starts_with(['o', 't']), "what is {line:?}?"),
            Broken::HangsUpAtOne if line == "one" => return Err("it is told to".into()),
            Broken::IsNotFreed | Broken::TalksAndIsNotFreed => self.is_taken.store(false, Ordering::SeqCst),
            Broken::NeverYields if !["one", "two"].contains(&&line[..]) => loop {
                std::thread::park();
            },
            Broken::CountsSessions => {
                return Ok(connection.write_str(&SESSIONS.fetch_add(1, Ordering::SeqCst).to_string()).await?);
            }
            Broken::Counts | Broken::CountsAndTakesChunksForCommands => {
                let count = REPLIES.fetch_add(1, Ordering::SeqCst);
                return Ok(connection.write_str(&format!("#{count} {line}")).await?);
            }
            _ => {}
        }
        match connection.write_str(&line).await {
            Err(error) if self.broken == Broken::PanicsWhenNotRead => panic!("nobody reads: {error}"),
            result => Ok(result?),
        }
    }
}

/// Sends a message each 700 ms.
fn send_telemetry(connection: &Connection) {
    let telemetry = connection.clone();
    connection.spawn(async move {
        let mut count = 0;
        while telemetry.write_str(&format!("T {count}")).await.is_ok() {
            sleep(Duration::from_millis(700)).await;
            count += 1;
        }
    });
}

fn echo(broken: Broken) -> OneClientServerBuilder<Echo> {
    let admission = if broken == Broken::IsNotFreedWhenReplaced { Admission::Replace } else { Admission::default() };
    OneClientReadLoopServer::builder(Echo { broken, is_taken: AtomicBool::new(false) }).admission(admission)
}

async fn failures(server: impl Fn() -> OneClientServerBuilder<Echo> + Send + 'static) -> Vec<ConformanceFailure> {
    failures_with(server, |run| run).await
}

async fn failures_with<M: Fn() -> OneClientServerBuilder<Echo> + Send + 'static>(
    server: M,
    options: impl FnOnce(Conformance<M>) -> Conformance<M>,
) -> Vec<ConformanceFailure> {
    match options(conformance(server).commands(["one\r\n", "two\r\n"]).seed(7)).run().await {
        Ok(()) => Vec::new(),
        Err(error) => {
            assert_eq!(format!("{error:?}"), error.to_string(), "a test that unwraps it shows the same");
            let ConformanceError::Failed { failures } = error else { panic!("{error}") };
            failures
        }
    }
}

/// Servers that are as they should be pass, also those that talk unasked and take their time, whoever is admitted.
#[test_log::test(tokio::test)]
async fn a_good_server_passes() {
    for broken in [Broken::Not, Broken::Talkative] {
        assert_eq!(failures(move || echo(broken)).await, []);
    }
    assert_eq!(failures(|| echo(Broken::Not).admission(Admission::Replace)).await, []);
}

/// Each server that is broken in one way fails, for that reason.
#[test_log::test(tokio::test)]
async fn what_is_broken_is_found() {
    let panicked = |text: &str, problem: &ConformanceProblem| match problem {
        Panicked { message } => message.contains(text) && message.contains("tests/it/conformance.rs:"),
        _ => false,
    };
    let cases = [
        (
            Broken::TakesChunksForCommands,
            r#""o" | "ne" CR LF instead of "one" CR LF"#,
            Box::new(|problem: &ConformanceProblem| match problem {
                Differs { expected: Heard { bytes: expected, .. }, sent: Heard { bytes: sent, .. }, .. } => {
                    expected == b"one\r\n" && sent == b"o\r\nne\r\n"
                }
                _ => false,
            }) as Box<dyn Fn(&ConformanceProblem) -> bool>,
        ),
        (
            Broken::DropsWhatIsBehind,
            r#""one" CR LF "one" CR LF instead of "one" CR LF | "one" CR LF"#,
            Box::new(|problem| matches!(problem, Differs { .. })),
        ),
        (
            Broken::DropsWhatIsBegun,
            r#""one" CR LF "t" | "wo" CR LF instead of "one" CR LF | "two" CR LF"#,
            Box::new(|problem| matches!(problem, Differs { .. })),
        ),
        (
            Broken::WaitsForever,
            r#""one" CR LF "one" CR LF instead of "one" CR LF | "one" CR LF"#,
            Box::new(|problem| {
                matches!(problem, Differs { .. }) && problem.to_string().ends_with("but it sent nothing")
            }),
        ),
        (Broken::PanicsAtHalf, r#"a hang-up behind "o""#, Box::new(|problem| panicked("half a command", problem))),
        (Broken::PanicsInATask, r#"a hang-up behind "o""#, Box::new(|problem| panicked("in a task", problem))),
        (Broken::PanicsAtReset, "a reset at once", Box::new(|problem| panicked("a reset", problem))),
        (Broken::IsNotFreedWhenReplaced, "a second client", Box::new(|problem| matches!(problem, NotServed { .. }))),
        (Broken::PanicsAtGarbage, "garbage", Box::new(|problem| panicked("what is", problem))),
        (
            Broken::PanicsWhenNotRead,
            r#"a client that does not read, and sends "one" CR LF all the time"#,
            Box::new(|problem| panicked("nobody reads", problem)),
        ),
        (
            Broken::PanicsInSilence,
            "a client that says nothing",
            Box::new(|problem| panicked("a command each minute", problem)),
        ),
        (Broken::IsNotFreed, "a hang-up at once", Box::new(|problem| matches!(problem, NotServed { .. }))),
        (Broken::CountsSessions, r#""one" CR LF"#, Box::new(|problem| matches!(problem, NotRepeatable { .. }))),
    ];
    let runs: Vec<_> = cases.iter().map(|&(broken, ..)| tokio::spawn(failures(move || echo(broken)))).collect();
    for ((broken, scenario, is_it), run) in cases.into_iter().zip(runs) {
        let failures = run.await.unwrap();
        let ConformanceFailure { scenario: first, problem, .. } = failures.first().expect("it is broken");
        assert!(first.starts_with(scenario), "{broken:?}: {failures:#?}");
        assert!(is_it(problem), "{broken:?}: {failures:#?}");
    }
}

/// Lines without numbers, and without those that the device sends by itself.
fn without_what_differs(reply: &[u8]) -> Vec<u8> {
    assert!(!reply.is_empty(), "it is a reply");
    let lines = reply.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"T "));
    lines.flatten().copied().filter(|byte| !byte.is_ascii_digit()).collect()
}

/// What differs by nature is left out of the comparison, and nothing else; failures show what was compared.
#[test_log::test(tokio::test)]
async fn what_differs_by_nature_is_not_compared() {
    let found = failures(|| echo(Broken::Counts)).await;
    assert!(matches!(&found[..], [ConformanceFailure { problem: NotRepeatable { .. }, .. }]), "{found:#?}");
    assert_eq!(failures_with(|| echo(Broken::Counts), |run| run.comparing(without_what_differs)).await, []);
    let broken = || echo(Broken::CountsAndTakesChunksForCommands);
    let found = failures_with(broken, |run| run.comparing(without_what_differs)).await;
    let Differs { expected, sent, .. } = &found[0].problem else { panic!("{found:#?}") };
    assert_eq!((&expected.bytes[..], &sent.bytes[..]), (&b"# one\r\n"[..], &b"# o\r\n# ne\r\n"[..]));
}

/// Telemetry is no reply, if there is no time for it between command and reply, or if it is left out.
#[test_log::test(tokio::test)]
async fn who_only_gets_telemetry_is_not_served() {
    let not_served = |failures: &[ConformanceFailure]| {
        failures
            .iter()
            .any(|failure| failure.scenario == "a hang-up at once" && matches!(failure.problem, NotServed { .. }))
    };
    let broken = || echo(Broken::TalksAndIsNotFreed);
    let second = Duration::from_secs(1);
    let found = failures_with(broken, |run| run.listen_time(second)).await;
    assert!(!not_served(&found), "telemetry passes for a reply: {found:#?}");
    for found in [
        failures_with(broken, |run| run.listen_time(Duration::from_millis(349))).await,
        failures_with(broken, |run| run.listen_time(second).comparing(without_what_differs)).await,
    ] {
        assert!(not_served(&found), "{found:#?}");
    }
}

/// Where no command has a reply, or nothing of it is left, nothing would be compared: that is a failure, unless it is
/// said to be so. Then it is enough to be connected.
#[test_log::test(tokio::test)]
async fn who_has_no_replies_says_so() {
    let found = failures_with(|| echo(Broken::Counts), |run| run.comparing(|_| Vec::new())).await;
    assert!(matches!(&found[..], [failure] if failure.problem == ConformanceProblem::Unanswered), "{found:#?}");
    let nothing_left = failures_with(|| echo(Broken::Counts), |run| run.comparing(|_| Vec::new()).without_replies());
    assert_eq!(nothing_left.await, []);
    let wrong_terminator = || conformance(|| echo(Broken::Not)).commands(["one\n"]);
    let error = wrong_terminator().run().await.unwrap_err();
    assert!(error.to_string().contains("\"one\" LF: no command has a reply"), "{error}");
    wrong_terminator().without_replies().run().await.unwrap();
}

/// A hang-up in place of a reply shows nothing of who is served: another command does, or else it is enough to be
/// connected.
#[test_log::test(tokio::test)]
async fn a_command_to_hang_up_is_passed() {
    assert_eq!(failures(|| echo(Broken::HangsUpAtOne)).await, []);
    conformance(|| echo(Broken::HangsUpAtOne)).commands(["one\r\n"]).run().await.unwrap();
}

/// A reply may be listened for as long as there is time.
#[test_log::test(tokio::test)]
async fn the_longest_duration_is_listened_for() {
    assert_eq!(failures_with(|| echo(Broken::Not), |run| run.listen_time(Duration::MAX)).await, []);
}

/// A handler that gets stuck in code that never waits is given up, and named.
#[test_log::test(tokio::test)]
async fn who_never_yields_is_stuck() {
    let after = Duration::from_millis(300);
    let run = conformance(|| echo(Broken::NeverYields)).commands(["one\r\n"]).stuck_after(after).run().await;
    let Err(ConformanceError::Failed { failures }) = run else { panic!("{run:?}") };
    assert_eq!(failures.last().map(|failure| &failure.problem), Some(&ConformanceProblem::Stuck { after }));
}

/// The same seed finds the same; another one draws other garbage.
#[test_log::test(tokio::test)]
async fn two_runs_are_the_same() {
    let run = || failures(|| echo(Broken::PanicsAtGarbage));
    let (one, another) = tokio::join!(run(), run());
    assert_eq!(one, another);
    let with_another_seed = failures_with(|| echo(Broken::PanicsAtGarbage), |run| run.seed(8)).await;
    assert_ne!(one, with_another_seed);
}

/// A run without commands would find nothing, and an empty one is none.
#[test_log::test(tokio::test)]
async fn a_run_needs_commands() {
    for commands in [&[][..], &[""]] {
        let result = conformance(|| echo(Broken::Not)).commands(commands).run().await;
        assert!(matches!(result, Err(ConformanceError::NoCommands)));
    }
}

/// What the user's own code panics with when it makes a server is the test's.
#[test_log::test(tokio::test)]
#[should_panic(expected = "no server today")]
async fn a_panic_of_the_maker_is_the_tests() {
    let maker = || -> OneClientServerBuilder<Echo> { panic!("no server today") };
    let _ = conformance(maker).commands(["x"]).run().await;
}

/// So is what it panics with when it compares.
#[test_log::test(tokio::test)]
#[should_panic(expected = "what is this?")]
async fn a_panic_of_the_comparison_is_the_tests() {
    let run = conformance(|| echo(Broken::Not)).commands(["x\r\n"]).comparing(|_| panic!("what is this?"));
    let _ = run.run().await;
}
