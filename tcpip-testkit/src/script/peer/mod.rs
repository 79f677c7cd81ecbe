//! A peer that plays a script.
//!
//! A task (`runner`) asks the `engine` what is to be done, does it on a `link`, and tells the engine what happens
//! there. A link has its stream from a `source`: a listener, a dial, or a test's own stream.

mod captured;
mod client;
mod error;
mod link;
mod runner;
mod server;
mod source;

use std::{fmt, sync::Arc, thread, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};

pub use self::{captured::Captured, client::ScriptedClient, error::PeerError, server::ScriptedServer};
use self::{
    runner::{Command, NotPlayed, Runner, Shared},
    source::Source,
};
use super::{Script, ScriptError, ScriptFailure, bless, engine::Engine, shown};
use crate::{side::Side, transcript::Transcript};

/// How long [`ScriptedPeer::finish`] waits at most: a minute.
pub const DEFAULT_FINISH_TIMEOUT: Duration = Duration::from_mins(1);

/// A peer that plays one side of a [`Script`], over sockets or any other network: a device for the tests of a
/// controller, or a controller for those of a device. What can be said in a script is in [`scripts`](crate::scripts).
///
/// It plays in the background, from the start on. What does not fit the script ends its play and its session at once;
/// [`finish`](Self::finish) tells it. Dropping it unfinished panics, unless a panic is under way: then what has gone
/// wrong in the play is printed.
///
/// # Examples
///
/// ```
/// use tcpip_client::Client;
/// use tcpip_testkit::{Script, ScriptedPeer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let script = Script::parse("> \"?\" CR LF\n< \"MAIN \" {word = \"CLOSED\"} CR LF\n")?;
/// let device = ScriptedPeer::server(script).start().await?;
/// let client = Client::builder(device.host(), device.port()).connect().await?;
/// client.write_str("?").await?;
/// assert_eq!(client.read_str().await?, "MAIN CLOSED");
/// let transcript = device.finish().await?; // every step was reached, and nothing is left over
/// assert_eq!(transcript.received(), b"?\r\n");
/// # Ok(())
/// # }
/// ```
///
/// Step by step:
///
/// ```
/// # use tcpip_client::Client;
/// # use tcpip_testkit::{Script, ScriptedPeer};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut device = ScriptedPeer::server(Script::new()).start().await?;
/// let client = Client::builder(device.host(), device.port()).connect().await?;
/// client.write_str("MEAS?").await?;
/// let played = device.play("> {word command} CR LF\n< \"12.\"\n+20ms < reset").await?;
/// assert_eq!(played.text("command"), "MEAS?");
/// assert!(client.read_str().await.is_err());
/// device.finish().await?;
/// # Ok(())
/// # }
/// ```
pub struct ScriptedPeer {
    host: String,
    port: u16,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    task: Option<JoinHandle<()>>,
    finish_timeout: Duration,
    /// Whether the test knows how the play has ended.
    is_told: bool,
}

impl ScriptedPeer {
    /// Returns what makes a server of the script: it plays the lines that begin with `<`.
    pub fn server(script: Script) -> ScriptedServer {
        ScriptedServer::new(script)
    }

    /// Returns what makes a client of the script: it plays the lines that begin with `>`.
    pub fn client(script: Script) -> ScriptedClient {
        ScriptedClient::new(script)
    }

    /// Begins to play what is prepared.
    fn start(prepared: Prepared, side: Side, source: Source, host: &str, port: u16) -> Result<Self, PeerError> {
        let mut engine = Engine::new(prepared.script, Some(side), Instant::now())?;
        if bless::is_asked_for() {
            engine.bless();
        }
        for (name, bytes) in prepared.values {
            engine.set(name, bytes);
        }
        let port = source.local_addr().map_or(port, |address| address.port());
        let shared = Arc::<Shared>::default();
        let (commands, receiver) = mpsc::unbounded_channel();
        let runner = Runner::new(engine, side, source, shared.clone(), receiver);
        Ok(Self {
            host: host.to_owned(),
            port,
            shared,
            commands,
            task: Some(tokio::spawn(runner.run())),
            finish_timeout: DEFAULT_FINISH_TIMEOUT,
            is_told: false,
        })
    }

