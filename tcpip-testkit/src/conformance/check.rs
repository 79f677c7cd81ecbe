//! Doing it, and looking at what becomes of it.

use std::collections::HashMap;

use tcpip_server::{Server, ServerBuilder, StartError};

use super::{
    ConformanceFailure, ConformanceProblem, Heard, Settings, panics,
    scenario::{Disturbance, Leave, Scenario, kinds},
    session::{Session, not_served, settle, start},
};
use crate::MemoryNetwork;

/// How often a client that does not read sends its command, and how much each end takes.
const FLOOD: usize = 10_000;
const SMALL_WINDOW: usize = 4096;

/// How many times as long as a client listens one says nothing.
const SILENCE: u32 = 10;

/// A server that is put to the test, again and again, on this thread.
pub(super) struct Check<M> {
    server: M,
    settings: Settings,
    /// What it says to these pieces.
    usual: HashMap<Vec<Vec<u8>>, Heard>,
    /// A command that it has a reply to.
    answered: Option<Vec<u8>>,
}

/// Who is told how it goes.
pub(super) trait Observer {
    fn begins(&mut self, scenario: &Scenario);
    fn fails(&mut self, failure: ConformanceFailure);
}

enum Trouble {
    Start(StartError),
    Problem(ConformanceProblem),
}

impl From<StartError> for Trouble {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl From<ConformanceProblem> for Trouble {
    fn from(problem: ConformanceProblem) -> Self {
        Self::Problem(problem)
    }
}

impl<M, B> Check<M>
where
    M: Fn() -> B,
    B: ServerBuilder,
{
    pub(super) fn new(server: M, settings: Settings) -> Self {
        Self { server, settings, usual: HashMap::new(), answered: None }
    }

    /// Runs all scenarios: those of one kind until one is not passed, and none if even the usual fails.
    pub(super) async fn run(&mut self, observer: &mut impl Observer) -> Result<(), StartError> {
        panics::watch();
        let usual = self.settings.commands.iter().map(|command| vec![command.clone()]);
        let usual: Vec<_> = usual.map(|pieces| Scenario::Pieces { sent: pieces.clone(), usual: pieces }).collect();
        let first = usual.first().map(Scenario::to_string).unwrap_or_default();
        if !self.run_kind(usual, observer).await? {
            return Ok(());
        }
        if self.settings.has_replies && self.usual.values().all(Heard::is_empty) {
            observer.fails(ConformanceFailure { scenario: first, problem: ConformanceProblem::Unanswered });
            return Ok(());
        }
        let heard =
            |command: &&Vec<u8>| self.usual.get(&vec![(*command).clone()]).is_some_and(|heard| !heard.bytes.is_empty());
        self.answered = self.settings.commands.iter().find(heard).cloned();
        for kind in kinds(&self.settings) {
            self.run_kind(kind, observer).await?;
        }
        Ok(())
    }

    /// Whether all were passed.
    async fn run_kind(&mut self, kind: Vec<Scenario>, observer: &mut impl Observer) -> Result<bool, StartError> {
        for scenario in kind {
            observer.begins(&scenario);
            let result = match &scenario {
                Scenario::Pieces { sent, usual } => self.compare(sent, usual).await,
                Scenario::Disturbance(disturbance) => self.disturb(disturbance).await,
            };
            match (panics::take().into_iter().next(), result) {
                (Some(message), _) => {
                    let problem = ConformanceProblem::Panicked { message };
                    observer.fails(ConformanceFailure { scenario: scenario.to_string(), problem });
                    return Ok(false);
                }
                (None, Ok(())) => {}
                (None, Err(Trouble::Start(error))) => return Err(error),
                (None, Err(Trouble::Problem(problem))) => {
                    observer.fails(ConformanceFailure { scenario: scenario.to_string(), problem });
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Whether the server says the same to the same bytes in other pieces.
    async fn compare(&mut self, sent: &[Vec<u8>], usual: &[Vec<u8>]) -> Result<(), Trouble> {
        let expected = match self.usual.get(usual) {
            Some(heard) => heard.clone(),
            None => self.replies(usual).await?,
        };
        self.usual.insert(usual.to_vec(), expected.clone());
        let heard = self.replies(sent).await?;
        if heard == expected {
            Ok(())
        } else if sent == usual {
            Err(ConformanceProblem::NotRepeatable { first: expected, second: heard }.into())
        } else {
            Err(ConformanceProblem::Differs { expected, sent: heard }.into())
        }
    }

    /// What a new server says, behind its greeting, to these pieces: all at one time, but one after the other.
    async fn replies(&self, pieces: &[Vec<u8>]) -> Result<Heard, Trouble> {
        let network = MemoryNetwork::new();
        let _entered = network.enter();
        let server = start((self.server)()).await?;
        let session = Session::connect(&network, &server).await?;
        session.listen(self.settings.listen_time).await;
        for piece in pieces {
            session.send(piece).await;
        }
        let heard = self.hear(&session).await;
        session.hang_up().await;
        server.server().close().await;
        Ok(heard)
    }

    /// Has a client do what it should not. Whether the next is served.
    async fn disturb(&self, disturbance: &Disturbance) -> Result<(), Trouble> {
        let network = MemoryNetwork::new();
        let _entered = network.enter();
        let server = start((self.server)()).await?;
        if let Disturbance::NotReading { .. } = disturbance {
            network.link(server.server().host()).window(SMALL_WINDOW);
        }
        let session = Session::connect(&network, &server).await?;
        settle().await;
        match disturbance {
            Disturbance::Leaving { sent, how } => {
                session.send(sent).await;
                match how {
                    Leave::HangUp => session.hang_up().await,
                    Leave::Reset => session.reset().await,
                }
            }
            Disturbance::Garbage { sent } => {
                session.send(sent).await;
                session.listen(self.settings.listen_time).await;
                session.hang_up().await;
            }
            Disturbance::Silence => {
                session.listen(self.settings.listen_time.saturating_mul(SILENCE)).await;
                session.hang_up().await;
            }
            Disturbance::NotReading { command } => {
                session.flood(command, FLOOD).await;
                session.reset().await;
            }
            Disturbance::SecondClient => {
                let second = Session::connect(&network, &server).await?;
                settle().await;
                if !self.is_served(&session).await && !self.is_served(&second).await {
                    return Err(not_served("neither of two gets a reply").into());
                }
                session.hang_up().await;
                second.hang_up().await;
            }
        }
        let next = Session::connect(&network, &server).await?;
        if !self.is_served(&next).await {
            return Err(not_served("it gets no reply").into());
        }
        next.hang_up().await;
        server.server().close().await;
        Ok(())
    }

    /// Whether the server says anything, behind its greeting, to a command that it has a reply to.
    async fn is_served(&self, session: &Session) -> bool {
        let Some(command) = &self.answered else { return true };
        session.listen(self.settings.listen_time).await;
        session.send(command).await;
        !self.hear(session).await.bytes.is_empty()
    }

    /// What the server says, as far as it is compared.
    async fn hear(&self, session: &Session) -> Heard {
        self.settings.compared.of(session.listen(self.settings.listen_time).await)
    }
}
