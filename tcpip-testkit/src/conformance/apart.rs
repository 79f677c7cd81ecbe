//! A thread and a runtime for a server that may get stuck.

use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
};

use tcpip_server::ServerBuilder;
use tokio::{
    runtime::Builder,
    task::{JoinError, spawn_blocking},
};

use super::{
    ConformanceError, ConformanceFailure, ConformanceProblem, Settings,
    check::{Check, Observer},
    scenario::Scenario,
};

/// How it goes, as the thread of the server tells.
enum News {
    Begins(String),
    Fails(ConformanceFailure),
    Ends(Result<(), ConformanceError>),
}

pub(super) async fn run<M, B>(server: M, settings: Settings) -> Result<(), ConformanceError>
where
    M: Fn() -> B + Send + 'static,
    B: ServerBuilder,
{
    // Its time is that of the machine, so a paused clock of the test does not pass meanwhile.
    let watching = spawn_blocking(move || watch(server, settings));
    watching.await.unwrap_or_else(|error: JoinError| std::panic::resume_unwind(error.into_panic()))
}

fn watch<M, B>(server: M, settings: Settings) -> Result<(), ConformanceError>
where
    M: Fn() -> B + Send + 'static,
    B: ServerBuilder,
{
    let after = settings.stuck_time;
    let (news, told) = channel();
    let at_work = thread::Builder::new().name("conformance".to_owned());
    let at_work = at_work.spawn(move || work(server, settings, &news)).map_err(ConformanceError::Runtime)?;
    let (mut scenario, mut failures) = (String::new(), Vec::new());
    let result = loop {
        match told.recv_timeout(after) {
            Ok(News::Begins(next)) => scenario = next,
            Ok(News::Fails(failure)) => failures.push(failure),
            Ok(News::Ends(result)) => break result,
            Err(RecvTimeoutError::Timeout) => {
                failures.push(ConformanceFailure { scenario, problem: ConformanceProblem::Stuck { after } });
                break Ok(());
            }
            // It has panicked.
            Err(RecvTimeoutError::Disconnected) => match at_work.join() {
                Ok(()) => unreachable!("it tells when it ends"),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    };
    result?;
    if failures.is_empty() { Ok(()) } else { Err(ConformanceError::Failed { failures }) }
}

fn work<M, B>(server: M, settings: Settings, news: &Sender<News>)
where
    M: Fn() -> B,
    B: ServerBuilder,
{
    let result = match Builder::new_current_thread().enable_all().start_paused(true).build() {
        Ok(runtime) => {
            let mut observer = news;
            let run = async { Check::new(server, settings).run(&mut observer).await };
            runtime.block_on(run).map_err(ConformanceError::Start)
        }
        Err(error) => Err(ConformanceError::Runtime(error)),
    };
    let _ = news.send(News::Ends(result));
}

/// Nobody listens any more where it was stuck for too long, and then goes on.
impl Observer for &Sender<News> {
    fn begins(&mut self, scenario: &Scenario) {
        let _ = self.send(News::Begins(scenario.to_string()));
    }

    fn fails(&mut self, failure: ConformanceFailure) {
        let _ = self.send(News::Fails(failure));
    }
}