    /// Returns the host that a server listens on, or that a client has connected to; nothing over a stream of its own.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port that a server listens on, or that a client has connected to; 0 over a stream of its own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns what has passed so far, in both directions. It goes on with the session.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        self.shared.transcript.clone()
    }

    /// Returns what the holes have captured so far.
    #[must_use]
    pub fn captured(&self) -> Captured {
        self.shared.told().captured.clone()
    }

    /// Makes `$name` of steps to come these bytes: those of a checksum of the device's own kind, for example. Until a
    /// hole of that name captures others.
    pub fn set(&self, name: &str, bytes: impl Into<Vec<u8>>) {
        // A play that has ended needs no values.
        let _ = self.commands.send(Command::Set(name.to_owned(), bytes.into()));
    }

    /// Plays more, in the session that is open: when what was to be played before is over, and within the deadlines of
    /// its steps. If nobody is connected, somebody has to be within 5 s. Returns what has been captured so far.
    ///
    /// # Errors
    ///
    /// [`PeerError::Script`] if it is no script, or has something that this side cannot play: nothing is played, and
    /// the session goes on. [`PeerError::Failed`] if it was not played to its end, or what was before.
    ///
    /// # Cancel safety
    ///
    /// It is played all the same.
    ///
    /// # Panics
    ///
    /// If the task that plays has panicked.
    pub async fn play<S>(&mut self, script: S) -> Result<Captured, PeerError>
    where
        S: TryInto<Script>,
        ScriptError: From<S::Error>,
    {
        let script = script.try_into().map_err(ScriptError::from)?;
        let (reply, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Play(script, reply));
        match answer.await {
            Ok(Ok(captured)) => Ok(captured),
            Ok(Err(NotPlayed::Unplayable(fault))) => Err(fault.into()),
            Ok(Err(NotPlayed::Failed(failure))) => {
                self.is_told = true;
                Err(failure.into())
            }
            Err(_) => self.panicked().await,
        }
    }

    /// Sets how long [`finish`](Self::finish) waits at most. Default: [`DEFAULT_FINISH_TIMEOUT`].
    #[must_use]
    pub fn finish_within(mut self, timeout: Duration) -> Self {
        self.finish_timeout = timeout;
        self
    }

    /// Waits until the script is over, then ends the session. It has the sum of the deadlines of the steps that are
    /// left, and 5 s for what no step speaks of; never more than [`finish_within`](Self::finish_within) says. Returns
    /// what has passed.
    ///
    /// # Errors
    ///
    /// The script was not played to its end, or something came that nobody expected.
    ///
    /// # Cancel safety
    ///
    /// The peer is gone then, and the session at an end.
    ///
    /// # Panics
    ///
    /// If the task that plays has panicked.
    pub async fn finish(mut self) -> Result<Transcript, ScriptFailure> {
        self.is_told = true;
        let (reply, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Finish(self.finish_timeout, reply));
        let Ok(result) = answer.await else { self.panicked().await };
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
        result.map(|()| self.transcript())
    }

    /// The task has ended without an answer.
    async fn panicked(&mut self) -> ! {
        self.is_told = true;
        let error = match self.task.take() {
            Some(task) => task.await.err(),
            None => None,
        };
        match error.map(tokio::task::JoinError::try_into_panic) {
            Some(Ok(panic)) => std::panic::resume_unwind(panic),
            _ => panic!("the runtime of the scripted peer has ended"),
        }
    }
}

impl Drop for ScriptedPeer {
    fn drop(&mut self) {
        if self.is_told {
            return;
        }
        let failure = self.shared.told().failure.clone();
        match failure {
            Some(failure) if thread::panicking() => eprintln!("the scripted peer has failed too: {failure}"),
            None if thread::panicking() => {}
            Some(failure) => panic!("a scripted peer has failed, and was not finished: {failure}"),
            None => panic!(
                "a scripted peer was dropped without `finish`, as by a test that returns an error; so far:\n{}",
                shown::last_lines(&self.transcript().to_script())
            ),
        }
    }
}

impl fmt::Debug for ScriptedPeer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ScriptedPeer")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("told", &self.shared.told())
            .finish_non_exhaustive()
    }
}

/// What is known of a peer before it plays.
#[derive(Clone, Debug)]
struct Prepared {
    script: Script,
    values: Vec<(String, Vec<u8>)>,
}
